//! Reading what may be reports, and judging those that are: files on as many threads as there are
//! processors, objects many at a time.

use std::fs::File;
use std::io::{self, Read};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use chrono::{DateTime, FixedOffset, Utc};
use futures_util::{StreamExt, TryStreamExt, stream};
use rollcall_core::evidence::bucket_layout;
use rollcall_core::identifiers::account_id::AccountId;
use rollcall_core::judgement::analysis::{Analyzer, ReportAnalysis};
use rollcall_core::organization::failure::FailureCode;
use rollcall_core::organization::outcome::ReportEntry;
use rollcall_core::report;
use rollcall_core::report::{Unreadable, account_of};
use rollcall_functions::clock::now;
use rollcall_functions::report_store::{Checksum, StoredObject};
use serde::Deserialize;

use super::day::{Day, report_account};
use super::sources::{Origin, Source};
use super::{CHANGED, generated};
use crate::error::CommandError;

/// How many objects are read at a time.
const READ_AT_A_TIME: usize = 64;

/// What something that may be a report is.
#[derive(Debug)]
pub enum Reading {
    /// A report.
    Judged(Box<Judged>),
    /// A report, as it seems, and it can't be read.
    Unread(Unread),
    /// No credential report, and nobody said it were one: its address and why.
    Foreign(String),
    /// A report in the folder of a day that another run left there.
    OfAnotherExecution,
}

/// A report that was judged.
#[derive(Debug)]
pub struct Judged {
    /// Whose it is.
    pub account_id: AccountId,
    /// What it is, as a manifest has it.
    pub entry: ReportEntry,
    /// What it says.
    pub said: ReportAnalysis,
    /// Where it is, by its place among the sources.
    pub source: usize,
    /// Whether it is known when IAM made it, and not only when its file was written.
    pub is_dated: bool,
}

/// A report that can't be read.
#[derive(Debug)]
pub struct Unread {
    /// Whose it is, as far as its name tells.
    pub account_id: Option<AccountId>,
    /// Where it is, for a person.
    pub address: String,
    /// Why it can't be read, and what to do.
    pub message: String,
    /// The code of the failure.
    pub code: FailureCode,
}

/// Reads everything.
pub(super) async fn read(
    sources: &[Source],
    day: Option<&Day>,
    analyzer: Analyzer<'_>,
    with_checksums: bool,
) -> Result<Vec<Reading>, CommandError> {
    let reader = Reader { sources, day, analyzer, with_checksums, now: now() };
    let mut readings = reader.files();
    readings.extend(reader.objects().await?);
    Ok(readings)
}

#[derive(Clone, Copy)]
struct Reader<'a> {
    sources: &'a [Source],
    day: Option<&'a Day>,
    analyzer: Analyzer<'a>,
    with_checksums: bool,
    now: DateTime<Utc>,
}

/// What is known of a report besides its bytes.
#[derive(Default)]
struct Known {
    account_id: Option<AccountId>,
    name: String,
    /// Its key in the store of its day.
    key: Option<String>,
    generated: Option<DateTime<Utc>>,
    collected: Option<DateTime<Utc>>,
    modified: Option<DateTime<Utc>>,
}

