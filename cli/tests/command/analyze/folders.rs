//! Files and folders of reports that no run wrote.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::symlink;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use snapbox::{assert_data_eq, str};

use crate::reports::{ANNA, AS_OF, BEN, User, analyze_loose, loose, report};
use crate::sandbox::{Done, Sandbox, values};

#[test]
fn a_folder_of_reports_is_flagged_and_says_what_only_a_roll_could_tell() {
    let done = loose().run(&analyze_loose(&[]));
    assert_eq!((done.status, done.stderr.as_str()), (1, ""));
    assert_data_eq!(
        done.stdout,
        str![[r#"
444455556666  1 high
  high access-key-stale
    ben  access key 1 is 100 days old, the limit is 90 days

severity  rule              findings  accounts
high      access-key-stale         1         1

1 finding: 1 high.
Coverage: 2 of 2 reports. Whether these are all accounts, only a roll could tell.
2 users, 2 active access keys. Not assessable, for the reports do not say: more-credentials-than-reported (4), certificate-stale (4), key-never-used-since-setup (4) and 5 rules more.
Ages are counted to 2026-01-31 00:00 UTC; files of 2026-01-30 23:00 UTC.

"#]]
    );
}

#[test]
fn reports_on_a_disk_need_no_aws() {
    let aws = TcpListener::bind("127.0.0.1:0").unwrap();
    aws.set_nonblocking(true).unwrap();
    let endpoint = format!("http://{}", aws.local_addr().unwrap());
    let done = Done::of(loose().command(&analyze_loose(&[])).env("AWS_ENDPOINT_URL", endpoint));
    assert_eq!(done.status, 1);
    assert!(aws.accept().is_err(), "it called AWS");
}

#[test]
fn other_files_in_a_folder_are_named_skipped_and_counted() {
    let sandbox = loose();
    let alone = sandbox.run(&analyze_loose(&["--format", "jsonl"])).stdout;
    sandbox.run(&analyze_loose(&["--output", "loose/findings.csv"]));
    for number in 0..11 {
        sandbox.write(&format!("loose/invoices-{number:02}.csv"), "number,amount\n1,2\n");
    }
    let done = sandbox.run(&analyze_loose(&["--format", "jsonl"]));
    assert_eq!((done.status, done.stdout), (1, alone));
    let notes = done.stderr.lines().collect::<Vec<_>>();
    assert_eq!(notes.len(), 11);
    let skipped = |file, column| {
        format!(
            "note: skipped loose/{file}.csv: it is another table than a credential report: it has no column \"{column}\""
        )
    };
    assert!(notes[0].starts_with(&skipped("findings", "password_enabled")), "{}", notes[0]);
    assert!(notes[1].starts_with(&skipped("invoices-00", "user")), "{}", notes[1]);
    assert_eq!(notes[10], "note: 2 more files that are no credential reports were skipped");
}

#[test]
fn a_list_of_accounts_beside_reports_does_not_make_them_a_day() {
    let sandbox = loose();
    sandbox.write("loose/accounts.json", "{\"Accounts\": []}");
    assert_eq!(sandbox.run(&analyze_loose(&[])).status, 1);
}

#[test]
fn folders_behind_links_are_searched() {
    let sandbox = loose();
    fs::create_dir(sandbox.path("links")).unwrap();
    symlink(sandbox.path("loose"), sandbox.path("links/reports")).unwrap();
    assert!(sandbox.run(&["analyze", "links"]).stdout.contains("Coverage: 2 of 2 reports."));
}

#[test]
fn a_report_comes_from_standard_input() {
    let sandbox = loose();
    let arguments = ["analyze", "-", "--as-of", AS_OF, "--format", "jsonl"];
    let done = sandbox.run_with_stdin(&arguments, sandbox.read(&format!("loose/{BEN}.csv")));
    assert_eq!((done.status, done.stderr.as_str()), (1, ""));
    assert_eq!(values(&done.findings(), "account_id"), [BEN].into());
    let done = sandbox.run_with_stdin(&["analyze", "-"], "");
    assert_eq!((done.status, done.errors()), (2, vec!["standard input: the report is empty"]));
}

#[test]
fn an_answer_that_the_aws_command_line_printed_is_a_report_with_its_time() {
    let sandbox = loose();
    let content = BASE64_STANDARD.encode(sandbox.read(&format!("loose/{BEN}.csv")));
    let answer = serde_json::json!({
        "Content": content, "ReportFormat": "text/csv", "GeneratedTime": "2026-01-30T01:00:00+00:00",
    });
    let arguments = ["analyze", "-", "--as-of", AS_OF, "--format", "jsonl"];
    let done = sandbox.run_with_stdin(&arguments, answer.to_string());
    assert_eq!(done.status, 1);
    assert_eq!(values(&done.findings(), "report_generated"), ["2026-01-30T01:00:00Z"].into());
}

#[test]
fn a_named_file_that_is_not_a_report_is_an_error() {
    let sandbox = loose();
    sandbox.write("invoices.csv", "number,amount\n1,2\n");
    let ben = format!("loose/{BEN}.csv");
    let done = sandbox.run(&["analyze", "invoices.csv", &ben, "--as-of", AS_OF, "--format", "jsonl"]);
    assert_eq!(done.status, 2);
    let [error] = done.errors()[..] else { panic!("{}", done.stderr) };
    assert!(
        error.starts_with(
            "invoices.csv: it is another table than a credential report: it has no column \"user\""
        ),
        "{error}"
    );
    assert_eq!(values(&done.findings(), "account_id"), [BEN].into());
}

#[test]
fn no_report_at_all_is_an_error_of_one_sentence() {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.path("folder")).unwrap();
    assert_eq!(
        sandbox.run(&["analyze", "nowhere"]).refusal(),
        "there is no file or folder nowhere: check the path"
    );
    assert_eq!(
        sandbox.run(&["analyze", "folder"]).refusal(),
        "there is no report under folder: give a folder with .csv or .json files, or the files"
    );
    sandbox.write("folder/invoices.csv", "number,amount\n1,2\n");
    let done = sandbox.run(&["analyze", "folder"]);
    assert!(done.refusal().starts_with("there is no credential report under folder: "));
}

#[test]
fn a_day_of_awss_sample_is_one_of_loose_reports() {
    let sandbox = Sandbox::new();
    for (date, account_id, user) in
        [("2026-01-29", ANNA, "gone"), ("2026-01-30", ANNA, "anna"), ("2026-01-30", BEN, "ben")]
    {
        let content = report(account_id, &[User::new(user).with_key(100)]);
        sandbox.write(&format!("sample/{date}/credentialReport_{account_id}.csv"), content);
    }
    let arguments = |path| ["analyze", path, "--as-of", AS_OF, "--format", "jsonl"];
    let day = sandbox.run(&arguments("sample/2026-01-30"));
    assert_eq!((day.status, day.stderr.as_str()), (1, ""));
    assert_eq!(values(&day.findings(), "user"), ["anna", "ben"].into());
    let days = sandbox.run(&arguments("sample"));
    assert_eq!(days.stdout, day.stdout);
    assert_eq!(days.notes(), ["the latest day in sample is sample/2026-01-30"]);
    let changes = sandbox
        .run(&[
            "diff",
            "sample/2026-01-29",
            "sample/2026-01-30",
            "--as-of",
            AS_OF,
            "--old-as-of",
            AS_OF,
            "--format",
            "json",
        ])
        .json();
    assert_eq!(values(changes["findings"]["resolved"].as_array().unwrap(), "user"), ["gone"].into());
    assert_eq!(values(changes["findings"]["new"].as_array().unwrap(), "user"), ["anna", "ben"].into());
    assert_eq!(changes["accounts_without_old_report"], serde_json::json!([BEN]));
}
