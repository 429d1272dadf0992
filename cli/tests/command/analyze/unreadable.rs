//! Reports that are damaged or cut off: named, never counted as a pass, and the others count.

use serde_json::json;

use crate::night::{DAY, NETWORK, night};
use crate::reports::{ANNA, BEN, User, analyze_loose, loose, report};
use crate::sandbox::{Sandbox, values};

/// A report of a root user and three others, cut off after `bytes`, and what is said of it.
#[track_caller]
fn is_named_when_cut_off(cut: impl Fn(&str) -> usize, words: &str, coverage: &str) {
    let sandbox = loose();
    let content = night().read(&format!("{DAY}/reports/credentialReport_{NETWORK}.csv"));
    assert_eq!(content.matches('\n').count(), 4);
    let file = format!("loose/credentialReport_{NETWORK}.csv");
    sandbox.write(&file, &content[..cut(&content)]);
    let done = sandbox.run(&analyze_loose(&["--format", "jsonl"]));
    assert_eq!(done.status, 2);
    let error = done.errors()[0];
    assert!(error.starts_with(&format!("{file}: ")) && error.contains(words), "{error}");
    assert!(values(&done.findings(), "account_id").contains(BEN));
    let summary = sandbox.run(&analyze_loose(&["--summary"])).stdout;
    assert!(summary.contains(coverage), "{summary}");
}

#[test]
fn a_report_of_no_bytes_is_named() {
    is_named_when_cut_off(|_| 0, "the report is empty", "Coverage: 2 of 3 reports.");
}

#[test]
fn a_report_that_is_cut_off_in_its_last_row_is_named() {
    is_named_when_cut_off(
        |content| content.len() - 60,
        "1 of 4 rows can't be read: record 4, line 5, column ",
        "Coverage: 3 of 3 reports, but 1 row can't be read.",
    );
}

#[test]
fn a_report_that_is_cut_off_in_its_first_row_is_named() {
    is_named_when_cut_off(
        |content| content.find('\n').unwrap() + 40,
        "none of the report's 1 rows can be read: record 1, ",
        "Coverage: 2 of 3 reports.",
    );
}

#[test]
fn a_report_that_is_cut_off_after_its_header_is_named() {
    is_named_when_cut_off(
        |content| content.find('\n').unwrap() + 1,
        "the report has a header and no rows: it is cut off",
        "Coverage: 2 of 3 reports.",
    );
}

#[test]
fn where_no_report_can_be_read_nothing_counts_as_a_pass() {
    let sandbox = Sandbox::new();
    sandbox.write("report.csv", "");
    let done = sandbox.run(&["analyze", "report.csv"]);
    assert_eq!(done.status, 2);
    assert!(done.stdout.starts_with("No report could be read, so nothing is judged.\n"), "{}", done.stdout);
}

#[test]
fn a_file_of_an_unknown_account_is_in_every_form() {
    let sandbox = loose();
    sandbox.write("loose/status_reports.csv", "");
    let done = sandbox.run(&analyze_loose(&[]));
    assert_eq!(done.status, 2);
    assert!(done.stdout.contains("Coverage: 2 of 3 reports."));
    sandbox.run(&analyze_loose(&["--format", "sarif,json,html", "--output", "out/"]));
    let document = |name| serde_json::from_str::<serde_json::Value>(&sandbox.read(name)).unwrap();
    let sarif = document("out/findings.sarif");
    assert_eq!(sarif["runs"][0]["invocations"][0]["executionSuccessful"], false);
    let problem = "loose/status_reports.csv: the report is empty";
    assert_eq!(document("out/findings.json")["run"]["unreadable_files"], json!([problem]));
    let page = sandbox.read("out/summary.html");
    assert!(page.contains(problem) && page.contains("1 of 3 reports can&#39;t be read"));
}

#[test]
fn what_could_not_be_checked_counts_before_every_flag() {
    let sandbox = loose();
    let whole = report(ANNA, &[User::new("anna").with_key(1)]);
    sandbox.write("loose/cut.csv", &whole[..whole.len() - 30]);
    let done = sandbox.run(&analyze_loose(&["--exit-zero", "--access-key-stale", "off"]));
    assert_eq!(done.status, 2);
}