impl Reader<'_> {
    fn files(self) -> Vec<Reading> {
        let files: Vec<usize> = self
            .sources
            .iter()
            .enumerate()
            .filter(|(_, source)| !matches!(source.origin, Origin::Object(..)))
            .map(|(place, _)| place)
            .collect();
        let next = AtomicUsize::new(0);
        let all = Mutex::new(Vec::with_capacity(files.len()));
        let work = || {
            let mut buffer = Vec::new();
            let mut readings = Vec::new();
            while let Some(&place) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                readings.push(self.file(place, &mut buffer));
            }
            all.lock().expect("no worker panics").append(&mut readings);
        };
        let threads = thread::available_parallelism().map_or(1, usize::from).min(files.len());
        match threads {
            0 | 1 => work(),
            _ => thread::scope(|scope| {
                for _ in 0..threads {
                    scope.spawn(work);
                }
            }),
        }
        all.into_inner().expect("no worker panics")
    }

    fn file(self, place: usize, buffer: &mut Vec<u8>) -> Reading {
        let source = &self.sources[place];
        buffer.clear();
        let modified = match &source.origin {
            Origin::File(path) => File::open(path).and_then(|mut file| {
                file.read_to_end(buffer)?;
                file.metadata()?.modified().map(DateTime::from)
            }),
            _ => io::stdin().lock().read_to_end(buffer).map(|_| self.now),
        };
        match modified {
            Ok(modified) => self.judge(place, buffer, Known { modified: Some(modified), ..Known::default() }),
            Err(error) => Reading::Unread(Unread {
                account_id: account_of_name(&source.origin.file_name()),
                address: source.origin.address(),
                message: format!("can't be read: {error}"),
                code: FailureCode::ReportUnreadable,
            }),
        }
    }

    async fn objects(self) -> Result<Vec<Reading>, CommandError> {
        let objects = self.sources.iter().enumerate().filter_map(|(place, source)| match &source.origin {
            Origin::Object(store, key) => Some((place, store, key)),
            Origin::File(_) | Origin::StandardInput => None,
        });
        stream::iter(objects)
            .map(|(place, store, key)| async move {
                Ok(match store.read(key).await? {
                    Some(object) => self.object(place, key, &object),
                    // Deleted since it was listed.
                    None => Reading::OfAnotherExecution,
                })
            })
            .buffer_unordered(READ_AT_A_TIME)
            .try_collect()
            .await
    }

    fn object(self, place: usize, key: &str, object: &StoredObject) -> Reading {
        let time = |name: &str| {
            let value = object.metadata.get(name)?;
            DateTime::parse_from_rfc3339(value).ok().map(|time| time.to_utc())
        };
        let mut known = Known {
            generated: time(bucket_layout::GENERATED_TIME),
            collected: time(bucket_layout::COLLECTED_TIME),
            modified: object.modified,
            ..Known::default()
        };
        let Some(day) = self.day else {
            return self.judge(place, &object.bytes, known);
        };
        let Some(account_id) = report_account(key) else { return Reading::OfAnotherExecution };
        known.name = day.name_of(&account_id).unwrap_or_default().to_owned();
        known.account_id = Some(account_id.clone());
        known.key = Some(key.to_owned());
        if day.manifest.is_some() {
            let Some(entry) = day.entry(&account_id) else { return Reading::OfAnotherExecution };
            let sha256 = Checksum::of(&object.bytes).hex();
            if entry.sha256 != sha256 {
                return Reading::Unread(Unread {
                    account_id: Some(account_id),
                    address: self.sources[place].origin.address(),
                    message: format!(
                        "its SHA-256 is {sha256}, and run.json has {}: it was changed since the run, fetch it again",
                        entry.sha256
                    ),
                    code: CHANGED,
                });
            }
            known.generated = Some(entry.generated);
            known.collected = Some(entry.collected);
        } else if !day.wrote(object) {
            return Reading::OfAnotherExecution;
        }
        self.judge(place, &object.bytes, known)
    }

    fn judge(self, place: usize, bytes: &[u8], mut known: Known) -> Reading {
        let answer = answer(bytes);
        let bytes = match &answer {
            Some((content, generated)) => {
                known.generated = known.generated.or(*generated);
                content
            }
            None => bytes,
        };
        let Source { origin, is_named, .. } = &self.sources[place];
        let by_name = || account_of_name(&origin.file_name());
        let unread = |account_id: Option<AccountId>, message: String| {
            Reading::Unread(Unread {
                account_id,
                address: origin.address(),
                message,
                code: FailureCode::ReportUnreadable,
            })
        };
        let account_id = match (known.account_id, account_of(bytes)) {
            (Some(account_id), _) | (None, Ok(Some(account_id))) => account_id,
            (None, Err(error @ Unreadable::MissingColumn { .. })) if !is_named && by_name().is_none() => {
                return Reading::Foreign(format!("{}: {error}", origin.address()));
            }
            (None, Err(error)) => return unread(by_name(), error.to_string()),
            (None, Ok(None)) => return unread(by_name(), without_rows(bytes)),
        };
        let is_dated = known.generated.is_some();
        let generated = generated(known.generated, known.modified);
        let said = match self.analyzer.report(&account_id, &known.name, generated, bytes) {
            Ok(said) if said.tally.rows > 0 => said,
            Ok(_) => return unread(Some(account_id), without_rows(bytes)),
            Err(error) => return unread(Some(account_id), error.to_string()),
        };
        let collected = known.collected.unwrap_or(generated);
        let entry = ReportEntry {
            key: known.key.unwrap_or_else(|| origin.address()),
            generated,
            collected,
            age_seconds: (collected - generated).num_seconds(),
            sha256: match self.with_checksums {
                true => Checksum::of(bytes).hex(),
                false => String::new(),
            },
            bytes: bytes.len() as u64,
            rows: said.tally.rows,
            bad_rows: said.tally.bad_rows,
            first_bad_rows: said.tally.first_bad_rows.clone(),
        };
        Reading::Judged(Box::new(Judged { account_id, entry, said, source: place, is_dated }))
    }
}

