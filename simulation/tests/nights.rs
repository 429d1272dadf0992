//! The short part of `make soak`, the same every time: a few hundred accounts with every call counted,
//! and some nights in which things go wrong.

use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use rollcall_simulation::faults::{FAULTS, Faults, INVOCATION_FAULTS};
use rollcall_simulation::night::{Ending, Night, Settings, live};

/// How many nights things go wrong in.
const SEEDS: u64 = 40;

/// A night of a seed in which nothing goes wrong. Nights of a process have seeds of their own, for the SDK
/// keeps what it learns of retries by what is made of the seed.
fn well(seed: u64, accounts: usize, max_concurrency: usize, ready: bool) -> Night {
    let night = live(Settings::well(seed, accounts, max_concurrency, ready));
    assert_eq!(night.violations, [""; 0]);
    assert_eq!(night.ending, Ending::Succeeded);
    assert_eq!(night.outcomes, [("collected".to_owned(), accounts as u64)].into());
    night
}

#[test]
fn an_account_whose_report_is_ready_costs_one_call_of_each_kind_and_four_transitions() {
    let night = well(1001, 300, 100, true);
    // AssumeRole, Generate, Get, the report's PutObject; no failure recorded, nobody asked for the state.
    assert_eq!(night.calls_about, [(1, 1), (1, 1), (1, 1), (1, 1), (0, 0), (0, 0)]);
    // Its own account needs no role. What an earlier run left is 50 failures, which are looked at; the others are
    // the items, the exemptions, run.json and the findings. And the roll, the items, six outputs and run.json
    // are written.
    let calls = [
        ("AssumeRole", 299),
        ("DescribeOrganization", 1),
        ("GenerateCredentialReport", 300),
        ("GetCredentialReport", 300),
        ("GetObject", 300 + 50 + 4),
        ("ListAccounts", 15),
        ("ListAccountsForParent", 24),
        ("ListObjectsV2", 4),
        ("ListOrganizationalUnitsForParent", 8),
        ("ListRoots", 1),
        ("Publish", 1),
        ("PutObject", 300 + 9),
    ];
    assert_eq!(night.calls, calls.into());
    assert_eq!(night.transitions, 300 * 4 + 4);
    assert_eq!(night.retries, 0);
    assert!(night.environments <= 100 + 3, "{} environments", night.environments);
}

#[test]
fn a_report_that_has_to_be_made_costs_one_more_poll_for_most() {
    let night = well(1002, 60, 100, false);
    assert_eq!(night.calls_about[0].0, 1);
    assert_eq!(night.calls_about[1].0, 2, "it is started, and is complete at the next poll");
    assert_eq!(night.calls_about[2], (1, 1));
    assert_eq!(night.calls_about[3], (1, 1));
}

#[test]
fn twice_the_accounts_are_twice_the_calls_and_transitions() {
    let (one, two) = (well(1003, 100, 10, true), well(1004, 200, 10, true));
    assert_eq!(two.transitions - 4, 2 * (one.transitions - 4));
    for action in ["GenerateCredentialReport", "GetCredentialReport"] {
        assert_eq!(two.calls[action], 2 * one.calls[action]);
    }
}

#[test]
fn whatever_goes_wrong_every_account_has_its_one_true_outcome() {
    let nights = (1..=SEEDS).map(|seed| (seed.to_string(), Settings::of_seed(seed))).collect();
    live_all(nights, |seed, night| {
        assert_eq!(night.violations, [""; 0], "to live through it again: make soak SEED={seed}");
        assert!(night.lasted < Duration::from_secs(82_800));
    });
}

#[test]
fn whatever_goes_wrong_alone_and_often_ends_no_night_and_fails_no_account() {
    let seeds = 2001..;
    let calls = FAULTS.iter().map(|fault| (fault.to_string(), Faults::only_calls(*fault)));
    let invocations =
        INVOCATION_FAULTS.iter().map(|fault| (fault.to_string(), Faults::only_invocations(*fault)));
    let nights = seeds
        .zip(calls.chain(invocations).chain([("clock wrong".to_owned(), Faults::only_clocks())]))
        .map(|(seed, (name, faults))| (name, Settings { faults, ..Settings::well(seed, 40, 10, false) }))
        .collect();
    live_all(nights, |name, night| {
        assert_eq!(night.violations, [""; 0], "{name}");
        // Else the night shows nothing.
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

/// Kills between Get and Put are counted by themselves.
fn is_or_is_named(injected: &str, name: &str) -> bool {
    injected == name || name.starts_with("killed") && injected.starts_with("killed")
}

/// Lives through nights, as many at a time as there are processors, and checks each by its name.
fn live_all(nights: Vec<(String, Settings)>, check: impl Fn(&str, Night) + Sync) {
    let next = AtomicU64::new(0);
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, |threads| threads.get()) {
            scope.spawn(|| {
                while let Some((name, settings)) = nights.get(next.fetch_add(1, Ordering::Relaxed) as usize) {
                    check(name, live(settings.clone()));
                }
            });
        }
    });
}

#[test]
fn a_seed_is_one_night_and_always_the_same() {
    let live = || {
        // A process of its own: the SDK keeps what it learns of retries for as long as one lives.
        let program = env!("CARGO_BIN_EXE_rollcall-simulation");
        let output = Command::new(program).args(["faults", "--seed", "7"]).output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    };
    // From its memory on, it is about the machine; but for the digest of all that happened.
    let of_the_night = |text: String| {
        let (night, machine) = text.split_once("peak_memory").unwrap();
        let digest = machine.lines().find(|line| line.contains("digest")).unwrap();
        format!("{night}{digest}")
    };
    assert_eq!(of_the_night(live()), of_the_night(live()));
}
