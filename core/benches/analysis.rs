//! `make bench`: the whole analysis of an organization's reports on disk, against the floor of merely
//! reading them.
//!
//! The organization is generated once into `ROLLCALL_BENCH_FOLDER`. Every measurement is a process of
//! its own, so that its peak memory is its own too, and the measurements take turns, so that a busy
//! machine slows all of them.

mod disk;

use std::collections::BTreeMap;
use std::env;
use std::error::Error;
use std::path::Path;
use std::process::Command;

use disk::Measured;

/// What is measured, in the order of the table.
const MEASUREMENTS: [(&str, &str); 4] = [
    ("read", "every byte read, nothing else: the floor"),
    ("judge", "and every rule applied to every user"),
    ("analyze", "and findings.csv written: the whole analysis of a folder"),
    ("nightly", "and every SHA-256, findings.jsonl and summary.html: all a night does but S3"),
];

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().collect();
    if let [_, measurement, folder] = arguments.as_slice()
        && MEASUREMENTS.iter().any(|(name, _)| name == measurement)
    {
        println!("{}", disk::measure(measurement, Path::new(folder))?);
        return Ok(());
    }
    let number = |variable: &str, default: u64| match env::var(variable) {
        Ok(value) => value.parse().map_err(|_| format!("{variable} is {value:?}: give a whole number")),
        Err(_) => Ok(default),
    };
    let accounts = number("ROLLCALL_BENCH_ACCOUNTS", 10_000)?;
    let users = number("ROLLCALL_BENCH_USERS", 49)?;
    let careless = number("ROLLCALL_BENCH_CARELESS", 5)?;
    let rounds = number("ROLLCALL_BENCH_ROUNDS", 7)?;
    let folder = env::var("ROLLCALL_BENCH_FOLDER").unwrap_or_else(|_| "target/bench".to_owned());
    let folder = Path::new(&folder).join(format!("{accounts}-{users}-{careless}"));
    disk::generate(&folder, accounts, users, careless)?;

    let mut measured: BTreeMap<&str, Vec<Measured>> = BTreeMap::new();
    for _ in 0..rounds {
        for (name, _) in MEASUREMENTS {
            let output = Command::new(env::current_exe()?).arg(name).arg(&folder).output()?;
            if !output.status.success() {
                return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
            }
            measured.entry(name).or_default().push(String::from_utf8(output.stdout)?.parse()?);
        }
    }
    print(&measured, accounts, careless);
    Ok(())
}

fn print(measured: &BTreeMap<&str, Vec<Measured>>, accounts: u64, careless: u64) {
    let median = |name: &str, of: fn(&Measured) -> f64| {
        let mut values: Vec<f64> = measured[name].iter().map(of).collect();
        values.sort_unstable_by(f64::total_cmp);
        values[values.len() / 2]
    };
    let least = |name: &str| measured[name].iter().map(|one| one.seconds).fold(f64::INFINITY, f64::min);
    let last = &measured["nightly"][0];
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    println!(
        "{accounts} reports, {} rows, {:.0} MB; {careless} in a hundred users careless: {} findings; {threads} threads; median of {} rounds",
        last.rows,
        last.bytes as f64 / 1e6,
        last.findings,
        measured["read"].len()
    );
    println!();
    println!(
        "| what | seconds | least | times the floor | million rows a second | peak memory | beyond the findings |"
    );
    println!("|---|---|---|---|---|---|---|");
    let floor = median("read", |one| one.seconds);
    for (name, what) in MEASUREMENTS {
        let seconds = median(name, |one| one.seconds);
        let peak = median(name, |one| one.peak_bytes as f64) / 1e6;
        let beyond = median(name, |one| one.peak_bytes.saturating_sub(one.findings_bytes) as f64) / 1e6;
        println!(
            "| {what} | {seconds:.3} | {:.3} | {:.1} | {:.2} | {peak:.0} MB | {beyond:.0} MB |",
            least(name),
            seconds / floor,
            last.rows as f64 / seconds / 1e6,
        );
    }
}
