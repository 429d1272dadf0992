//! What the step makes of the credentials: findings, exemptions and history.

use rollcall_core::formats::jsonl::read_line;
use rollcall_core::judgement::finding::{Finding, Status};
use rollcall_core::judgement::history::{Earlier, EarlierReports, EarlierRun};
use rollcall_core::judgement::rules::{RuleId, Severity};

use serde_json::Value;

use super::*;

const HEADER: &str = "user,arn,access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date\n";

/// A report in which each of these users has a key of 100 days that was used yesterday.
fn stale(digit: u8, users: &[&str]) -> String {
    let row = |user: &&str| {
        let account_id = id(digit);
        format!(
            "{user},arn:aws:iam::{account_id}:user/{user},true,2025-10-23T01:00:00Z,2026-01-30T01:00:00Z\n"
        )
    };
    // A report needs a row that can be read.
    format!("{HEADER}zoe,arn:aws:iam::{}:user/zoe,false,N/A,N/A\n", id(digit))
        + &users.iter().map(row).collect::<String>()
}

fn run_of(date: &str, execution: &str) -> Run {
    let started = format!("{date}T01:00:00Z").parse().unwrap();
    Run { execution: execution.into(), started, as_of: started, ..run() }
}

fn roll_on(aws: FakeAws, date: &str, execution: &str, accounts: u8, source: RollSource) -> FakeAws {
    let accounts = (1..=accounts).map(|digit| Account::of_id(id(digit))).collect();
    let taken = run_of(date, execution).started;
    let roll = Roll {
        execution: execution.into(),
        started: taken,
        as_of: taken,
        taken,
        source,
        organization_id: None,
        accounts,
    };
    let json = serde_json::to_string(&roll).unwrap();
    aws.with_object(&format!("reports/{date}/accounts.json"), &json, &[("execution", execution)])
}

fn report_on(aws: FakeAws, date: &str, execution: &str, digit: u8, content: &str) -> FakeAws {
    let sha256 = Checksum::of(content.as_bytes()).hex();
    let time = format!("{date}T01:00:00Z");
    let metadata = [
        ("execution", execution),
        ("generated-time", &*time),
        ("collected-time", &*time),
        ("sha256", &*sha256),
    ];
    aws.with_object(&format!("reports/{date}/reports/credentialReport_{}.csv", id(digit)), content, &metadata)
}

#[tokio::test]
async fn a_manifest_names_the_versions_that_were_read_and_written_and_history_goes_by_them() {
    let (aws, first) = night(FakeAws::default().versioned(), "2026-01-30", &["anna"]).await;
    let report = first.accounts[0].outcome.report().unwrap();
    let key = format!("reports/{}", report.key);
    assert_eq!(report.version_id, aws.object(&key).unwrap().version_id);
    for output in &first.outputs {
        assert!(output.version_id.is_some(), "{}", output.key);
        assert_eq!(output.version_id, aws.object(&format!("reports/{}", output.key)).unwrap().version_id);
    }
    // Written over since, by whoever could.
    let aws = aws.with_object("reports/2026-01-30/findings.jsonl", "{}\n", &[]);
    let (aws, second) = night(aws, "2026-01-31", &["anna"]).await;
    assert_eq!(second.history.passed_over, [], "the version that run.json names is as it was");
    assert_eq!(users(&findings(&aws, "2026-01-31")), [("anna", Status::Ongoing, true)]);
}

#[tokio::test]
async fn the_same_analysis_twice_writes_the_same_bytes_where_versions_are_kept() {
    let (aws, _) = night(FakeAws::default().versioned(), "2026-01-31", &["anna"]).await;
    let written = |aws: &FakeAws| {
        let names = ["findings.csv", "findings.jsonl", "summary.html", "run.json"];
        names.map(|name| aws.object(&format!("reports/2026-01-31/{name}")).unwrap().body)
    };
    let first = written(&aws);
    analyze_run(&aws, run_of("2026-01-31", "night of 2026-01-31")).await;
    assert_eq!(written(&aws), first);
}

/// A night of one account whose report has these users with stale keys.
async fn night(aws: FakeAws, date: &str, users: &[&str]) -> (FakeAws, Manifest) {
    night_of(aws, date, users, RollSource::AccountList).await
}

async fn night_of(aws: FakeAws, date: &str, users: &[&str], source: RollSource) -> (FakeAws, Manifest) {
    let execution = format!("night of {date}");
    let aws = roll_on(aws, date, &execution, 1, source);
    let aws = report_on(aws, date, &execution, 1, &stale(1, users));
    let manifest = analyze_run(&aws, run_of(date, &execution)).await;
    (aws, manifest)
}

fn findings(aws: &FakeAws, date: &str) -> Vec<Finding> {
    let object = aws.object(&format!("reports/{date}/findings.jsonl")).unwrap();
    object.body.lines().enumerate().map(|(at, line)| read_line(line.as_bytes(), at as u64).unwrap()).collect()
}

