//! A night: what Step Functions does with the definition, from the first state to the last.

use std::collections::BTreeMap;
use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rollcall_core::organization::run::Run;
use rollcall_core::text::time::format_time;
use rollcall_functions::nightly_run::collect_report::CollectReportInput;
use rollcall_functions::nightly_run::list_accounts::ListAccountsOutput;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::{JoinSet, LocalSet};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::aws::{ACTIONS_OF_ACCOUNTS, Aws, WORK_BUCKET};
use crate::clock::Clock;
use crate::cost::Cost;
use crate::definition::{Definition, State};
use crate::faults::{FaultCounts, Faults};
use crate::invariants;
use crate::lambda::{ERROR_TOPIC, Failure, Function, Lambda};
use crate::organization::{Organization, start_of_night};
use crate::watch::Watch;
use rollcall_testing::random::{Random, number};

/// A Distributed Map starts at most this many standard children a second.
const CHILDREN_A_SECOND: u64 = 100;
/// The name of the execution.
const EXECUTION: &str = "night";

/// Which night.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What the organization is made of.
    pub seed: u64,
    /// How many accounts it has.
    pub accounts: usize,
    /// How many are collected at a time.
    pub max_concurrency: usize,
    /// Whether every report was made before the night, as after another run in the last four hours.
    pub ready: bool,
    /// Whether a few accounts are in trouble of their own.
    pub troubled: bool,
    /// Whether listings have so few entries a page that a few accounts take some.
    pub small_pages: bool,
    /// What goes wrong.
    pub faults: Faults,
}

impl Settings {
    /// A night in which nothing goes wrong and no account is in trouble.
    pub fn well(seed: u64, accounts: usize, max_concurrency: usize, ready: bool) -> Self {
        Self {
            seed,
            accounts,
            max_concurrency,
            ready,
            troubled: false,
            small_pages: false,
            faults: Faults::none(),
        }
    }

    /// The night of a seed: a dozen accounts, a few in trouble, and whatever the seed has go wrong.
    pub fn of_seed(seed: u64) -> Self {
        let mut random = Random::about(&[seed, number("night")]);
        Self {
            seed,
            accounts: 8 + random.below(10) as usize,
            max_concurrency: random.of(&[1, 3, 100]),
            ready: random.happens(0.3),
            troubled: true,
            small_pages: random.happens(0.5),
            faults: Faults::of_seed(seed),
        }
    }
}

/// How the execution ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// As it should.
    Succeeded,
    /// A step failed as a whole.
    Broken {
        /// Which.
        step: String,
        /// Of what.
        error: String,
        /// Whether the state machine could say so. If not, the rule on failed executions is left, which is
        /// not simulated.
        told: bool,
    },
    /// It took longer than it may.
    TimedOut,
}

/// What became of a child execution: what it answered, or the error it failed with.
pub type Child = Result<String, String>;

/// A night that is over.
#[derive(Clone, Debug)]
pub struct Night {
    /// How it ended.
    pub ending: Ending,
    /// How long it took, in its own time.
    pub lasted: Duration,
    /// State transitions, as Step Functions bills them.
    pub transitions: u64,
    /// How many of them were retries.
    pub retries: u64,
    /// How often the state machine could not publish a message, or did not hear that it had.
    pub refused_messages: u64,
    /// What became of each child, by account id.
    pub children: BTreeMap<String, Child>,
    /// Calls by action.
    pub calls: BTreeMap<&'static str, u64>,
    /// The fewest and the most calls about any account that is collected with the role, by
    /// [`ACTIONS_OF_ACCOUNTS`].
    pub calls_about: [(u32, u32); ACTIONS_OF_ACCOUNTS.len()],
    /// What went wrong, and how often.
    pub injected: FaultCounts,
    /// Accounts by how they ended: `collected`, `skipped`, `no-outcome` or a failure's code.
    pub outcomes: BTreeMap<String, u64>,
    /// Execution environments there were.
    pub environments: u64,
    /// The most memory the process held until the roll was taken, until the last account was collected, and
    /// until the end of the run: checking a night takes more than living through it. In KiB.
    pub peak_memory: [u64; 3],
    /// Lines that were logged.
    pub log_lines: u64,
    /// What it would have cost.
    pub cost: Cost,
    /// What should not have been.
    pub violations: Vec<String>,
    /// The same for two nights in which the same happened.
    pub digest: u64,
}

