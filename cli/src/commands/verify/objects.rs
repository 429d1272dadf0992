//! Reads every object of a day once: its SHA-256 is compared, and a report is judged while its bytes are at
//! hand.

use std::collections::HashMap;

use futures_util::{StreamExt, TryStreamExt, stream};
use rollcall_core::evidence::bucket_layout;
use rollcall_core::evidence::manifest::WrittenFile;
use rollcall_core::evidence::verification::{Difference, Differences, Objects, relative_key};
use rollcall_core::formats::jsonl;
use rollcall_core::identifiers::account_id::AccountId;
use rollcall_core::identifiers::arn::ArnAccount;
use rollcall_core::judgement::analysis::{Analysis, Analyzer, ReportAnalysis};
use rollcall_core::judgement::finding::Finding;
use rollcall_core::organization::failure::FailureRecord;
use rollcall_core::organization::outcome::{AccountOutcome, OutcomeKind, ReportEntry};
use rollcall_functions::report_store::object::Checksum;
use rollcall_functions::report_store::{LinesError, LinesRead};

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
    Object { sha256: String, mark: Option<String>, said: Option<Box<ReportAnalysis>>, later: Option<Later> },
    Failure(AccountId, Result<FailureRecord, String>),
    Findings { sha256: String, findings: Vec<Finding>, later: Option<Later> },
    Unreadable(String),
    Gone,
}

/// The latest version of an object of which `run.json` names another one.
struct Later {
    sha256: String,
    version_id: String,
    writer: Option<String>,
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
    let reports: HashMap<&str, (&AccountOutcome, &ReportEntry)> = manifest
        .accounts
        .iter()
        .filter_map(|account| Some((account, account.outcome.report()?)))
        .map(|(account, report)| (relative_key(&report.key), (account, report)))
        .collect();
    let keys = day.address.store.list(&bucket_layout::day(&day.address.name)).await?;
    let mut read = stream::iter(&keys)
        .filter(|key| std::future::ready(!is_read_before(relative_key(key))))
        .map(|key| {
            let account = reports.get(relative_key(key)).copied();
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
            Found::Object { sha256, mark, said, later } => {
                objects.object(key, &sha256, mark.as_deref());
                take_later(&mut objects, key, later);
                said.into_iter().for_each(|said| all.analysis.add(*said));
            }
            Found::Failure(account_id, Ok(failure)) => objects.failure(key, &account_id, &failure),
            Found::Failure(account_id, Err(problem)) => {
                objects.unreadable_failure(key, &account_id, problem);
            }
            Found::Findings { sha256, findings, later } => {
                objects.object(key, &sha256, None);
                take_later(&mut objects, key, later);
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

fn take_later(objects: &mut Objects<'_>, key: &str, later: Option<Later>) {
    if let Some(Later { sha256, version_id, writer }) = later {
        objects.later_version(key, &sha256, &version_id, writer.as_deref());
    }
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
    let Some(mut object) = store.read(key).await? else { return Ok(Found::Gone) };
    let mut later = None;
    let recorded = match account {
        Some((_, report)) => report.version_id.as_deref(),
        None => version_of_output(day, key),
    };
    // A version that has expired leaves the latest one, whose bytes may be the same.
    if let Some(recorded) = other_version(recorded, object.version_id.as_deref())
        && let Some(earlier) = store.read_version(key, Some(recorded)).await?
    {
        let latest = std::mem::replace(&mut object, earlier);
        later = Some(Later {
            sha256: Checksum::of(&latest.bytes).hex(),
            version_id: latest.version_id.unwrap_or_default(),
            writer: latest.metadata.get(bucket_layout::EXECUTION).cloned(),
        });
    }
    if let Some(account_id) = bucket_layout::account_of_failure(relative_key(key)) {
        let failure = serde_json::from_slice(&object.bytes).map_err(|error| error.to_string());
        return Ok(Found::Failure(account_id, failure));
    }
    let sha256 = Checksum::of(&object.bytes).hex();
    let said = match account {
        Some((account, report))
            if report.sha256 == sha256 && account.outcome.kind() == OutcomeKind::Collected =>
        {
            match analyzer.report(&account.account_id, &account.name, report.generated, &object.bytes) {
                Ok(said) => Some(Box::new(said)),
                Err(error) => return Ok(Found::Unreadable(error.to_string())),
            }
        }
        _ => None,
    };
    let mark = object.metadata.get(bucket_layout::EXECUTION).cloned();
    Ok(Found::Object { sha256, mark, said, later })
}

/// The version that `run.json` names of an output.
fn version_of_output<'d>(day: &'d Day, key: &str) -> Option<&'d str> {
    let is_named = |output: &&WrittenFile| relative_key(&output.key) == relative_key(key);
    day.manifest.outputs.iter().find(is_named)?.version_id.as_deref()
}

/// The version that is recorded of an object, if it is not the latest.
fn other_version<'d>(recorded: Option<&'d str>, latest: Option<&str>) -> Option<&'d str> {
    recorded.filter(|recorded| latest.is_some_and(|latest| latest != *recorded))
}

/// The findings, which may be a million: they are read line by line.
async fn findings(day: &Day, key: &str) -> Result<Found, CommandError> {
    let latest = findings_of(day, key, None).await?;
    let version_id = match &latest {
        Ok(Some((read, _))) => read.version_id.as_deref(),
        Ok(None) | Err(_) => None,
    };
    let (found, later) = match other_version(version_of_output(day, key), version_id) {
        None => (latest, None),
        Some(recorded) => match (findings_of(day, key, Some(recorded)).await?, latest) {
            (Ok(None), latest) => (latest, None),
            (earlier, Ok(Some((read, _)))) => {
                let later = Later {
                    sha256: read.checksum.hex(),
                    version_id: read.version_id.unwrap_or_default(),
                    writer: read.metadata.get(bucket_layout::EXECUTION).cloned(),
                };
                (earlier, Some(later))
            }
            (earlier, _) => (earlier, None),
        },
    };
    Ok(match found {
        Ok(Some((read, findings))) => Found::Findings { sha256: read.checksum.hex(), findings, later },
        Ok(None) => Found::Gone,
        Err(problem) => Found::Unreadable(problem),
    })
}

/// The findings of a version, or the line that can't be read.
async fn findings_of(
    day: &Day,
    key: &str,
    version_id: Option<&str>,
) -> Result<Result<Option<(LinesRead, Vec<Finding>)>, String>, CommandError> {
    let mut findings = Vec::new();
    let lines = day.address.store.read_lines(key, version_id, |line, number| {
        findings.push(jsonl::read_line(line, number).map_err(|error| error.to_string())?);
        Ok(())
    });
    match lines.await {
        Ok(read) => Ok(Ok(read.map(|read| (read, findings)))),
        Err(LinesError::Line(problem)) => Ok(Err(problem)),
        Err(LinesError::Store(error)) => Err(error.into()),
    }
}
