//! Finding reports under paths.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rollcall_core::evidence::bucket_layout;
use rollcall_core::evidence::bucket_layout::account_of_report;
use rollcall_functions::report_store::ReportStore;
use walkdir::{DirEntry, WalkDir};

use super::Connection;
use super::day::Day;
use crate::error::CommandError;

/// What a roll and a manifest have, and no other list of accounts.
const EXECUTION: &[u8] = b"\"execution\"";

/// What lies under some paths.
#[derive(Debug, Default)]
pub struct Sources {
    /// What may be reports.
    pub sources: Vec<Source>,
    /// The days that runs wrote.
    pub days: Vec<Day>,
    /// What is worth to know, for a person.
    pub notes: Vec<String>,
}

/// Something that may be a report.
#[derive(Clone, Debug)]
pub struct Source {
    /// Where it is.
    pub origin: Origin,
    /// Whether it is a report in the folder of a day.
    pub is_of_day: bool,
    /// Whether somebody named it, and did not merely name a folder it lies in.
    pub is_named: bool,
}

/// Where a report is.
#[derive(Clone, Debug)]
pub enum Origin {
    /// A file.
    File(PathBuf),
    /// Standard input.
    StandardInput,
    /// An object in a store.
    Object(ReportStore, String),
}

impl Origin {
    /// Where it is, for a person.
    pub fn address(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::StandardInput => "standard input".to_owned(),
            Self::Object(store, key) => store.address(key),
        }
    }

    /// Its bytes.
    ///
    /// # Errors
    /// When it is gone or can't be read, and of standard input, which was read to its end.
    pub async fn read(&self) -> Result<Vec<u8>, CommandError> {
        let gone = || CommandError::new(format!("{} can't be read a second time", self.address()));
        match self {
            Self::File(path) => {
                fs::read(path).map_err(|error| CommandError::of_disk("reading", path, &error))
            }
            Self::StandardInput => Err(gone()),
            Self::Object(store, key) => Ok(store.read(key).await?.ok_or_else(gone)?.bytes),
        }
    }

    /// The last part of its path.
    pub fn file_name(&self) -> String {
        match self {
            Self::File(path) => path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            Self::StandardInput => String::new(),
            Self::Object(_, key) => key.rsplit('/').next().unwrap_or_default().to_owned(),
        }
    }
}

/// Finds everything under `paths`.
pub(super) async fn find(paths: &[PathBuf], connection: &Connection<'_>) -> Result<Sources, CommandError> {
    let mut found = Sources::default();
    for path in paths {
        if path.as_os_str() == "-" {
            found.sources.push(Source { origin: Origin::StandardInput, is_of_day: false, is_named: true });
        } else if let Some(address) = path.to_str().and_then(|path| path.strip_prefix("s3://")) {
            found.in_bucket(address, connection).await?;
        } else {
            found.on_disk(path).await?;
        }
    }
    if paths.len() > 1 {
        found.drop_files_given_twice();
    }
    Ok(found)
}

impl Sources {
    /// A file that two paths lead to is one report.
    fn drop_files_given_twice(&mut self) {
        let mut seen = HashSet::new();
        self.sources.retain(|source| match &source.origin {
            Origin::File(path) => path.canonicalize().map_or(true, |path| seen.insert(path)),
            Origin::StandardInput => seen.insert(PathBuf::from("-")),
            Origin::Object(store, key) => seen.insert(PathBuf::from(store.address(key))),
        });
    }

