//! The measurements: a folder of reports, read by as many threads as there are processors.

use std::error::Error;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufWriter, Read};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use rollcall_core::evidence::manifest::{JudgedBy, Manifest};
use rollcall_core::formats::csv::write_csv;
use rollcall_core::formats::jsonl::write_jsonl;
use rollcall_core::formats::page::write_html;
use rollcall_core::identifiers::account_id::AccountId;
use rollcall_core::judgement::analysis::{Analysis, Analyzer};
use rollcall_core::judgement::exemptions::Exemptions;
use rollcall_core::judgement::finding::Finding;
use rollcall_core::judgement::history::Previous;
use rollcall_core::judgement::settings::RuleSettings;
use rollcall_core::organization::outcome::ReportEntry;
use rollcall_core::organization::roll::{Account, Roll, RollSource};
use rollcall_core::organization::roll_call::{Evidence, RollCall, StoredReport};
use rollcall_core::organization::run::Run;
use sha2::{Digest, Sha256};

use rollcall_testing::organization;

/// What one process measured.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    /// From the first file's opening to the last output's end.
    pub seconds: f64,
    /// The reports' bytes.
    pub bytes: u64,
    /// The reports' rows.
    pub rows: u64,
    /// How many findings there are.
    pub findings: u64,
    /// What they hold in memory.
    pub findings_bytes: u64,
    /// The most memory the process ever held.
    pub peak_bytes: u64,
}

impl fmt::Display for Measured {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seconds, bytes, rows, findings, findings_bytes, peak_bytes } = self;
        write!(formatter, "{seconds} {bytes} {rows} {findings} {findings_bytes} {peak_bytes}")
    }
}

impl FromStr for Measured {
    type Err = Box<dyn Error>;

    fn from_str(line: &str) -> Result<Self, Self::Err> {
        let mut fields = line.split_whitespace();
        let mut next = || fields.next().ok_or("a measurement is cut off");
        Ok(Self {
            seconds: next()?.parse()?,
            bytes: next()?.parse()?,
            rows: next()?.parse()?,
            findings: next()?.parse()?,
            findings_bytes: next()?.parse()?,
            peak_bytes: next()?.parse()?,
        })
    }
}

/// Writes the reports of an organization, unless they are there.
pub fn generate(folder: &Path, accounts: u64, users: u64, careless: u64) -> io::Result<()> {
    let done = folder.join("complete");
    if done.exists() {
        return Ok(());
    }
    eprintln!("generating {accounts} reports into {}", folder.display());
    fs::create_dir_all(folder.join("reports"))?;
    for number in 0..accounts {
        let name = format!("credentialReport_{}.csv", organization::account_id(number));
        fs::write(folder.join("reports").join(name), organization::report(number, users, careless))?;
    }
    File::create(done).map(|_| ())
}

/// Makes one measurement of the reports in `folder`.
pub fn measure(measurement: &str, folder: &Path) -> Result<Measured, Box<dyn Error>> {
    let start = Instant::now();
    let files = files(&folder.join("reports"))?;
    let mut measured =
        Measured { seconds: 0.0, bytes: 0, rows: 0, findings: 0, findings_bytes: 0, peak_bytes: 0 };
    if measurement == "read" {
        measured.bytes = each(&files, |_, bytes| bytes.len() as u64)?.into_iter().sum();
        return finish(measured, start);
    }
    let settings = RuleSettings::default();
    let previous = Previous::default();
    let as_of = organization::as_of();
    let analyzer = Analyzer::new(&settings, &previous, as_of, as_of.date_naive());
    let with_checksums = measurement == "nightly";
    let analysis = Mutex::new(Analysis::new(analyzer));
    let reports = each(&files, |path, bytes| {
        let account_id = account_id(path);
        let judged =
            analyzer.report(&account_id, "", Some(as_of), bytes).expect("the generator writes reports");
        let report = Report {
            account_id,
            bytes: bytes.len() as u64,
            rows: judged.tally.rows,
            sha256: if with_checksums { Sha256::digest(bytes).into() } else { [0; 32] },
        };
        analysis.lock().expect("no worker panics").add(judged);
        report
    })?;
    let analysis = analysis.into_inner().expect("no worker panics");
    measured.bytes = reports.iter().map(|report| report.bytes).sum();
    measured.rows = reports.iter().map(|report| report.rows).sum();
    let (run, roll_call) = roll_call(&reports);
    let assessment = analysis.settle(&roll_call, &Exemptions::default());
    measured.findings = assessment.findings.len() as u64;
    measured.findings_bytes = assessment.findings.iter().map(held).sum();
    let create = |name: &str| File::create(folder.join(name)).map(BufWriter::new);
    if measurement != "judge" {
        write_csv(&assessment.findings, &mut create("findings.csv")?)?;
    }
    if measurement == "nightly" {
        write_jsonl(&assessment.findings, &mut create("findings.jsonl")?)?;
        let judged_by = JudgedBy { settings, ..Default::default() };
        let manifest = Manifest::of(&run, roll_call, judged_by, &assessment, as_of);
        write_html(&manifest, &assessment.findings, &assessment.resolved, &mut create("summary.html")?)?;
        serde_json::to_writer(create("run.json")?, &manifest)?;
    }
    finish(measured, start)
}

