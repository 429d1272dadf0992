//! A night: what it is, and what it came to.

use std::collections::BTreeMap;
use std::time::Duration;

use rollcall_core::organization::run::Run;
use rollcall_testing::random::{Random, number};
use serde_json::Value;

use crate::aws::ACTIONS_OF_ACCOUNTS;
use crate::failure::Failure;
use crate::faults::{FaultCounts, Faults};
use crate::organization::start_of_night;

/// The name of the execution.
const EXECUTION: &str = "night";

/// The settings of a night.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The seed of the organization and of everything else that is drawn.
    pub seed: u64,
    /// How many accounts it has.
    pub accounts: usize,
    /// How many are collected at a time.
    pub max_concurrency: usize,
    /// Whether every report was made before the night, as after another run in the last four hours.
    pub reports_are_ready: bool,
    /// Whether a few accounts are in trouble of their own.
    pub is_troubled: bool,
    /// Whether the pages of listings are so small that a few accounts fill several.
    pub has_small_pages: bool,
    /// The faults.
    pub faults: Faults,
}

impl Settings {
    /// A night in which nothing goes wrong and no account is in trouble.
    pub fn without_faults(
        seed: u64,
        accounts: usize,
        max_concurrency: usize,
        reports_are_ready: bool,
    ) -> Self {
        Self {
            seed,
            accounts,
            max_concurrency,
            reports_are_ready,
            is_troubled: false,
            has_small_pages: false,
            faults: Faults::none(),
        }
    }

    /// The night of a seed: a dozen accounts, a few of them in trouble, and the faults of the seed.
    pub fn of_seed(seed: u64) -> Self {
        let mut random = Random::about(&[seed, number("night")]);
        Self {
            seed,
            accounts: 8 + random.below(10) as usize,
            max_concurrency: random.of(&[1, 3, 100]),
            reports_are_ready: random.happens(0.3),
            is_troubled: true,
            has_small_pages: random.happens(0.5),
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
        /// The step.
        step: String,
        /// Its error.
        error: String,
        /// Whether the state machine could publish that. If not, only the rule on failed executions is
        /// left, which is not simulated.
        told: bool,
    },
    /// It took longer than the definition allows.
    TimedOut,
}

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
    pub children: BTreeMap<String, Result<Value, Failure>>,
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
    /// What should not have been.
    pub violations: Vec<String>,
    /// The same for two nights in which the same happened.
    pub digest: u64,
}

/// The run of every night.
pub(crate) fn run() -> Run {
    let started = start_of_night();
    Run {
        execution: EXECUTION.to_owned(),
        execution_arn: format!("arn:aws:states:eu-central-1:999999999999:execution:rollcall:{EXECUTION}"),
        started,
        as_of: started,
    }
}
