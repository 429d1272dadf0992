//! Lambda: execution environments that take one invocation at a time and are used again, each with the
//! step as its binary builds it; timeouts, functions that are killed, and events that come twice.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::{Region, SdkConfig};
use aws_sdk_s3::config::{Credentials, SharedCredentialsProvider};
use aws_smithy_runtime_api::client::http::{SharedHttpConnector, http_client_fn};
use futures_util::future::{Either, select};
use rollcall_core::identifiers::arn::ArnAccount;
use rollcall_core::judgement::settings::RuleSettings;
use rollcall_functions::aws::connection;
use rollcall_functions::lambda;
use rollcall_functions::nightly_run::analyze_reports::AnalyzeReports;
use rollcall_functions::nightly_run::collect_report::{self, CollectReport};
use rollcall_functions::nightly_run::list_accounts::{self, ListAccounts};
use rollcall_functions::nightly_run::notify::{self, Notify, Topics};
use rollcall_functions::report_store::ReportStore;
use rollcall_functions::step_error::StepError;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::Notify as Signal;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use crate::aws::{Aws, COLLECTOR, ORGANIZATION, REPORT_BUCKET, WORK_BUCKET};
use crate::clock::Clock;
use crate::definition::{of_function, of_parameter};
use crate::faults::{FaultCounts, Faults, InvocationFault};
use crate::watch::Watch;
use rollcall_testing::random::number;

/// The largest answer that Lambda hands on.
const PAYLOAD_LIMIT: usize = 256 * 1024;
/// How long an environment takes to start; Lambda bills it.
const START: Duration = Duration::from_millis(80);

/// The functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Function {
    ListAccounts,
    CollectReport,
    AnalyzeReports,
    Notify,
}

/// How an invocation failed: the error's name, as the state machine sees it, and its text.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) error: String,
    pub(crate) cause: String,
}

/// What was billed of a function.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Billed {
    pub(crate) invocations: u64,
    pub(crate) duration: Duration,
    /// What the machine really took for it, from the wall clock.
    pub(crate) worked: Duration,
}

/// Lambda. Clones are the same one.
#[derive(Clone)]
pub(crate) struct Lambda(Arc<Shared>);

struct Shared {
    aws: Aws,
    clock: Clock,
    faults: Faults,
    watch: Watch,
    owner: ArnAccount,
    /// What tells this night's Regions from those of every other night of the process.
    night: u64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    idle: HashMap<Function, Vec<Arc<Environment>>>,
    environments: u64,
    counts: HashMap<u64, u64>,
    billed: BTreeMap<Function, Billed>,
    injected: FaultCounts,
    died: u64,
    left_running: Vec<JoinHandle<()>>,
}

struct Environment {
    step: Step,
    killed: Arc<Signal>,
    is_new: std::sync::atomic::AtomicBool,
}

enum Step {
    ListAccounts(ListAccounts),
    CollectReport(Box<CollectReport>),
    AnalyzeReports(AnalyzeReports),
    Notify(Notify),
}

impl Function {
    fn name(self) -> &'static str {
        match self {
            Self::ListAccounts => "ListAccounts",
            Self::CollectReport => "CollectReport",
            Self::AnalyzeReports => "AnalyzeReports",
            Self::Notify => "Notify",
        }
    }

    /// A number that the template gives it.
    pub(crate) fn setting(self, property: &str) -> u64 {
        of_function(&format!("{}Function", self.name()), property)
    }
}

impl Failure {
    pub(crate) fn new(error: &str, cause: &str) -> Self {
        Self { error: error.to_owned(), cause: cause.to_owned() }
    }
}

impl Lambda {
    pub(crate) fn new(aws: Aws, clock: Clock, faults: Faults, watch: Watch, night: u64) -> Self {
        let owner = ArnAccount { partition: "aws".to_owned(), account_id: aws.organization().id(0) };
        Self(Arc::new(Shared { aws, clock, faults, watch, owner, night, state: Mutex::default() }))
    }

    /// Invokes a function for the state machine.
    pub(crate) async fn invoke(&self, function: Function, payload: Value) -> Result<Value, Failure> {
        let account = payload["account_id"].as_str().unwrap_or_default().to_owned();
        let (count, fault) = self.draw(function, &account);
        let later = Duration::from_secs_f64(120.0 * self.0.faults.chance("later", count));
        match fault {
            None => self.run(function, payload).await,
            Some(InvocationFault::Refused) => {
                Err(Failure::new("Lambda.TooManyRequestsException", "Rate Exceeded."))
            }
            Some(InvocationFault::ServiceError) => {
                Err(Failure::new("Lambda.ServiceException", "Service failure"))
            }
            Some(InvocationFault::AnswerLost) => {
                let _ = self.run(function, payload).await;
                Err(Failure::new("Lambda.SdkClientException", "The connection was lost"))
            }
            Some(InvocationFault::LeftRunning) => {
                self.leave_running(function, payload, Duration::ZERO);
                sleep(Duration::from_secs_f64(3.0 * self.0.faults.chance("left", count))).await;
                Err(Failure::new("Lambda.ClientExecutionTimeoutException", "The connection was lost"))
            }
            Some(InvocationFault::Twice) => {
                self.leave_running(function, payload.clone(), later / 60);
                self.run(function, payload).await
            }
            Some(InvocationFault::Again) => {
                let answer = self.run(function, payload.clone()).await;
                self.leave_running(function, payload, later);
                answer
            }
        }
    }

