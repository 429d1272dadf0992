//! Nights of more and more accounts. Each is simulated by a process of its own, to measure its memory.

use std::env;
use std::fs;
use std::process::{Command, ExitCode};
use std::time::Instant;

use clap::ValueEnum;
use rollcall_simulation::aws::ACTIONS_OF_ACCOUNTS;
use rollcall_simulation::night::{Night, Settings};
use rollcall_simulation::nightly_run::simulate;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// How many accounts.
    #[arg(long, value_delimiter = ',', default_value = "10,100,1000,10000")]
    accounts: Vec<usize>,
    /// How many are collected at a time.
    #[arg(long, value_delimiter = ',', default_value = "1,100,1000")]
    concurrency: Vec<usize>,
    /// Whether IAM has the reports already.
    #[arg(long, value_delimiter = ',', default_value = "ready,new")]
    reports: Vec<Reports>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Reports {
    /// Made in the last four hours.
    Ready,
    /// Each has to be made.
    New,
}

/// The size of one night.
#[derive(clap::Args)]
pub(crate) struct Size {
    accounts: usize,
    concurrency: usize,
    reports: Reports,
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    println!(
        "| accounts | at a time | reports | night lasts | calls an account: AssumeRole, Generate, Get, PutObject | calls in all | transitions | an account | peak memory: roll, collection, analysis | seconds of processor |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    let program = env::current_exe().expect("a process knows its program");
    for reports in &arguments.reports {
        for concurrency in &arguments.concurrency {
            for accounts in &arguments.accounts {
                let name = reports.to_possible_value().expect("it has a name");
                let once = Command::new(&program)
                    .args(["scale-once", &accounts.to_string(), &concurrency.to_string(), name.get_name()])
                    .status();
                if !once.is_ok_and(|status| status.success()) {
                    return ExitCode::FAILURE;
                }
            }
        }
    }
    ExitCode::SUCCESS
}

/// One night: a row of the table.
pub(crate) fn once(size: &Size) -> ExitCode {
    let Size { accounts, concurrency, reports } = *size;
    let began = Instant::now();
    let reports_are_ready = matches!(reports, Reports::Ready);
    let night = simulate(Settings::without_faults(1, accounts, concurrency, reports_are_ready));
    let took = began.elapsed();
    for violation in &night.violations {
        eprintln!("{violation}");
    }
    if !night.violations.is_empty() {
        return ExitCode::FAILURE;
    }
    if !is_least(size, &night) {
        eprintln!(
            "{accounts} accounts took {} transitions, {:?} calls each and {:?} in all",
            night.transitions, night.calls_about, night.calls
        );
        return ExitCode::FAILURE;
    }
    let calls: Vec<String> = night.calls_about[..4].iter().map(range).collect();
    debug_assert_eq!(ACTIONS_OF_ACCOUNTS[3], "PutObject");
    let seconds = night.lasted.as_secs();
    println!(
        "| {accounts} | {concurrency} | {} | {}:{:02}:{:02} | {} | {} | {} | {:.2} | {}, {}, {} MB | {:.1} |",
        match reports {
            Reports::Ready => "ready",
            Reports::New => "new",
        },
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60,
        calls.join(", "),
        night.calls.values().sum::<u64>(),
        night.transitions,
        night.transitions as f64 / accounts as f64,
        megabytes(night.peak_memory[0]),
        megabytes(night.peak_memory[1]),
        megabytes(night.peak_memory[2]),
        processor_seconds().unwrap_or(took.as_secs_f64()),
    );
    ExitCode::SUCCESS
}

/// Whether the night took only the calls and transitions that its accounts need, and the run read and wrote no
/// other objects.
fn is_least(size: &Size, night: &Night) -> bool {
    let accounts = size.accounts as u64;
    let [assumed, generated, got, stored, failed, described] = night.calls_about;
    // Every report is read once and stored once. No failure is recorded and no account is described.
    let once = (got, stored, failed, described) == ((1, 1), (1, 1), (0, 0), (0, 0));
    let objects = (night.calls["GetObject"], night.calls["PutObject"]);
    // Beside the reports: what an earlier run left of 50 accounts, the items, the exemptions, run.json and the
    // findings and, twice, the lock are read; the roll, the items, six outputs and run.json are written, and the
    // lock, which is first tried as a new one.
    let as_few = objects == (accounts + accounts.min(50) + 6, accounts + 11);
    match size.reports {
        Reports::Ready => {
            let at_once = (assumed, generated) == ((1, 1), (1, 1));
            once && as_few && at_once && night.transitions == 4 * accounts + 4
        }
        // A report that takes a wait or two, of thousands of users, costs three transitions a wait.
        Reports::New => {
            let (sessions, polls) = (assumed.1, generated.1);
            once && as_few
                && sessions <= 4
                && polls <= 13
                && night.transitions <= 4 * accounts + 4 + accounts / 10
        }
    }
}

/// KiB in megabytes.
fn megabytes(kibibytes: u64) -> u64 {
    (kibibytes * 1024 + 500_000) / 1_000_000
}

fn range((least, most): &(u32, u32)) -> String {
    if least == most { least.to_string() } else { format!("{least}-{most}") }
}

/// The processor time of this process, in seconds. A tick of Linux is a hundredth of a second.
fn processor_seconds() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let ticks: u64 = fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?;
    Some(ticks as f64 / 100.0)
}
