//! Days of earlier runs, whose `run.json` says what they found.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use rollcall_core::evidence::bucket_layout;
use rollcall_core::evidence::manifest::WrittenFile;
use rollcall_core::formats::jsonl::{self, InvalidRecord};
use rollcall_core::identifiers::account_id::AccountId;
use rollcall_core::judgement::finding::{Assessed, Finding};
use rollcall_core::judgement::history::{Earlier, EarlierRun, Previous};
use rollcall_core::organization::outcome::OutcomeKind;
use rollcall_core::organization::roll::{Roll, RollSource};
use serde::Deserialize;

use super::past::{Day, Past, passes};
use crate::report_store::LinesError;
use crate::step_error::StepError;

/// What is needed of an earlier run's manifest. The rest may have another form than today's.
#[derive(Deserialize)]
struct EarlierManifest {
    execution: String,
    as_of: DateTime<Utc>,
    source: RollSource,
    outputs: Vec<WrittenFile>,
    #[serde(default)]
    accounts: Vec<EarlierAccount>,
}

/// What is needed of an account of an earlier run.
#[derive(Deserialize)]
struct EarlierAccount {
    account_id: AccountId,
    outcome: OutcomeKind,
    report: Option<EarlierReport>,
    last_collected: Option<DateTime<Utc>>,
}

#[derive(Deserialize)]
struct EarlierReport {
    generated: DateTime<Utc>,
}

impl EarlierAccount {
    /// When IAM made the last report that was collected of it, up to and with this run.
    fn last_collected(&self) -> Option<DateTime<Utc>> {
        match (self.outcome, &self.report) {
            (OutcomeKind::Collected, Some(report)) => Some(report.generated),
            _ => self.last_collected,
        }
    }
}

/// The findings of the run of a date, whose `run.json` is given.
pub(super) async fn read(past: Past<'_>, date: NaiveDate, manifest: &[u8]) -> Result<Day, StepError> {
    let Past { store, roll: Roll { source, .. }, .. } = past;
    let manifest: EarlierManifest = match serde_json::from_slice(manifest) {
        Ok(manifest) => manifest,
        Err(error) => return Ok(Err(format!("has a run.json that can't be read: {error}"))),
    };
    if manifest.source == RollSource::ExecutionInput {
        return Ok(Err("was of the accounts that its input named".to_owned()));
    }
    let is_a_list = |source| source == RollSource::AccountList;
    if *source != RollSource::ExecutionInput && is_a_list(*source) != is_a_list(manifest.source) {
        return Ok(Err(match is_a_list(*source) {
            true => "was of an organization, and not of a list of accounts".to_owned(),
            false => "was of a list of accounts, and not of the organization".to_owned(),
        }));
    }
    if manifest.as_of.date_naive() != date {
        return Ok(Err(format!("counted ages to {}", manifest.as_of.date_naive())));
    }
    let key = bucket_layout::findings_jsonl(date);
    let Some(written) = manifest.outputs.iter().find(|output| output.key == key) else {
        return Ok(Err("names no findings in its run.json".to_owned()));
    };
    let mut found = Vec::new();
    let read = store.read_lines(&key, written.version_id.as_deref(), |line, number| {
        found.push(jsonl::read_line(line, number)?);
        Ok::<_, InvalidRecord>(())
    });
    let read = match read.await {
        Ok(read) => read,
        Err(LinesError::Line(reason)) => {
            return Ok(Err(format!("has a findings.jsonl that can't be read: {reason}")));
        }
        Err(LinesError::Store(error)) => {
            return Ok(Err(format!("can't be read: {}", passes(error)?)));
        }
    };
    Ok(match read {
        Some(read) if read.checksum.hex() == written.sha256 => {
            let run = EarlierRun { date, execution: manifest.execution };
            let last_collected = last_collected(&manifest.accounts, &found);
            Ok((Earlier::Run(run), Previous::new(found).with_last_collected(last_collected)))
        }
        Some(_) => Err("has another findings.jsonl than its run.json names".to_owned()),
        None => Err("has lost its findings.jsonl".to_owned()),
    })
}

/// When IAM made the last report of each account. A run of an earlier version did not record it for accounts that
/// failed, but the findings that it kept of them say it.
fn last_collected(accounts: &[EarlierAccount], findings: &[Finding]) -> HashMap<AccountId, DateTime<Utc>> {
    let mut last: HashMap<AccountId, DateTime<Utc>> = HashMap::new();
    for Assessed { account_id, report_generated, .. } in findings.iter().map(|finding| &*finding.assessed) {
        if let Some(generated) = *report_generated {
            let known = last.entry(account_id.clone()).or_insert(generated);
            *known = generated.max(*known);
        }
    }
    let recorded =
        accounts.iter().filter_map(|account| Some((account.account_id.clone(), account.last_collected()?)));
    last.extend(recorded);
    last
}
