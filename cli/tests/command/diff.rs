//! `rollcall diff`: what changed between two days, in findings and in credentials.

use std::fs;

use serde_json::{Value, json};
use snapbox::{assert_data_eq, str};

use crate::night::{Collected, Night};
use crate::reports::{AS_OF, User, days_ago, report};
use crate::sandbox::{Done, Sandbox, values};

const TEAM: &str = "111122223333";
const AUDIT: &str = "444455556666";
const BEFORE: &str = "before/2026-01-31";
const AFTER: &str = "after/2026-01-31";

/// A night of two accounts, in one of which `team` are the users.
fn night(team: &[User]) -> Night {
    let audit = report(AUDIT, &[User::new("ben").with_password(false)]);
    let accounts = vec![
        (TEAM, "Team 07", Collected::Report(report(TEAM, team))),
        (AUDIT, "Audit", Collected::Report(audit)),
    ];
    Night { accounts, ..Night::usual() }
}

/// A user with an old key that is not used.
fn with_unused_key(user: User) -> User {
    user.with_key(120).with("access_key_1_last_used_date", days_ago(120))
}

/// A night in `before`, and one in `after`, before which the account got a user with a key, while others of
/// it lost their key and their MFA device.
fn two_nights() -> Sandbox {
    let sandbox = Sandbox::new();
    let anna = |mfa| User::new("anna.schmidt").with_password(mfa);
    let deploy = with_unused_key(User::new("deploy"));
    night(&[anna(true), deploy.clone()]).write(&sandbox.path("before"));
    let deactivated = deploy.with("access_key_1_active", "false");
    let newcomer = with_unused_key(User::new("newcomer"));
    night(&[anna(false), deactivated, newcomer]).write(&sandbox.path("after"));
    sandbox
}

/// The changes and the status of `rollcall diff`.
fn changes(sandbox: &Sandbox, arguments: &[&str]) -> (i32, Value) {
    let done = sandbox.run(&[&["diff", "--format", "json"], arguments].concat());
    (done.status, done.json())
}

fn findings<'c>(changes: &'c Value, kind: &str) -> Vec<(&'c str, &'c str)> {
    let text = |finding: &'c Value, field| finding[field].as_str().unwrap();
    let mut all: Vec<_> = changes["findings"][kind]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| (text(finding, "user"), text(finding, "rule")))
        .collect();
    all.sort_unstable();
    all
}

fn accounts<'c>(changes: &'c Value, kind: &str) -> std::collections::BTreeSet<&'c str> {
    values(changes["findings"][kind].as_array().unwrap(), "account_id")
}

const NEW: [(&str, &str); 3] = [
    ("anna.schmidt", "console-without-mfa"),
    ("newcomer", "access-key-stale"),
    ("newcomer", "access-key-unused"),
];
const RESOLVED: [(&str, &str); 2] = [("deploy", "access-key-stale"), ("deploy", "access-key-unused")];

#[test]
fn new_and_resolved_findings_and_changed_credentials_are_listed() {
    let (status, changes) = changes(&two_nights(), &[BEFORE, AFTER]);
    assert_eq!(status, 1);
    assert_eq!((findings(&changes, "new"), findings(&changes, "resolved")), (NEW.into(), RESOLVED.into()));
    assert_eq!(accounts(&changes, "new"), [TEAM].into());
    assert_eq!([&changes["findings"]["changed"], &changes["findings"]["untold"]], [&json!([]), &json!([])]);
    assert_eq!(changes["findings"]["unchanged"], 1);
    let credentials = changes["credentials"].as_array().unwrap();
    let listed: Vec<Value> = credentials
        .iter()
        .map(|change| json!([change["user"], change["credential"], change["kind"], change["effect"]]))
        .collect();
    assert_eq!(
        listed,
        [
            json!(["anna.schmidt", "mfa", "mfa-lost", "riskier"]),
            json!(["deploy", "access_key_1", "deactivated", "safer"]),
            json!(["newcomer", null, "user-created", "riskier"]),
        ]
    );
    assert_eq!(credentials[2]["credentials"], json!(["access_key_1"]));
    for side in ["accounts_without_new_report", "accounts_without_old_report"] {
        assert_eq!(changes[side], json!([]));
    }
}

#[test]
fn with_the_days_swapped_the_changes_are_reversed() {
    let (status, changes) = changes(&two_nights(), &[AFTER, BEFORE]);
    assert_eq!(status, 1);
    assert_eq!((findings(&changes, "new"), findings(&changes, "resolved")), (RESOLVED.into(), NEW.into()));
    let kinds = values(changes["credentials"].as_array().unwrap(), "kind");
    assert_eq!(kinds, ["mfa-gained", "activated", "user-deleted"].into());
}

