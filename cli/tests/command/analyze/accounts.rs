//! Which account a report is of, and which of several reports counts.

use std::fs;

use crate::reports::{ANNA, AS_OF, BEN, User, analyze_loose, loose, report};
use crate::sandbox::values;

#[test]
fn an_account_is_that_of_the_arns_and_not_of_the_file_name() {
    let sandbox = loose();
    fs::rename(sandbox.path(&format!("loose/{BEN}.csv")), sandbox.path("loose/999900001111.csv")).unwrap();
    let done = sandbox.run(&analyze_loose(&["--format", "jsonl"]));
    assert_eq!(values(&done.findings(), "account_id"), [BEN].into());
}

#[test]
fn of_two_reports_of_an_account_the_newer_counts_and_it_says_so() {
    let sandbox = loose();
    let older = report(BEN, &[User::new("ben").with_key(1), User::new("leaver").with_key(200)]);
    sandbox.write("loose/older.csv", older).date("loose/older.csv", 1_700_000_000);
    let done = sandbox.run(&analyze_loose(&["--format", "jsonl"]));
    assert_eq!((done.status, values(&done.findings(), "user")), (1, ["ben"].into()));
    let note = format!(
        "account {BEN} has 2 reports: the newest counts, loose/{BEN}.csv (2026-01-30T23:00:00Z), and not loose/older.csv (2023-11-14T22:13:20Z)"
    );
    assert_eq!(done.notes(), [note]);
    sandbox.date("loose/older.csv", 4_000_000_000);
    let done = sandbox.run(&analyze_loose(&["--format", "jsonl"]));
    assert_eq!(values(&done.findings(), "user"), ["leaver"].into(), "name and order say nothing");
}

#[test]
fn file_times_that_do_not_tell_which_report_is_newer_are_an_error() {
    let sandbox = loose();
    sandbox.write("loose/other.csv", report(BEN, &[User::new("ben").with_key(1)]));
    let done = sandbox.run(&analyze_loose(&["--quiet", "--exit-zero"]));
    assert_eq!(done.status, 2);
    let [error] = done.errors()[..] else { panic!("{}", done.stderr) };
    let expected =
        format!("account {BEN} has several reports, and the times of the files do not tell which is newer");
    assert!(error.starts_with(&expected), "{error}");
}

#[test]
fn a_copy_of_a_report_is_not_a_second_report() {
    let sandbox = loose();
    let ben = format!("loose/{BEN}.csv");
    sandbox.write("loose/copy.csv", sandbox.read(&ben));
    assert_eq!(sandbox.run(&analyze_loose(&[])).status, 1);
    fs::remove_file(sandbox.path("loose/copy.csv")).unwrap();
    let done = sandbox.run(&analyze_loose(&[&ben]));
    assert_eq!((done.status, done.stderr.as_str()), (1, ""), "one file by two paths");
}

#[test]
fn nothing_flagged_ends_with_0() {
    let done = loose().run(&["analyze", &format!("loose/{ANNA}.csv"), "--as-of", AS_OF]);
    assert_eq!((done.status, done.stderr.as_str()), (0, ""));
    assert!(done.stdout.starts_with("Nothing is flagged.\n"), "{}", done.stdout);
}