fn users(findings: &[Finding]) -> Vec<(&str, Status, bool)> {
    findings.iter().map(|finding| (&*finding.user, finding.status, finding.verified)).collect()
}

#[tokio::test]
async fn findings_are_written_and_the_manifest_vouches_for_them() {
    let (aws, manifest) = night(FakeAws::default(), "2026-01-31", &["anna", "ben"]).await;
    assert_eq!((manifest.findings.total, manifest.findings.by_severity[&Severity::High]), (2, 2));
    assert_eq!(manifest.credentials.active_keys, 2);
    assert_eq!(manifest.settings, RuleSettings::default());
    assert!(manifest.findings.by_rule[&RuleId::ConsoleWithoutMfa].not_assessable > 0);
    let keys: Vec<_> = manifest.outputs.iter().map(|output| output.key.as_str()).collect();
    assert_eq!(
        keys,
        [
            "findings.csv",
            "findings.jsonl",
            "summary.html",
            "tables/accounts/accounts.jsonl",
            "tables/findings/symlink.txt"
        ]
        .map(|file| format!("2026-01-31/{file}"))
    );
    for output in &manifest.outputs {
        let object = aws.object(&format!("reports/{}", output.key)).unwrap();
        assert_eq!(Checksum::of(object.body.as_bytes()).hex(), output.sha256);
        assert_eq!(object.metadata["execution"], "night of 2026-01-31");
    }
    let symlink = aws.object("reports/2026-01-31/tables/findings/symlink.txt").unwrap().body;
    assert_eq!(symlink, "s3://reports/2026-01-31/findings.jsonl\n");
    let accounts = aws.object("reports/2026-01-31/tables/accounts/accounts.jsonl").unwrap().body;
    assert!(accounts.starts_with("{\"date\":\"2026-01-31\",\"execution\":\"night of 2026-01-31\""));
    let csv = aws.object("reports/2026-01-31/findings.csv").unwrap().body;
    assert_eq!(csv.lines().count(), 3);
    assert_eq!(findings(&aws, "2026-01-31")[0].age_days, Some(100));
    let html = aws.object("reports/2026-01-31/summary.html").unwrap().body;
    assert!(html.contains("The one account is covered") && html.contains(&manifest.outputs[0].sha256));
    let last = aws.requests("PutObject").pop().unwrap();
    assert!(last.path.contains("run.json"), "the manifest is written last: {}", last.path);
}

#[tokio::test]
async fn the_name_of_an_account_is_that_of_the_roll() {
    let account = Account { name: "Shop".into(), ..Account::of_id(id(1)) };
    let aws = with_report(roll_of(vec![account], "night-1"), 1, &stale(1, &["anna"]), "night-1");
    analyze(&aws).await;
    assert_eq!(findings(&aws, "2026-01-31")[0].assessed.account_name, "Shop");
}

#[tokio::test]
async fn ages_are_counted_to_as_of_and_not_to_the_start() {
    let aws = with_report(roll(1, "night-1"), 1, &stale(1, &["anna"]), "night-1");
    let as_of = "2026-03-01T00:00:00Z".parse().unwrap();
    analyze_run(&aws, Run { as_of, ..run() }).await;
    assert_eq!(findings(&aws, "2026-01-31")[0].age_days, Some(128));
}

#[tokio::test]
async fn an_unreadable_report_is_that_accounts_failure_and_the_others_go_on() {
    let aws = with_report(roll(2, "night-1"), 1, "<html>", "night-1");
    let aws = with_report(aws, 2, &stale(2, &["anna"]), "night-1");
    let manifest = analyze(&aws).await;
    assert_eq!(code_of(&manifest.accounts[0]), Some(FailureCode::ReportUnreadable));
    assert_eq!(manifest.findings.total, 1);
}

// Exemptions.

const EXEMPTION: &str = "[[exemption]]\nuser = \"anna\"\nreason = \"until March\"\nexpires = 2026-03-31\n";

#[tokio::test]
async fn exemptions_of_the_bucket_are_applied_and_named() {
    let aws = FakeAws::default().with_object("reports/exemptions.toml", EXEMPTION, &[]);
    let (aws, manifest) = night(aws, "2026-01-31", &["anna", "ben"]).await;
    assert_eq!((manifest.findings.open, manifest.findings.exempted), (1, 1));
    assert_eq!(manifest.exemptions.sha256, Some(Checksum::of(EXEMPTION.as_bytes()).hex()));
    assert_eq!(manifest.exemptions.outcomes[0].findings, 1);
    let exempted = findings(&aws, "2026-01-31").remove(0).exemption.unwrap();
    assert_eq!(exempted.reason, "until March");
}