/// The report in an answer of GetCredentialReport, as AWS's command line prints it, and when IAM made
/// it; `None` when the bytes are no such answer.
fn answer(bytes: &[u8]) -> Option<(Vec<u8>, Option<DateTime<Utc>>)> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Answer {
        content: String,
        generated_time: Option<DateTime<FixedOffset>>,
    }
    if !bytes.trim_ascii_start().starts_with(b"{") {
        return None;
    }
    let Answer { content, generated_time } = serde_json::from_slice(bytes).ok()?;
    let content = BASE64_STANDARD.decode(content.trim()).ok()?;
    Some((content, generated_time.map(|time| time.to_utc())))
}

/// What is wrong with a report of which no row can be read.
fn without_rows(bytes: &[u8]) -> String {
    let nobody = "000000000000".parse().expect("these are twelve digits");
    match report::read(bytes, &nobody, |_| ()) {
        Ok(_) => "the report has a header and no rows: it is cut off, fetch it again".to_owned(),
        Err(error) => error.to_string(),
    }
}

/// The account that a file is named for: the only twelve digits in its name.
fn account_of_name(name: &str) -> Option<AccountId> {
    let mut numbers = name
        .split(|character: char| !character.is_ascii_digit())
        .filter_map(|digits| digits.parse::<AccountId>().ok());
    let only = numbers.next()?;
    numbers.next().is_none().then_some(only)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_of_the_command_line_has_the_report_and_its_time() {
        let json = br#"{"Content": "dXNlcg==", "ReportFormat": "text/csv", "GeneratedTime": "2026-01-31T01:00:00+00:00"}"#;
        let (content, generated) = answer(json).unwrap();
        assert_eq!(content, b"user");
        assert_eq!(generated, "2026-01-31T01:00:00Z".parse().ok());
        assert!(answer(b"user,arn").is_none() && answer(b"{}").is_none());
    }

    #[test]
    fn a_name_tells_an_account_only_when_it_has_one() {
        for (name, account_id) in [
            ("credentialReport_111122223333.csv", Some("111122223333")),
            ("111122223333-2026-01-31.csv", Some("111122223333")),
            ("status_reports.csv", None),
            ("1111222233334.csv", None),
            ("111122223333-444455556666.csv", None),
        ] {
            assert_eq!(account_of_name(name).as_ref().map(AccountId::as_str), account_id, "{name}");
        }
    }
}
