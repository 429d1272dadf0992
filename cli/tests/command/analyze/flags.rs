//! What flags change, and what is wrong with them.

use crate::reports::{AS_OF, BEN, analyze_loose, loose};
use crate::sandbox::values;

#[track_caller]
fn flags_give(arguments: &[&str], status: i32, rules: &[&str]) {
    let done = loose().run(&[&["analyze", "loose", "--format", "jsonl"], arguments].concat());
    let found: Vec<String> = values(&done.findings(), "rule").into_iter().map(str::to_owned).collect();
    assert_eq!(
        (done.status, found.as_slice(), done.stderr.as_str()),
        (status, &*rules.iter().map(ToString::to_string).collect::<Vec<_>>(), ""),
        "{arguments:?}"
    );
}

#[test]
fn only_findings_bad_enough_make_it_exit_with_1() {
    let as_of = ["--as-of", AS_OF];
    for (flags, status) in
        [(&[][..], 1), (&["--fail-on", "high"], 1), (&["--fail-on", "critical"], 0), (&["--exit-zero"], 0)]
    {
        flags_give(&[&as_of, flags].concat(), status, &["access-key-stale"]);
    }
}

#[test]
fn rules_and_the_time_that_ages_are_counted_to_decide_what_is_flagged() {
    for (flags, status, rules) in [
        (&["--as-of", AS_OF, "--access-key-stale", "off"][..], 0, &[][..]),
        (&["--as-of", AS_OF, "--access-key-stale", "100"], 0, &[]),
        (&["--as-of", AS_OF, "--access-key-stale", "99"], 1, &["access-key-stale"]),
        (&["--as-of", "2040-01-01"], 1, &["access-key-stale", "access-key-unused"]),
        (&["--as-of", "2020-01-01"], 0, &[]),
        (
            &["--as-of", "2040-01-01", "--access-key-unused", "0", "--access-key-stale", "off"],
            1,
            &["access-key-unused"],
        ),
    ] {
        flags_give(flags, status, rules);
    }
}

#[test]
fn a_wrong_argument_is_reported_with_flag_value_and_fix() {
    let sandbox = loose();
    for (arguments, words) in [
        (
            &["--output", "findings.xls"][..],
            "--output findings.xls does not say by its ending what to write: give --format",
        ),
        (
            &["--output", "folder/"],
            "--output folder/ is a folder, and nothing says what goes there: give --format",
        ),
        (&["--format", "csv,html"], "--format has several formats, which need a folder: give --output DIR/"),
        (&["--exemptions", "nowhere.toml"], "reading nowhere.toml failed"),
        (&["--output", "/dev/null/findings.csv"], "writing /dev/null/findings.csv failed"),
        (&["--output", "s3://bucket/findings.csv"], "--output s3://bucket/findings.csv is in a bucket"),
    ] {
        let done = sandbox.run(&analyze_loose(arguments));
        assert!(done.refusal().starts_with(words), "{}", done.stderr);
    }
    assert_eq!(sandbox.list("."), ["loose"], "nothing was written");
}

fn exemption(expires: &str) -> String {
    format!(
        "[[exemption]]\naccount = \"{BEN}\"\nuser = \"b?n*\"\nrule = \"access-key-stale\"\nreason = \"rotated by hand in spring\"\nexpires = {expires}\n"
    )
}

#[test]
fn an_exempt_user_is_not_flagged_until_the_exemption_expires() {
    for (expires, status) in [("2026-01-31", 0), ("2026-01-30", 1)] {
        let sandbox = loose();
        sandbox.write("exemptions.toml", exemption(expires));
        let done = sandbox.run(&analyze_loose(&["--exemptions", "exemptions.toml", "--format", "jsonl"]));
        let [finding] = &done.findings()[..] else { panic!("{}", done.stdout) };
        assert_eq!((done.status, finding["exemption"].is_null()), (status, status == 1));
    }
}

#[test]
fn an_exemption_that_expired_is_noted() {
    let sandbox = loose();
    sandbox.write("exemptions.toml", exemption("2020-01-31"));
    let done = sandbox.run(&analyze_loose(&["--exemptions", "exemptions.toml", "--summary"]));
    let [note] = done.notes()[..] else { panic!("{}", done.stderr) };
    assert!(note.contains("line 1 expired on 2020-01-31 and exempts nothing; it would cover"), "{note}");
}

#[test]
fn exemptions_that_do_not_parse_are_an_error() {
    let sandbox = loose();
    sandbox.write("exemptions.toml", exemption("soon"));
    let done = sandbox.run(&analyze_loose(&["--exemptions", "exemptions.toml"]));
    assert!(done.refusal().starts_with("exemptions.toml, line 6"), "{}", done.stderr);
}