#[tokio::test]
async fn exemptions_that_do_not_parse_end_the_step_with_file_line_and_cause() {
    for (text, words) in [
        ("[[exemption]]\nuser = \"anna\"\nreason = \"r\"\n", "line 1: the exemption has no expiry"),
        (
            "[[exemption]]\nrule = \"x\"\nreason = \"r\"\nexpires = 2026-03-31\n",
            "line 2: there is no rule \"x\"",
        ),
    ] {
        let error = refused(roll(1, "night-1").with_object("reports/exemptions.toml", text, &[])).await;
        assert_eq!(error.name(), StepErrorName::InvalidExemptions);
        assert!(sentence(&error).starts_with("s3://reports/exemptions.toml, "), "{error}");
        assert!(sentence(&error).contains(words), "{error}");
    }
}

#[tokio::test]
async fn exemptions_that_can_not_be_read_are_never_taken_for_none() {
    for (answer, name) in [
        (s3_error(403, "AccessDenied"), StepErrorName::StorageFailed),
        (s3_error(503, "SlowDown"), StepErrorName::ServiceUnavailable),
        (s3_error(404, "NoSuchKey"), StepErrorName::ServiceUnavailable),
    ] {
        let aws = roll(1, "night-1").with_object("reports/exemptions.toml", EXEMPTION, &[]);
        assert_eq!(refused(aws.refuse("GetObject", "exemptions.toml", answer)).await.name(), name);
    }
}

// History.

#[tokio::test]
async fn the_latest_earlier_run_tells_what_is_new_ongoing_and_resolved() {
    let (aws, first) = night(FakeAws::default(), "2026-01-28", &["anna", "ben"]).await;
    assert_eq!((first.history.compared_with.as_ref(), first.findings.new), (None, 2));
    let (aws, second) = night(aws, "2026-01-30", &["anna", "carl"]).await;
    let compared_with =
        EarlierRun { date: "2026-01-28".parse().unwrap(), execution: "night of 2026-01-28".into() };
    assert_eq!(second.history.compared_with, Some(Earlier::Run(compared_with)));
    let (new, ongoing, resolved) = (second.findings.new, second.findings.ongoing, second.findings.resolved);
    assert_eq!((new, ongoing, resolved), (1, 1, 1));
    let (aws, third) = night(aws, "2026-01-31", &["anna"]).await;
    assert_eq!((third.findings.new, third.findings.ongoing, third.findings.resolved), (0, 1, 1));
    assert_eq!(findings(&aws, "2026-01-31")[0].first_seen.to_string(), "2026-01-28");
}

/// The night of a date as an earlier version wrote it, which did not know when anything was created.
fn as_an_earlier_version_wrote_it(aws: FakeAws, date: &str) -> FakeAws {
    let mut lines = String::new();
    for line in aws.object(&format!("reports/{date}/findings.jsonl")).unwrap().body.lines() {
        let mut finding: serde_json::Map<String, Value> = serde_json::from_str(line).unwrap();
        for field in ["user_created", "credential_created", "ambiguous"] {
            finding.remove(field).unwrap();
        }
        lines += &(serde_json::to_string(&finding).unwrap() + "\n");
    }
    let mut manifest = aws.json(&format!("reports/{date}/run.json"));
    let outputs = manifest["outputs"].as_array_mut().unwrap();
    let written =
        outputs.iter_mut().find(|output| output["key"] == format!("{date}/findings.jsonl")).unwrap();
    written["sha256"] = Checksum::of(lines.as_bytes()).hex().into();
    aws.with_object(&format!("reports/{date}/run.json"), &manifest.to_string(), &[]).with_object(
        &format!("reports/{date}/findings.jsonl"),
        &lines,
        &[],
    )
}

#[tokio::test]
async fn the_first_night_after_an_upgrade_compares_by_slot_and_name() {
    let (aws, _) = night(FakeAws::default(), "2026-01-29", &["anna", "ben"]).await;
    let aws = as_an_earlier_version_wrote_it(aws, "2026-01-29");
    let (aws, upgraded) = night(aws, "2026-01-30", &["anna"]).await;
    let counts =
        |manifest: &Manifest| (manifest.findings.new, manifest.findings.ongoing, manifest.findings.resolved);
    assert_eq!(counts(&upgraded), (0, 1, 1));
    let anna = &findings(&aws, "2026-01-30")[0];
    assert_eq!(anna.first_seen.to_string(), "2026-01-29");
    assert!(anna.creation.credential.is_some(), "from now on it is known");
    let (_, later) = night(aws, "2026-01-31", &["anna"]).await;
    assert_eq!(counts(&later), (0, 1, 0));
}

/// A night in which the one account has a report of root, last used at `used`; or none at all.
async fn night_of_root(aws: FakeAws, date: &str, used: Option<&str>) -> (FakeAws, Manifest) {
    let execution = format!("night of {date}");
    let mut aws = roll_on(aws, date, &execution, 1, RollSource::AccountList);
    if let Some(used) = used {
        let arn = format!("arn:aws:iam::{}:root", id(1));
        let text = format!(
            "user,arn,mfa_active,password_enabled,password_last_used,access_key_1_last_used_date,access_key_2_last_used_date\n\
             <root_account>,{arn},true,true,{used},N/A,N/A\n"
        );
        aws = report_on(aws, date, &execution, 1, &text);
    }
    let manifest = analyze_run(&aws, run_of(date, &execution)).await;
    (aws, manifest)
}

