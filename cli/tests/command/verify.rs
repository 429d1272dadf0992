//! Whether a day holds together, and what is said of one that was changed.

use std::fs;

use rollcall_core::judgement::rules::RuleId;
use rollcall_functions::report_store::object::Checksum;
use serde_json::{Value, json};
use snapbox::{assert_data_eq, str};

use crate::night::{AUDIT, Collected, DAY, NETWORK, Night, night};
use crate::reports::{User, days_ago, report};
use crate::sandbox::{Sandbox, copy};

/// The night as a copy on a disk, without the metadata that the store of a run keeps.
fn day() -> Sandbox {
    let sandbox = night();
    fs::remove_dir_all(sandbox.path("runs/.rollcall")).unwrap();
    sandbox
}

fn audit_report() -> String {
    format!("{DAY}/reports/credentialReport_{AUDIT}.csv")
}

/// Changes a document of the day.
fn change(sandbox: &Sandbox, name: &str, change: impl FnOnce(&mut Value)) {
    let path = format!("{DAY}/{name}");
    let mut document = serde_json::from_str(&sandbox.read(&path)).unwrap();
    change(&mut document);
    sandbox.write(&path, serde_json::to_string(&document).unwrap());
}

/// Writes an output anew, and has `run.json` vouch for it as whoever forges a day would.
fn forge(sandbox: &Sandbox, name: &str, content: &str) {
    sandbox.write(&format!("{DAY}/{name}"), content);
    let sha256 = Checksum::of(content.as_bytes()).hex();
    change(sandbox, "run.json", |run| {
        for output in run["outputs"].as_array_mut().unwrap() {
            if output["key"].as_str().unwrap().ends_with(name) {
                output["sha256"] = json!(sha256);
                output["bytes"] = json!(content.len());
            }
        }
    });
}

/// The differences of a day that does not hold.
fn differences(sandbox: &Sandbox) -> Vec<Value> {
    let done = sandbox.run(&["verify", DAY, "--format", "json"]);
    assert_eq!(done.status, 2, "{}", done.stderr);
    let verdicts: Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!(verdicts["holds"], json!(false));
    let checks = verdicts["checks"].as_array().unwrap();
    checks.iter().filter_map(|check| check["differences"].as_array()).flatten().cloned().collect()
}

/// What the differences of a day are called, and the account or key that each is about.
fn named(sandbox: &Sandbox) -> Vec<String> {
    let about = |difference: &Value| {
        ["account_id", "key", "count", "field"]
            .iter()
            .find_map(|field| difference[*field].as_str())
            .or(difference["finding"]["user"].as_str())
            .unwrap_or_default()
            .to_owned()
    };
    let name = |difference: &Value| {
        format!("{} {}", difference["difference"].as_str().unwrap(), about(difference)).trim().to_owned()
    };
    differences(sandbox).iter().map(name).collect()
}

