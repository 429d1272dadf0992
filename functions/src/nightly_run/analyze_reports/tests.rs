mod judging;

use rollcall_core::identifiers::account_id::AccountId;
use rollcall_core::organization::failure::{FailureCode, FailureRecord};
use rollcall_core::organization::outcome::{AccountOutcome, Outcome, OutcomeKind};
use rollcall_core::organization::roll::RollSource;
use rollcall_core::organization::roll::{Account, SkipReason};

use super::evidence::storage_failed;
use super::*;
use crate::fake_bucket::FakeBucket;
use crate::lambda::sentence;
use crate::step_error::StepErrorName;
use rollcall_testing::fake_aws::{Answer, FakeAws, s3_error};

const GENERATED: &str = "2026-01-31T00:50:00Z";
const COLLECTED: &str = "2026-01-31T01:00:00Z";

fn run() -> Run {
    Run {
        execution: "night-1".into(),
        execution_arn: String::new(),
        started: COLLECTED.parse().unwrap(),
        as_of: COLLECTED.parse().unwrap(),
    }
}

fn id(digit: u8) -> AccountId {
    digit.to_string().repeat(12).parse().unwrap()
}

/// A bucket with the roll of the accounts 1 to `accounts`, taken by `execution`.
fn roll(accounts: u8, execution: &str) -> FakeAws {
    roll_of((1..=accounts).map(|digit| Account::of_id(id(digit))).collect(), execution)
}

fn roll_of(accounts: Vec<Account>, execution: &str) -> FakeAws {
    let roll = Roll {
        execution: execution.into(),
        started: run().started,
        as_of: run().started,
        taken: run().started,
        source: RollSource::AccountList,
        organization_id: None,
        accounts,
    };
    FakeAws::default().with_object(
        "reports/2026-01-31/accounts.json",
        &serde_json::to_string(&roll).unwrap(),
        &[("execution", execution)],
    )
}

fn content(digit: u8) -> String {
    format!("user,arn,mfa_active\nanna,arn:aws:iam::{}:user/anna,true\n", id(digit))
}

fn report_key(digit: u8) -> String {
    format!("reports/{}", bucket_layout::report(run().date(), &id(digit)))
}

fn failure_key(digit: u8) -> String {
    format!("reports/{}", bucket_layout::failure(run().date(), &id(digit)))
}

/// The report of an account, as `execution` stored it.
fn with_report(aws: FakeAws, digit: u8, content: &str, execution: &str) -> FakeAws {
    let sha256 = Checksum::of(content.as_bytes()).hex();
    let metadata = [
        ("execution", execution),
        ("generated-time", GENERATED),
        ("collected-time", COLLECTED),
        ("sha256", sha256.as_str()),
    ];
    aws.with_object(&report_key(digit), content, &metadata)
}

/// The recorded failure of an account, as this run stored it.
fn with_failure(aws: FakeAws, digit: u8, record: &str) -> FakeAws {
    aws.with_object(&failure_key(digit), record, &[("execution", "night-1")])
}

async fn analyze(aws: &FakeAws) -> Manifest {
    analyze_run(aws, run()).await
}

async fn analyze_run(aws: &FakeAws, run: Run) -> Manifest {
    let step = AnalyzeReports::new(aws.bucket("reports"), RuleSettings::default(), Clock::of_system());
    let key = format!("reports/{}", bucket_layout::run(run.date()));
    let execution = run.execution.clone();
    let output = step.run(AnalyzeReportsInput { run }).await.unwrap();
    let manifest: Manifest = serde_json::from_value(aws.json(&key)).unwrap();
    assert_eq!(output.coverage, manifest.coverage);
    assert_eq!(output.findings, manifest.findings);
    assert_eq!(aws.object(&key).unwrap().metadata["execution"], execution);
    manifest
}

fn code_of(account: &AccountOutcome) -> Option<FailureCode> {
    account.outcome.failure().map(|(code, _)| code)
}