/// The uses of root that a night flagged: when, and as what.
fn uses_of_root(aws: &FakeAws, date: &str) -> Vec<(String, Status, bool)> {
    let used = findings(aws, date).into_iter().filter(|finding| finding.rule == RuleId::RootUsed);
    used.map(|finding| (finding.observed.to_string(), finding.status, finding.verified)).collect()
}

/// Takes out of a night's `run.json` what an earlier version did not write.
fn without_last_collected(aws: FakeAws, date: &str) -> FakeAws {
    let mut manifest = aws.json(&format!("reports/{date}/run.json"));
    manifest["accounts"][0].as_object_mut().unwrap().remove("last_collected").unwrap();
    aws.with_object(&format!("reports/{date}/run.json"), &manifest.to_string(), &[])
}

const LONG_AGO: &str = "2025-01-01T00:00:00Z";
const UNSEEN: &str = "2026-01-26T12:00:00Z";

#[tokio::test]
async fn root_that_was_used_while_the_account_failed_is_found_when_it_is_collected_again() {
    let (mut aws, first) = night_of_root(FakeAws::default(), "2026-01-25", Some(LONG_AGO)).await;
    assert_eq!(first.accounts[0].last_collected, None);
    for date in ["2026-01-26", "2026-01-27", "2026-01-28", "2026-01-29"] {
        let (after, failed) = night_of_root(aws, date, None).await;
        assert_eq!(failed.accounts[0].last_collected, Some(run_of("2026-01-25", "").started), "{date}");
        aws = after;
    }
    let (aws, again) = night_of_root(aws, "2026-01-30", Some(UNSEEN)).await;
    assert_eq!(again.accounts[0].last_collected, Some(run_of("2026-01-25", "").started));
    assert_eq!(uses_of_root(&aws, "2026-01-30"), [(UNSEEN.to_owned(), Status::New, true)]);
    let (aws, later) = night_of_root(aws, "2026-01-31", Some(UNSEEN)).await;
    assert_eq!(later.accounts[0].last_collected, Some(run_of("2026-01-30", "").started));
    assert_eq!((uses_of_root(&aws, "2026-01-31"), later.findings.resolved), (vec![], 1));
}

#[tokio::test]
async fn a_run_json_of_an_earlier_version_leaves_what_its_findings_know_or_the_configured_days() {
    // Nothing was flagged before: nobody knows when the account was collected last.
    let (aws, _) = night_of_root(FakeAws::default(), "2026-01-25", Some(LONG_AGO)).await;
    let (aws, _) = night_of_root(aws, "2026-01-29", None).await;
    let (aws, again) =
        night_of_root(without_last_collected(aws, "2026-01-29"), "2026-01-30", Some(UNSEEN)).await;
    assert_eq!((again.accounts[0].last_collected, uses_of_root(&aws, "2026-01-30")), (None, vec![]));
    // A finding that was kept has the time of the report it is from.
    let before = "2026-01-24T12:00:00Z";
    let (aws, _) = night_of_root(FakeAws::default(), "2026-01-25", Some(before)).await;
    let (aws, _) = night_of_root(aws, "2026-01-29", None).await;
    assert_eq!(uses_of_root(&aws, "2026-01-29"), [(before.to_owned(), Status::Ongoing, false)]);
    let (aws, again) =
        night_of_root(without_last_collected(aws, "2026-01-29"), "2026-01-30", Some(UNSEEN)).await;
    assert_eq!(again.accounts[0].last_collected, Some(run_of("2026-01-25", "").started));
    assert_eq!(uses_of_root(&aws, "2026-01-30"), [(UNSEEN.to_owned(), Status::New, true)]);
}

#[tokio::test]
async fn the_same_analysis_twice_writes_the_same_bytes() {
    let (aws, _) = night(FakeAws::default(), "2026-01-30", &["anna"]).await;
    let (aws, first) = night(aws, "2026-01-31", &["anna", "ben"]).await;
    let key = "reports/2026-01-31/run.json";
    // As if the first had finished long before.
    let finished = "2026-01-31T01:02:03Z".parse().unwrap();
    let manifest = Manifest { finished, ..first.clone() };
    let metadata = [("execution", "night of 2026-01-31")];
    let aws = aws.with_object(key, &serde_json::to_string_pretty(&manifest).unwrap(), &metadata);
    let keys: Vec<&str> = first.outputs.iter().map(|output| output.key.as_str()).collect();
    let all = |aws: &FakeAws| -> Vec<String> {
        let outputs = keys.iter().map(|key| format!("reports/{key}")).chain([key.to_owned()]);
        outputs.map(|key| aws.object(&key).unwrap().body).collect()
    };
    let before = all(&aws);
    let again = analyze_run(&aws, run_of("2026-01-31", "night of 2026-01-31")).await;
    assert_eq!(all(&aws), before);
    assert_eq!(again, manifest);
    // What comes to something else has finished when it did.
    let exemptions = "[[exemption]]\nuser = \"anna\"\nreason = \"r\"\nexpires = 2026-12-31\n";
    let aws = aws.with_object("reports/exemptions.toml", exemptions, &[]);
    let other = analyze_run(&aws, run_of("2026-01-31", "night of 2026-01-31")).await;
    assert_ne!(other.finished, finished);
}

