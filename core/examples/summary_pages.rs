//! Writes the summary pages that the browser's tests open: `cargo run --example summary_pages FOLDER`.
//!
//! `covered.html` is a good night; `missing.html` one with accounts missing, exemptions, a run to
//! compare with, and names that no page should take for anything but text; `large.html` one with
//! more findings than a page holds.

use std::error::Error;
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use chrono::TimeDelta;
use rollcall_core::evidence::bucket_layout;
use rollcall_core::evidence::manifest::{JudgedBy, Manifest, WrittenFile};
use rollcall_core::formats::page::write_html;
use rollcall_core::judgement::analysis::{Analysis, Analyzer};
use rollcall_core::judgement::exemptions::Exemptions;
use rollcall_core::judgement::history::{Earlier, EarlierRun, History, Previous};
use rollcall_core::judgement::settings::RuleSettings;
use rollcall_core::organization::failure::{FailureCode, FailureRecord};
use rollcall_core::organization::outcome::ReportEntry;
use rollcall_core::organization::roll::{Account, Roll, RollSource};
use rollcall_core::organization::roll_call::{Evidence, RollCall, StoredReport};
use rollcall_core::organization::run::Run;
use rollcall_testing::organization;

const HOSTILE_NAMES: [&str; 4] = [
    "<script>alert(1)</script>",
    "=HYPERLINK(\"http://x\")",
    "<img src=x onerror=alert(1)>",
    "\u{202e}gnp.exe",
];

/// An organization, and what is special about its night.
struct Night {
    file: &'static str,
    accounts: u64,
    users: u64,
    careless: u64,
    /// How many of the last accounts have no report.
    missing: u64,
    hostile: bool,
    exemptions: &'static str,
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).ok_or("name the folder to write into")?);
    std::fs::create_dir_all(&folder)?;
    let covered = Night {
        file: "covered.html",
        accounts: 40,
        users: 30,
        careless: 8,
        missing: 0,
        hostile: false,
        exemptions: "",
    };
    let exemptions = "[[exemption]]\nuser = \"svc-deploy-*\"\nrule = \"access-key-stale\"\nreason = \"rotated by the pipeline from March <b>on</b>\"\nexpires = 2026-02-20\n\n[[exemption]]\nuser = \"anna.*\"\nreason = \"migration, long over\"\nexpires = 2025-12-31\n\n[[exemption]]\nrule = \"root-used\"\nreason = \"drill\"\nexpires = 2026-12-31\n";
    let missing = Night { file: "missing.html", missing: 3, hostile: true, exemptions, ..covered };
    let large =
        Night { file: "large.html", accounts: 1000, users: 100, careless: 90, exemptions: "", ..covered };
    for night in [covered, missing, large] {
        write(&night, &folder)?;
    }
    Ok(())
}

fn write(night: &Night, folder: &Path) -> Result<(), Box<dyn Error>> {
    let started = organization::as_of();
    let run = Run {
        execution: "6d2c6a4e-0f6b-4c8e-9a52-0a1b5a1d3f77".into(),
        execution_arn: String::new(),
        started,
        as_of: started,
    };
    let settings = RuleSettings::default();
    let exemptions = Exemptions::parse("exemptions.toml", night.exemptions.as_bytes())?;
    let accounts = accounts(night);

    // The night before: other users were careless, so some findings are resolved and some are new.
    let before = started - TimeDelta::days(1);
    let none = Previous::default();
    let analyzer = Analyzer::new(&settings, &none, before, before.date_naive());
    let mut analysis = Analysis::new(analyzer);
    for (number, account) in (0..).zip(&accounts) {
        let text = report(night, number, night.careless / 2);
        analysis.add(analyzer.report(&account.account_id, &account.name, Some(before), text.as_bytes())?);
    }
    let previous = analysis.settle(&roll_call(night, &run, &accounts, true), &exemptions).findings;
    let previous = Previous::new(previous);

    let analyzer = Analyzer::new(&settings, &previous, started, started.date_naive());
    let mut analysis = Analysis::new(analyzer);
    let collected = night.accounts - night.missing;
    for (number, account) in (0..collected).zip(&accounts) {
        let text = report(night, number, night.careless);
        analysis.add(analyzer.report(&account.account_id, &account.name, Some(started), text.as_bytes())?);
    }
    let roll_call = roll_call(night, &run, &accounts, false);
    let assessment = analysis.settle(&roll_call, &exemptions);
    let compared_with = EarlierRun { date: before.date_naive(), execution: "the night before".into() };
    let history = History { compared_with: Some(Earlier::Run(compared_with)), passed_over: vec![] };
    let exemptions_sha256 = (!night.exemptions.is_empty()).then(|| "0".repeat(64));
    let judged_by = JudgedBy { settings, history, exemptions_sha256 };
    let key = bucket_layout::findings_csv(run.date());
    let csv = WrittenFile { key, sha256: "0".repeat(64), bytes: 0, version_id: None };
    let finished = started + TimeDelta::minutes(9);
    let manifest = Manifest::of(&run, roll_call, judged_by, &assessment, finished).vouching_for([csv]);
    let mut output = BufWriter::new(File::create(folder.join(night.file))?);
    write_html(&manifest, &assessment.findings, &assessment.resolved, &mut output)?;
    Ok(())
}

