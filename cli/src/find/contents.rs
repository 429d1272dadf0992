//! What lies under one path.

use super::day::Day;
use super::day_address::DayAddress;
use super::origin::{Origin, Source};
use crate::error::CommandError;

/// What lies under one path.
#[derive(Debug, Default)]
pub(super) struct Contents {
    /// What may be reports.
    pub sources: Vec<Source>,
    /// The day of a run, if the path is one.
    pub day: Option<Day>,
    /// What a person should know about how it was found.
    pub notes: Vec<String>,
}

impl Contents {
    /// What the path itself names.
    pub(super) fn one(origin: Origin) -> Self {
        Self { sources: vec![Source { origin, is_of_day: false, is_named: true }], ..Self::default() }
    }

    /// The loose reports of a folder.
    pub(super) fn loose(origins: impl IntoIterator<Item = Origin>) -> Self {
        let sources = origins.into_iter();
        let sources = sources.map(|origin| Source { origin, is_of_day: false, is_named: false });
        Self { sources: sources.collect(), ..Self::default() }
    }

    /// A day, with its reports.
    pub(super) async fn of_day(day: DayAddress) -> Result<Self, CommandError> {
        let DayAddress { store, name, address, notes } = day;
        let (day, reports) = Day::read(&store, &name, address).await?;
        let sources = reports.into_iter().map(|key| Source {
            origin: Origin::Object(store.clone(), key),
            is_of_day: true,
            is_named: false,
        });
        Ok(Self { sources: sources.collect(), day: Some(day), notes })
    }

    /// The same, with notes that stand first.
    pub(super) fn with_notes(mut self, mut notes: Vec<String>) -> Self {
        notes.append(&mut self.notes);
        Self { notes, ..self }
    }
}