#[tokio::test]
async fn a_second_run_of_a_day_is_compared_with_the_day_before_and_not_with_the_first() {
    let (aws, _) = night(FakeAws::default(), "2026-01-30", &["anna"]).await;
    let (aws, _) = night(aws, "2026-01-31", &["anna", "ben"]).await;
    let (_, again) = night(aws, "2026-01-31", &["anna", "ben"]).await;
    assert_eq!(again.history.compared_with.unwrap().date().to_string(), "2026-01-30");
    assert_eq!(again.findings.new, 1, "what is new today is new in both runs of today");
}

#[tokio::test]
async fn an_account_that_failed_tonight_keeps_its_findings() {
    let (aws, _) = night(FakeAws::default(), "2026-01-30", &["anna"]).await;
    let aws = roll_on(aws, "2026-01-31", "night-1", 1, RollSource::AccountList);
    let manifest = analyze(&aws).await;
    assert_eq!((manifest.findings.unverified, manifest.findings.resolved), (1, 0));
    assert_eq!(users(&findings(&aws, "2026-01-31")), [("anna", Status::Ongoing, false)]);
    let (aws, healed) = night(aws, "2026-02-01", &["anna"]).await;
    assert_eq!((healed.findings.ongoing, healed.findings.unverified), (1, 0));
    assert_eq!(findings(&aws, "2026-02-01")[0].first_seen.to_string(), "2026-01-30");
}

#[tokio::test]
async fn a_run_of_some_accounts_is_no_history_and_resolves_nothing() {
    let (aws, _) = night(FakeAws::default(), "2026-01-28", &["anna"]).await;
    let (aws, partial) = night_of(aws, "2026-01-29", &["anna", "ben"], RollSource::ExecutionInput).await;
    assert_eq!(partial.findings.new, 1);
    let (_, whole) = night(aws, "2026-01-30", &["anna", "ben"]).await;
    assert_eq!(whole.history.compared_with.unwrap().date().to_string(), "2026-01-28");
    assert_eq!(whole.history.passed_over[0].reason, "was of the accounts that its input named");
}

#[tokio::test]
async fn a_run_of_a_list_of_accounts_is_no_history_of_an_organization() {
    let (aws, _) = night_of(FakeAws::default(), "2026-01-28", &["anna"], RollSource::Organization).await;
    let (aws, _) = night_of(aws, "2026-01-29", &[], RollSource::AccountList).await;
    let (aws, whole) = night_of(aws, "2026-01-30", &["anna"], RollSource::OrganizationalUnits).await;
    assert_eq!((whole.findings.new, whole.findings.ongoing), (0, 1));
    assert_eq!(whole.history.passed_over[0].reason, "was of a list of accounts, and not of the organization");
    let (_, list) = night_of(aws, "2026-01-31", &[], RollSource::AccountList).await;
    assert_eq!(list.history.compared_with.unwrap().date().to_string(), "2026-01-29");
}

#[tokio::test]
async fn a_run_by_another_day_than_its_own_is_no_history() {
    let aws = roll_on(FakeAws::default(), "2026-01-30", "what-if", 1, RollSource::AccountList);
    let aws = report_on(aws, "2026-01-30", "what-if", 1, &stale(1, &["anna"]));
    let as_of = "2030-01-01T00:00:00Z".parse().unwrap();
    analyze_run(&aws, Run { as_of, ..run_of("2026-01-30", "what-if") }).await;
    let (_, manifest) = night(aws, "2026-01-31", &["anna"]).await;
    assert_eq!(manifest.history.compared_with, None);
    assert_eq!(manifest.history.passed_over[0].reason, "counted ages to 2030-01-01");
}

