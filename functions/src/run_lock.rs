//! One run of a state machine at a time: two that run at once would write the same day.
//!
//! The run that runs has a record in the work bucket. A new run takes the record over only when the execution in it
//! has ended, so nothing has to be given back, and a run that was aborted holds up nothing. Of two that start at
//! once, S3's conditional write lets one in.

use std::sync::Arc;

use aws_config::SdkConfig;
use aws_sdk_sfn::Client;
use aws_sdk_sfn::types::ExecutionStatus;
use chrono::{DateTime, TimeDelta, Utc};
use rollcall_core::evidence::bucket_layout;
use rollcall_core::organization::run::Run;
use serde::{Deserialize, Serialize};

use crate::aws::api_error::{ApiError, Call};
use crate::clock::Clock;
use crate::report_store::ReportStore;
use crate::report_store::conditional_writes::{Replaced, WroteNew};
use crate::step_error::StepError;

/// How long an execution that Step Functions does not know may still be one that has just begun: its answers
/// are eventually consistent ("DescribeExecution", Step Functions API Reference).
const JUST_BEGUN: TimeDelta = TimeDelta::hours(1);

/// The lock of a state machine.
#[derive(Clone, Debug)]
pub struct RunLock {
    step_functions: Client,
    work_store: ReportStore,
    clock: Clock,
}

/// The run that has the lock.
#[derive(Debug, Serialize, Deserialize)]
struct Holder {
    execution: String,
    execution_arn: String,
    started: DateTime<Utc>,
}

impl RunLock {
    /// The lock whose record lies in `work_store`.
    pub fn new(config: &SdkConfig, work_store: ReportStore, clock: Clock) -> Self {
        Self { step_functions: Client::new(config), work_store, clock }
    }

    /// Takes the lock for `run`, which keeps it until it ends. A run that has it already keeps it: the step is
    /// tried again.
    ///
    /// # Errors
    /// `AnotherRunIsRunning` when it is, or when that can't be told; `StorageFailed` when the record can't be
    /// read or written; `ServiceUnavailable` when AWS does not answer.
    pub async fn take(&self, run: &Run) -> Result<(), StepError> {
        let key = bucket_layout::RUNNING;
        let this = Holder {
            execution: run.execution.clone(),
            execution_arn: run.execution_arn.clone(),
            started: run.started,
        };
        loop {
            if let WroteNew::Written(_) = self.work_store.write_new(key, &this, &run.execution).await? {
                return Ok(());
            }
            // Gone again since it was written: the work bucket keeps nothing for long.
            let Some(record) = self.work_store.read_record(key).await? else { continue };
            let holder: Holder = serde_json::from_slice(&record.object.bytes).map_err(|error| {
                StepError::LockDamaged { address: self.work_store.address(key), error: Arc::new(error) }
            })?;
            if holder.execution_arn == this.execution_arn {
                return Ok(());
            }
            if self.is_running(&holder).await? {
                let Holder { execution, started, .. } = holder;
                return Err(StepError::AnotherRunIsRunning { execution, started });
            }
            let taken_over = self.work_store.replace(key, &this, &record.revision, &run.execution).await?;
            if let Replaced::Written(_) = taken_over {
                tracing::debug!(of = holder.execution, "the lock is taken over");
                return Ok(());
            }
        }
    }

