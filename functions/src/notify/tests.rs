use rollcall_core::account::Account;
use rollcall_core::manifest::Evidence;
use rollcall_core::outcome::{FailureCode, FailureRecord};
use rollcall_core::roll::{Roll, RollSource};

use super::*;
use crate::fake_aws::{FakeAws, query, query_error, s3_error};

const TOPIC: &str = "arn:aws:sns:eu-central-1:999988887777:errors";

fn run(execution: &str) -> Run {
    Run {
        execution: execution.into(),
        execution_arn: format!("arn:aws:states:eu-central-1:999988887777:execution:rollcall:{execution}"),
        started: "2026-01-31T01:00:00Z".parse().unwrap(),
        as_of: "2026-01-31T01:00:00Z".parse().unwrap(),
    }
}

/// A bucket with the manifest of `execution`: one account, which failed if there is a `failure`.
fn manifest(execution: &str, failure: Option<FailureCode>) -> FakeAws {
    let account_id: rollcall_core::account::AccountId = "111122223333".parse().unwrap();
    let mut account = Account::of_id(account_id.clone());
    let mut evidence = Evidence::default();
    match failure {
        None => account.skip = Some(rollcall_core::account::SkipReason::Suspended),
        Some(code) => {
            let failure = FailureRecord {
                account_id: account_id.clone(),
                execution: execution.into(),
                code,
                message: "no role".into(),
                remedy: code.remedy().into(),
                waits: 0,
                failed_at: run(execution).started,
            };
            evidence.failures.insert(account_id, failure);
        }
    }
    with_manifest(execution, account, evidence)
}

fn with_manifest(execution: &str, account: Account, evidence: Evidence) -> FakeAws {
    let run = run(execution);
    let roll = Roll {
        execution: execution.into(),
        taken: run.started,
        source: RollSource::AccountList,
        organization_id: None,
        accounts: vec![account],
    };
    let manifest = Manifest::call_roll(&run, roll, evidence, run.started);
    FakeAws::default()
        .with_object(
            "reports/2026-01-31/run.json",
            &serde_json::to_string(&manifest).unwrap(),
            &[("execution", execution)],
        )
        .on("Publish", [query("Publish", "<MessageId>1</MessageId>")])
}

async fn notify(aws: &FakeAws) -> Result<NotifyOutput, StepError> {
    let owner = Owner { partition: "aws-cn".into(), account_id: "999988887777".parse().unwrap() };
    Notify::new(&aws.config(), aws.bucket("reports"), TOPIC.into())
        .run(&owner, NotifyInput { run: run("night-1") })
        .await
}

#[tokio::test]
async fn nothing_is_sent_when_there_is_nothing_to_say() {
    let aws = manifest("night-1", None);
    assert_eq!(notify(&aws).await.unwrap(), NotifyOutput { error_subject: None });
    assert_eq!(aws.actions(), ["GetObject"]);
}

#[tokio::test]
async fn a_failed_account_is_sent_to_the_topic_with_links_into_the_partitions_console() {
    let aws = manifest("night-1", Some(FailureCode::RoleMissingOrDenied));
    let subject = "Rollcall 2026-01-31: 1 of 1 account not collected";
    assert_eq!(notify(&aws).await.unwrap().error_subject.as_deref(), Some(subject));
    let request = &aws.requests("Publish")[0];
    assert_eq!(request.field("TopicArn"), TOPIC);
    assert_eq!(request.field("Subject"), subject);
    let message = request.field("Message");
    assert!(message.contains("111122223333") && message.contains("RoleMissingOrDenied"), "{message}");
    assert!(message.contains("https://eu-central-1.console.amazonaws.cn/s3/buckets/reports?"), "{message}");
}

#[tokio::test]
async fn the_manifest_of_another_run_is_not_sent_as_this_ones() {
    let aws = manifest("another-night", Some(FailureCode::Internal));
    assert_eq!(notify(&aws).await.unwrap_err().name, StepErrorName::RunReplaced);
    assert!(aws.requests("Publish").is_empty());
}

#[tokio::test]
async fn a_manifest_that_is_gone_or_damaged_is_named() {
    let damaged =
        FakeAws::default().with_object("reports/2026-01-31/run.json", "{", &[("execution", "night-1")]);
    let refusing = FakeAws::default().refuse("GetObject", "", s3_error(403, "AccessDenied"));
    for aws in [FakeAws::default(), damaged, refusing] {
        let error = notify(&aws).await.unwrap_err();
        assert_eq!(error.name, StepErrorName::StorageFailed);
        assert!(error.message.contains("s3://reports/2026-01-31/run.json"), "{error}");
    }
}

#[tokio::test]
async fn a_topic_that_refuses_is_worth_another_try() {
    let aws = manifest("night-1", Some(FailureCode::Internal))
        .on("Publish", [query_error(403, "AuthorizationError", "not authorized")]);
    let error = notify(&aws).await.unwrap_err();
    assert_eq!(error.name, StepErrorName::MessageNotSent);
    assert!(error.message.contains(TOPIC), "{error}");
}

#[tokio::test]
async fn an_account_without_an_outcome_is_sent_like_a_failed_one() {
    let aws = with_manifest("night-1", Account::of_id("111122223333".parse().unwrap()), Evidence::default());
    assert!(notify(&aws).await.unwrap().error_subject.is_some());
    let messages = aws.requests("Publish");
    assert_eq!(messages.len(), 1);
    assert!(messages[0].field("Message").contains("NoOutcome"));
}

#[tokio::test]
async fn a_topic_that_is_over_its_rate_or_out_of_order_is_worth_another_try() {
    for answer in [query_error(400, "Throttled", "Rate exceeded"), query_error(500, "InternalError", "fault")]
    {
        let aws = manifest("night-1", Some(FailureCode::Internal)).on("Publish", [answer]);
        assert_eq!(notify(&aws).await.unwrap_err().name, StepErrorName::MessageNotSent);
    }
}

#[tokio::test]
async fn a_bucket_that_does_not_answer_is_not_taken_for_nothing_to_say() {
    let aws = manifest("night-1", None).refuse("GetObject", "run.json", s3_error(503, "SlowDown"));
    assert_eq!(notify(&aws).await.unwrap_err().name, StepErrorName::ServiceUnavailable);
}