/// Outcome, code and message of the one account.
async fn only(aws: &FakeAws) -> (OutcomeKind, Option<FailureCode>, String) {
    let account = analyze(aws).await.accounts.remove(0);
    let (code, message) = account.outcome.failure().unzip();
    (account.outcome.kind(), code, message.unwrap_or_default().to_owned())
}

#[tokio::test]
async fn every_account_has_the_outcome_that_lies_in_the_bucket() {
    let mut aws = roll(5, "night-1");
    for digit in 1..=3 {
        aws = with_report(aws, digit, &content(digit), "night-1");
    }
    let failure = storage_failed(&run(), &id(4), "refused".into(), run().started);
    let aws = aws.with_object(
        &failure_key(4),
        &serde_json::to_string(&failure).unwrap(),
        &[("execution", "night-1")],
    );
    let manifest = analyze(&aws).await;
    let outcomes: Vec<_> = manifest.accounts.iter().map(|account| account.outcome.kind()).collect();
    use OutcomeKind::{Collected, Failed, NoOutcome};
    assert_eq!(outcomes, [Collected, Collected, Collected, Failed, NoOutcome]);
    let report = manifest.accounts[0].outcome.report().unwrap();
    assert_eq!((report.rows, report.age_seconds), (1, Some(600)));
    assert_eq!(report.sha256, Checksum::of(content(1).as_bytes()).hex());
}

#[tokio::test]
async fn what_another_execution_left_does_not_count() {
    let aws = with_report(roll(1, "night-1"), 1, &content(1), "yesterday");
    let aws = aws.with_object(&failure_key(1), "{}", &[("execution", "yesterday")]);
    let manifest = analyze(&aws).await;
    assert_eq!(manifest.accounts[0].outcome, Outcome::NoOutcome);
    assert_eq!(manifest.of_other_executions, 2);
}

#[tokio::test]
async fn a_report_of_an_unknown_execution_does_not_count() {
    let aws = roll(1, "night-1").with_object(&report_key(1), &content(1), &[]);
    assert_eq!(analyze(&aws).await.accounts[0].outcome, Outcome::NoOutcome);
}

#[tokio::test]
async fn a_report_that_is_not_what_was_collected_is_a_failure() {
    let aws = roll(1, "night-1").with_object(
        &report_key(1),
        &content(1),
        &[
            ("execution", "night-1"),
            ("generated-time", GENERATED),
            ("collected-time", COLLECTED),
            ("sha256", "0"),
        ],
    );
    let (outcome, code, message) = only(&aws).await;
    assert_eq!((outcome, code), (OutcomeKind::Failed, Some(FailureCode::StorageFailed)));
    assert!(message.contains("SHA-256"), "{message}");
}

#[tokio::test]
async fn a_report_that_can_not_be_read_is_a_failure_that_says_why() {
    let aws = with_report(roll(1, "night-1"), 1, "<html>", "night-1");
    let (outcome, code, message) = only(&aws).await;
    assert_eq!((outcome, code), (OutcomeKind::Failed, Some(FailureCode::ReportUnreadable)));
    assert!(message.contains("<html>"), "{message}");
}

#[tokio::test]
async fn the_report_of_another_account_is_no_report_of_this_one() {
    let aws = with_report(roll(1, "night-1"), 1, &content(2), "night-1");
    assert_eq!(only(&aws).await.1, Some(FailureCode::ReportUnreadable));
}

#[tokio::test]
async fn a_bad_row_is_counted_and_named_by_line() {
    let bad = format!("{}ben,arn:aws:iam::{}:user/ben,perhaps\n", content(1), id(1));
    let manifest = analyze(&with_report(roll(1, "night-1"), 1, &bad, "night-1")).await;
    assert!(manifest.accounts[0].is_collected());
    assert_eq!(manifest.coverage.bad_rows, 1);
    assert_eq!(manifest.accounts[0].outcome.report().unwrap().first_bad_rows[0].line, 3);
}

