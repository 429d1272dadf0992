//! Lambda: execution environments that take one invocation at a time and are used again, each with the
//! step as its binary builds it; timeouts, functions that are killed, and events that come twice.

mod functions;

use std::cell::{Cell, RefCell, RefMut};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::{Region, SdkConfig};
use aws_sdk_s3::config::{Credentials, SharedCredentialsProvider};
use aws_smithy_runtime_api::client::http::{SharedHttpConnector, http_client_fn};
use futures_util::future::{Either, select};
use rollcall_functions::aws::connection;
use rollcall_functions::clock::Clock as StepClock;
use rollcall_functions::lambda;
use rollcall_functions::step_error::StepError;
use rollcall_testing::random::number;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::aws::Aws;
use crate::clock::Clock;
use crate::credentials::{FUNCTIONS_ACCESS_KEY_ID, secret_access_key, session_token};
use crate::deployment::Deployment;
use crate::failure::Failure;
use crate::faults::{FaultCounts, Faults, InvocationFault};
use crate::watch::Watch;

use functions::{FUNCTIONS, Function, Step};

/// The largest answer that Lambda hands on.
const PAYLOAD_LIMIT: usize = 256 * 1024;
/// How long an environment takes to start.
const START: Duration = Duration::from_millis(80);

/// Lambda. Clones are the same one.
#[derive(Clone)]
pub(crate) struct Lambda(Rc<Shared>);

struct Shared {
    aws: Aws,
    clock: Clock,
    faults: Faults,
    watch: Watch,
    deployment: Deployment,
    /// Tells the Regions of this night from those of every other night of the process.
    night: u64,
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    idle: HashMap<&'static str, Vec<Rc<Environment>>>,
    environments: u64,
    counts: HashMap<u64, u64>,
    injected: FaultCounts,
    died: u64,
    left_running: Vec<JoinHandle<()>>,
}

struct Environment {
    step: Step,
    timeout: Duration,
    killed: Arc<Notify>,
    is_new: Cell<bool>,
}

/// The function of this name.
fn function(name: &str) -> &'static Function {
    FUNCTIONS
        .iter()
        .find(|function| function.name == name)
        .unwrap_or_else(|| panic!("the simulation has no function {name}: add it to functions.rs"))
}

impl Lambda {
    pub(crate) fn new(
        aws: Aws,
        deployment: Deployment,
        clock: Clock,
        faults: Faults,
        watch: Watch,
        night: u64,
    ) -> Self {
        Self(Rc::new(Shared { aws, clock, faults, watch, deployment, night, state: RefCell::default() }))
    }

    /// Invokes a function for a state machine.
    pub(crate) async fn invoke(&self, name: &str, payload: Value) -> Result<Value, Failure> {
        let function = function(name);
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

    fn draw(&self, function: &'static Function, account: &str) -> (u64, Option<InvocationFault>) {
        let mut state = self.state();
        let count = state.counts.entry(number(function.name) ^ number(account)).or_default();
        *count += 1;
        let count = *count;
        let fault = self.0.faults.of_invocation(function.name, account, count);
        if let Some(fault) = fault {
            *state.injected.entry(fault.to_string()).or_default() += 1;
        }
        (count, fault)
    }

    fn leave_running(&self, function: &'static Function, payload: Value, after: Duration) {
        let lambda = self.clone();
        let running = tokio::task::spawn_local(async move {
            sleep(after).await;
            let _ = lambda.run(function, payload).await;
        });
        self.state().left_running.push(running);
    }

    /// One invocation in one environment.
    async fn run(&self, function: &'static Function, payload: Value) -> Result<Value, Failure> {
        let environment = self.environment(function);
        if environment.is_new.replace(false) {
            sleep(START).await;
        }
        let answer = {
            let work = Box::pin(timeout(environment.timeout, (environment.step)(payload)));
            // Asked first, because an invocation whose environment is gone answers nothing.
            match select(Box::pin(environment.killed.notified()), work).await {
                Either::Left(_) => Err(Failure::new(
                    "Runtime.ExitError",
                    "RequestId: 1 Error: Runtime exited with error: signal: killed",
                )),
                Either::Right((Err(_), _)) => {
                    if function.is_always_in_time {
                        self.0.watch.violated(format!("{} was out of time", function.name));
                    }
                    Err(Failure::new("Sandbox.Timedout", "Task timed out"))
                }
                Either::Right((Ok(answer), _)) => Ok(answer),
            }
        };
        let mut state = self.state();
        match answer {
            Err(died) => {
                state.died += 1;
                Err(died)
            }
            Ok(answer) => {
                state.idle.entry(function.name).or_default().push(environment);
                drop(state);
                self.hand_on(function, answer)
            }
        }
    }

    /// What the state machine gets of an answer.
    fn hand_on(
        &self,
        function: &'static Function,
        answer: Result<Value, StepError>,
    ) -> Result<Value, Failure> {
        match answer {
            Ok(answer) => {
                let text = answer.to_string();
                self.0.watch.must_be_fit_for_a_log(&format!("the answer of {}", function.name), &text);
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
                self.0.watch.must_be_fit_for_a_log(&format!("the error of {}", function.name), &cause);
                Err(Failure::new(&diagnostic.error_type, cause))
            }
        }
    }

    fn environment(&self, function: &Function) -> Rc<Environment> {
        let mut state = self.state();
        if let Some(environment) = state.idle.entry(function.name).or_default().pop() {
            return environment;
        }
        state.environments += 1;
        let number = state.environments;
        drop(state);
        Rc::new(self.start(function, number))
    }

    /// A new environment.
    fn start(&self, function: &Function, number: u64) -> Environment {
        let Shared { clock, faults, deployment, .. } = &*self.0;
        let killed = Arc::new(Notify::new());
        let skew = faults.skew(number);
        if skew != 0 {
            *self.state().injected.entry("clock wrong".to_owned()).or_default() += 1;
        }
        let connection = self.connection(number, clock.ahead_by(skew), Arc::clone(&killed));
        let step = (function.build)(deployment, &connection, StepClock::new(self.0.clock));
        let timeout = Duration::from_secs(deployment.of_function(function.name, "Timeout"));
        Environment { step, timeout, killed, is_new: Cell::new(true) }
    }

    /// The connection of the process of this number. The SDK keeps what it learns of a service's retries by the
    /// name of the Region for as long as the process lives, so each simulated process has a Region of its own.
    fn connection(&self, number: u64, clock: Clock, killed: Arc<Notify>) -> SdkConfig {
        let Shared { aws, night, .. } = &*self.0;
        let connector = SharedHttpConnector::new(aws.connector(killed));
        let (secret, token) = (secret_access_key(0), session_token(0));
        let credentials = Credentials::new(FUNCTIONS_ACCESS_KEY_ID, secret, Some(token), None, "lambda");
        connection::with_transport(http_client_fn(move |_, _| connector.clone()), clock)
            .to_builder()
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .region(Region::new(format!("eu-n{night}e{number}-1")))
            .build()
    }

    /// The connection of the state machines themselves, whose only retries are those of the definition. A fault
    /// that kills it leaves a call without an answer.
    pub(crate) fn connection_of_step_functions(&self) -> SdkConfig {
        let connection = self.connection(0, self.0.clock, Arc::default()).to_builder();
        connection.retry_config(RetryConfig::disabled()).build()
    }

    fn state(&self) -> RefMut<'_, State> {
        self.0.state.borrow_mut()
    }
}
