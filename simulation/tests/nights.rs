//! The short part of `make soak`, always the same: nights of a few hundred accounts with every call counted,
//! and some nights with faults.

use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use rollcall_simulation::faults::{FAULTS, Faults, INVOCATION_FAULTS};
use rollcall_simulation::night::{Ending, Night, Settings};
use rollcall_simulation::nightly_run::{simulate, start_twice};

/// How many nights have faults of many kinds.
const SEEDS: u64 = 40;

/// A night of a seed without faults. Every night of a process has another seed, because the SDK keeps what it
/// learns of retries by a name that is made of the seed.
fn without_faults(seed: u64, accounts: usize, max_concurrency: usize, ready: bool) -> Night {
    let night = simulate(Settings::without_faults(seed, accounts, max_concurrency, ready));
    assert_eq!(night.violations, [""; 0]);
    assert_eq!(night.ending, Ending::Succeeded);
    assert_eq!(night.outcomes, [("collected".to_owned(), accounts as u64)].into());
    night
}

#[test]
fn an_account_whose_report_is_ready_costs_one_call_of_each_kind_and_four_transitions() {
    let night = without_faults(1001, 300, 100, true);
    // AssumeRole, Generate, Get and the report's PutObject. No failure is recorded, no account described.
    assert_eq!(night.calls_about, [(1, 1), (1, 1), (1, 1), (1, 1), (0, 0), (0, 0)]);
    // The functions' own account needs no role. The 50 failures of an earlier run are read, and the roll, the
    // exemptions, run.json, the findings and, twice, the lock. The roll, the items, six outputs and run.json are
    // written, and the lock, which is first tried as a new one.
    let calls = [
        ("AssumeRole", 299),
        ("DescribeExecution", 1),
        ("DescribeOrganization", 1),
        ("GenerateCredentialReport", 300),
        ("GetCredentialReport", 300),
        ("GetObject", 300 + 50 + 6),
        ("ListAccounts", 15),
        ("ListAccountsForParent", 24),
        ("ListObjectsV2", 5),
        ("ListOrganizationalUnitsForParent", 8),
        ("ListRoots", 1),
        ("Publish", 1),
        ("PutObject", 300 + 11),
    ];
    assert_eq!(night.calls, calls.into());
    assert_eq!(night.transitions, 300 * 4 + 4);
    assert_eq!(night.retries, 0);
    assert!(night.environments <= 100 + 3, "{} environments", night.environments);
}

#[test]
fn a_report_that_has_to_be_made_costs_one_more_poll_for_most() {
    let night = without_faults(1002, 60, 100, false);
    assert_eq!(night.calls_about[0].0, 1);
    assert_eq!(night.calls_about[1].0, 2, "it is started, and complete at the next poll");
    assert_eq!(night.calls_about[2], (1, 1));
    assert_eq!(night.calls_about[3], (1, 1));
}

#[test]
fn of_two_runs_that_start_at_once_exactly_one_goes_on() {
    for seed in 1005..1015 {
        let endings = start_twice(Settings::without_faults(seed, 20, 10, true));
        let refused = |ending: &&Ending| {
            matches!(ending, Ending::Broken { step, error, told: true }
                if step == "ListAccounts" && error == "AnotherRunIsRunning")
        };
        assert_eq!(endings.iter().filter(refused).count(), 1, "{endings:?}");
        assert_eq!(endings.iter().filter(|ending| **ending == Ending::Succeeded).count(), 1, "{endings:?}");
    }
}

#[test]
fn twice_the_accounts_are_twice_the_calls_and_transitions() {
    let (one, two) = (without_faults(1003, 100, 10, true), without_faults(1004, 200, 10, true));
    assert_eq!(two.transitions - 4, 2 * (one.transitions - 4));
    for action in ["GenerateCredentialReport", "GetCredentialReport"] {
        assert_eq!(two.calls[action], 2 * one.calls[action]);
    }
}

#[test]
fn whatever_faults_a_night_has_every_account_has_its_one_true_outcome() {
    let nights = (1..=SEEDS).map(|seed| (seed.to_string(), Settings::of_seed(seed))).collect();
    simulate_all(nights, |seed, night| {
        assert_eq!(night.violations, [""; 0], "repeat it with: make soak SEED={seed}");
        assert!(night.lasted < Duration::from_secs(82_800));
    });
}

#[test]
fn no_single_kind_of_fault_breaks_a_night_or_fails_an_account() {
    let seeds = 2001..;
    let calls = FAULTS.iter().map(|fault| (fault.to_string(), Faults::only_calls(*fault)));
    let invocations =
        INVOCATION_FAULTS.iter().map(|fault| (fault.to_string(), Faults::only_invocations(*fault)));
    let nights = seeds
        .zip(calls.chain(invocations).chain([("clock wrong".to_owned(), Faults::only_clocks())]))
        .map(|(seed, (name, faults))| {
            (name, Settings { faults, ..Settings::without_faults(seed, 40, 10, false) })
        })
        .collect();
    simulate_all(nights, |name, night| {
        assert_eq!(night.violations, [""; 0], "{name}");
        // Without it, the night shows nothing.
        let times: u64 = night
            .injected
            .iter()
            .filter(|(injected, _)| is_or_is_named(injected, name))
            .map(|(_, times)| times)
            .sum();
        assert!(times > 0, "{name} never happened");
        assert_eq!(night.ending, Ending::Succeeded, "{name}");
        assert_eq!(night.outcomes, [("collected".to_owned(), 40)].into(), "{name}");
    });
}

/// Kills between Get and Put are counted apart.
fn is_or_is_named(injected: &str, name: &str) -> bool {
    injected == name || name.starts_with("killed") && injected.starts_with("killed")
}

/// Simulates nights, as many at a time as there are processors, and checks each by its name.
fn simulate_all(nights: Vec<(String, Settings)>, check: impl Fn(&str, Night) + Sync) {
    let next = AtomicU64::new(0);
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, |threads| threads.get()) {
            scope.spawn(|| {
                while let Some((name, settings)) = nights.get(next.fetch_add(1, Ordering::Relaxed) as usize) {
                    check(name, simulate(settings.clone()));
                }
            });
        }
    });
}

#[test]
fn a_seed_is_one_night_and_always_the_same() {
    let simulate = || {
        // A process of its own, because the SDK keeps what it learns of retries for the process.
        let program = env!("CARGO_BIN_EXE_rollcall-simulation");
        let output = Command::new(program).args(["faults", "--seed", "7"]).output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    };
    // From the memory on, the output is about the machine, except for the digest of the night.
    let of_the_night = |text: String| {
        let (night, machine) = text.split_once("peak_memory").unwrap();
        let digest = machine.lines().find(|line| line.contains("digest")).unwrap();
        format!("{night}{digest}")
    };
    assert_eq!(of_the_night(simulate()), of_the_night(simulate()));
}