    async fn is_running(&self, holder: &Holder) -> Result<bool, StepError> {
        let answer =
            self.step_functions.describe_execution().execution_arn(&holder.execution_arn).send().await;
        match answer {
            Ok(described) => {
                Ok(matches!(described.status(), ExecutionStatus::Running | ExecutionStatus::PendingRedrive))
            }
            Err(error)
                if error.as_service_error().is_some_and(|error| error.is_execution_does_not_exist()) =>
            {
                Ok(self.clock.now() - holder.started < JUST_BEGUN)
            }
            Err(error) => {
                let call = Call::of("states:DescribeExecution", &holder.execution_arn);
                Err(StepError::OtherRunUnknown {
                    execution: holder.execution.clone(),
                    error: ApiError::of(call, error),
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rollcall_testing::fake_aws::{
        Answer, FakeAws, json as answer, json_error, json_error_with, s3_error,
    };
    use serde_json::json;

    use super::*;
    use crate::fake_bucket::FakeBucket;
    use crate::step_error::StepErrorName;

    const KEY: &str = "work/running.json";

    fn run(name: &str) -> Run {
        let started = "2026-01-31T01:00:00Z".parse().unwrap();
        let execution_arn = format!("arn:aws:states:eu-central-1:999988887777:execution:rollcall:{name}");
        Run { execution: name.to_owned(), execution_arn, started, as_of: started }
    }

    async fn take(aws: &FakeAws, name: &str) -> Result<(), StepError> {
        RunLock::new(&aws.config(), aws.bucket("work"), Clock::of_system()).take(&run(name)).await
    }

    fn status(status: &str) -> Answer {
        answer(json!({
            "executionArn": "x", "stateMachineArn": "y", "startDate": 1_769_821_200.0, "status": status
        }))
    }

    fn held_by(aws: &FakeAws) -> String {
        aws.json(KEY)["execution"].as_str().unwrap().to_owned()
    }

    #[tokio::test]
    async fn the_first_run_has_nothing_to_ask() {
        let aws = FakeAws::default();
        take(&aws, "night-1").await.unwrap();
        assert_eq!(aws.actions(), ["PutObject"]);
        assert_eq!(held_by(&aws), "night-1");
    }

    #[tokio::test]
    async fn a_run_that_has_it_has_it_at_the_next_try() {
        let aws = FakeAws::default();
        take(&aws, "night-1").await.unwrap();
        take(&aws, "night-1").await.unwrap();
        assert!(aws.requests("DescribeExecution").is_empty());
    }

    #[tokio::test]
    async fn a_run_does_not_start_while_another_runs_and_says_which() {
        for running in ["RUNNING", "PENDING_REDRIVE"] {
            let aws = FakeAws::default().on("DescribeExecution", [status(running)]);
            take(&aws, "night-1").await.unwrap();
            let error = take(&aws, "night-2").await.unwrap_err();
            assert_eq!(error.name(), StepErrorName::AnotherRunIsRunning);
            assert_eq!(
                error.to_string(),
                "execution night-1, which started at 2026-01-31T01:00:00Z, is still running"
            );
            assert_eq!(held_by(&aws), "night-1");
            assert!(aws.requests("DescribeExecution")[0].body.contains(&run("night-1").execution_arn));
        }
    }

    #[tokio::test]
    async fn a_run_takes_over_from_one_that_has_ended_however_it_ended() {
        for ended in ["SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"] {
            let aws = FakeAws::default().on("DescribeExecution", [status(ended)]);
            take(&aws, "night-1").await.unwrap();
            take(&aws, "night-2").await.unwrap();
            assert_eq!(held_by(&aws), "night-2");
        }
    }

    #[tokio::test]
    async fn of_two_that_take_over_at_once_one_is_let_in() {
        let aws = FakeAws::default().on(
            "DescribeExecution",
            // night-1 has ended, and then night-2, which was first, is running.
            [status("SUCCEEDED"), status("RUNNING")],
        );
        take(&aws, "night-1").await.unwrap();
        let first = serde_json::to_string(&Holder {
            execution: "night-2".into(),
            execution_arn: run("night-2").execution_arn,
            started: run("night-2").started,
        });
        // The write of a new record is refused as usual, and then night-2 is quicker.
        let aws = aws
            .refuse_put(s3_error(412, "PreconditionFailed"))
            .overtake_put(&first.unwrap(), s3_error(412, "PreconditionFailed"));
        let error = take(&aws, "night-3").await.unwrap_err();
        assert!(
            matches!(&error, StepError::AnotherRunIsRunning { execution, .. } if execution == "night-2"),
            "{error}"
        );
    }

    #[tokio::test]
    async fn an_execution_that_step_functions_does_not_know_holds_the_lock_for_an_hour() {
        let aws = FakeAws::default().on("DescribeExecution", [json_error("ExecutionDoesNotExist")]);
        take(&aws, "night-1").await.unwrap();
        take(&aws, "night-2").await.unwrap();
        let now = Utc::now();
        let just_begun = Run { started: now, as_of: now, ..run("night-3") };
        let lock = RunLock::new(&aws.config(), aws.bucket("work"), Clock::of_system());
        lock.take(&just_begun).await.unwrap();
        let error = take(&aws, "night-4").await.unwrap_err();
        assert_eq!(error.name(), StepErrorName::AnotherRunIsRunning);
    }

    #[tokio::test]
    async fn a_run_does_not_start_when_it_can_not_tell() {
        for (refusal, name) in [
            (
                json_error_with("AccessDeniedException", "not authorized to perform"),
                StepErrorName::AnotherRunIsRunning,
            ),
            (json_error("ThrottlingException"), StepErrorName::ServiceUnavailable),
        ] {
            let aws = FakeAws::default().on("DescribeExecution", [refusal]);
            take(&aws, "night-1").await.unwrap();
            let error = take(&aws, "night-2").await.unwrap_err();
            assert_eq!(error.name(), name, "{error}");
            assert!(error.to_string().contains("night-1"), "{error}");
            assert_eq!(held_by(&aws), "night-1");
        }
    }

    #[tokio::test]
    async fn a_record_that_can_not_be_read_is_named_and_left_alone() {
        let aws = FakeAws::default().with_object(KEY, "{}", &[]);
        let error = take(&aws, "night-1").await.unwrap_err();
        assert_eq!(error.name(), StepErrorName::StorageFailed);
        assert!(error.to_string().starts_with("s3://work/running.json: "), "{error}");
        assert_eq!(aws.object(KEY).unwrap().body, "{}");
    }
}
