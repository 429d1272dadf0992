//! What a day says of itself, before any of its objects is read.

use std::path::Path;

use rollcall_core::evidence::bucket_layout;
use rollcall_core::evidence::manifest::Manifest;
use rollcall_core::judgement::exemptions::Exemptions;
use rollcall_core::judgement::history::Previous;
use rollcall_core::organization::roll::Roll;
use rollcall_core::organization::roll_call::RollCall;
use rollcall_functions::report_store::object::Checksum;
use serde::de::DeserializeOwned;

use crate::error::CommandError;
use crate::find::DayAddress;

/// What a day says of itself.
pub struct Day {
    /// Where it lies.
    pub address: DayAddress,
    /// `accounts.json`.
    pub roll: Roll,
    /// `run.json`.
    pub manifest: Manifest,
    /// The SHA-256 of `run.json`, which vouches for the rest.
    pub manifest_sha256: String,
    /// What was exempt.
    pub exemptions: DayExemptions,
    /// What the run knew of the days before, as far as a report is judged by it: no findings.
    pub previous: Previous,
}

/// The exemptions of a day.
pub enum DayExemptions {
    /// Those that `run.json` has the SHA-256 of, or none when it has none.
    AsRecorded(Exemptions),
    /// No file of that SHA-256 is at hand.
    Unknown {
        /// The SHA-256 that `run.json` has.
        sha256: String,
    },
}

impl Day {
    /// Reads the roll, the manifest and the exemptions; `exemptions` is a file that stands for them.
    pub async fn read(address: DayAddress, exemptions: Option<&Path>) -> Result<Self, CommandError> {
        let DayAddress { name, .. } = &address;
        let (roll, _) = json(&address, &bucket_layout::accounts(name)).await?;
        let (manifest, manifest_sha256): (Manifest, _) = json(&address, &bucket_layout::run(name)).await?;
        let exemptions = read_exemptions(&address, &manifest, exemptions).await?;
        let previous = Previous::default().with_last_collected(manifest.last_collected());
        Ok(Self { address, roll, manifest, manifest_sha256, exemptions, previous })
    }

    /// The roll as the run called it.
    pub fn roll_call(&self) -> RollCall {
        let manifest = &self.manifest;
        RollCall {
            source: manifest.source,
            organization_id: manifest.organization_id.clone(),
            accounts: manifest.accounts.clone(),
            coverage: manifest.coverage,
            of_other_executions: manifest.of_other_executions,
            unreadable_files: manifest.unreadable_files.clone(),
        }
    }
}

async fn json<T: DeserializeOwned>(day: &DayAddress, key: &str) -> Result<(T, String), CommandError> {
    let place = day.store.address(key);
    let object = day.store.read(key).await?.ok_or_else(|| {
        CommandError::new(format!(
            "{place} is not there, so nothing vouches for this day: fetch the whole day again, or the run did not finish"
        ))
    })?;
    let value = serde_json::from_slice(&object.bytes).map_err(|error| {
        CommandError::new(format!("{place} can't be read: {error}: fetch it again, or it was changed"))
    })?;
    Ok((value, Checksum::of(&object.bytes).hex()))
}

/// The exemptions whose SHA-256 the manifest has: those in the day, those beside it, or the file that was
/// named.
async fn read_exemptions(
    day: &DayAddress,
    manifest: &Manifest,
    named: Option<&Path>,
) -> Result<DayExemptions, CommandError> {
    let Some(sha256) = &manifest.exemptions.sha256 else {
        return Ok(DayExemptions::AsRecorded(Exemptions::default()));
    };
    let parse = |name: &str, bytes: &[u8]| {
        Exemptions::parse(name, bytes)
            .map(DayExemptions::AsRecorded)
            .map_err(|error| CommandError::new(error.to_string()))
    };
    if let Some(path) = named {
        let bytes = std::fs::read(path).map_err(|error| CommandError::of_disk("reading", path, &error))?;
        let found = Checksum::of(&bytes).hex();
        if found != *sha256 {
            return Err(CommandError::new(format!(
                "{} has the SHA-256 {found}, and the day was judged by exemptions of {sha256}: give that file",
                path.display()
            )));
        }
        return parse(&path.display().to_string(), &bytes);
    }
    for key in bucket_layout::exemptions_of(&day.name) {
        if !day.store.has(&key).await? {
            continue;
        }
        if let Some(object) = day.store.read(&key).await?
            && Checksum::of(&object.bytes).hex() == *sha256
        {
            return parse(&day.store.address(&key), &object.bytes);
        }
    }
    Ok(DayExemptions::Unknown { sha256: sha256.clone() })
}
