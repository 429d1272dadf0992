//! Reads what was found: which account each report is of, when IAM made it, and what the rules make of it
//! while its bytes are at hand, because no report is held in memory. Files are read on as many threads as
//! there are processors, objects many at a time.

mod account_of_name;
mod evidence;
mod newest;
mod reading;

use std::fs::File;
use std::io::{self, Read};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use chrono::{DateTime, SubsecRound, Utc};
use futures_util::{StreamExt, TryStreamExt, stream};
use rollcall_core::judgement::analysis::Analyzer;
use rollcall_core::organization::failure::FailureCode;
use rollcall_core::organization::outcome::ReportEntry;
use rollcall_core::organization::report_age::check_times;
use rollcall_core::report::{self, ReportFile, Unreadable, account_of};
use rollcall_functions::clock::Clock;
use rollcall_functions::report_store::object::{Checksum, StoredObject};

use crate::error::CommandError;
use crate::find::{Found, Origin, Source};
use account_of_name::account_of_name;
use evidence::Known;
use reading::Reading;

pub use newest::ReportsRead;
pub use reading::Unread;

/// How many objects are read at a time.
const READ_AT_A_TIME: usize = 64;

/// Reads everything that was found, and judges each report by `analyzer`. With checksums, the SHA-256 of
/// each report is worked out: what is written may need it, and a table does not.
///
/// # Errors
/// When a store does not answer, or nothing that was found is a report. A report that can't be read is one
/// of [`ReportsRead::unread`].
pub async fn read(
    found: &Found,
    analyzer: Analyzer<'_>,
    with_checksums: bool,
) -> Result<ReportsRead, CommandError> {
    let reader = Reader { found, analyzer, with_checksums, now: Clock::of_system().now() };
    let mut readings = reader.files();
    readings.extend(reader.objects().await?);
    readings.extend(evidence::gone(found.day.as_ref()).map(Reading::Unread));
    let reports = ReportsRead::of(readings, &found.sources);
    reports.refuse_nothing(&found.paths)?;
    Ok(reports)
}

#[derive(Clone, Copy)]
struct Reader<'a> {
    found: &'a Found,
    analyzer: Analyzer<'a>,
    with_checksums: bool,
    now: DateTime<Utc>,
}

impl Reader<'_> {
    fn files(self) -> Vec<Reading> {
        let sources = self.found.sources.iter().enumerate();
        let files: Vec<usize> = sources
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
        let source = &self.found.sources[place];
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
        let sources = self.found.sources.iter().enumerate();
        let objects = sources.filter_map(|(place, source)| match &source.origin {
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
        let address = || self.found.sources[place].origin.address();
        match evidence::known_of(self.found.day.as_ref(), key, object, address) {
            Ok(known) => self.judge(place, &object.bytes, known),
            Err(refused) => refused,
        }
    }

    fn judge(self, place: usize, bytes: &[u8], mut known: Known) -> Reading {
        let Source { origin, is_of_day, is_named } = &self.found.sources[place];
        let by_name = || account_of_name(&origin.file_name());
        let refused = |account_id, message, code| {
            Reading::Unread(Unread { account_id, address: origin.address(), message, code })
        };
        let unread = |account_id, message| refused(account_id, message, FailureCode::ReportUnreadable);
        let not_a_report = |reason: String| Reading::NotAReport(format!("{}: {reason}", origin.address()));
        // The report of a day is what IAM wrote, and is judged as the run judged it.
        let file = match is_of_day {
            true => Ok(ReportFile { report: bytes.into(), generated: None }),
            false => report::open(bytes),
        };
        let file = match file {
            Ok(file) => file,
            Err(other) if *is_named || other.should_be_one() => return unread(by_name(), other.to_string()),
            Err(other) => return not_a_report(other.to_string()),
        };
        known.generated = known.generated.or(file.generated);
        let bytes = &*file.report;
        let account_id = match (known.account_id, account_of(bytes)) {
            (Some(account_id), _) | (None, Ok(Some(account_id))) => account_id,
            (None, Err(error @ Unreadable::OtherTable { .. })) if !is_named => {
                return not_a_report(error.to_string());
            }
            (None, Err(error @ Unreadable::MissingColumn { .. })) if !is_named && by_name().is_none() => {
                return not_a_report(error.to_string());
            }
            // A failed command leaves an empty file; so does much else that is not called .csv.
            (None, Err(Unreadable::Empty)) if !is_named && by_name().is_none() && !origin.is_csv() => {
                return not_a_report(Unreadable::Empty.to_string());
            }
            (None, Err(error)) => return unread(by_name(), error.to_string()),
            (None, Ok(None)) => return unread(by_name(), why_no_account_is_known(bytes)),
        };
        let generated = known.generated.map(|generated| generated.trunc_subsecs(0));
        if let (Some(generated), Some(collected)) = (generated, known.collected)
            && let Err(outdated) = check_times(generated, collected)
        {
            return refused(Some(account_id), outdated.to_string(), FailureCode::ReportOutdated);
        }
        let file_modified = known.modified.unwrap_or(self.now).trunc_subsecs(0);
        let analysis = match self.analyzer.report(&account_id, &known.account_name, generated, bytes) {
            Ok(analysis) => analysis,
            Err(error) => return unread(Some(account_id), error.to_string()),
        };
        let entry = ReportEntry {
            key: known.key.unwrap_or_else(|| origin.address()),
            generated,
            collected: known.collected,
            age_seconds: known
                .collected
                .zip(generated)
                .map(|(collected, made)| (collected - made).num_seconds()),
            file_modified: generated.is_none().then_some(file_modified),
            sha256: match self.with_checksums {
                true => Checksum::of(bytes).hex(),
                false => String::new(),
            },
            bytes: bytes.len() as u64,
            version_id: None,
            rows: analysis.tally.rows,
            bad_rows: analysis.tally.bad_rows,
            first_bad_rows: analysis.tally.first_bad_rows.clone(),
        };
        let time = generated.unwrap_or(file_modified);
        let report = reading::Report { account_id, entry, analysis, source: place, time };
        Reading::Report(Box::new(report))
    }
}

/// Why no row of a report can be read.
fn why_no_account_is_known(bytes: &[u8]) -> String {
    let any = "000000000000".parse().expect("these are twelve digits");
    let error = report::read(bytes, &any, |_| ()).expect_err("no row of it says an account");
    error.to_string()
}

#[cfg(test)]
mod tests;
