//! `Notify`: tells people about a run: errors, findings, and both to a chat, each to a topic of its
//! own, and only when there is something to say.

use aws_config::SdkConfig;
use aws_sdk_sns::Client;
use aws_sdk_sns::types::MessageAttributeValue;
use rollcall_core::evidence::bucket_layout;
use rollcall_core::evidence::manifest::Manifest;
use rollcall_core::formats::jsonl::{self, InvalidRecord};
use rollcall_core::identifiers::arn::ArnAccount;
use rollcall_core::messages;
use rollcall_core::messages::{Attribute, Listed, Message};
use rollcall_core::organization::run::Run;
use rollcall_core::text::console::Console;
use serde::{Deserialize, Serialize};

use crate::aws::api_error::{ApiError, Call};
use crate::aws::connection;
use crate::report_store::{LinesError, ReportStore};
use crate::settings;
use crate::step_error::StepError;

/// How often a call is tried.
pub const ATTEMPTS: u32 = 6;

/// The step: its clients and settings.
#[derive(Debug)]
pub struct Notify {
    sns: Client,
    report_store: ReportStore,
    topics: Topics,
    region: String,
}

/// Where messages go.
#[derive(Clone, Debug)]
pub struct Topics {
    /// The topic for errors.
    pub error_arn: String,
    /// The topic for the digest of findings.
    pub findings_arn: String,
    /// The topic for chat applications, if the deployment has one.
    pub chat_arn: Option<String>,
}

/// What the state machine gives the step.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NotifyInput {
    /// The run.
    pub run: Run,
}

/// What the step answers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotifyOutput {
    /// The subject of the error message; `None` when there was nothing to say.
    pub error_subject: Option<String>,
    /// The subject of the digest of findings; `None` when there was nothing to say.
    pub findings_subject: Option<String>,
}

impl Notify {
    /// The step with the settings of the environment.
    ///
    /// # Errors
    /// `InvalidSettings`.
    pub fn from_environment(config: &SdkConfig) -> Result<Self, StepError> {
        let topics = Topics {
            error_arn: settings::required("ERROR_TOPIC_ARN")?,
            findings_arn: settings::required("FINDINGS_TOPIC_ARN")?,
            chat_arn: settings::optional("CHAT_TOPIC_ARN"),
        };
        // What SNS refuses for its rate is tried again here, message by message.
        let config = connection::with_attempts(config, ATTEMPTS);
        Ok(Self::new(&config, ReportStore::from_environment(&config)?, topics))
    }

    /// The step on the given bucket and topics.
    pub fn new(config: &SdkConfig, report_store: ReportStore, topics: Topics) -> Self {
        let region = config.region().map(ToString::to_string).unwrap_or_default();
        Self { sns: Client::new(config), report_store, topics, region }
    }

    /// Sends what a run has to say.
    ///
    /// # Errors
    /// `RunReplaced` or `StorageFailed` when there is no manifest of this run, `ServiceUnavailable`
    /// when S3 does not answer, `MessageNotSent` when SNS takes no message and `SomeMessagesNotSent`
    /// when it takes some.
    pub async fn run(&self, owner: &ArnAccount, input: NotifyInput) -> Result<NotifyOutput, StepError> {
        let run = &input.run;
        let key = bucket_layout::run(run.date());
        let manifest: Manifest = self.report_store.read_json_of(&key, &run.execution).await?;
        let console = Console::new(&owner.partition, &self.region);
        let bucket = self.report_store.name();

        // Read before anything is sent: after an error here the whole step is tried again, and the same
        // message must not be sent seven times.
        let listed = self.listed(&manifest).await?;
        let errors = messages::errors(&manifest, bucket, &console);
        let digest = messages::digest(&manifest, &listed, bucket, &console);
        let mut outgoing = Vec::new();
        outgoing.extend(errors.iter().map(|message| (&self.topics.error_arn, message, message.body.clone())));
        outgoing
            .extend(digest.iter().map(|message| (&self.topics.findings_arn, message, message.body.clone())));
        if let Some(topic_arn) = &self.topics.chat_arn {
            for message in errors.iter().chain(&digest) {
                let body = messages::chat(message, &manifest, bucket, &console);
                outgoing.push((topic_arn, message, body));
            }
        }
        self.send(outgoing).await?;
        let subject = |message: Option<Message>| message.map(|message| message.subject);
        Ok(NotifyOutput { error_subject: subject(errors), findings_subject: subject(digest) })
    }

    /// The findings that the digest lists. If they can't be read, the digest says so and tells the rest.
    async fn listed(&self, manifest: &Manifest) -> Result<Listed, StepError> {
        let mut listed = Listed::default();
        if manifest.findings.open == 0 {
            return Ok(listed);
        }
        let key = bucket_layout::findings_jsonl(manifest.date);
        let place = self.report_store.address(&key);
        let each = |line: &[u8], number| {
            listed.offer(jsonl::read_line(line, number)?);
            Ok::<_, InvalidRecord>(())
        };
        let read = self.report_store.read_lines(&key, None, each).await;
        let written = manifest.outputs.iter().find(|output| output.key == key);
        let cause = match (read, written) {
            (Ok(Some(read)), Some(written)) if read.checksum.hex() == written.sha256 => return Ok(listed),
            (Ok(_), _) => format!("{place} is not the one that run.json names"),
            (Err(LinesError::Line(cause)), _) => format!("{place}: {cause}"),
            (Err(LinesError::Store(error)), _) if error.is_passing() => return Err(error.into()),
            (Err(LinesError::Store(error)), _) => error.to_string(),
        };
        // Why may repeat what stands in them, and is in the message.
        tracing::error!(key, "the findings can't be read");
        Ok(Listed::unreadable(cause))
    }

    /// Publishes every message, also after one could not be: the topics do not depend on each other.
    async fn send(&self, outgoing: Vec<(&String, &Message, String)>) -> Result<(), StepError> {
        let mut sent = 0;
        let mut failures = Vec::new();
        for (topic_arn, message, body) in outgoing {
            match self.publish(topic_arn, message, body).await {
                Ok(()) => {
                    sent += 1;
                    let subject = &message.subject;
                    tracing::info!(topic_arn, subject, "the message is sent");
                }
                Err(error) => failures.push(error),
            }
        }
        match failures.is_empty() {
            true => Ok(()),
            false => Err(StepError::MessagesNotSent { sent, failures }),
        }
    }

    async fn publish(&self, topic_arn: &str, message: &Message, body: String) -> Result<(), ApiError> {
        let mut request = self.sns.publish().topic_arn(topic_arn).subject(&message.subject).message(body);
        for (name, value) in &message.attributes {
            let (data_type, value) = match value {
                Attribute::Text(text) => ("String", (*text).to_owned()),
                Attribute::Number(number) => ("Number", number.clone()),
            };
            let value = MessageAttributeValue::builder().data_type(data_type).string_value(value);
            request = request.message_attributes(*name, value.build().expect("it has a type"));
        }
        let answer = request.send().await;
        answer.map(|_| ()).map_err(|error| ApiError::of(Call::of("sns:Publish", topic_arn), error))
    }
}

#[cfg(test)]
mod tests;