#[tokio::test]
async fn a_report_or_failure_that_is_damaged_is_that_accounts_failure() {
    let without_time =
        roll(1, "night-1").with_object(&report_key(1), &content(1), &[("execution", "night-1")]);
    assert_eq!(only(&without_time).await.1, Some(FailureCode::StorageFailed));
    let damaged = roll(1, "night-1").with_object(&failure_key(1), "{", &[("execution", "night-1")]);
    assert_eq!(only(&damaged).await.1, Some(FailureCode::StorageFailed));
}

#[tokio::test]
async fn one_object_that_can_not_be_read_fails_its_account_alone() {
    for answer in [s3_error(403, "AccessDenied"), s3_error(500, "InternalError")] {
        let mut aws = roll(2, "night-1");
        for digit in 1..=2 {
            aws = with_report(aws, digit, &content(digit), "night-1");
        }
        let manifest = analyze(&aws.refuse("GetObject", &report_key(1), answer)).await;
        assert_eq!(code_of(&manifest.accounts[0]), Some(FailureCode::StorageFailed));
        assert!(manifest.accounts[1].is_collected());
    }
}

#[tokio::test]
async fn files_that_are_no_reports_are_passed_over() {
    let aws = with_report(roll(1, "night-1"), 1, &content(1), "night-1");
    let aws = aws.with_object("reports/2026-01-31/reports/notes.txt", "notes", &[]);
    assert_eq!(analyze(&aws).await.coverage.collected, 1);
}

async fn refused(aws: FakeAws) -> StepError {
    let error = AnalyzeReports::new(aws.bucket("reports"), RuleSettings::default(), Clock::of_system())
        .run(AnalyzeReportsInput { run: run() })
        .await
        .unwrap_err();
    assert!(aws.object("reports/2026-01-31/run.json").is_none());
    error
}

#[tokio::test]
async fn a_roll_that_is_not_this_runs_ends_it() {
    let error = refused(roll(1, "another-night")).await;
    assert_eq!(error.name(), StepErrorName::RunReplaced);
    assert!(sentence(&error).contains("another-night") && sentence(&error).contains("night-1"), "{error}");
    assert_eq!(refused(FakeAws::default()).await.name(), StepErrorName::StorageFailed);
    let damaged =
        FakeAws::default().with_object("reports/2026-01-31/accounts.json", "[]", &[("execution", "night-1")]);
    assert_eq!(refused(damaged).await.name(), StepErrorName::StorageFailed);
}

#[tokio::test]
async fn a_bucket_that_does_not_answer_is_worth_another_try_and_one_that_refuses_is_named() {
    let aws = roll(1, "night-1").refuse("ListObjectsV2", "", s3_error(503, "SlowDown"));
    assert_eq!(refused(aws).await.name(), StepErrorName::ServiceUnavailable);
    let aws = roll(1, "night-1").refuse("PutObject", "run.json", s3_error(403, "AccessDenied"));
    assert_eq!(refused(aws).await.name(), StepErrorName::StorageFailed);
}

#[tokio::test]
async fn a_report_that_was_changed_is_told_by_its_checksum_also_when_it_can_not_be_read() {
    for content in ["<html>", ""] {
        let aws = roll(1, "night-1").with_object(
            &report_key(1),
            content,
            &[("execution", "night-1"), ("generated-time", GENERATED), ("collected-time", COLLECTED)],
        );
        let (_, code, message) = only(&aws).await;
        assert_eq!(code, Some(FailureCode::StorageFailed));
        assert!(message.ends_with("and none was collected"), "{message}");
    }
}

#[tokio::test]
async fn a_report_without_one_of_its_times_names_the_one() {
    for (missing, other, time) in
        [("generated-time", "collected-time", COLLECTED), ("collected-time", "generated-time", GENERATED)]
    {
        for value in [None, Some("yesterday")] {
            let sha256 = Checksum::of(content(1).as_bytes()).hex();
            let mut metadata = vec![("execution", "night-1"), ("sha256", sha256.as_str()), (other, time)];
            metadata.extend(value.map(|value| (missing, value)));
            let aws = roll(1, "night-1").with_object(&report_key(1), &content(1), &metadata);
            let (outcome, code, message) = only(&aws).await;
            assert_eq!((outcome, code), (OutcomeKind::Failed, Some(FailureCode::StorageFailed)));
            assert!(
                message.contains(&format!("metadata {missing} is {:?}", value.unwrap_or(""))),
                "{message}"
            );
        }
    }
}