/// Lives through a night, on a thread of its own: what the SDK and the steps keep by the thread is this
/// night's alone.
pub fn live(settings: Settings) -> Night {
    let seed = settings.seed;
    let night = std::thread::Builder::new()
        .name(format!("night {seed}"))
        .spawn(move || {
            fastrand::seed(settings.seed);
            let watch = Watch::default();
            let subscriber = rollcall_functions::lambda::subscriber(Some("TRACE"), watch.clone());
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_time()
                .start_paused(true)
                .build()
                .expect("a runtime can be had");
            tracing::subscriber::with_default(subscriber, || {
                LocalSet::new().block_on(&runtime, live_through(settings, watch))
            })
        })
        .expect("a thread can be had")
        .join();
    night.unwrap_or_else(|_| panic!("the night of seed {seed} panicked"))
}

async fn live_through(settings: Settings, watch: Watch) -> Night {
    let Settings { seed, accounts, max_concurrency, ready, troubled, small_pages, faults } = settings;
    let clock = Clock::start();
    let organization = Organization::new(seed, accounts, troubled);
    let aws = Aws::new(clock, organization, faults.clone(), watch.clone(), ready, small_pages);
    invariants::leave_what_was_before(&aws);
    let lambda = Lambda::new(aws.clone(), clock, faults.clone(), watch.clone(), seed);
    let execution = Execution(Arc::new(Shared {
        definition: Definition::read(),
        sns: aws_sdk_sns::Client::new(&lambda.config_of_step_functions()),
        lambda,
        aws: aws.clone(),
        seed,
        max_concurrency,
        transitions: AtomicU64::new(0),
        retries: AtomicU64::new(0),
        children: Mutex::default(),
        peak_memory: Default::default(),
        refused_messages: AtomicU64::new(0),
    }));
    let Execution(shared) = &execution;
    let ending = timeout(shared.definition.timeout, execution.run()).await.unwrap_or(Ending::TimedOut);
    let lasted = clock.elapsed();
    shared.lambda.settle().await;
    let [roll, collection] = shared.peak_memory.each_ref().map(|memory| memory.load(Ordering::Relaxed));

    let children = shared.children.lock().expect("no child panics with it in hand").clone();
    let calls = aws.calls();
    let transitions = shared.transitions.load(Ordering::Relaxed);
    let mut injected = aws.injected();
    injected.extend(shared.lambda.injected());
    let mut night = Night {
        ending,
        lasted,
        transitions,
        retries: shared.retries.load(Ordering::Relaxed),
        refused_messages: shared.refused_messages.load(Ordering::Relaxed),
        children,
        calls_about: calls_about(&aws),
        injected,
        outcomes: BTreeMap::new(),
        environments: shared.lambda.environments(),
        peak_memory: [roll, collection, peak_memory()],
        log_lines: watch.lines(),
        cost: Cost::of(transitions, &shared.lambda.billed(), &calls),
        violations: Vec::new(),
        digest: aws.digest(),
        calls,
    };
    let died = shared.lambda.died();
    invariants::check(&aws, &run(), &faults, died, &mut night);
    night.violations.extend(watch.violations());
    night
}

fn calls_about(aws: &Aws) -> [(u32, u32); ACTIONS_OF_ACCOUNTS.len()] {
    let mut calls_about = [(u32::MAX, 0); ACTIONS_OF_ACCOUNTS.len()];
    // The first account is the collector's own, for which it needs no role.
    for account in 1..aws.organization().accounts() {
        for ((least, most), calls) in calls_about.iter_mut().zip(aws.calls_about(account)) {
            *least = calls.min(*least);
            *most = calls.max(*most);
        }
    }
    calls_about
}

