//! Reads every object of a day once: its SHA-256 is compared, and a report is judged while its bytes are at
//! hand.

use std::collections::HashMap;

use futures_util::{StreamExt, TryStreamExt, stream};
use rollcall_core::evidence::bucket_layout;
use rollcall_core::evidence::verification::{Difference, Differences, Objects, relative_key};
use rollcall_core::formats::jsonl;
use rollcall_core::identifiers::account_id::AccountId;
use rollcall_core::identifiers::arn::ArnAccount;
use rollcall_core::judgement::analysis::{Analysis, Analyzer, ReportAnalysis};
use rollcall_core::judgement::finding::Finding;
use rollcall_core::organization::failure::FailureRecord;
use rollcall_core::organization::outcome::{AccountOutcome, Outcome, ReportEntry};
use rollcall_functions::report_store::LinesError;
use rollcall_functions::report_store::object::Checksum;

use super::day::Day;
use crate::error::CommandError;

/// How many objects are read at a time.
const READ_AT_A_TIME: usize = 64;

/// What lies in a day.
pub struct ObjectsRead<'d> {
    /// How many objects, the roll and the manifest among them.
    pub objects: u64,
    /// What is not as `run.json` says.
    pub differences: Differences,
    /// The findings that were written.
    pub written: Vec<Finding>,
    /// What the reports say.
    pub analysis: Analysis<'d>,
}

/// One object, read.
enum Found {
    Object { sha256: String, mark: Option<String>, said: Option<Box<ReportAnalysis>> },
    Failure(AccountId, Result<FailureRecord, String>),
    Findings { sha256: String, findings: Vec<Finding> },
    Unreadable(String),
    Gone,
}

/// Reads every object of the day.
pub async fn read(day: &Day) -> Result<ObjectsRead<'_>, CommandError> {
    let manifest = &day.manifest;
    let owner = ArnAccount::of_arn(&manifest.execution_arn).ok();
    let mut analyzer = Analyzer::new(&manifest.settings, &day.previous, manifest.as_of, manifest.date)
        .in_partition(owner.as_ref().map_or("", |owner| &owner.partition));
    if manifest.schema_version == 1 {
        analyzer = analyzer.of_version_1();
    }
    let collected: HashMap<&str, (&AccountOutcome, &ReportEntry)> = manifest
        .accounts
        .iter()
        .filter_map(|account| match &account.outcome {
            Outcome::Collected { report } => Some((relative_key(&report.key), (account, report))),
            _ => None,
        })
        .collect();
    let keys = day.address.store.list(&bucket_layout::day(&day.address.name)).await?;
    let mut read = stream::iter(&keys)
        .filter(|key| std::future::ready(!is_read_before(relative_key(key))))
        .map(|key| {
            let account = collected.get(relative_key(key)).copied();
            async move { object(day, key, account, analyzer).await.map(|found| (relative_key(key), found)) }
        })
        .buffered(READ_AT_A_TIME);
    let mut objects = Objects::new(manifest);
    let mut all = ObjectsRead {
        objects: keys.len() as u64,
        differences: Differences::default(),
        written: Vec::new(),
        analysis: Analysis::new(analyzer),
    };
    while let Some((key, found)) = read.try_next().await? {
        match found {
            Found::Object { sha256, mark, said } => {
                objects.object(key, &sha256, mark.as_deref());
                said.into_iter().for_each(|said| all.analysis.add(*said));
            }
            Found::Failure(account_id, Ok(failure)) => objects.failure(key, &account_id, &failure),
            Found::Failure(account_id, Err(problem)) => {
                objects.unreadable_failure(key, &account_id, problem);
            }
            Found::Findings { sha256, findings } => {
                objects.object(key, &sha256, None);
                all.written = findings;
            }
            Found::Unreadable(problem) => {
                all.differences.add(Difference::ObjectUnreadable { key: key.to_owned(), problem });
            }
            // Deleted since it was listed: what is named and not met is told of as missing.
            Found::Gone => {}
        }
    }
    all.differences.extend(objects.finish());
    Ok(all)
}

/// The roll and the manifest, which everything else is compared with.
fn is_read_before(key: &str) -> bool {
    [bucket_layout::ACCOUNTS, bucket_layout::RUN].contains(&key)
}

async fn object(
    day: &Day,
    key: &str,
    account: Option<(&AccountOutcome, &ReportEntry)>,
    analyzer: Analyzer<'_>,
) -> Result<Found, CommandError> {
    let store = &day.address.store;
    if relative_key(key) == bucket_layout::FINDINGS_JSONL {
        return findings(day, key).await;
    }
    let Some(object) = store.read(key).await? else { return Ok(Found::Gone) };
    if let Some(account_id) = bucket_layout::account_of_failure(relative_key(key)) {
        let failure = serde_json::from_slice(&object.bytes).map_err(|error| error.to_string());
        return Ok(Found::Failure(account_id, failure));
    }
    let sha256 = Checksum::of(&object.bytes).hex();
    let said = match account {
        Some((account, report)) if report.sha256 == sha256 => {
            match analyzer.report(&account.account_id, &account.name, report.generated, &object.bytes) {
                Ok(said) => Some(Box::new(said)),
                Err(error) => return Ok(Found::Unreadable(error.to_string())),
            }
        }
        _ => None,
    };
    let mark = object.metadata.get(bucket_layout::EXECUTION).cloned();
    Ok(Found::Object { sha256, mark, said })
}

/// The findings, which may be a million: they are read line by line.
async fn findings(day: &Day, key: &str) -> Result<Found, CommandError> {
    let mut findings = Vec::new();
    let lines = day.address.store.read_lines(key, |line, number| {
        findings.push(jsonl::read_line(line, number).map_err(|error| error.to_string())?);
        Ok(())
    });
    match lines.await {
        Ok(Some(read)) => Ok(Found::Findings { sha256: read.checksum.hex(), findings }),
        Ok(None) => Ok(Found::Gone),
        Err(LinesError::Line(problem)) => Ok(Found::Unreadable(problem)),
        Err(LinesError::Store(error)) => Err(error.into()),
    }
}
