//! Finding reports in files and folders.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rollcall_core::evidence::bucket_layout;
use rollcall_core::text::counted::counted;
use rollcall_functions::report_store::ReportStore;
use walkdir::{DirEntry, WalkDir};

use super::candidate::may_hold_a_report;
use super::contents::Contents;
use super::day_address::DayAddress;
use super::origin::Origin;
use crate::error::CommandError;

/// What a roll and a manifest contain. Another list of accounts, such as that of AWS's command line, does not.
const EXECUTION: &[u8] = b"\"execution\"";

/// What lies under a path on the disk.
pub(super) async fn contents(path: &Path) -> Result<Contents, CommandError> {
    let kind = fs::metadata(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => {
            CommandError::new(format!("there is no file or folder {}: check the path", path.display()))
        }
        _ => CommandError::of_disk("reading", path, &error),
    })?;
    if !kind.is_dir() {
        return Ok(Contents::one(Origin::File(path.to_owned())));
    }
    if let Some(day) = day(path)? {
        let beside = if is_day(path) { 0 } else { candidates_in(path)? };
        let mut contents = Contents::of_day(day).await?;
        if beside > 0 {
            contents.notes.push(format!(
                "not looked at: {} right in {}, outside every day: name what should be read",
                counted(beside, "file"),
                path.display()
            ));
        }
        return Ok(contents);
    }
    match latest_day(path)? {
        // AWS's sample writes reports and nothing else.
        Some(latest) => Ok(walk(&latest)?.with_notes(vec![note_on_latest(path, &latest)])),
        None => walk(path),
    }
}

/// The day of a run that a folder is, or the latest in it.
pub(super) fn day(path: &Path) -> Result<Option<DayAddress>, CommandError> {
    let (folder, notes) = if is_day(path) {
        (path.to_owned(), vec![])
    } else {
        match latest_day(path)?.filter(|latest| is_day(latest)) {
            Some(latest) => {
                let note = note_on_latest(path, &latest);
                (latest, vec![note])
            }
            None => return Ok(None),
        }
    };
    // The store is the folder above a day, because that has its metadata.
    let whole = folder.canonicalize().map_err(|error| CommandError::of_disk("reading", &folder, &error))?;
    let (Some(above), Some(name)) = (whole.parent(), whole.file_name()) else { return Ok(None) };
    let name = name.to_str().ok_or_else(|| {
        CommandError::new(format!("{} is no name of a day: rename the folder", folder.display()))
    })?;
    Ok(Some(DayAddress {
        store: ReportStore::folder(above.to_owned()),
        name: name.to_owned(),
        address: folder.display().to_string(),
        notes,
    }))
}

fn note_on_latest(folder: &Path, latest: &Path) -> String {
    format!("the latest day in {} is {}", folder.display(), latest.display())
}

/// Every file under a folder that is not a day, of the kinds that hold reports.
fn walk(folder: &Path) -> Result<Contents, CommandError> {
    let is_shown =
        |entry: &DirEntry| entry.depth() == 0 || !entry.file_name().as_encoded_bytes().starts_with(b".");
    let mut files = Vec::new();
    for entry in
        WalkDir::new(folder).follow_links(true).sort_by_file_name().into_iter().filter_entry(is_shown)
    {
        let entry = entry.map_err(|error| {
            CommandError::new(format!("reading the folder {} failed: {error}", folder.display()))
        })?;
        // A pipe in a folder is left alone: it is read only when it is named.
        if may_hold_a_report(&entry.file_name().to_string_lossy()) && entry.file_type().is_file() {
            files.push(Origin::File(entry.into_path()));
        }
    }
    Ok(Contents::loose(files))
}

/// Whether a run wrote this folder for its day.
fn is_day(folder: &Path) -> bool {
    [bucket_layout::RUN, bucket_layout::ACCOUNTS].iter().any(|name| {
        let is_of_a_run = |bytes: Vec<u8>| bytes.windows(EXECUTION.len()).any(|window| window == EXECUTION);
        fs::read(folder.join(name)).is_ok_and(is_of_a_run)
    })
}

/// Whether AWS's sample left reports in the folder of a day: right in it.
fn has_reports(folder: &Path) -> Result<bool, CommandError> {
    let failed = |error: io::Error| CommandError::of_disk("reading", folder, &error);
    if !folder.is_dir() {
        return Ok(false);
    }
    let mut entries = fs::read_dir(folder).map_err(failed)?.flatten();
    Ok(entries.any(|entry| bucket_layout::account_of_report(&entry.file_name().to_string_lossy()).is_some()))
}

/// How many files that may hold a report lie right in a folder.
fn candidates_in(folder: &Path) -> Result<u64, CommandError> {
    let entries = fs::read_dir(folder).map_err(|error| CommandError::of_disk("reading", folder, &error))?;
    let candidates =
        entries.flatten().filter(|entry| may_hold_a_report(&entry.file_name().to_string_lossy()));
    Ok(candidates.count() as u64)
}

/// The latest of the days in the folder that a run, or AWS's sample, wrote; `None` when there is none.
fn latest_day(folder: &Path) -> Result<Option<PathBuf>, CommandError> {
    let failed = |error: io::Error| CommandError::of_disk("reading", folder, &error);
    let mut latest = None;
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let is_date = bucket_layout::date_of_prefix(&bucket_layout::day(&name)).is_some();
        if is_date && (is_day(&path) || has_reports(&path)?) {
            latest = latest.max(Some(path));
        }
    }
    Ok(latest)
}