#[tokio::test]
async fn a_recorded_failure_keeps_its_code_and_words() {
    let code = FailureCode::RoleMissingOrDenied;
    let record = FailureRecord { code, ..storage_failed(&run(), &id(1), "no role".into(), run().started) };
    let aws = with_failure(roll(1, "night-1"), 1, &serde_json::to_string(&record).unwrap());
    assert_eq!(only(&aws).await, (OutcomeKind::Failed, Some(code), "no role".into()));
}

#[tokio::test]
async fn a_recorded_failure_that_is_damaged_says_so() {
    let record = storage_failed(&run(), &id(1), String::new(), run().started);
    let unknown = serde_json::to_string(&record).unwrap().replace("StorageFailed", "CodeOfNextYear");
    for damaged in ["", "{", unknown.as_str()] {
        let (outcome, code, message) = only(&with_failure(roll(1, "night-1"), 1, damaged)).await;
        assert_eq!((outcome, code), (OutcomeKind::Failed, Some(FailureCode::StorageFailed)), "{damaged}");
        assert!(message.starts_with("the recorded failure can't be read: "), "{message}");
    }
}

#[tokio::test]
async fn a_report_counts_before_a_failure_that_was_recorded_of_its_write() {
    let aws = with_report(roll(1, "night-1"), 1, &content(1), "night-1");
    let record = storage_failed(&run(), &id(1), "no answer".into(), run().started);
    let aws = with_failure(aws, 1, &serde_json::to_string(&record).unwrap());
    assert_eq!(only(&aws).await.0, OutcomeKind::Collected);
}

#[tokio::test]
async fn an_object_is_read_again_when_s3_does_not_answer_and_not_when_it_refuses() {
    for (answer, reads) in [(s3_error(500, "InternalError"), 3), (s3_error(403, "AccessDenied"), 1)] {
        let aws = with_report(roll(1, "night-1"), 1, &content(1), "night-1");
        let aws = aws.refuse("GetObject", &report_key(1), answer);
        let (_, code, message) = only(&aws).await;
        assert_eq!(code, Some(FailureCode::StorageFailed));
        assert!(message.contains(&format!("s3://{}", report_key(1))), "{message}");
        let asked =
            aws.requests("GetObject").iter().filter(|request| request.path.contains(&report_key(1))).count();
        assert_eq!(asked, reads);
    }
}

#[tokio::test]
async fn a_recorded_failure_that_can_not_be_read_fails_its_account_alone() {
    let mut aws = roll(2, "night-1");
    aws = with_failure(aws, 1, "{}");
    aws = with_report(aws, 2, &content(2), "night-1");
    let manifest = analyze(&aws.refuse("GetObject", &failure_key(1), s3_error(403, "AccessDenied"))).await;
    assert_eq!(code_of(&manifest.accounts[0]), Some(FailureCode::StorageFailed));
    assert!(manifest.accounts[1].is_collected());
}

#[tokio::test]
async fn an_object_that_is_deleted_after_it_was_listed_leaves_its_account_without_an_outcome() {
    let aws = with_report(roll(1, "night-1"), 1, &content(1), "night-1");
    let aws = aws.refuse("GetObject", &report_key(1), s3_error(404, "NoSuchKey"));
    assert_eq!(only(&aws).await.0, OutcomeKind::NoOutcome);
}

#[tokio::test]
async fn reports_and_failures_are_listed_to_the_last_page() {
    let mut aws = roll(9, "night-1");
    for digit in 1..=5 {
        aws = with_report(aws, digit, &content(digit), "night-1");
    }
    for digit in 6..=8 {
        let record = storage_failed(&run(), &id(digit), "refused".into(), run().started);
        aws = with_failure(aws, digit, &serde_json::to_string(&record).unwrap());
    }
    let Coverage { accounts, collected, failed, no_outcome, percent, .. } = analyze(&aws).await.coverage;
    assert_eq!((accounts, collected, failed, no_outcome), (9, 5, 3, 1));
    assert_eq!(percent, 55.55);
    let pages = |prefix: &str| {
        let asked = format!("prefix=2026-01-31%2F{prefix}%2F");
        aws.requests("ListObjectsV2").iter().filter(|request| request.path.contains(&asked)).count()
    };
    assert_eq!((pages("reports"), pages("failures")), (3, 2));
}