#[test]
fn a_day_that_a_run_wrote_holds() {
    for sandbox in [night(), day()] {
        let done = sandbox.run(&["verify", DAY]);
        assert_data_eq!(
            done.stdout,
            str![[r#"
ok    roll          accounts.json and run.json are of one run and have the same 4 accounts, each once
ok    coverage      2 collected, 1 failed, 1 without an outcome, 0 skipped: 50 percent, as the accounts add up; 2 reports were made before the run started, first that of account 222233334444, 2 min before
ok    objects       9 objects: each that run.json names has its SHA-256, and no other lies there
ok    findings      3 findings as the reports give them

The day runs/2026-01-31 holds.
Its run.json has the SHA-256 [..].

"#]]
        );
        assert_eq!((done.status, &*done.stderr), (0, ""));
    }
}

#[test]
fn a_day_holds_in_a_folder_that_was_renamed() {
    let sandbox = day();
    copy(&sandbox.path(DAY), &sandbox.path("the evidence of January"));
    assert_eq!(sandbox.run(&["verify", "the evidence of January"]).status, 0);
}

#[test]
fn the_latest_day_of_a_folder_is_verified_and_named() {
    let done = day().run(&["verify", "runs"]);
    assert_eq!(done.status, 0);
    assert_eq!(done.stderr, "note: the latest day in runs is runs/2026-01-31\n");
}

#[test]
fn an_account_that_was_dropped_from_run_json_is_named() {
    let sandbox = day();
    change(&sandbox, "run.json", |run| {
        run["accounts"].as_array_mut().unwrap().remove(3);
        run["coverage"] = json!({"accounts": 3, "collected": 2, "failed": 1, "skipped": 0,
            "no_outcome": 0, "bad_rows": 0, "percent": 66.66});
    });
    assert_eq!(named(&sandbox), ["account-without-outcome 888899990000"]);
    let done = sandbox.run(&["analyze", DAY]);
    assert_eq!(done.status, 2);
    assert_data_eq!(
        done.stderr,
        str![[r#"
error: the day runs/2026-01-31 does not hold: account 888899990000 (Legacy) is on the roll, and run.json does not have it: `rollcall verify runs/2026-01-31` names every difference

"#]]
    );
}

#[test]
fn an_account_that_was_dropped_from_both_lists_leaves_its_report_behind() {
    let sandbox = day();
    for document in ["run.json", "accounts.json"] {
        change(&sandbox, document, |document| {
            document["accounts"].as_array_mut().unwrap().remove(0);
        });
    }
    let named = named(&sandbox);
    let report = format!("object-not-named reports/credentialReport_{AUDIT}.csv");
    assert!(named.contains(&report) && named.contains(&"count coverage.accounts".to_owned()), "{named:?}");
}

#[test]
fn a_report_that_was_changed_or_taken_away_is_named() {
    let sandbox = day();
    sandbox.write(&audit_report(), sandbox.read(&audit_report()).replace("true", "false"));
    fs::remove_file(sandbox.path(&format!("{DAY}/reports/credentialReport_{NETWORK}.csv"))).unwrap();
    assert_eq!(
        named(&sandbox),
        [
            format!("object-changed reports/credentialReport_{AUDIT}.csv"),
            format!("object-missing reports/credentialReport_{NETWORK}.csv")
        ]
    );
}

#[test]
fn a_report_that_was_changed_with_its_sha256_is_betrayed_by_the_findings() {
    let sandbox = day();
    let report = sandbox.read(&audit_report()).replace("anna", "anny");
    sandbox.write(&audit_report(), &report);
    change(&sandbox, "run.json", |run| {
        run["accounts"][0]["report"]["sha256"] = json!(Checksum::of(report.as_bytes()).hex());
    });
    assert_eq!(named(&sandbox), ["finding-unfounded anna", "finding-missing anny"]);
}

#[test]
fn an_output_that_was_replaced_is_named() {
    let sandbox = day();
    sandbox.write(&format!("{DAY}/summary.html"), "all is well");
    sandbox.write(&format!("{DAY}/findings.csv"), "");
    assert_eq!(named(&sandbox), ["object-changed findings.csv", "object-changed summary.html"]);
}

#[test]
fn a_finding_that_was_left_out_is_named_also_when_run_json_vouches_for_the_rest() {
    let sandbox = day();
    let lines = sandbox.read(&format!("{DAY}/findings.jsonl"));
    let without_first = lines.split_once('\n').unwrap().1.to_owned();
    forge(&sandbox, "findings.jsonl", &without_first);
    change(&sandbox, "run.json", |run| {
        let findings = &mut run["findings"];
        for count in ["total", "open", "new"] {
            findings[count] = json!(2);
        }
        findings["by_severity"]["high"] = json!(2);
        for count in ["open", "new"] {
            findings["by_rule"]["access-key-stale"][count] = json!(1);
        }
    });
    assert_eq!(named(&sandbox), ["finding-missing anna"]);
}

#[test]
fn a_finding_that_was_changed_is_named_with_its_field() {
    let sandbox = day();
    let lines = sandbox.read(&format!("{DAY}/findings.jsonl"));
    forge(&sandbox, "findings.jsonl", &lines.replacen("\"age_days\":120", "\"age_days\":12", 1));
    let differences = differences(&sandbox);
    assert_eq!(differences.len(), 1);
    assert_eq!(
        (&differences[0]["field"], &differences[0]["written"], &differences[0]["found"]),
        (&json!("age_days"), &json!("12"), &json!("120"))
    );
}

#[test]
fn a_limit_that_was_changed_since_gives_other_findings() {
    let sandbox = day();
    change(&sandbox, "run.json", |run| run["policy"]["access-key-stale"] = json!("off"));
    let named = named(&sandbox);
    assert!(named.contains(&"finding-unfounded anna".to_owned()), "{named:?}");
}

#[test]
fn a_number_that_does_not_add_up_is_named() {
    let sandbox = day();
    change(&sandbox, "run.json", |run| run["coverage"]["percent"] = json!(100.0));
    assert_eq!(named(&sandbox), ["count coverage.percent"]);
}

#[test]
fn a_failure_that_was_taken_away_or_told_differently_is_named() {
    let sandbox = day();
    let failure = format!("{DAY}/failures/777788889999.json");
    change(&sandbox, "failures/777788889999.json", |failure| failure["code"] = json!("Throttled"));
    assert_eq!(named(&sandbox), ["failure 777788889999"]);
    fs::remove_file(sandbox.path(&failure)).unwrap();
    assert_eq!(named(&sandbox), ["failure-missing 777788889999"]);
}

#[test]
fn what_was_put_beside_the_evidence_is_named() {
    let sandbox = day();
    sandbox.write(&format!("{DAY}/reports/credentialReport_888899990000.csv"), "user,arn\n");
    sandbox.write(&format!("{DAY}/notes.txt"), "");
    assert_eq!(
        named(&sandbox),
        [
            "object-not-named notes.txt".to_owned(),
            "object-not-named reports/credentialReport_888899990000.csv".to_owned()
        ]
    );
}

#[test]
fn the_roll_of_another_day_is_not_this_ones() {
    let sandbox = day();
    let earlier = Night { started: "2026-01-30T01:00:00Z", ..Night::usual() };
    earlier.write(&sandbox.path("runs"));
    let roll = sandbox.read("runs/2026-01-30/accounts.json");
    sandbox.write(&format!("{DAY}/accounts.json"), roll);
    let named = named(&sandbox);
    assert!(named.contains(&"run execution".to_owned()), "{named:?}");
}

#[test]
fn a_day_whose_run_did_not_finish_is_vouched_for_by_nothing() {
    let sandbox = day();
    fs::remove_file(sandbox.path(&format!("{DAY}/run.json"))).unwrap();
    let done = sandbox.run(&["verify", DAY]);
    assert_eq!(done.status, 2);
    assert!(
        done.stderr.contains("run.json is not there, so nothing vouches for this day"),
        "{}",
        done.stderr
    );
}

#[test]
fn a_folder_of_reports_is_not_a_day() {
    let sandbox = Sandbox::new();
    sandbox.write("reports/a.csv", "user,arn\n");
    let done = sandbox.run(&["verify", "reports"]);
    assert_eq!(done.status, 2);
    assert!(done.stderr.starts_with("error: reports is not the day of a run"), "{}", done.stderr);
}

#[test]
fn the_exemptions_of_the_night_are_kept_with_its_day() {
    let sandbox = Sandbox::new();
    let exemptions = "[[exemption]]\nuser = \"anna\"\nreason = \"leaves in March\"\nexpires = 2026-03-31\n";
    sandbox.write("runs/exemptions.toml", exemptions);
    Night::usual().write(&sandbox.path("runs"));
    assert_eq!(sandbox.read(&format!("{DAY}/exemptions.toml")), exemptions);
    sandbox.write("runs/exemptions.toml", "");
    let done = sandbox.run(&["verify", DAY]);
    assert_eq!(done.status, 0, "{}", done.stdout);
}

#[test]
fn a_day_without_its_exemptions_is_not_said_to_hold() {
    let sandbox = Sandbox::new();
    let exemptions = "[[exemption]]\nuser = \"anna\"\nreason = \"leaves in March\"\nexpires = 2026-03-31\n";
    sandbox.write("runs/exemptions.toml", exemptions);
    Night::usual().write(&sandbox.path("runs"));
    // A day of an earlier version has no exemptions of its own.
    change(&sandbox, "run.json", |run| {
        let outputs = run["outputs"].as_array_mut().unwrap();
        outputs.retain(|output| !output["key"].as_str().unwrap().ends_with("/exemptions.toml"));
    });
    fs::remove_file(sandbox.path(&format!("{DAY}/exemptions.toml"))).unwrap();
    assert_eq!(sandbox.run(&["verify", DAY]).status, 0, "the file beside the day is the same still");
    sandbox.write("runs/exemptions.toml", "");
    sandbox.write("kept.toml", exemptions);
    let done = sandbox.run(&["verify", DAY]);
    assert_eq!(done.status, 2);
    assert!(done.stdout.contains("FAIL  findings      not checked: the day was judged by exemptions of"));
    assert_eq!(sandbox.run(&["verify", DAY, "--exemptions", "kept.toml"]).status, 0);
    let other = sandbox.run(&["verify", DAY, "--exemptions", "runs/exemptions.toml"]);
    assert!(other.stderr.starts_with("error: runs/exemptions.toml has the SHA-256"), "{}", other.stderr);
}

/// The night as release 0.2.0 wrote it, with a password that was unused for exactly the limit of 45 days.
fn day_of_version_1() -> Sandbox {
    let sandbox = Sandbox::new();
    let users = [
        User::new("anna").with_key(120),
        User::new("ben").with_password(true).with("password_last_used", days_ago(45)),
    ];
    let mut night = Night::usual().with_rule(RuleId::PasswordUnused, "46");
    night.accounts[0].2 = Collected::Report(report(AUDIT, &users));
    night.write(&sandbox.path("runs"));
    let findings: Vec<String> = sandbox
        .read(&format!("{DAY}/findings.jsonl"))
        .lines()
        .map(|line| {
            let mut finding: Value = serde_json::from_str(line).unwrap();
            for field in ["user_created", "credential_created", "ambiguous"] {
                finding.as_object_mut().unwrap().remove(field).unwrap();
            }
            finding.to_string() + "\n"
        })
        .collect();
    forge(&sandbox, "findings.jsonl", &findings.concat());
    change(&sandbox, "run.json", |run| {
        run["policy"]["password-unused"] = json!("45");
        run["schema_version"] = json!(1);
    });
    sandbox
}

#[test]
fn a_day_of_version_1_is_verified_by_the_boundary_of_its_version_and_what_it_lacks_is_said() {
    let sandbox = day_of_version_1();
    let done = sandbox.run(&["verify", DAY]);
    assert_eq!(done.status, 0, "{}", done.stdout);
    let lacks = "3 findings as the reports give them; the version of Rollcall that wrote them flagged nothing that was unused for exactly the limit, and did not record when users and credentials were created";
    assert!(done.stdout.contains(lacks), "{}", done.stdout);
}

#[test]
fn a_day_of_this_version_is_verified_by_the_boundary_of_this_version() {
    let sandbox = day_of_version_1();
    change(&sandbox, "run.json", |run| run["schema_version"] = json!(2));
    let named = named(&sandbox);
    assert!(named.contains(&"finding-missing ben".to_owned()), "{named:?}");
}
