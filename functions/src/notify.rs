//! `Notify`: sends the error email of a run, when there is something to say.

use aws_config::SdkConfig;
use aws_sdk_sns::Client;
use rollcall_core::account::Owner;
use rollcall_core::bucket_layout;
use rollcall_core::console::Console;
use rollcall_core::error_message::{self, ErrorMessage};
use rollcall_core::manifest::Manifest;
use rollcall_core::run::Run;
use serde::{Deserialize, Serialize};

use crate::api_error::ApiError;
use crate::report_bucket::ReportBucket;
use crate::settings;
use crate::step_error::{StepError, StepErrorName};

/// The step: its clients and settings.
#[derive(Debug)]
pub struct Notify {
    sns: Client,
    report_bucket: ReportBucket,
    error_topic_arn: String,
    region: String,
}

/// What the state machine gives the step.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NotifyInput {
    /// The run.
    pub run: Run,
}

/// What the step answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotifyOutput {
    /// The subject of the message that was sent; `None` when there was nothing to say.
    pub error_subject: Option<String>,
}

impl Notify {
    /// The step with the settings of the environment.
    ///
    /// # Errors
    /// `InvalidSettings`.
    pub fn from_environment(config: &SdkConfig) -> Result<Self, StepError> {
        let bucket = settings::required("REPORT_BUCKET")?;
        Ok(Self::new(config, ReportBucket::new(config, bucket, None), settings::required("ERROR_TOPIC_ARN")?))
    }

    /// The step on the given bucket and topic.
    pub fn new(config: &SdkConfig, report_bucket: ReportBucket, error_topic_arn: String) -> Self {
        let region = config.region().map(ToString::to_string).unwrap_or_default();
        Self { sns: Client::new(config), report_bucket, error_topic_arn, region }
    }

    /// Sends what the manifest of a run has to say.
    ///
    /// # Errors
    /// `RunReplaced` or `StorageFailed` when there is no manifest of this run, `MessageNotSent` when SNS
    /// refuses.
    pub async fn run(&self, owner: &Owner, input: NotifyInput) -> Result<NotifyOutput, StepError> {
        let run = &input.run;
        let key = bucket_layout::run(run.date());
        let manifest: Manifest = self.report_bucket.read_json_of(&key, &run.execution).await?;
        let console = Console::new(&owner.partition, &self.region);
        let Some(message) = error_message::render(&manifest, self.report_bucket.name(), &console) else {
            return Ok(NotifyOutput { error_subject: None });
        };
        let ErrorMessage { subject, body } = message;
        self.sns
            .publish()
            .topic_arn(&self.error_topic_arn)
            .subject(&subject)
            .message(body)
            .send()
            .await
            .map_err(|error| {
                let call = format!("sns:Publish to {}", self.error_topic_arn);
                StepErrorName::MessageNotSent.error(ApiError::of(&call, &error).message)
            })?;
        tracing::info!(execution = run.execution, subject, "the error message is sent");
        Ok(NotifyOutput { error_subject: Some(subject) })
    }
}

#[cfg(test)]
mod tests;
