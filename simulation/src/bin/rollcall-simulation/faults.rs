//! Nights in which things go wrong.

use std::collections::BTreeMap;
use std::panic::catch_unwind;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rollcall_simulation::faults::FaultCounts;
use rollcall_simulation::night::{Ending, Night, Settings};
use rollcall_simulation::nightly_run::simulate;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// How many seeds.
    #[arg(long, default_value_t = 1000)]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// Simulate only this seed, and print its night.
    #[arg(long)]
    seed: Option<u64>,
}

/// All nights together.
#[derive(Default)]
struct All {
    nights: u64,
    lasted: Duration,
    longest: Duration,
    calls: u64,
    log_lines: u64,
    endings: BTreeMap<String, u64>,
    outcomes: BTreeMap<String, u64>,
    injected: FaultCounts,
    failed: Vec<(u64, Vec<String>)>,
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    if let Some(seed) = arguments.seed {
        let violations = one(seed);
        return report(&[(seed, violations)]);
    }
    let began = Instant::now();
    let next = AtomicU64::new(arguments.from);
    let end = arguments.from + arguments.seeds;
    let all = Mutex::new(All::default());
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, |threads| threads.get()) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end {
                        return;
                    }
                    let night = catch_unwind(|| simulate(Settings::of_seed(seed)));
                    let mut all = all.lock().expect("no thread panics while it holds it");
                    all.add(seed, night.ok());
                    if all.nights % 100 == 0 {
                        eprintln!("{} of {} nights, {:.0?}", all.nights, arguments.seeds, began.elapsed());
                    }
                }
            });
        }
    });
    let mut all = all.into_inner().expect("no thread panics while it holds it");
    all.print(began.elapsed());
    all.failed.sort();
    report(&all.failed)
}

/// Simulates one night and prints it.
fn one(seed: u64) -> Vec<String> {
    let settings = Settings::of_seed(seed);
    println!("{:#?}", settings.faults);
    let night = simulate(settings);
    println!("{night:#?}");
    night.violations
}

fn report(failed: &[(u64, Vec<String>)]) -> ExitCode {
    let mut code = ExitCode::SUCCESS;
    for (seed, violations) in failed.iter().filter(|(_, violations)| !violations.is_empty()) {
        code = ExitCode::FAILURE;
        eprintln!("\nseed {seed} violated an invariant:");
        for violation in violations {
            eprintln!("  {violation}");
        }
        eprintln!("repeat it with: make soak SEED={seed}");
    }
    code
}

impl All {
    fn add(&mut self, seed: u64, night: Option<Night>) {
        self.nights += 1;
        let Some(night) = night else {
            return self.failed.push((seed, vec!["the night panicked".to_owned()]));
        };
        let ending = match night.ending {
            Ending::Succeeded => "succeeded".to_owned(),
            Ending::Broken { step, error, told: true } => format!("broken at {step}: {error}"),
            Ending::Broken { step, error, told: false } => {
                format!("broken at {step}: {error}; not published")
            }
            Ending::TimedOut => "timed out".to_owned(),
        };
        *self.endings.entry(ending).or_default() += 1;
        self.lasted += night.lasted;
        self.longest = self.longest.max(night.lasted);
        self.calls += night.calls.values().sum::<u64>();
        self.log_lines += night.log_lines;
        add(&mut self.outcomes, &night.outcomes);
        add(&mut self.injected, &night.injected);
        if !night.violations.is_empty() {
            self.failed.push((seed, night.violations));
        }
    }

    fn print(&self, took: Duration) {
        println!(
            "{} nights, {} hours of their own time (the longest {:.1}), simulated in {:.0} seconds: {} calls to AWS, {} lines logged",
            self.nights,
            self.lasted.as_secs() / 3600,
            self.longest.as_secs_f64() / 3600.0,
            took.as_secs_f64(),
            self.calls,
            self.log_lines
        );
        for (what, counts) in [
            ("what went wrong", &self.injected),
            ("how accounts ended", &self.outcomes),
            ("how nights ended", &self.endings),
        ] {
            println!("\n| {what} | times |\n|---|---|");
            for (name, count) in counts {
                println!("| {name} | {count} |");
            }
        }
        println!("\nnights that violated an invariant: {}", self.failed.len());
    }
}

/// Adds the counts of one night to those of others.
fn add(all: &mut BTreeMap<String, u64>, counts: &BTreeMap<String, u64>) {
    for (name, count) in counts {
        *all.entry(name.clone()).or_default() += count;
    }
}