fn accounts(night: &Night) -> Vec<Account> {
    (0..night.accounts)
        .map(|number| Account {
            name: match usize::try_from(number) {
                Ok(number) if night.hostile && number < HOSTILE_NAMES.len() => HOSTILE_NAMES[number].into(),
                _ => format!("Team {number:03}"),
            },
            ..Account::of_id(organization::account_id(number))
        })
        .collect()
}

/// The report of an account, with hostile users if the night has them.
fn report(night: &Night, number: u64, careless: u64) -> String {
    let mut text = organization::report(number, night.users, careless);
    if night.hostile {
        let account_id = organization::account_id(number);
        for name in HOSTILE_NAMES {
            let quoted = name.replace('"', "\"\"");
            text.push_str(&format!("\n\"{quoted}\",\"arn:aws:iam::{account_id}:user/{quoted}\",2020-01-01T00:00:00Z,true,no_information,2020-01-01T00:00:00Z,N/A,false,true,2020-01-01T00:00:00Z,N/A,N/A,N/A,false,N/A,N/A,N/A,N/A,false,N/A,false,N/A"));
        }
    }
    text
}

fn roll_call(night: &Night, run: &Run, accounts: &[Account], all: bool) -> RollCall {
    let collected = if all { night.accounts } else { night.accounts - night.missing };
    let mut evidence = Evidence::default();
    for (number, Account { account_id, .. }) in (0..).zip(accounts) {
        if number < collected {
            let entry = ReportEntry {
                key: format!("{}/reports/credentialReport_{account_id}.csv", run.date()),
                generated: Some(run.started),
                collected: Some(run.started),
                age_seconds: Some(0),
                file_modified: None,
                sha256: "0".repeat(64),
                bytes: 0,
                version_id: None,
                rows: night.users,
                bad_rows: 0,
                first_bad_rows: vec![],
            };
            evidence.reports.insert(account_id.clone(), StoredReport { entry, fault: None });
        } else if number > collected {
            let code = FailureCode::RoleMissingOrDenied;
            let message = format!(
                "sts:AssumeRole of arn:aws:iam::{account_id}:role/rollcall-member answered AccessDenied: <b>not</b> authorized"
            );
            let failure = FailureRecord {
                account_id: account_id.clone(),
                execution: run.execution.clone(),
                code,
                message,
                remedy: code.remedy().into(),
                waits: 0,
                failed_at: run.started,
            };
            evidence.failures.insert(account_id.clone(), failure);
        }
    }
    let roll = Roll {
        execution: run.execution.clone(),
        started: run.started,
        as_of: run.started,
        taken: run.started,
        source: RollSource::Organization,
        organization_id: Some("o-exampleorg".into()),
        accounts: accounts.to_vec(),
    };
    RollCall::of(roll, evidence)
}