    async fn on_disk(&mut self, path: &Path) -> Result<(), CommandError> {
        let kind = fs::metadata(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => {
                CommandError::new(format!("there is no file or folder {}: check the path", path.display()))
            }
            _ => CommandError::of_disk("reading", path, &error),
        })?;
        if !kind.is_dir() {
            let origin = Origin::File(path.to_owned());
            self.sources.push(Source { origin, is_of_day: false, is_named: true });
            return Ok(());
        }
        // The store is the folder above a day, for that has its metadata.
        let whole = path.canonicalize().map_err(|error| CommandError::of_disk("reading", path, &error))?;
        if is_day(path)
            && let (Some(above), Some(name)) = (whole.parent(), whole.file_name())
        {
            let name = name.to_str().ok_or_else(|| {
                CommandError::new(format!("{} is no name of a day: rename the folder", path.display()))
            })?;
            let prefix = format!("{name}/");
            let store = ReportStore::folder(above.to_owned());
            return self.day(store, &prefix, path.display().to_string()).await;
        }
        if let Some(latest) = latest_day(path)? {
            let name = latest.display();
            self.notes.push(format!("the latest day in {} is {name}", path.display()));
            let beside = csv_files_in(path)?;
            if beside > 0 {
                self.notes.push(format!(
                    "{beside} CSV files right in {} are of no day, and are not looked at: name them",
                    path.display()
                ));
            }
            // The predecessor wrote reports and nothing else.
            if !is_day(&latest) {
                return self.walk(&latest);
            }
            let store = ReportStore::folder(path.to_owned());
            let prefix = format!("{}/", latest.file_name().unwrap_or_default().to_string_lossy());
            return self.day(store, &prefix, name.to_string()).await;
        }
        self.walk(path)
    }

    /// Every CSV file under a folder that is no day.
    fn walk(&mut self, folder: &Path) -> Result<(), CommandError> {
        let is_shown =
            |entry: &DirEntry| entry.depth() == 0 || !entry.file_name().as_encoded_bytes().starts_with(b".");
        for entry in
            WalkDir::new(folder).follow_links(true).sort_by_file_name().into_iter().filter_entry(is_shown)
        {
            let entry = entry.map_err(|error| {
                CommandError::new(format!("reading the folder {} failed: {error}", folder.display()))
            })?;
            let is_csv =
                entry.path().extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
            // A pipe, or what else is no file, nobody has named.
            if is_csv && entry.file_type().is_file() {
                self.sources.push(Source {
                    origin: Origin::File(entry.into_path()),
                    is_of_day: false,
                    is_named: false,
                });
            }
        }
        Ok(())
    }

    async fn in_bucket(&mut self, address: &str, connection: &Connection<'_>) -> Result<(), CommandError> {
        let (bucket, key) = address.split_once('/').unwrap_or((address, ""));
        if bucket.is_empty() {
            return Err(CommandError::new(format!(
                "\"s3://{address}\" names no bucket: write s3://BUCKET/DATE/"
            )));
        }
        let store = ReportStore::new(connection.config().await?, bucket.to_owned(), None);
        if key.is_empty() {
            let days = store.prefixes().await?;
            let days = days.into_iter().filter(|prefix| bucket_layout::date_of_prefix(prefix).is_some());
            let Some(latest) = days.max() else {
                return Err(CommandError::new(format!(
                    "the bucket {bucket} has no day of a run: write s3://{bucket}/PREFIX/ for other reports in it"
                )));
            };
            self.notes.push(format!("the latest day in s3://{bucket} is {latest}"));
            return self.under(store, &latest, &latest, address).await;
        }
        let prefix = format!("{}/", key.trim_end_matches('/'));
        self.under(store, key, &prefix, address).await
    }

    /// What lies in a bucket under `key`: one report, or everything under it as the `prefix`.
    async fn under(
        &mut self,
        store: ReportStore,
        key: &str,
        prefix: &str,
        address: &str,
    ) -> Result<(), CommandError> {
        if bucket_layout::date_of_prefix(prefix).is_some() && has_roll(&store, prefix).await? {
            let address = store.address(prefix);
            return self.day(store, prefix, address).await;
        }
        let is_named = !key.ends_with('/') && key.to_ascii_lowercase().ends_with(".csv");
        let mut keys = store.list(if is_named { key } else { prefix }).await?;
        keys.retain(
            |found| if is_named { found == key } else { found.to_ascii_lowercase().ends_with(".csv") },
        );
        if keys.is_empty() {
            return Err(CommandError::new(format!(
                "there is no report under s3://{address}: check bucket and key"
            )));
        }
        self.sources.extend(keys.into_iter().map(|key| Source {
            origin: Origin::Object(store.clone(), key),
            is_of_day: false,
            is_named,
        }));
        Ok(())
    }

    async fn day(&mut self, store: ReportStore, prefix: &str, address: String) -> Result<(), CommandError> {
        let (day, reports) = Day::read(&store, prefix, address).await?;
        self.days.push(day);
        self.sources.extend(reports.into_iter().map(|key| Source {
            origin: Origin::Object(store.clone(), key),
            is_of_day: true,
            is_named: false,
        }));
        Ok(())
    }
}

async fn has_roll(store: &ReportStore, prefix: &str) -> Result<bool, CommandError> {
    Ok(store.has(&format!("{prefix}run.json")).await? || store.has(&format!("{prefix}accounts.json")).await?)
}

/// Whether a run wrote this folder for its day. Others have an accounts.json too: that of AWS's command
/// line, for one.
fn is_day(folder: &Path) -> bool {
    ["run.json", "accounts.json"].iter().any(|name| {
        let of_a_run = |bytes: Vec<u8>| bytes.windows(EXECUTION.len()).any(|window| window == EXECUTION);
        fs::read(folder.join(name)).is_ok_and(of_a_run)
    })
}

/// Whether the predecessor left reports in the folder of a day: right in it.
fn has_reports(folder: &Path) -> Result<bool, CommandError> {
    let failed = |error: io::Error| CommandError::of_disk("reading", folder, &error);
    if !folder.is_dir() {
        return Ok(false);
    }
    let mut entries = fs::read_dir(folder).map_err(failed)?.flatten();
    Ok(entries.any(|entry| account_of_report(&entry.file_name().to_string_lossy()).is_some()))
}

/// How many CSV files lie right in a folder.
fn csv_files_in(folder: &Path) -> Result<usize, CommandError> {
    let entries = fs::read_dir(folder).map_err(|error| CommandError::of_disk("reading", folder, &error))?;
    let is_csv =
        |path: &Path| path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
    Ok(entries.flatten().filter(|entry| is_csv(&entry.path())).count())
}

/// The latest of the days in the folder that a run, or the predecessor, wrote to; `None` when there is
/// none.
fn latest_day(folder: &Path) -> Result<Option<PathBuf>, CommandError> {
    let failed = |error: io::Error| CommandError::of_disk("reading", folder, &error);
    let mut latest = None;
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let prefix = format!("{}/", path.file_name().unwrap_or_default().to_string_lossy());
        if bucket_layout::date_of_prefix(&prefix).is_some() && (is_day(&path) || has_reports(&path)?) {
            latest = latest.max(Some(path));
        }
    }
    Ok(latest)
}