    /// Waits for everything that was left running.
    pub(crate) async fn settle(&self) {
        loop {
            let Some(running) = self.state().left_running.pop() else { return };
            if let Err(error) = running.await {
                self.0.watch.violated(format!("an invocation panicked: {error}"));
            }
        }
    }

    pub(crate) fn billed(&self) -> BTreeMap<Function, Billed> {
        self.state().billed.clone()
    }

    pub(crate) fn injected(&self) -> FaultCounts {
        self.state().injected.clone()
    }

    /// How many environments died with an invocation in them.
    pub(crate) fn died(&self) -> u64 {
        self.state().died
    }

    /// How many environments there were.
    pub(crate) fn environments(&self) -> u64 {
        self.state().environments
    }

    fn draw(&self, function: Function, account: &str) -> (u64, Option<InvocationFault>) {
        let mut state = self.state();
        let count = state.counts.entry(number(function.name()) ^ number(account)).or_default();
        *count += 1;
        let count = *count;
        let fault = self.0.faults.of_invocation(function.name(), account, count);
        if let Some(fault) = fault {
            *state.injected.entry(fault.to_string()).or_default() += 1;
        }
        (count, fault)
    }

    fn leave_running(&self, function: Function, payload: Value, after: Duration) {
        let lambda = self.clone();
        let running = tokio::task::spawn_local(async move {
            sleep(after).await;
            let _ = lambda.run(function, payload).await;
        });
        self.state().left_running.push(running);
    }

    /// One invocation in one environment.
    async fn run(&self, function: Function, payload: Value) -> Result<Value, Failure> {
        let environment = self.environment(function);
        let (began, began_to_work) = (Instant::now(), std::time::Instant::now());
        let is_new = environment.is_new.swap(false, std::sync::atomic::Ordering::Relaxed);
        if is_new {
            sleep(START).await;
        }
        let limit = Duration::from_secs(function.setting("Timeout"));
        let answer = {
            let work = Box::pin(timeout(limit, environment.step.answer(&self.0.owner, payload)));
            // Killed first: an invocation whose environment is gone answers nothing.
            match select(Box::pin(environment.killed.notified()), work).await {
                Either::Left(_) => Err(Failure::new(
                    "Runtime.ExitError",
                    "RequestId: 1 Error: Runtime exited with error: signal: killed",
                )),
                Either::Right((Err(_), _)) => {
                    // Every call of the collector is bounded, so that it always has time to say what happened.
                    if function == Function::CollectReport {
                        self.0.watch.violated(format!("{} was out of time", function.name()));
                    }
                    Err(Failure::new("Sandbox.Timedout", "Task timed out"))
                }
                Either::Right((Ok(answer), _)) => Ok(answer),
            }
        };
        let mut state = self.state();
        let billed = state.billed.entry(function).or_default();
        billed.invocations += 1;
        billed.duration += began.elapsed();
        billed.worked += began_to_work.elapsed();
        match answer {
            Err(died) => {
                state.died += 1;
                Err(died)
            }
            Ok(answer) => {
                state.idle.entry(function).or_default().push(environment);
                drop(state);
                self.hand_on(function, answer)
            }
        }
    }

    /// What the state machine gets of an answer.
    fn hand_on(&self, function: Function, answer: Result<Value, StepError>) -> Result<Value, Failure> {
        match answer {
            Ok(answer) => {
                let text = answer.to_string();
                self.0.watch.must_be_fit_for_a_log(&format!("the answer of {}", function.name()), &text);
                if text.len() > PAYLOAD_LIMIT {
                    return Err(Failure::new("States.DataLimitExceeded", "the answer is too large"));
                }
                Ok(answer)
            }
            Err(error) => {
                let diagnostic = lambda::diagnostic(&error);
                let cause =
                    json!({ "errorType": diagnostic.error_type, "errorMessage": diagnostic.error_message })
                        .to_string();
                self.0.watch.must_be_fit_for_a_log(&format!("the error of {}", function.name()), &cause);
                Err(Failure { error: diagnostic.error_type, cause })
            }
        }
    }