#[tokio::test]
async fn an_earlier_run_that_can_not_be_read_is_passed_over_and_named() {
    type Damage = fn(FakeAws) -> FakeAws;
    let damages: [(&str, Damage); 6] = [
        ("has a run.json that can't be read", |aws| aws.with_object("reports/2026-01-30/run.json", "{", &[])),
        ("names no findings in its run.json", |aws| {
            let json = r#"{"execution": "e", "as_of": "2026-01-30T01:00:00Z", "source": "account-list", "outputs": []}"#;
            aws.with_object("reports/2026-01-30/run.json", json, &[])
        }),
        ("has a findings.jsonl that can't be read: line 1 is no finding", |aws| {
            aws.with_object("reports/2026-01-30/findings.jsonl", "{}\n", &[])
        }),
        ("has another findings.jsonl than its run.json names", |aws| {
            aws.with_object("reports/2026-01-30/findings.jsonl", "", &[])
        }),
        ("can't be read: s3:GetObject of s3://reports/2026-01-30/run.json answered AccessDenied", |aws| {
            aws.refuse("GetObject", "2026-01-30/run.json", s3_error(403, "AccessDenied"))
        }),
        ("has lost its findings.jsonl", |aws| {
            aws.refuse("GetObject", "2026-01-30/findings.jsonl", s3_error(404, "NoSuchKey"))
        }),
    ];
    for (reason, damage) in damages {
        let (aws, _) = night(FakeAws::default(), "2026-01-30", &["anna"]).await;
        let (_, manifest) = night(damage(aws), "2026-01-31", &["anna"]).await;
        assert_eq!(manifest.history.compared_with, None, "{reason}");
        let passed_over = &manifest.history.passed_over[0];
        assert!(passed_over.reason.starts_with(reason), "{reason}: {}", passed_over.reason);
        assert_eq!(manifest.findings.new, 1);
    }
}

#[tokio::test]
async fn a_run_that_never_finished_is_passed_over_for_the_one_before() {
    let (aws, _) = night(FakeAws::default(), "2026-01-29", &["anna"]).await;
    let aws = roll_on(aws, "2026-01-30", "broken", 1, RollSource::AccountList);
    let (_, manifest) = night(aws, "2026-01-31", &["anna"]).await;
    assert_eq!(manifest.history.compared_with.unwrap().date().to_string(), "2026-01-29");
    assert_eq!(manifest.history.passed_over[0].reason, "has no run.json: it did not finish");
}

#[tokio::test]
async fn a_bucket_that_does_not_answer_is_not_taken_for_no_history() {
    for key in ["2026-01-30/run.json", "2026-01-30/findings.jsonl"] {
        let (aws, _) = night(FakeAws::default(), "2026-01-30", &["anna"]).await;
        let aws = roll_on(aws, "2026-01-31", "night-1", 1, RollSource::AccountList);
        let error = refused(aws.refuse("GetObject", key, s3_error(503, "SlowDown"))).await;
        assert_eq!(error.name(), StepErrorName::ServiceUnavailable, "{key}");
    }
}

// Days of AWS's sample.

/// The report of an account as AWS's sample left it: right under the date, and without metadata.
fn aws_sample_report(aws: FakeAws, date: &str, digit: u8, content: &str) -> FakeAws {
    aws.with_object(&aws_sample_key(date, digit), content, &[])
}

fn aws_sample_key(date: &str, digit: u8) -> String {
    format!("reports/{date}/credentialReport_{}.csv", id(digit))
}

fn reports_compared_with(manifest: &Manifest) -> EarlierReports {
    match &manifest.history.compared_with {
        Some(Earlier::Reports(reports)) => reports.clone(),
        other => panic!("it is compared with {other:?}"),
    }
}

#[tokio::test]
async fn a_day_of_awss_sample_tells_what_is_new_ongoing_and_resolved() {
    let aws = aws_sample_report(FakeAws::default(), "2026-01-30", 1, &stale(1, &["anna", "ben"]));
    let (aws, manifest) = night(aws, "2026-01-31", &["anna", "carl"]).await;
    let reports = EarlierReports {
        date: "2026-01-30".parse().unwrap(),
        aws_sample_reports: 1,
        accounts_without_report: 0,
        unreadable_reports: 0,
        first_unreadable_reports: vec![],
        bad_rows: 0,
    };
    assert_eq!(reports_compared_with(&manifest), reports);
    assert!(manifest.history.passed_over.is_empty());
    let found = findings(&aws, "2026-01-31");
    assert_eq!(users(&found), [("anna", Status::Ongoing, true), ("carl", Status::New, true)]);
    let first_seen: Vec<_> = found.iter().map(|finding| finding.first_seen.to_string()).collect();
    assert_eq!(first_seen, ["2026-01-30", "2026-01-31"]);
    assert_eq!(manifest.findings.resolved, 1);
    let page = aws.object("reports/2026-01-31/summary.html").unwrap().body;
    assert!(page.contains("Compared with the reports that AWS&#39;s sample wrote on 2026-01-30."), "{page}");
}

