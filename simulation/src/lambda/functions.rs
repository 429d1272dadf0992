//! The functions, each with the step as its binary builds it and the settings that the template gives it.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use aws_config::SdkConfig;
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use rollcall_core::judgement::settings::RuleSettings;
use rollcall_functions::aws::connection;
use rollcall_functions::clock::Clock;
use rollcall_functions::nightly_run::analyze_reports::AnalyzeReports;
use rollcall_functions::nightly_run::collect_report::{self, CollectReport};
use rollcall_functions::nightly_run::list_accounts::{self, ListAccounts};
use rollcall_functions::nightly_run::notify::{self, Notify, Topics};
use rollcall_functions::report_store::ReportStore;
use rollcall_functions::step_error::StepError;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::aws::{ORGANIZATION, REPORT_BUCKET, WORK_BUCKET};
use crate::deployment::{Deployment, ERROR_TOPIC, FINDINGS_TOPIC};

/// A step that waits for events.
pub(super) type Step = Box<dyn Fn(Value) -> LocalBoxFuture<'static, Result<Value, StepError>>>;

/// A function.
pub(crate) struct Function {
    /// The name of its step.
    pub(super) name: &'static str,
    /// Whether every call of it is bounded, so that it always has time to say what happened.
    pub(super) is_always_in_time: bool,
    pub(super) build: fn(&Deployment, &SdkConfig, Clock) -> Step,
}

/// Every function of every state machine.
pub(crate) const FUNCTIONS: [Function; 4] = [
    Function { name: "ListAccounts", is_always_in_time: false, build: build_list_accounts },
    Function { name: "CollectReport", is_always_in_time: true, build: build_collect_report },
    Function { name: "AnalyzeReports", is_always_in_time: false, build: build_analyze_reports },
    Function { name: "Notify", is_always_in_time: false, build: build_notify },
];

fn report_store(deployment: &Deployment, config: &SdkConfig) -> ReportStore {
    let owner = &deployment.owner.account_id;
    let key = format!("arn:aws:kms:eu-central-1:{owner}:key/simulated");
    ReportStore::new(config, REPORT_BUCKET.to_owned(), Some(key)).owned_by(owner.to_string())
}

fn build_list_accounts(deployment: &Deployment, config: &SdkConfig, clock: Clock) -> Step {
    let config = connection::with_attempts(config, list_accounts::ATTEMPTS);
    let settings = list_accounts::Settings {
        organization_id: Some(ORGANIZATION.to_owned()),
        ..list_accounts::Settings::default()
    };
    let work_store = ReportStore::new(&config, WORK_BUCKET.to_owned(), None);
    let step = ListAccounts::new(&config, report_store(deployment, &config), settings, clock);
    let step = Rc::new(step.with_work_store(&config, work_store));
    answering(move |input| {
        let step = Rc::clone(&step);
        async move { step.run(input).await }
    })
}

fn build_collect_report(deployment: &Deployment, config: &SdkConfig, clock: Clock) -> Step {
    let config = connection::with_call_limit(config, collect_report::CALL_LIMIT);
    let poll = Duration::from_secs(deployment.of_parameter("PollSeconds"));
    let store = report_store(deployment, &config);
    let step = Rc::new(CollectReport::new(&config, store, "rollcall-member".to_owned(), poll, clock));
    let owner = Rc::new(deployment.owner.clone());
    answering(move |input| {
        let (step, owner) = (Rc::clone(&step), Rc::clone(&owner));
        async move { step.run(&owner, input).await }
    })
}

fn build_analyze_reports(deployment: &Deployment, config: &SdkConfig, clock: Clock) -> Step {
    let step = Rc::new(AnalyzeReports::new(report_store(deployment, config), RuleSettings::default(), clock));
    answering(move |input| {
        let step = Rc::clone(&step);
        async move { step.run(input).await }
    })
}

fn build_notify(deployment: &Deployment, config: &SdkConfig, _clock: Clock) -> Step {
    let config = connection::with_attempts(config, notify::ATTEMPTS);
    let topics =
        Topics { error_arn: ERROR_TOPIC.to_owned(), findings_arn: FINDINGS_TOPIC.to_owned(), chat_arn: None };
    let step = Rc::new(Notify::new(&config, report_store(deployment, &config), topics));
    let owner = Rc::new(deployment.owner.clone());
    answering(move |input| {
        let (step, owner) = (Rc::clone(&step), Rc::clone(&owner));
        async move { step.run(&owner, input).await }
    })
}

/// A step whose input and output are JSON, as Lambda hands them on.
fn answering<I, O, F>(run: impl Fn(I) -> F + 'static) -> Step
where
    I: DeserializeOwned,
    O: Serialize,
    F: Future<Output = Result<O, StepError>> + 'static,
{
    Box::new(move |payload| {
        let answer =
            serde_json::from_value(payload).map(&run).map_err(|error| StepError::StepInput(Arc::new(error)));
        async move { Ok(serde_json::to_value(answer?.await?).expect("an answer is JSON")) }.boxed_local()
    })
}

#[cfg(test)]
mod tests {
    use rollcall_core::identifiers::arn::ArnAccount;

    use super::*;
    use crate::step_functions::definition::StateMachine;

    #[test]
    fn every_function_of_every_state_machine_is_simulated() {
        let owner = ArnAccount { partition: "aws".to_owned(), account_id: "999999999999".parse().unwrap() };
        let machines = StateMachine::all(&Deployment::new(owner, 1));
        assert!(!machines.is_empty());
        let mut invoked: Vec<&str> =
            machines.iter().flat_map(|machine| machine.states().functions()).collect();
        invoked.sort_unstable();
        invoked.dedup();
        let mut simulated: Vec<&str> = FUNCTIONS.iter().map(|function| function.name).collect();
        simulated.sort_unstable();
        assert_eq!(invoked, simulated);
    }
}