    fn environment(&self, function: Function) -> Arc<Environment> {
        let mut state = self.state();
        if let Some(environment) = state.idle.entry(function).or_default().pop() {
            return environment;
        }
        state.environments += 1;
        let number = state.environments;
        drop(state);
        Arc::new(self.start(function, number))
    }

    /// A new environment.
    fn start(&self, function: Function, number: u64) -> Environment {
        let Shared { clock, faults, .. } = &*self.0;
        let killed = Arc::new(Signal::new());
        let skew = faults.skew(number);
        if skew != 0 {
            *self.state().injected.entry("clock wrong".to_owned()).or_default() += 1;
        }
        let config = self.config(number, clock.ahead_by(skew), Arc::clone(&killed));
        Environment { step: self.step(function, &config), killed, is_new: true.into() }
    }

    /// The connection of the process of this number. The SDK keeps what it learns of a service's retries by the
    /// name of the Region, for as long as the process lives; here, where the processes are many in one, each has
    /// a Region.
    fn config(&self, number: u64, clock: Clock, killed: Arc<Signal>) -> SdkConfig {
        let Shared { aws, night, .. } = &*self.0;
        let connector = SharedHttpConnector::new(aws.connector(killed));
        let (secret, token) = (Watch::secret_access_key(0), Watch::session_token(0));
        let credentials = Credentials::new(COLLECTOR, secret, Some(token), None, "lambda");
        connection::with_transport(http_client_fn(move |_, _| connector.clone()), clock)
            .to_builder()
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .region(Region::new(format!("eu-n{night}e{number}-1")))
            .build()
    }

    /// The connection of the state machine itself, whose only retries are those of the definition: one that is
    /// killed leaves it without an answer.
    pub(crate) fn config_of_step_functions(&self) -> SdkConfig {
        let config = self.config(0, self.0.clock, Arc::default()).to_builder();
        config.retry_config(RetryConfig::disabled()).build()
    }

    /// The step as its binary builds it, with the settings that the template gives it.
    fn step(&self, function: Function, config: &SdkConfig) -> Step {
        let owner = self.0.owner.account_id.to_string();
        let bucket = |config: &SdkConfig| {
            let key = format!("arn:aws:kms:eu-central-1:{owner}:key/simulated");
            ReportStore::new(config, REPORT_BUCKET.to_owned(), Some(key)).owned_by(owner.clone())
        };
        match function {
            Function::ListAccounts => {
                let config = connection::with_attempts(config, list_accounts::ATTEMPTS);
                let settings = list_accounts::Settings {
                    organization_id: Some(ORGANIZATION.to_owned()),
                    ..Default::default()
                };
                let work_store = ReportStore::new(&config, WORK_BUCKET.to_owned(), None);
                Step::ListAccounts(
                    ListAccounts::new(&config, bucket(&config), settings).with_work_store(work_store),
                )
            }
            Function::CollectReport => {
                let config = connection::with_call_limit(config, collect_report::CALL_LIMIT);
                let poll = Duration::from_secs(of_parameter("PollSeconds"));
                let step = CollectReport::new(&config, bucket(&config), "rollcall-member".to_owned(), poll);
                Step::CollectReport(Box::new(step))
            }
            Function::AnalyzeReports => {
                Step::AnalyzeReports(AnalyzeReports::new(bucket(config), RuleSettings::default()))
            }
            Function::Notify => {
                let config = connection::with_attempts(config, notify::ATTEMPTS);
                let topics = Topics {
                    error_arn: ERROR_TOPIC.to_owned(),
                    findings_arn: FINDINGS_TOPIC.to_owned(),
                    chat_arn: None,
                };
                Step::Notify(Notify::new(&config, bucket(&config), topics))
            }
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.state.lock().expect("nobody panics with the state of Lambda in hand")
    }
}

/// Where errors go.
pub(crate) const ERROR_TOPIC: &str = "arn:aws:sns:eu-central-1:999999999999:errors";
/// Where findings go.
pub(crate) const FINDINGS_TOPIC: &str = "arn:aws:sns:eu-central-1:999999999999:findings";

impl Step {
    async fn answer(&self, owner: &ArnAccount, payload: Value) -> Result<Value, StepError> {
        match self {
            Self::ListAccounts(step) => written(step.run(read(payload)?).await),
            Self::CollectReport(step) => written(step.run(owner, read(payload)?).await),
            Self::AnalyzeReports(step) => written(step.run(read(payload)?).await),
            Self::Notify(step) => written(step.run(owner, read(payload)?).await),
        }
    }
}

fn read<T: DeserializeOwned>(payload: Value) -> Result<T, StepError> {
    serde_json::from_value(payload).map_err(|error| StepError::StepInput(Arc::new(error)))
}

fn written<T: Serialize>(answer: Result<T, StepError>) -> Result<Value, StepError> {
    Ok(serde_json::to_value(answer?).expect("an answer is JSON"))
}