#[tokio::test]
async fn an_account_that_is_skipped_stays_skipped() {
    let mut skipped = Account::of_id(id(1));
    skipped.skip = Some(SkipReason::Excluded);
    let aws = with_report(roll_of(vec![skipped], "night-1"), 1, &content(1), "night-1");
    let account = analyze(&aws).await.accounts.remove(0);
    assert_eq!(account.outcome, Outcome::Skipped { reason: SkipReason::Excluded });
}

#[tokio::test]
async fn every_row_is_counted_and_the_bad_ones_are_said_to_be_bad_where_they_stand() {
    let bad = format!("{}ben,nonsense,true\ncleo,arn:aws:iam::{}:user/cleo,perhaps\n", content(1), id(1));
    let manifest = analyze(&with_report(roll(1, "night-1"), 1, &bad, "night-1")).await;
    let report = manifest.accounts[0].outcome.report().unwrap();
    assert_eq!((report.rows, report.bad_rows, report.bytes), (3, 2, bad.len() as u64));
    let places: Vec<_> =
        report.first_bad_rows.iter().map(|bad| (bad.line, bad.column.as_str(), bad.value.as_str())).collect();
    assert_eq!(places, [(3, "arn", "nonsense"), (4, "mfa_active", "perhaps")]);
}

#[tokio::test]
async fn a_bucket_that_can_not_be_listed_or_a_roll_that_can_not_be_read_ends_the_step() {
    for (action, ending, answer, name) in [
        ("ListObjectsV2", "", s3_error(403, "AccessDenied"), StepErrorName::StorageFailed),
        ("GetObject", "accounts.json", s3_error(403, "AccessDenied"), StepErrorName::StorageFailed),
        ("GetObject", "accounts.json", s3_error(503, "SlowDown"), StepErrorName::ServiceUnavailable),
    ] {
        let error = refused(roll(1, "night-1").refuse(action, ending, answer)).await;
        assert_eq!(error.name(), name, "{action}");
        let place = if action == "GetObject" { "s3://reports/2026-01-31/" } else { "s3://reports/" };
        assert!(sentence(&error).contains(place), "{error}");
    }
}

#[tokio::test]
async fn a_report_that_iam_can_not_have_served_is_refused_by_name_and_kept_as_evidence() {
    let sha256 = Checksum::of(content(1).as_bytes()).hex();
    for (generated, refused) in [
        ("2026-01-30T21:00:00Z", None),
        ("2026-01-30T20:55:00Z", None),
        ("2026-01-30T20:54:59Z", Some("the report was generated at 2026-01-30T20:54:59Z and collected at")),
        ("2026-01-31T01:05:00Z", None),
        (
            "2026-01-31T01:05:01Z",
            Some("the report was generated at 2026-01-31T01:05:01Z, 5 min after it was"),
        ),
    ] {
        let metadata = [
            ("execution", "night-1"),
            ("generated-time", generated),
            ("collected-time", COLLECTED),
            ("sha256", sha256.as_str()),
        ];
        let aws = roll(1, "night-1").with_object(&report_key(1), &content(1), &metadata);
        let manifest = analyze(&aws).await;
        match (refused, &manifest.accounts[0].outcome) {
            (None, Outcome::Collected { .. }) => {}
            (Some(start), Outcome::Failed { code: FailureCode::ReportOutdated, message, report }) => {
                assert!(message.starts_with(start), "{message}");
                assert_eq!(report.as_ref().unwrap().sha256, sha256);
                assert_eq!(manifest.coverage.failed, 1);
            }
            (_, other) => panic!("{generated}: {other:?}"),
        }
    }
}
