use clap::Parser;

use super::*;
use crate::arguments::aws::AwsArguments;
use crate::arguments::{Arguments, Command};
use crate::terminal::escaping::columns;

/// The changes between two folders of fixtures, and whether everything was looked at.
fn changed(arguments: &[&str]) -> (Changes, bool) {
    let arguments = Arguments::parse_from([&["rollcall", "diff"], arguments].concat());
    let Command::Diff(arguments) = arguments.command else { panic!("it is a diff") };
    asynchronous(changes(&arguments, &Connection::new(&AwsArguments::default()))).unwrap()
}

const MONTH: [&str; 5] = [
    "../tests/fixtures/organization",
    "../tests/fixtures/organization-a-month-later",
    "--old-as-of=2026-11-21",
    "--as-of=2026-12-21",
    "--color=never",
];

fn written(changes: &Changes, width: Option<usize>) -> String {
    let mut output = Vec::new();
    table::write(changes, width, &mut output).unwrap();
    let text = String::from_utf8(anstream::adapter::strip_bytes(&output).into_vec()).unwrap();
    for line in text.lines() {
        assert!(width.is_none_or(|width| columns(line) <= width), "{line}");
    }
    text
}

#[test]
fn a_month_is_listed_by_account_with_what_matters_first() {
    let (changes, is_complete) = changed(&MONTH);
    assert!(is_complete && !changes.is_empty());
    insta::assert_snapshot!(written(&changes, Some(80)));
}

#[test]
fn a_report_that_is_cut_off_makes_the_comparison_incomplete() {
    let cut_off = "../tests/fixtures/organization-with-a-cut-off-report";
    let (changes, is_complete) =
        changed(&[MONTH[0], cut_off, "--old-as-of=2026-11-21", "--as-of=2026-11-21"]);
    assert!(!is_complete);
    // Its last row is that of a user with findings, and the empty report that of an account with one.
    assert!(changes.findings.resolved.is_empty(), "{:?}", changes.findings.resolved);
}

/// The changes between two files of a folder of fixtures.
fn changed_case(before: &str, after: &str) -> Changes {
    let [before, after] = [before, after].map(|file| format!("../tests/fixtures/cases/{file}"));
    changed(&[&before, &after, "--old-as-of=2026-11-25", "--as-of=2026-11-25"]).0
}

#[test]
fn another_spelling_of_the_same_values_is_no_change() {
    for kind in ["booleans", "times"] {
        let [before, after] = ["before", "after"].map(|side| format!("another-spelling/{kind}-{side}.csv"));
        let changes = changed_case(&before, &after);
        assert!(changes.is_empty(), "{kind}: {:?}", changes.findings);
        assert!(changes.findings.unchanged > 0, "{kind}");
    }
}

#[test]
fn a_key_that_moved_to_the_other_slot_is_no_new_finding() {
    let changes = changed_case("key-that-moved/before.csv", "key-that-moved/after.csv");
    let findings = &changes.findings;
    assert!(findings.new.is_empty() && findings.changed.is_empty() && findings.untold.is_empty());
    let resolved: Vec<&str> = findings.resolved.iter().map(|finding| finding.rule.as_str()).collect();
    assert_eq!((resolved.as_slice(), findings.unchanged), (&["two-active-keys"][..], 1));
}

#[test]
fn a_user_who_lost_password_and_mfa_together_is_not_riskier() {
    let changes = changed_case("no-credential-left/before.csv", "no-credential-left/after.csv");
    assert!(changes.findings.new.is_empty());
    let effects: Vec<&str> = changes.credentials.iter().map(|change| change.effect.as_str()).collect();
    assert_eq!(effects, ["safer", "neutral"]);
}

#[test]
fn a_saved_answer_is_compared_as_the_report_in_it() {
    let case = |name: &str| format!("../tests/fixtures/cases/answers-compared/{name}");
    for new in ["new.json", "new.csv"] {
        let (changes, is_complete) =
            changed(&[&case("old.json"), &case(new), "--old-as-of=2026-11-24", "--as-of=2026-11-25"]);
        assert!(is_complete);
        let json = serde_json::to_value(&changes.credentials).unwrap();
        let told = (&json[0]["user"], &json[0]["kind"], &json[0]["effect"], json.as_array().unwrap().len());
        assert_eq!(told, (&"x".into(), &"mfa-lost".into(), &"riskier".into(), 1), "{new}");
    }
}