#[tokio::test]
async fn ages_of_the_samples_reports_are_counted_to_their_day() {
    // A key that passed the limit of 90 days an hour before the report of the second day was written.
    let key = format!(
        "{HEADER}anna,arn:aws:iam::{}:user/anna,true,2025-10-31T00:00:00Z,2026-01-30T01:00:00Z\n",
        id(1)
    );
    for (written, status) in
        [("Fri, 30 Jan 2026 01:00:00 GMT", Status::Ongoing), ("Thu, 29 Jan 2026 23:00:00 GMT", Status::New)]
    {
        let date = if status == Status::Ongoing { "2026-01-30" } else { "2026-01-29" };
        let aws = aws_sample_report(FakeAws::default(), date, 1, &key);
        let aws = aws.modified(&aws_sample_key(date, 1), written);
        let aws = roll_on(aws, "2026-01-31", "night-1", 1, RollSource::AccountList);
        let aws = report_on(aws, "2026-01-31", "night-1", 1, &key);
        analyze(&aws).await;
        assert_eq!(users(&findings(&aws, "2026-01-31")), [("anna", status, true)], "{written}");
    }
}

#[tokio::test]
async fn accounts_without_an_earlier_report_are_new_and_counted() {
    let aws = aws_sample_report(FakeAws::default(), "2026-01-30", 1, &stale(1, &["anna"]));
    // One that is not on tonight's roll.
    let aws = aws_sample_report(aws, "2026-01-30", 9, &stale(9, &["zed"]));
    let aws = roll_on(aws, "2026-01-31", "night-1", 3, RollSource::AccountList);
    let aws = report_on(aws, "2026-01-31", "night-1", 1, &stale(1, &["anna"]));
    let aws = report_on(aws, "2026-01-31", "night-1", 2, &stale(2, &["ben"]));
    let manifest = analyze(&aws).await;
    let reports = reports_compared_with(&manifest);
    assert_eq!((reports.aws_sample_reports, reports.accounts_without_report), (2, 2));
    let found = findings(&aws, "2026-01-31");
    assert_eq!(users(&found), [("anna", Status::Ongoing, true), ("ben", Status::New, true)]);
    let counts = &manifest.findings;
    assert_eq!((counts.resolved, counts.unfollowed, counts.unverified), (0, 1, 0));
}

#[tokio::test]
async fn an_account_that_failed_tonight_keeps_what_the_report_of_awss_sample_has() {
    let aws = aws_sample_report(FakeAws::default(), "2026-01-30", 1, &stale(1, &["anna"]));
    let account = Account { name: "Shop".into(), ..Account::of_id(id(1)) };
    let aws = {
        let roll = roll_of(vec![account], "night-1").object("reports/2026-01-31/accounts.json").unwrap();
        aws.with_object("reports/2026-01-31/accounts.json", &roll.body, &[("execution", "night-1")])
    };
    analyze(&aws).await;
    let found = findings(&aws, "2026-01-31");
    assert_eq!(users(&found), [("anna", Status::Ongoing, false)]);
    assert_eq!(found[0].assessed.account_name, "Shop", "as the roll calls it");
}

#[tokio::test]
async fn a_report_of_awss_sample_that_can_not_be_read_is_named_and_the_others_count() {
    let whole = stale(1, &["anna"]);
    let cut_off = format!("{}ben,arn:aws:ia", stale(1, &["anna"]));
    for (bad, words) in [
        ("<html>", "account 222222222222: the report has no column \"user\""),
        ("", "account 222222222222: the report is empty"),
        (HEADER, "account 222222222222: the report has a header and no rows"),
        (&*whole, "is not of account 222222222222"),
    ] {
        let aws = aws_sample_report(FakeAws::default(), "2026-01-30", 1, &cut_off);
        let aws = aws_sample_report(aws, "2026-01-30", 2, bad);
        let aws = roll_on(aws, "2026-01-31", "night-1", 2, RollSource::AccountList);
        let aws = report_on(aws, "2026-01-31", "night-1", 1, &stale(1, &["anna", "ben"]));
        let aws = report_on(aws, "2026-01-31", "night-1", 2, &stale(2, &["ben"]));
        let reports = reports_compared_with(&analyze(&aws).await);
        assert_eq!((reports.aws_sample_reports, reports.unreadable_reports), (1, 1));
        assert_eq!((reports.accounts_without_report, reports.bad_rows), (1, 1));
        assert!(reports.first_unreadable_reports[0].contains(words), "{reports:?}");
        let ongoing =
            [("anna", Status::Ongoing, true), ("ben", Status::New, true), ("ben", Status::New, true)];
        assert_eq!(users(&findings(&aws, "2026-01-31")), ongoing);
    }
}

