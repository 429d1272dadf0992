//! What is known of a stored report besides its bytes, and whether it is still the one that its run
//! collected.

use chrono::{DateTime, Utc};
use rollcall_core::evidence::bucket_layout;
use rollcall_core::identifiers::account_id::AccountId;
use rollcall_core::organization::failure::FailureCode;
use rollcall_functions::report_store::object::{Checksum, StoredObject};

use super::reading::{Reading, Unread};
use crate::find::Day;

/// The failure code of a report that is not what was collected.
const CHANGED: FailureCode = FailureCode::StorageFailed;

/// What is known of a report besides its bytes.
#[derive(Default)]
pub(super) struct Known {
    /// Its account, by the day.
    pub account_id: Option<AccountId>,
    /// The name of that account.
    pub account_name: String,
    /// Its key in the store of its day.
    pub key: Option<String>,
    /// When IAM made it.
    pub generated: Option<DateTime<Utc>>,
    /// When it was collected.
    pub collected: Option<DateTime<Utc>>,
    /// When its file was written.
    pub modified: Option<DateTime<Utc>>,
}

/// What is known of an object that may be a report: its metadata, and in the folder of a day what the day
/// says of it. Answers the reading of one that is not evidence of the day.
pub(super) fn known_of(
    day: Option<&Day>,
    key: &str,
    object: &StoredObject,
    address: impl FnOnce() -> String,
) -> Result<Known, Reading> {
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
    let Some(day) = day else { return Ok(known) };
    let account_id = Day::account_of_report(key).ok_or(Reading::OfAnotherExecution)?;
    if day.manifest.is_some() {
        let entry = day.entry(&account_id).ok_or(Reading::OfAnotherExecution)?;
        let sha256 = Checksum::of(&object.bytes).hex();
        if entry.sha256 != sha256 {
            return Err(Reading::Unread(Unread {
                account_id: Some(account_id),
                address: address(),
                message: format!(
                    "its SHA-256 is {sha256}, and run.json has {}: it was changed since the run, fetch it again",
                    entry.sha256
                ),
                code: CHANGED,
            }));
        }
        known.generated = entry.generated;
        known.collected = entry.collected;
    } else if !day.wrote(object) {
        return Err(Reading::OfAnotherExecution);
    }
    known.account_name = day.name_of(&account_id).unwrap_or_default().to_owned();
    known.account_id = Some(account_id);
    known.key = Some(key.to_owned());
    Ok(known)
}

/// The reports that `run.json` names as collected, and that are not where it says.
pub(super) fn gone(day: Option<&Day>) -> impl Iterator<Item = Unread> {
    day.into_iter().flat_map(Day::reports_that_are_gone).map(|(account_id, address)| Unread {
        account_id: Some(account_id.clone()),
        address,
        message: "run.json names this report, and it is not there: fetch it again".to_owned(),
        code: CHANGED,
    })
}