/// The run that a night is.
pub(crate) fn run() -> Run {
    let started = start_of_night();
    Run {
        execution: EXECUTION.to_owned(),
        execution_arn: format!("arn:aws:states:eu-central-1:999999999999:execution:rollcall:{EXECUTION}"),
        started,
        as_of: started,
    }
}

/// An execution of the state machine. Clones are the same one.
#[derive(Clone)]
struct Execution(Arc<Shared>);

struct Shared {
    definition: Definition,
    lambda: Lambda,
    aws: Aws,
    seed: u64,
    max_concurrency: usize,
    transitions: AtomicU64,
    retries: AtomicU64,
    children: Mutex<BTreeMap<String, Child>>,
    peak_memory: [AtomicU64; 2],
    /// The state machine's own client, whose only retries are those of the definition.
    sns: aws_sdk_sns::Client,
    refused_messages: AtomicU64,
}

/// The most memory that this process ever held, as the kernel of Linux counts it, in KiB.
fn peak_memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

impl Execution {
    async fn run(&self) -> Ending {
        let Shared { definition, .. } = &*self.0;
        let mut name = definition.parent.start.clone();
        let mut input = Value::Null;
        let mut told = false;
        loop {
            let state = definition.parent.state(&name);
            let run = run();
            let answer = match name.as_str() {
                "ListAccounts" => {
                    let payload = json!({
                        "execution": run.execution,
                        "execution_arn": run.execution_arn,
                        "started": format_time(run.started),
                        "input": {},
                    });
                    self.function(state, Function::ListAccounts, payload).await
                }
                "CollectReports" => {
                    self.enter();
                    self.0.peak_memory[0].store(peak_memory(), Ordering::Relaxed);
                    self.map(&input).await;
                    self.0.peak_memory[1].store(peak_memory(), Ordering::Relaxed);
                    Ok(input.clone())
                }
                "AnalyzeReports" => self
                    .function(state, Function::AnalyzeReports, json!({ "run": input["run"] }))
                    .await
                    .map(|_| input.clone()),
                "Notify" => self.function(state, Function::Notify, json!({ "run": input["run"] })).await,
                "ReportBrokenRun" => {
                    let subject = format!("the run failed at {}", input["step"]);
                    let published = self.task(state, || self.publish(&subject, input.to_string())).await;
                    told = published.is_ok();
                    if let Err(failure) = published {
                        state.catcher(&failure.error).expect("every step of the run is caught");
                    }
                    // Told or not, what broke the run is handed on.
                    Ok(input.clone())
                }
                "RunBroken" => {
                    self.enter();
                    let text = |name: &str| input[name].as_str().unwrap_or_default().to_owned();
                    return Ending::Broken { step: text("step"), error: text("error"), told };
                }
                other => panic!("the simulation has no state {other}"),
            };
            let next = match answer {
                Ok(output) => {
                    input = output;
                    state.next()
                }
                Err(failure) => {
                    input = json!({ "step": name, "error": failure.error, "cause": failure.cause });
                    Some(state.catcher(&failure.error).expect("every step of the run is caught"))
                }
            };
            match next {
                Some(next) => name = next,
                None => return Ending::Succeeded,
            }
        }
    }