#[tokio::test]
async fn a_day_of_awss_sample_that_can_not_be_read_is_passed_over_and_named() {
    let refused = || s3_error(403, "AccessDenied");
    type Damage = fn(FakeAws, Answer) -> FakeAws;
    let damages: [(&str, Damage); 3] = [
        (
            "has no run.json, and its report can't be read: account 111111111111: s3:GetObject of s3://reports/2026-01-30/credentialReport_111111111111.csv answered AccessDenied",
            |aws, refused| aws.refuse("GetObject", "2026-01-30/credentialReport_111111111111.csv", refused),
        ),
        ("has no run.json, and none of its 70 reports can be read: account 0", |mut aws, refused| {
            for number in 1..70 {
                let key = format!("reports/2026-01-30/credentialReport_{number:012}.csv");
                aws = aws.with_object(&key, "", &[]);
            }
            aws.refuse("GetObject", "2026-01-30/credentialReport_111111111111.csv", refused)
        }),
        (
            "has no run.json, and its reports can't be listed: s3:ListBucket of s3://reports/2026-01-30/credentialReport_ answered AccessDenied",
            |aws, refused| aws.refuse_list("2026-01-30/credentialReport_", refused),
        ),
    ];
    for (reason, damage) in damages {
        let aws = aws_sample_report(FakeAws::default(), "2026-01-29", 1, &stale(1, &["anna"]));
        let aws = aws_sample_report(aws, "2026-01-30", 1, &stale(1, &["anna"]));
        let (_, manifest) = night(damage(aws, refused()), "2026-01-31", &["anna"]).await;
        let passed_over = &manifest.history.passed_over[0].reason;
        assert!(passed_over.starts_with(reason), "{reason}: {passed_over}");
        assert_eq!(reports_compared_with(&manifest).date.to_string(), "2026-01-29");
        assert_eq!(manifest.findings.ongoing, 1);
    }
}

#[tokio::test]
async fn a_bucket_that_does_not_answer_is_not_taken_for_a_day_without_reports() {
    let damages: [fn(FakeAws, Answer) -> FakeAws; 2] = [
        |aws, slow| aws.refuse("GetObject", "2026-01-30/credentialReport_111111111111.csv", slow),
        |aws, slow| aws.refuse_list("2026-01-30/credentialReport_", slow),
    ];
    for damage in damages {
        let aws = aws_sample_report(FakeAws::default(), "2026-01-30", 1, &stale(1, &["anna"]));
        let aws = roll_on(aws, "2026-01-31", "night-1", 1, RollSource::AccountList);
        let error = refused(damage(aws, s3_error(503, "SlowDown"))).await;
        assert_eq!(error.name(), StepErrorName::ServiceUnavailable);
    }
}

#[tokio::test]
async fn of_days_of_both_the_latest_counts_and_a_run_before_reports_of_the_same_day() {
    let (aws, _) = night(FakeAws::default(), "2026-01-28", &["anna"]).await;
    let aws = aws_sample_report(aws, "2026-01-28", 1, &stale(1, &[]));
    let (aws, manifest) = night(aws, "2026-01-29", &["anna"]).await;
    assert!(
        matches!(manifest.history.compared_with, Some(Earlier::Run(run)) if run.date.to_string() == "2026-01-28")
    );
    let aws = aws_sample_report(aws, "2026-01-30", 1, &stale(1, &["anna"]));
    let (aws, manifest) = night(aws, "2026-01-31", &["anna"]).await;
    assert_eq!(reports_compared_with(&manifest).date.to_string(), "2026-01-30");
    let (aws, manifest) = night(aws, "2026-02-01", &["anna"]).await;
    assert!(
        matches!(manifest.history.compared_with, Some(Earlier::Run(run)) if run.date.to_string() == "2026-01-31")
    );
    assert_eq!(findings(&aws, "2026-02-01")[0].first_seen.to_string(), "2026-01-30");
}

#[tokio::test]
async fn what_is_named_otherwise_under_a_date_is_no_report_of_awss_sample() {
    let aws = FakeAws::default()
        .with_object("reports/2026-01-30/credentialReport_1111.csv", &stale(1, &["anna"]), &[])
        .with_object("reports/2026-01-30/credentialReport_111111111111.csv.gz", "", &[]);
    let (_, manifest) = night(aws, "2026-01-31", &["anna"]).await;
    assert_eq!(manifest.history.compared_with, None);
    assert_eq!(manifest.history.passed_over[0].reason, "has no run.json: it did not finish");
}

#[tokio::test]
async fn exemptions_play_no_role_in_what_was_found_before() {
    let aws = FakeAws::default().with_object("reports/exemptions.toml", EXEMPTION, &[]);
    let aws = aws_sample_report(aws, "2026-01-30", 1, &stale(1, &["anna"]));
    let (aws, manifest) = night(aws, "2026-01-31", &["anna"]).await;
    assert_eq!(users(&findings(&aws, "2026-01-31")), [("anna", Status::Ongoing, true)]);
    assert_eq!((manifest.findings.open, manifest.findings.exempted), (0, 1));
}

#[tokio::test]
async fn prefixes_that_are_no_dates_are_no_runs() {
    let aws = FakeAws::default().with_object("reports/athena/run.json", "", &[]);
    let (_, manifest) = night(aws, "2026-01-31", &[]).await;
    assert_eq!(manifest.history, Default::default());
}
