//! Finds what may be reports under the paths that a person gives: the first step of [`crate::read`] and
//! [`crate::judge`]. No report is read here.
//!
//! What the paths hold is one of two things. The folder of a day, as a run wrote it, has the roll and
//! vouches for its reports. Loose reports vouch for nothing: the roll is the accounts they are of, and a
//! missing one can't be noticed.

mod bucket;
mod candidate;
mod contents;
mod day;
mod day_address;
mod disk;
mod origin;

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use rollcall_core::evidence::manifest::Manifest;
use rollcall_core::identifiers::account_id::AccountId;

use crate::aws_connection::Connection;
use crate::error::CommandError;
use contents::Contents;

pub use day::Day;
pub use day_address::DayAddress;
pub use origin::{Origin, Source};

/// What lies under some paths.
#[derive(Debug)]
pub struct Found {
    /// The paths, for a person.
    pub paths: String,
    /// What may be reports.
    pub sources: Vec<Source>,
    /// The day that all of it is of, if it is of one.
    pub day: Option<Day>,
    /// What a person should know about how it was found.
    pub notes: Vec<String>,
}

/// Finds everything under `paths`.
///
/// # Errors
/// When a path can't be read, or the day of a run is not given alone.
pub async fn find(paths: &[PathBuf], connection: &Connection<'_>) -> Result<Found, CommandError> {
    let mut all = Vec::new();
    for path in paths {
        all.push(if path.as_os_str() == "-" {
            Contents::one(Origin::StandardInput)
        } else if let Some(address) = path.to_str().and_then(|path| path.strip_prefix("s3://")) {
            bucket::contents(address, connection).await?
        } else {
            disk::contents(path).await?
        });
    }
    let names: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    let mut found = Found { paths: names.join(", "), sources: vec![], day: None, notes: vec![] };
    let mut days = Vec::new();
    for contents in all {
        found.sources.extend(contents.sources);
        found.notes.extend(contents.notes);
        days.extend(contents.day);
    }
    if paths.len() > 1 {
        found.drop_files_given_twice();
    }
    // A day has its roll, its rules and its exemptions: beside another they would silently not count.
    if let [day, ..] = days.as_slice()
        && (days.len() > 1 || found.sources.iter().any(|source| !source.is_of_day))
    {
        return Err(CommandError::new(format!(
            "{} is the day of a run, which is judged by itself: give it alone, or {} for its reports among others",
            day.address,
            day.address_of_reports()
        )));
    }
    found.day = days.pop();
    Ok(found)
}

/// Finds the day of a run under `path`: the path itself, or the latest day in it.
///
/// # Errors
/// When there is none, or it can't be read.
pub async fn find_day(path: &Path, connection: &Connection<'_>) -> Result<DayAddress, CommandError> {
    let day = match path.to_str().and_then(|path| path.strip_prefix("s3://")) {
        Some(address) => bucket::day(address, connection).await?,
        None => disk::day(path)?,
    };
    day.ok_or_else(|| {
        CommandError::new(format!(
            "{} is not the day of a run: it has neither accounts.json nor run.json of one; give the folder of a day, or s3://BUCKET/DATE/",
            path.display()
        ))
    })
}

impl Found {
    /// What the run of the day knew of when each account was collected last; nothing for loose reports.
    pub fn last_collected(&self) -> impl Iterator<Item = (AccountId, DateTime<Utc>)> {
        self.day.iter().filter_map(|day| day.manifest.as_ref()).flat_map(Manifest::last_collected)
    }

    /// A file that two paths lead to is one report.
    fn drop_files_given_twice(&mut self) {
        let mut seen = HashSet::new();
        self.sources.retain(|source| match &source.origin {
            Origin::File(path) => path.canonicalize().map_or(true, |path| seen.insert(path)),
            Origin::StandardInput => seen.insert(PathBuf::from("-")),
            Origin::Object(store, key) => seen.insert(PathBuf::from(store.address(key))),
        });
    }
}
