//! The day of a run, as the run wrote it: its roll, its failures, and what vouches for its reports.

use std::collections::{HashMap, HashSet};

use rollcall_core::evidence::bucket_layout;
use rollcall_core::evidence::manifest::Manifest;
use rollcall_core::evidence::verification;
use rollcall_core::identifiers::account_id::AccountId;
use rollcall_core::organization::failure::FailureRecord;
use rollcall_core::organization::outcome::ReportEntry;
use rollcall_core::organization::roll::Roll;
use rollcall_functions::report_store::ReportStore;
use rollcall_functions::report_store::object::StoredObject;
use serde::de::DeserializeOwned;

use crate::error::CommandError;

/// A day of a run.
#[derive(Debug)]
pub struct Day {
    /// Where it is, for a person.
    pub address: String,
    /// Who was on the roll.
    pub roll: Roll,
    /// What the run found; `None` when it did not finish.
    pub manifest: Option<Manifest>,
    /// The recorded failures of the run.
    pub failures: Vec<FailureRecord>,
    /// The exemptions beside the day: what errors call the file, and its bytes.
    pub exemptions: Option<(String, Vec<u8>)>,
    /// The reports that `run.json` names.
    entries: HashMap<AccountId, ReportEntry>,
    /// The accounts of the reports that are there.
    found: HashSet<AccountId>,
}

impl Day {
    /// Reads the day in the folder `name` of the store, and lists the keys of its reports. The name is its
    /// date, or whatever a copy of it is called.
    pub(super) async fn read(
        store: &ReportStore,
        name: &str,
        address: String,
    ) -> Result<(Self, Vec<String>), CommandError> {
        let run = bucket_layout::run(name);
        let manifest: Option<Manifest> = match store.has(&run).await? {
            true => Some(read_json(store, &run).await?),
            false => None,
        };
        let roll: Roll = read_json(store, &bucket_layout::accounts(name)).await?;
        if let Some(manifest) = &manifest {
            refuse_another_roll(&roll, manifest, &address)?;
        }
        let mut failures = Vec::new();
        for key in store.list(&bucket_layout::failures(name)).await? {
            let failure: FailureRecord = read_json(store, &key).await?;
            if failure.execution == roll.execution {
                failures.push(failure);
            }
        }
        let exemptions = read_exemptions(store, name).await?;
        let entries = manifest
            .iter()
            .flat_map(|manifest| &manifest.accounts)
            .filter_map(|account| Some((account.account_id.clone(), account.outcome.report()?.clone())))
            .collect();
        let mut reports = store.list(&bucket_layout::reports(name)).await?;
        reports.retain(|key| Self::account_of_report(key).is_some());
        let found = reports.iter().filter_map(|key| Self::account_of_report(key)).collect();
        Ok((Self { address, roll, manifest, failures, exemptions, entries, found }, reports))
    }

    /// The account that the report under `key` is named for.
    pub fn account_of_report(key: &str) -> Option<AccountId> {
        bucket_layout::account_of_report(key.rsplit('/').next()?)
    }

    /// Where its reports are, for a person.
    pub fn address_of_reports(&self) -> String {
        let folder = bucket_layout::reports(self.address.trim_end_matches('/'));
        folder.trim_end_matches('/').to_owned()
    }

    /// The reports that `run.json` names as collected and that are not there: the account, and where its
    /// report would be, for a person.
    pub fn reports_that_are_gone(&self) -> impl Iterator<Item = (&AccountId, String)> {
        let gone = self.entries.iter().filter(|(account_id, _)| !self.found.contains(*account_id));
        gone.map(|(account_id, entry)| {
            let address = match entry.key.split_once('/') {
                Some((_, key)) => format!("{}/{key}", self.address.trim_end_matches('/')),
                None => entry.key.clone(),
            };
            (account_id, address)
        })
    }

    /// The name of an account.
    pub fn name_of(&self, account_id: &AccountId) -> Option<&str> {
        // The roll is in the order of ids.
        let accounts = &self.roll.accounts;
        let place = accounts.binary_search_by(|account| account.account_id.cmp(account_id)).ok()?;
        Some(&accounts[place].name)
    }

    /// What `run.json` says of the report of an account; `None` when it names none.
    pub fn entry(&self, account_id: &AccountId) -> Option<&ReportEntry> {
        self.entries.get(account_id)
    }

    /// Whether the run of this day wrote the object. Files that were copied have lost their metadata, and
    /// then only `run.json` can say.
    pub fn wrote(&self, object: &StoredObject) -> bool {
        object.metadata.is_empty() || object.is_of(&self.roll.execution)
    }
}

/// Refuses a day whose `run.json` has other accounts than its roll, because it proves neither.
fn refuse_another_roll(roll: &Roll, manifest: &Manifest, address: &str) -> Result<(), CommandError> {
    let differences = verification::roll(roll, manifest);
    let Some(first) = differences.first.first() else { return Ok(()) };
    let more = match differences.count() - 1 {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    Err(CommandError::new(format!(
        "the day {address} does not hold: {}{more}: `rollcall verify {address}` names every difference",
        crate::difference::sentence(first)
    )))
}

/// The exemptions of the day, or those beside it when it has none of its own.
async fn read_exemptions(store: &ReportStore, name: &str) -> Result<Option<(String, Vec<u8>)>, CommandError> {
    for key in bucket_layout::exemptions_of(name) {
        if store.has(&key).await? {
            return Ok(store.read(&key).await?.map(|object| (store.address(&key), object.bytes)));
        }
    }
    Ok(None)
}

async fn read_json<T: DeserializeOwned>(store: &ReportStore, key: &str) -> Result<T, CommandError> {
    let address = store.address(key);
    let object = store
        .read(key)
        .await?
        .ok_or_else(|| CommandError::new(format!("{address} is not there: fetch the whole day again")))?;
    serde_json::from_slice(&object.bytes)
        .map_err(|error| CommandError::new(format!("{address} can't be read: {error}: fetch it again")))
}
