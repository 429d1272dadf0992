//! The folder of a day, which has the roll and vouches for its reports.

use std::fs;

use rollcall_core::judgement::rules::RuleId;
use rollcall_functions::report_store::object::Checksum;
use serde_json::Value;
use snapbox::{assert_data_eq, str};

use crate::night::{AUDIT, COLLECTED, DAY, FAILING, NETWORK, Night, night};
use crate::reports::{ANNA, BEN, User, loose, report};
use crate::sandbox::{Sandbox, copy, values};

fn audit_report() -> String {
    format!("{DAY}/reports/credentialReport_{AUDIT}.csv")
}

#[test]
fn a_day_has_the_findings_that_its_run_wrote() {
    let sandbox = night();
    for form in ["jsonl", "csv"] {
        let done = sandbox.run(&["analyze", DAY, "--format", form]);
        assert_eq!(done.stdout, sandbox.read(&format!("{DAY}/findings.{form}")));
        assert_eq!(done.status, 2, "two accounts have no report");
    }
}

#[test]
fn a_day_says_which_accounts_have_no_report_and_why() {
    let done = night().run(&["analyze", DAY]);
    assert_data_eq!(
        done.stdout,
        str![[r#"
222233334444  Audit  1 high
  high access-key-stale
    anna  access key 1 is 120 days old, the limit is 90 days

333344445555  Network  2 high
  high access-key-stale
    carla  access key 1 is 200 days old, the limit is 90 days
  high console-without-mfa
    deniz  has a password and no MFA device

severity  rule                 findings  accounts
high      access-key-stale            2         2
high      console-without-mfa         1         1

Not looked at
  RoleMissingOrDenied
    Deploy templates/member-role.yml into the account (a StackSet instance may be missing or outdated), and check that its CollectorRoleArn and OrganizationId are those of this deployment. If every account fails with this, allow sts:AssumeRole to the role of the collector.
    777788889999  Sandbox Ben
      sts:AssumeRole answered AccessDenied
  NoOutcome
    Start the run again; `rollcall run --resume` goes on with one that was stopped.
    888899990000  Legacy
      the run ended with neither a report nor a failure of this account

3 findings: 3 high.
Coverage: 2 of 4 accounts, 50 percent: 2 NOT looked at.
4 users, 2 active access keys. Not assessable, for the reports do not say: more-credentials-than-reported (6), certificate-stale (2), key-never-used-since-setup (2) and 5 rules more.
Ages are counted to 2026-01-31 00:00 UTC; reports of 2026-01-31 00:58 UTC.

"#]]
    );
    assert_data_eq!(
        done.stderr,
        str![[r#"
error: runs/2026-01-31: 2 of 4 accounts have no report that can be read

"#]]
    );
}

#[test]
fn a_folder_of_days_stands_for_its_latest() {
    let sandbox = night();
    let earlier = Night { started: "2026-01-30T01:00:00Z", ..Night::usual() };
    earlier.write(&sandbox.path("runs"));
    sandbox.write("runs/other.csv", "user,arn\n");
    let done = sandbox.run(&["analyze", "runs", "--format", "jsonl"]);
    assert_eq!(
        done.notes(),
        [
            "the latest day in runs is runs/2026-01-31",
            "not looked at: 1 file right in runs, outside every day: name what should be read"
        ]
    );
    assert_eq!(done.stdout, sandbox.read(&format!("{DAY}/findings.jsonl")));
}

#[test]
fn a_day_in_a_folder_of_another_name_is_the_same_day() {
    let sandbox = night();
    copy(&sandbox.path(DAY), &sandbox.path("evidence"));
    let done = sandbox.run(&["analyze", "evidence", "--format", "jsonl"]);
    assert_eq!(done.stdout, sandbox.read(&format!("{DAY}/findings.jsonl")));
}

#[test]
fn a_day_is_judged_as_of_its_run_and_first_seen_on_its_date() {
    let sandbox = Sandbox::new();
    Night { as_of: "2040-01-01T00:00:00Z", ..Night::usual() }.write(&sandbox.path("runs"));
    let done = sandbox.run(&["analyze", DAY, "--format", "jsonl"]);
    assert_eq!(done.stdout, sandbox.read(&format!("{DAY}/findings.jsonl")));
    assert_eq!(values(&done.findings(), "as_of"), ["2040-01-01T00:00:00Z"].into());
    assert_eq!(values(&done.findings(), "first_seen"), ["2026-01-31"].into());
}

#[test]
fn a_day_is_judged_by_the_rules_of_its_run_unless_a_flag_says_otherwise() {
    let sandbox = Sandbox::new();
    Night::usual().with_rule(RuleId::AccessKeyStale, "off").write(&sandbox.path("runs"));
    let done = sandbox.run(&["analyze", DAY, "--format", "jsonl"]);
    assert!(!values(&done.findings(), "rule").contains("access-key-stale"));
    let done = sandbox.run(&["analyze", DAY, "--access-key-stale", "30", "--format", "jsonl"]);
    let stale = |finding: &&Value| finding["rule"] == "access-key-stale";
    let limits: Vec<Value> =
        done.findings().iter().filter(stale).map(|finding| finding["limit_days"].clone()).collect();
    assert_eq!(limits, [30, 30]);
}

#[test]
fn an_account_whose_report_is_gone_is_named_as_missing() {
    let sandbox = night();
    fs::remove_file(sandbox.path(&audit_report())).unwrap();
    let done = sandbox.run(&["analyze", DAY]);
    assert_eq!(done.status, 2);
    assert_eq!(
        done.errors(),
        [
            format!("{}: run.json names this report, and it is not there: fetch it again", audit_report()),
            format!(
                "{DAY}: {} of {} accounts have no report that can be read",
                FAILING + 1,
                COLLECTED + FAILING
            ),
        ]
    );
    let (_, not_looked_at) = done.stdout.split_once("Not looked at").unwrap();
    assert!(not_looked_at.contains(&format!("{AUDIT}  Audit")), "{not_looked_at}");
    assert!(done.stdout.contains(&format!("{} NOT looked at.", FAILING + 1)));
    let written = sandbox.run(&["analyze", DAY, "--format", "json"]).json();
    let accounts = written["run"]["accounts"].as_array().unwrap();
    let account = accounts.iter().find(|account| account["name"] == "Audit").unwrap();
    assert_eq!((&account["outcome"], &account["code"]), (&"failed".into(), &"StorageFailed".into()));
    assert_eq!(values(written["findings"].as_array().unwrap(), "account_id"), [NETWORK].into());
}

#[test]
fn a_report_that_was_changed_since_the_run_is_named_with_its_sha256() {
    let sandbox = night();
    let was = sandbox.read(&audit_report());
    // Nothing that a reader of rows would notice.
    fs::write(sandbox.path(&audit_report()), format!("{was}\n")).unwrap();
    let done = sandbox.run(&["analyze", DAY, "--format", "jsonl"]);
    assert_eq!(done.status, 2);
    let sha256 = |content: &str| Checksum::of(content.as_bytes()).hex();
    assert_eq!(
        done.errors()[0],
        format!(
            "{}: its SHA-256 is {}, and run.json has {}: it was changed since the run, fetch it again",
            fs::canonicalize(sandbox.path(&audit_report())).unwrap().display(),
            sha256(&format!("{was}\n")),
            sha256(&was)
        )
    );
    assert_eq!(values(&done.findings(), "account_id"), [NETWORK].into());
}

#[test]
fn a_report_that_was_added_to_a_day_is_not_evidence() {
    let sandbox = night();
    let added = report(BEN, &[User::new("ben").with_key(100)]);
    fs::write(sandbox.path(&format!("{DAY}/reports/credentialReport_{BEN}.csv")), added).unwrap();
    let done = sandbox.run(&["analyze", DAY, "--format", "jsonl"]);
    assert_eq!(done.stdout, sandbox.read(&format!("{DAY}/findings.jsonl")));
    assert_eq!(
        done.notes(),
        [format!(
            "{DAY}: 1 report that this run did not write, or that its run.json does not name, count for nothing"
        )]
    );
}

#[test]
fn of_a_day_without_run_json_it_is_said_that_nothing_vouches_for_it() {
    let sandbox = night();
    fs::remove_file(sandbox.path(&format!("{DAY}/run.json"))).unwrap();
    let done = sandbox.run(&["analyze", DAY, "--format", "jsonl"]);
    assert_eq!(values(&done.findings(), "account_id"), [AUDIT, NETWORK].into());
    assert_eq!(
        done.notes(),
        [format!(
            "{DAY}: the run did not finish, for there is no run.json: nothing vouches for what is there"
        )]
    );
}

#[test]
fn the_exemptions_beside_a_day_are_its_own() {
    let sandbox = night();
    sandbox.write(
        "runs/exemptions.toml",
        "[[exemption]]\nuser = \"anna\"\nreason = \"vendor\"\nexpires = 2026-12-31\n",
    );
    let done = sandbox.run(&["analyze", DAY, "--format", "jsonl"]);
    let file = fs::canonicalize(sandbox.path("runs/exemptions.toml")).unwrap();
    assert_eq!(done.notes(), [format!("the exemptions are those of {}", file.display())]);
    let findings = done.findings();
    let anna = findings.iter().find(|finding| finding["user"] == "anna").unwrap();
    assert_eq!(anna["exemption"]["reason"], "vendor");
}

#[test]
fn the_files_of_a_day_taken_one_by_one_are_loose_reports() {
    let done = night().run(&["analyze", &audit_report(), "--as-of", "2026-01-31", "--format", "jsonl"]);
    assert_eq!(done.status, 1);
    assert_eq!(values(&done.findings(), "account_id"), [AUDIT].into());
}

#[test]
fn a_day_is_judged_by_itself() {
    let (sandbox, loose) = (night(), loose());
    copy(&loose.path("loose"), &sandbox.path("loose"));
    assert_eq!(
        sandbox.run(&["analyze", DAY, "loose"]).refusal(),
        format!(
            "{DAY} is the day of a run, which is judged by itself: give it alone, or {DAY}/reports for its reports among others"
        )
    );
    let reports = format!("{DAY}/reports");
    let done = sandbox.run(&["analyze", &reports, "loose", "--as-of", "2030-01-01", "--format", "jsonl"]);
    assert_eq!(values(&done.findings(), "account_id"), [ANNA, AUDIT, NETWORK, BEN].into());
}