    /// The Distributed Map.
    async fn map(&self, input: &Value) {
        let output: ListAccountsOutput =
            serde_json::from_value(input.clone()).expect("ListAccounts answered it");
        let versions = self.0.aws.versions(WORK_BUCKET, &output.to_collect_key);
        let items = self.0.aws.bytes(versions.last().expect("ListAccounts wrote the items"));
        let items: Vec<CollectReportInput> = serde_json::from_slice(&items).expect("the items are JSON");
        let slots = Arc::new(Semaphore::new(self.0.max_concurrency));
        let began = Instant::now();
        let mut children = JoinSet::new();
        for (index, item) in items.into_iter().enumerate() {
            let slot = Arc::clone(&slots).acquire_owned().await.expect("nobody closes the semaphore");
            sleep_until(began + Duration::from_millis(1000 * index as u64 / CHILDREN_A_SECOND)).await;
            // Starting a child execution is a transition of its own.
            self.enter();
            let execution = self.clone();
            children.spawn_local(async move {
                let account_id = item.account_id.to_string();
                let item = serde_json::to_value(item).expect("an item is JSON");
                let child = execution.child(item).await;
                execution
                    .0
                    .children
                    .lock()
                    .expect("no child panics with it in hand")
                    .insert(account_id, child);
                drop(slot);
            });
            while let Some(child) = children.try_join_next() {
                child.unwrap_or_else(|error| panic!("a child panicked: {error}"));
            }
        }
        while let Some(child) = children.join_next().await {
            child.unwrap_or_else(|error| panic!("a child panicked: {error}"));
        }
    }

    /// A child execution of the map.
    async fn child(&self, mut item: Value) -> Child {
        let definition = &self.0.definition;
        let mut name = definition.child.start.clone();
        loop {
            let state = definition.child.state(&name);
            let answer = match name.as_str() {
                "CollectReport" => {
                    let mut payload = item.clone();
                    payload["max_waits"] = json!(definition.max_waits);
                    self.function(state, Function::CollectReport, payload).await
                }
                "RecordFailure" => self.function(state, Function::CollectReport, item.clone()).await,
                "ReportReady?" => {
                    self.enter();
                    let (pending, done) = state.choices();
                    name = if item["outcome"]["status"] == "Pending" { pending } else { done };
                    continue;
                }
                "WaitOneMinute" => {
                    self.enter();
                    sleep(state.wait()).await;
                    item["waits"] = json!(item["waits"].as_u64().unwrap_or(0) + 1);
                    name = state.next().expect("a wait is not the end");
                    continue;
                }
                "AccountDone" => {
                    self.enter();
                    return Ok(item["outcome"]["status"].as_str().unwrap_or_default().to_owned());
                }
                other => panic!("the simulation has no state {other} in the map"),
            };
            match answer {
                Ok(outcome) => {
                    item["outcome"] = outcome;
                    name = state.next().expect("a task of the map is not the end");
                }
                Err(failure) => match state.catcher(&failure.error) {
                    Some(next) => {
                        item["lambda_error"] = json!({ "Error": failure.error, "Cause": failure.cause });
                        name = next;
                    }
                    None => return Err(failure.error),
                },
            }
        }
    }

    /// Publishes to the topic of errors, as the state machine itself does.
    async fn publish(&self, subject: &str, message: String) -> Result<(), Failure> {
        let publish = self.0.sns.publish().topic_arn(ERROR_TOPIC).subject(subject).message(message);
        let published = publish.send().await;
        self.0.refused_messages.fetch_add(u64::from(published.is_err()), Ordering::Relaxed);
        published.map(drop).map_err(|error| Failure::new("Sns.SdkClientException", &error.to_string()))
    }

    /// A task that invokes a function.
    async fn function(&self, state: State<'_>, function: Function, payload: Value) -> Result<Value, Failure> {
        self.task(state, || self.0.lambda.invoke(function, payload.clone())).await
    }

    /// A task, with its retries.
    async fn task<T, F>(&self, state: State<'_>, attempt: impl Fn() -> F) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let retriers = state.retriers();
        let mut retried = vec![0; retriers.len()];
        self.enter();
        loop {
            let failure = match attempt().await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            let Some(index) = retriers.iter().position(|retrier| retrier.is_for(&failure.error)) else {
                return Err(failure);
            };
            if retried[index] >= retriers[index].max_attempts {
                return Err(failure);
            }
            let retry = self.0.retries.fetch_add(1, Ordering::Relaxed);
            let chance = Random::about(&[self.0.seed, number("retry"), retry]).unit();
            sleep(retriers[index].delay(retried[index], chance)).await;
            retried[index] += 1;
            self.enter();
        }
    }

    fn enter(&self) {
        self.0.transitions.fetch_add(1, Ordering::Relaxed);
    }
}
