//! Nights of the nightly run: the execution of its state machine over the simulated AWS, and what must hold
//! after it.

mod earlier_run;
mod invariants;

use std::collections::BTreeMap;

use rollcall_core::identifiers::arn::ArnAccount;
use rollcall_core::organization::run::Run;
use rollcall_core::text::time::format_time;
use serde_json::json;
use tokio::task::LocalSet;

use crate::aws::{ACTIONS_OF_ACCOUNTS, Aws, Behaviour};
use crate::clock::Clock;
use crate::deployment::Deployment;
use crate::lambda::Lambda;
use crate::memory::peak_memory;
use crate::night::{Ending, Night, Settings, run};
use crate::organization::Organization;
use crate::step_functions::definition::StateMachine;
use crate::step_functions::{Execution, StepFunctions};
use crate::watch::Watch;

/// The state machine of the nightly run.
const NIGHTLY_RUN: &str = "credential-reports";

/// Simulates a night, on a thread of its own, so that it shares nothing that the SDK and the steps keep by
/// thread.
pub fn simulate(settings: Settings) -> Night {
    on_a_thread(settings.seed, |watch| simulate_here(settings, watch))
}

/// Starts two executions of the state machine at the same moment, and says how each ended.
pub fn start_twice(settings: Settings) -> [Ending; 2] {
    on_a_thread(settings.seed, async move |watch| {
        let Stage { step_functions, .. } = &Stage::set(&settings, watch);
        let first = run();
        let second = Run {
            execution: "again".to_owned(),
            execution_arn: format!("{}-again", first.execution_arn),
            ..first.clone()
        };
        let (first, second) = tokio::join!(execute(step_functions, &first), execute(step_functions, &second));
        [ending(&first), ending(&second)]
    })
}

fn on_a_thread<T: Send + 'static>(seed: u64, simulate: impl AsyncFnOnce(Watch) -> T + Send + 'static) -> T {
    let night = std::thread::Builder::new()
        .name(format!("night {seed}"))
        .spawn(move || {
            fastrand::seed(seed);
            let watch = Watch::default();
            let subscriber = rollcall_functions::lambda::subscriber(Some("TRACE"), watch.clone());
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_time()
                .start_paused(true)
                .build()
                .expect("a runtime can be built");
            tracing::subscriber::with_default(subscriber, || {
                LocalSet::new().block_on(&runtime, simulate(watch))
            })
        })
        .expect("a thread can be started")
        .join();
    night.unwrap_or_else(|_| panic!("the night of seed {seed} panicked"))
}

/// Everything that a night happens on.
struct Stage {
    clock: Clock,
    aws: Aws,
    lambda: Lambda,
    step_functions: StepFunctions,
}

impl Stage {
    fn set(settings: &Settings, watch: Watch) -> Self {
        let Settings { seed, reports_are_ready, has_small_pages, faults, .. } = settings;
        let clock = Clock::start();
        let organization = Organization::new(*seed, settings.accounts, settings.is_troubled);
        let owner = ArnAccount { partition: "aws".to_owned(), account_id: organization.id(0) };
        let behaviour = Behaviour {
            reports_are_ready: *reports_are_ready,
            has_small_pages: *has_small_pages,
            ..Behaviour::USUAL
        };
        let aws = Aws::new(clock, organization, behaviour, faults.clone(), watch.clone());
        earlier_run::leave_objects(&aws);
        let deployment = Deployment::new(owner, settings.max_concurrency);
        let machines = StateMachine::all(&deployment);
        let lambda = Lambda::new(aws.clone(), deployment, clock, faults.clone(), watch, *seed);
        let step_functions = StepFunctions::new(machines, aws.clone(), lambda.clone(), *seed);
        Self { clock, aws, lambda, step_functions }
    }
}

async fn execute(step_functions: &StepFunctions, run: &Run) -> Execution {
    let named = json!({
        "Id": run.execution_arn,
        "Name": run.execution,
        "StartTime": format_time(run.started),
    });
    step_functions.execute(NIGHTLY_RUN, named, json!({})).await
}

async fn simulate_here(settings: Settings, watch: Watch) -> Night {
    let Stage { clock, aws, lambda, step_functions } = Stage::set(&settings, watch.clone());
    let run = run();
    let execution = execute(&step_functions, &run).await;
    let lasted = clock.elapsed();
    lambda.settle().await;

    let mut injected = aws.injected();
    injected.extend(lambda.injected());
    let [before_map, after_map] = execution.memory_around_map;
    let mut night = Night {
        ending: ending(&execution),
        lasted,
        transitions: execution.transitions,
        retries: execution.retries,
        refused_messages: execution.refused_messages,
        children: execution.children,
        calls: aws.calls(),
        calls_about: calls_about(&aws),
        injected,
        outcomes: BTreeMap::new(),
        environments: lambda.environments(),
        peak_memory: [before_map, after_map, peak_memory()],
        log_lines: watch.lines(),
        violations: Vec::new(),
        digest: aws.digest(),
    };
    invariants::check(&aws, &run, &settings.faults, lambda.died(), &mut night);
    night.violations.extend(watch.violations());
    night
}

fn ending(execution: &Execution) -> Ending {
    match &execution.result {
        None => Ending::TimedOut,
        Some(Ok(_)) => Ending::Succeeded,
        Some(Err(failure)) => Ending::Broken {
            step: execution.caught.clone().unwrap_or_default(),
            error: failure.error.clone(),
            told: execution.messages > 0,
        },
    }
}

fn calls_about(aws: &Aws) -> [(u32, u32); ACTIONS_OF_ACCOUNTS.len()] {
    let mut calls_about = [(u32::MAX, 0); ACTIONS_OF_ACCOUNTS.len()];
    // The first account is the functions' own, for which they need no role.
    for account in 1..aws.organization().accounts() {
        for ((least, most), calls) in calls_about.iter_mut().zip(aws.calls_about(account)) {
            *least = calls.min(*least);
            *most = calls.max(*most);
        }
    }
    calls_about
}