fn finish(mut measured: Measured, start: Instant) -> Result<Measured, Box<dyn Error>> {
    measured.seconds = start.elapsed().as_secs_f64();
    measured.peak_bytes = peak_bytes()?;
    Ok(measured)
}

fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    files.sort_unstable();
    Ok(files)
}

/// Gives every file's bytes to `visit`, on as many threads as there are processors, each with a
/// buffer that it keeps.
fn each<T: Send>(files: &[PathBuf], visit: impl Fn(&Path, &[u8]) -> T + Sync) -> io::Result<Vec<T>> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut buffer = Vec::new();
        let mut visited = Vec::new();
        while let Some(path) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
            buffer.clear();
            File::open(path)?.read_to_end(&mut buffer)?;
            visited.push(visit(path, &buffer));
        }
        Ok(visited)
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let mut all = Vec::with_capacity(files.len());
        for worker in workers {
            let visited: io::Result<Vec<T>> = worker.join().expect("no worker panics");
            all.extend(visited?);
        }
        Ok(all)
    })
}

fn account_id(path: &Path) -> AccountId {
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    name.trim_start_matches("credentialReport_").parse().expect("the generator names files by account")
}

/// What the manifest says about a report.
struct Report {
    account_id: AccountId,
    bytes: u64,
    rows: u64,
    sha256: [u8; 32],
}

fn roll_call(reports: &[Report]) -> (Run, RollCall) {
    let as_of = organization::as_of();
    let run = Run { execution: "bench".into(), execution_arn: String::new(), started: as_of, as_of };
    let mut evidence = Evidence::default();
    let mut accounts = Vec::with_capacity(reports.len());
    for Report { account_id, bytes, rows, sha256 } in reports {
        accounts.push(Account::of_id(account_id.clone()));
        let entry = ReportEntry {
            key: String::new(),
            generated: Some(as_of),
            collected: Some(as_of),
            age_seconds: Some(0),
            file_modified: None,
            sha256: sha256.iter().map(|byte| format!("{byte:02x}")).collect(),
            bytes: *bytes,
            version_id: None,
            rows: *rows,
            bad_rows: 0,
            first_bad_rows: vec![],
        };
        evidence.reports.insert(account_id.clone(), StoredReport { entry, fault: None });
    }
    let roll = Roll {
        execution: run.execution.clone(),
        started: as_of,
        as_of,
        taken: as_of,
        source: RollSource::Organization,
        organization_id: None,
        accounts,
    };
    (run, RollCall::of(roll, evidence))
}

/// What a finding holds: itself and its texts.
fn held(finding: &Finding) -> u64 {
    (size_of::<Finding>() + finding.user.len() + finding.arn.len() + finding.observed.len()) as u64
}

/// The most memory this process ever held; 0 where the system does not say.
fn peak_bytes() -> Result<u64, Box<dyn Error>> {
    let Ok(status) = fs::read_to_string("/proc/self/status") else { return Ok(0) };
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).ok_or("no VmHWM")?;
    let kilobytes: u64 = line.split_whitespace().nth(1).ok_or("no VmHWM")?.parse()?;
    Ok(kilobytes * 1024)
}