#[test]
fn the_table_lists_changes_by_account_and_counts_them() {
    let done = two_nights().run(&["diff", BEFORE, AFTER]);
    assert_eq!((done.status, done.stderr.as_str()), (1, ""));
    assert_data_eq!(
        done.stdout,
        str![[r#"
111122223333  Team 07
  new       high console-without-mfa: anna.schmidt: has a password and no MFA device
  new       high access-key-stale: newcomer: access key 1 is 120 days old, the limit is 90 days
  new       medium access-key-unused: newcomer: access key 1 was not used for 120 days, the limit is 45 days
  resolved  high access-key-stale: deploy: access key 1 is 120 days old, the limit is 90 days
  resolved  medium access-key-unused: deploy: access key 1 was not used for 120 days, the limit is 45 days
  riskier   anna.schmidt: has no MFA device any more
  riskier   newcomer: is a new user, with access key 1
  safer     deploy: access key 1 is no longer active

Findings: 3 new, 0 changed, 2 resolved; 1 as they were.
Credentials: 3 changes: 2 riskier, 0 neutral, 1 safer.
2 times, the reports do not say enough to compare a credential.
From before/2026-01-31 (2 reports, ages counted to 2026-01-31 00:00 UTC) to after/2026-01-31 (2 reports, to 2026-01-31 00:00 UTC).

"#]]
    );
}

#[test]
fn what_makes_it_exit_with_1_can_be_set() {
    let sandbox = two_nights();
    let status = |more: &[&str]| sandbox.run(&[&["diff", BEFORE, AFTER], more].concat()).status;
    assert_eq!(status(&["--exit-zero"]), 0);
    assert_eq!(status(&["--fail-on", "high"]), 1);
    assert_eq!(status(&["--fail-on", "critical"]), 0);
}

#[test]
fn a_day_against_itself_has_no_change() {
    let sandbox = two_nights();
    let (status, changes) = changes(&sandbox, &[BEFORE, BEFORE]);
    assert_eq!((status, &changes["credentials"]), (0, &json!([])));
    assert_eq!(
        changes["findings"],
        json!({"new": [], "resolved": [], "changed": [], "untold": [], "unchanged": 3})
    );
    let done = sandbox.run(&["diff", BEFORE, BEFORE]);
    assert_eq!((done.status, done.stderr.as_str()), (0, ""));
    assert!(done.stdout.starts_with("Findings: 0 new, 0 changed, 0 resolved; 3 as they were.\n"));
}

#[test]
fn what_the_reports_do_not_say_is_counted_and_is_not_a_change() {
    let sandbox = Sandbox::new();
    let anna = User::new("anna").with_password(true).with("password_last_changed", "N/A");
    night(&[anna]).write(&sandbox.path("before"));
    let (status, changes) = changes(&sandbox, &[BEFORE, BEFORE]);
    // When anna's password was changed, and whether the two users have credentials that the columns of this
    // report have no room for.
    assert_eq!((status, &changes["not_comparable"]), (0, &json!({"not-told": 3})));
}

fn without_report_of_team(sandbox: &Sandbox, day: &str) {
    fs::remove_file(sandbox.path(&format!("{day}/reports/credentialReport_{TEAM}.csv"))).unwrap();
}

#[test]
fn an_account_without_a_later_report_is_named_and_nothing_of_it_is_resolved() {
    let sandbox = two_nights();
    without_report_of_team(&sandbox, AFTER);
    let (status, changes) = changes(&sandbox, &[BEFORE, AFTER]);
    assert_eq!(status, 2, "the comparison is not complete");
    assert_eq!(changes["accounts_without_new_report"], json!([TEAM]));
    assert_eq!((findings(&changes, "resolved"), findings(&changes, "new")), (vec![], vec![]));
    assert_eq!(changes["credentials"], json!([]));
    assert_eq!(findings(&changes, "untold"), RESOLVED);
    let table = sandbox.run(&["diff", BEFORE, AFTER]).stdout;
    let not_known = "No later report, so what became of them is not known:\n  111122223333  Team 07\n";
    assert!(table.contains(not_known) && !table.contains("resolved  "), "{table}");
}

#[test]
fn an_account_without_an_earlier_report_is_named_and_all_of_it_is_new() {
    let sandbox = two_nights();
    without_report_of_team(&sandbox, BEFORE);
    let (status, changes) = changes(&sandbox, &[BEFORE, AFTER]);
    assert_eq!((status, &changes["accounts_without_old_report"]), (2, &json!([TEAM])));
    assert_eq!((findings(&changes, "new"), findings(&changes, "resolved")), (NEW.into(), vec![]));
    let table = sandbox.run(&["diff", BEFORE, AFTER]).stdout;
    assert!(table.contains("No earlier report, so all their findings are new:\n"), "{table}");
}

#[test]
fn loose_reports_of_other_accounts_are_a_difference() {
    let sandbox = Sandbox::new();
    let ben = report(AUDIT, &[User::new("ben").with_key(1)]);
    sandbox
        .write("one/audit.csv", &ben)
        .write("two/audit.csv", &ben)
        .write("one/team.csv", report(TEAM, &[User::new("anna").with_key(100)]));
    let as_of = ["--as-of", AS_OF, "--old-as-of", AS_OF];
    let (status, changes_of_two) = changes(&sandbox, &[&["one", "two"], &as_of[..]].concat());
    assert_eq!((status, &changes_of_two["accounts_without_new_report"]), (1, &json!([TEAM])));
    assert_eq!(findings(&changes_of_two, "resolved"), []);
    assert_eq!(changes(&sandbox, &[&["two", "two"], &as_of[..]].concat()).0, 0);
}

#[test]
fn the_side_that_is_not_complete_is_named() {
    let sandbox = two_nights();
    let mut incomplete = night(&[User::new("anna.schmidt")]);
    incomplete.accounts.push(("777788889999", "Lost", Collected::Nothing));
    incomplete.write(&sandbox.path("incomplete"));
    let done = sandbox.run(&["diff", "incomplete/2026-01-31", AFTER]);
    assert_eq!(done.status, 2);
    assert_eq!(done.errors().len(), 1, "{}", done.stderr);
    assert!(done.errors()[0].starts_with("incomplete/2026-01-31: "), "{}", done.stderr);
}

#[test]
fn both_days_are_judged_by_the_same_rules() {
    let rules = ["--access-key-stale", "off", "--access-key-unused", "off"];
    let (_, changes) = changes(&two_nights(), &[&[BEFORE, AFTER], &rules[..]].concat());
    assert_eq!((findings(&changes, "new"), findings(&changes, "resolved")), (vec![NEW[0]], vec![]));
    let credentials = changes["credentials"].as_array().unwrap();
    assert_eq!(credentials.len(), 3, "a credential changes whether a rule is on or off");
}

#[test]
fn an_exemption_that_both_days_have_is_not_a_change() {
    let sandbox = two_nights();
    sandbox.write(
        "exemptions.toml",
        "[[exemption]]\nuser = \"ben\"\nrule = \"console-without-mfa\"\nreason = \"leaves in spring\"\nexpires = 2026-12-31\n",
    );
    let (_, changes) = changes(&sandbox, &[BEFORE, AFTER, "--exemptions", "exemptions.toml"]);
    assert_eq!(changes["findings"]["changed"], json!([]));
}

#[test]
fn an_age_of_one_more_day_is_not_a_change_and_a_limit_that_is_passed_is() {
    let sandbox = Sandbox::new();
    let anna = User::new("anna")
        .with("access_key_1_active", "true")
        .with("access_key_1_last_rotated", "2026-01-01T00:00:00Z");
    sandbox.write("report.csv", report(TEAM, &[anna]));
    let between = |old, new| {
        let (status, changes) =
            changes(&sandbox, &["report.csv", "report.csv", "--old-as-of", old, "--as-of", new]);
        assert_eq!(changes["credentials"], json!([]));
        (status, findings(&changes, "new").len())
    };
    assert_eq!(between("2026-03-01", "2026-03-02"), (0, 0));
    assert_eq!(between("2026-04-01", "2026-04-02"), (1, 1), "91 days are more than 90");
    assert_eq!(between("2026-05-01", "2026-05-02"), (0, 0));
}

#[test]
fn a_side_that_is_not_there_is_reported_in_one_sentence() {
    let sandbox = two_nights();
    let nowhere = "there is no file or folder nowhere: check the path";
    assert_eq!(sandbox.run(&["diff", "nowhere", AFTER]).refusal(), nowhere);
    assert_eq!(sandbox.run(&["diff", BEFORE, "nowhere"]).refusal(), nowhere);
    let done: Done = sandbox.run_with_stdin(&["diff", "-", AFTER], "");
    assert_eq!(
        done.refusal(),
        "standard input can't be compared, for a report is read more than once: give a file"
    );
}
