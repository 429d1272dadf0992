//! Reading many objects of a store.

use crate::aws::api_error::ApiErrorKind;
use crate::report_store::ReportStore;
use crate::report_store::object::StoredObject;
use crate::report_store::store_error::StoreError;

/// How many objects are read at a time.
pub(super) const READ_AT_A_TIME: usize = 64;
/// How often an object that is cut off is read before it counts as unreadable.
const READ_TRIES: u32 = 3;

/// Reads an object, again when it is cut off.
pub(super) async fn read_persistently(
    store: &ReportStore,
    key: &str,
) -> Result<Option<StoredObject>, StoreError> {
    let mut tries = 0;
    loop {
        tries += 1;
        match store.read(key).await {
            Err(StoreError::Bucket { error, .. })
                if error.kind == ApiErrorKind::Unavailable && tries < READ_TRIES => {}
            other => return other,
        }
    }
}
