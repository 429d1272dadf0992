//! Records: objects that several runs may write at the same time. A record is written only where there is
//! none, or over the revision that was read, so that no change is lost.
//!
//! An answer may be lost after the store has taken a record, and the SDK then tries again and is refused for
//! what it wrote itself. So whenever a write is refused or not answered, the record is read back: if it is
//! the one to be written, by this execution, it is written.

use std::time::Duration;

use aws_sdk_s3::primitives::ByteStream;
use serde::Serialize;
use tokio::time::sleep;

use super::bucket::Put;
use super::folder;
use super::object::{Checksum, Labels, Opened, StoredObject};
use super::revision::Condition;
pub use super::revision::Revision;
use super::store::{Place, ReportStore, json};
use super::store_error::StoreError;
use crate::aws::api_error::ApiErrorKind;

/// How often a write is tried that S3 refuses because another one is under way.
const TRIES: u32 = 5;
/// How long the first wait before another try is; each is longer by as much.
const PAUSE: Duration = Duration::from_millis(100);

/// A record that was read.
#[derive(Clone, Debug)]
pub struct Record {
    /// Its bytes and what is kept with them.
    pub object: StoredObject,
    /// The revision to replace.
    pub revision: Revision,
}

/// How writing a new record ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WroteNew {
    /// It is written, and this is its revision.
    Written(Revision),
    /// There is another one under the key. It is as it was.
    AlreadyThere,
}

/// How replacing a record ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Replaced {
    /// It is replaced, and this is its new revision.
    Written(Revision),
    /// It no longer has the revision that was read, or is gone. It is as it was.
    ChangedMeanwhile,
}

impl ReportStore {
    /// Reads the record under `key`; `None` when there is none.
    ///
    /// # Errors
    /// [`StoreError`] when the store refuses or does not answer.
    pub async fn read_record(&self, key: &str) -> Result<Option<Record>, StoreError> {
        let Some(Opened { metadata, modified, body, revision, version_id }) = self.open(key, None).await?
        else {
            return Ok(None);
        };
        let bytes = body.collect().await.map_err(|error| self.cut_off(key, error))?.to_vec();
        let revision = match (&self.place, revision) {
            (_, Some(revision)) => revision,
            (Place::Folder(_), None) => folder::revision_of(&bytes),
            (Place::Bucket(bucket), None) => return Err(bucket.without_revision("s3:GetObject", key)),
        };
        Ok(Some(Record { object: StoredObject { bytes, metadata, modified, version_id }, revision }))
    }

    /// Writes `value` as JSON under `key`, marked with `execution`, unless there is a record already.
    ///
    /// # Errors
    /// [`StoreError`] when the store refuses, or does not answer and it is not known whether the record is
    /// written: the same call again is safe.
    pub async fn write_new(
        &self,
        key: &str,
        value: &impl Serialize,
        execution: &str,
    ) -> Result<WroteNew, StoreError> {
        Ok(match self.write_if(key, json(value), execution, Condition::IsNew).await? {
            Some(revision) => WroteNew::Written(revision),
            None => WroteNew::AlreadyThere,
        })
    }

    /// Writes `value` as JSON over the record under `key`, marked with `execution`, if the record still has
    /// the `revision` that was read.
    ///
    /// # Errors
    /// As [`Self::write_new`].
    pub async fn replace(
        &self,
        key: &str,
        value: &impl Serialize,
        revision: &Revision,
        execution: &str,
    ) -> Result<Replaced, StoreError> {
        let condition = Condition::HasRevision(revision);
        Ok(match self.write_if(key, json(value), execution, condition).await? {
            Some(revision) => Replaced::Written(revision),
            None => Replaced::ChangedMeanwhile,
        })
    }

    /// Writes a record under a condition; `None` when the condition does not hold.
    async fn write_if(
        &self,
        key: &str,
        bytes: Vec<u8>,
        execution: &str,
        condition: Condition<'_>,
    ) -> Result<Option<Revision>, StoreError> {
        let mut tries = 0;
        loop {
            tries += 1;
            let unconfirmed = match self.try_write_if(key, &bytes, execution, condition).await {
                Ok(Some(revision)) => return Ok(Some(revision)),
                Ok(None) => None,
                Err(error) if error.is_passing() => Some(error),
                Err(error) => return Err(error),
            };
            let unconfirmed = match (self.read_record(key).await, unconfirmed) {
                (Ok(Some(there)), _) if there.is(&bytes, execution) => return Ok(Some(there.revision)),
                (Ok(there), _) if !condition.holds(there.as_ref().map(|there| &there.revision)) => {
                    return Ok(None);
                }
                // Nothing is written, and nothing stands in the way any more.
                (Ok(_), unconfirmed) => unconfirmed,
                (Err(error), unconfirmed) => return Err(unconfirmed.unwrap_or(error)),
            };
            match unconfirmed {
                Some(error) if tries == TRIES || !is_of_conflict(&error) => return Err(error),
                None if tries == TRIES => return Ok(None),
                _ => sleep(PAUSE * tries).await,
            }
        }
    }

    /// Writes a record once; `None` when the store says that the condition does not hold.
    async fn try_write_if(
        &self,
        key: &str,
        bytes: &[u8],
        execution: &str,
        condition: Condition<'_>,
    ) -> Result<Option<Revision>, StoreError> {
        let labels = Labels::new("application/json", Checksum::of(bytes), execution, &[]);
        let bucket = match &self.place {
            Place::Bucket(bucket) => bucket,
            Place::Folder(folder) => {
                let is_written = folder.put_if(key, bytes, &labels, condition)?;
                return Ok(is_written.then(|| folder::revision_of(bytes)));
            }
        };
        match bucket.put(key, ByteStream::from(bytes.to_vec()), labels, condition).await {
            Ok(Put { revision: Some(revision), .. }) => Ok(Some(revision)),
            Ok(Put { revision: None, .. }) => Err(bucket.without_revision("s3:PutObject", key)),
            Err(error) => match error.api() {
                Some(api) if api.kind == ApiErrorKind::ConditionFailed => Ok(None),
                // There is nothing to replace.
                Some(api) if api.code() == Some("NoSuchKey") => Ok(None),
                _ => Err(error),
            },
        }
    }
}

/// Whether S3 asks for another try because another write is under way.
fn is_of_conflict(error: &StoreError) -> bool {
    error.api().is_some_and(|api| api.kind == ApiErrorKind::ConditionConflict)
}

impl Record {
    /// Whether it is the record of these bytes, written by this execution.
    fn is(&self, bytes: &[u8], execution: &str) -> bool {
        self.object.bytes == bytes && self.object.is_of(execution)
    }
}

#[cfg(test)]
mod tests {
    use rollcall_testing::fake_aws::{Answer, FakeAws, s3_error};
    use serde_json::{Value, json};

    use super::*;
    use crate::fake_bucket::FakeBucket;

    const KEY: &str = "users/anna.json";

    /// A store of each kind, and what keeps it alive.
    fn stores() -> [(ReportStore, Option<tempfile::TempDir>); 2] {
        let folder = tempfile::tempdir().unwrap();
        [
            (FakeAws::default().bucket("reports"), None),
            (ReportStore::folder(folder.path().join("reports")), Some(folder)),
        ]
    }

    async fn content(store: &ReportStore) -> Value {
        serde_json::from_slice(&store.read_record(KEY).await.unwrap().unwrap().object.bytes).unwrap()
    }

    async fn write_new(store: &ReportStore, execution: &str) -> WroteNew {
        store.write_new(KEY, &json!({ "by": execution }), execution).await.unwrap()
    }

    #[tokio::test]
    async fn a_new_record_is_written_once_and_stays_as_it_was() {
        for (store, _folder) in stores() {
            assert!(store.read_record(KEY).await.unwrap().is_none());
            let WroteNew::Written(revision) = write_new(&store, "run-1").await else { panic!() };
            assert_eq!(store.read_record(KEY).await.unwrap().unwrap().revision, revision);
            assert_eq!(write_new(&store, "run-2").await, WroteNew::AlreadyThere);
            assert_eq!(content(&store).await["by"], "run-1");
        }
    }

    #[tokio::test]
    async fn a_record_is_replaced_in_the_revision_that_was_read_and_in_no_other() {
        for (store, _folder) in stores() {
            let WroteNew::Written(first) = write_new(&store, "run-1").await else { panic!() };
            let replaced = store.replace(KEY, &json!({ "revision": 2 }), &first, "run-1").await.unwrap();
            let Replaced::Written(second) = replaced else { panic!("{replaced:?}") };
            assert_ne!(first, second);
            let late = store.replace(KEY, &json!({ "revision": "late" }), &first, "run-2").await.unwrap();
            assert_eq!(late, Replaced::ChangedMeanwhile);
            assert_eq!(content(&store).await, json!({ "revision": 2 }));
            let third = store.replace(KEY, &json!({ "revision": 3 }), &second, "run-2").await.unwrap();
            assert!(matches!(third, Replaced::Written(_)));
        }
    }

    #[tokio::test]
    async fn a_record_that_is_gone_is_not_made_anew_by_replacing_it() {
        for (store, _folder) in stores() {
            let WroteNew::Written(revision) = write_new(&store, "run-1").await else { panic!() };
            let elsewhere = store.replace("users/ben.json", &json!({}), &revision, "run-1").await.unwrap();
            assert_eq!(elsewhere, Replaced::ChangedMeanwhile);
            assert!(store.read_record("users/ben.json").await.unwrap().is_none());
        }
    }

    #[tokio::test]
    async fn the_same_write_again_by_the_same_execution_is_written() {
        for (store, _folder) in stores() {
            let first = write_new(&store, "run-1").await;
            assert_eq!(write_new(&store, "run-1").await, first);
            let WroteNew::Written(revision) = first else { panic!() };
            let value = json!({ "revision": 2 });
            let replaced = store.replace(KEY, &value, &revision, "run-1").await.unwrap();
            assert_eq!(store.replace(KEY, &value, &revision, "run-1").await.unwrap(), replaced);
            // Another execution did not write it.
            let other = store.replace(KEY, &value, &revision, "run-2").await.unwrap();
            assert_eq!(other, Replaced::ChangedMeanwhile);
        }
    }

    #[tokio::test]
    async fn s3_is_asked_under_the_condition() {
        let aws = FakeAws::default();
        let store = aws.bucket("reports");
        let WroteNew::Written(revision) = write_new(&store, "run-1").await else { panic!() };
        store.replace(KEY, &json!({}), &revision, "run-1").await.unwrap();
        let puts = aws.requests("PutObject");
        assert_eq!(puts[0].headers["if-none-match"], "*");
        assert_eq!(puts[1].headers["if-match"], revision.0);
        assert!(puts.iter().all(|put| put.headers.contains_key("x-amz-checksum-sha256")));
        assert_eq!(puts.len(), 2);
    }

    fn no_answer() -> Answer {
        s3_error(500, "InternalError")
    }

    #[tokio::test]
    async fn a_record_whose_answer_was_lost_is_written() {
        // The SDK's own second try is refused for what the first one wrote.
        for answer in
            [no_answer(), s3_error(412, "PreconditionFailed"), s3_error(409, "ConditionalRequestConflict")]
        {
            let aws = FakeAws::default().lose_answer_of_put(answer.clone());
            let store = aws.bucket("reports");
            let WroteNew::Written(revision) = write_new(&store, "run-1").await else { panic!("{answer:?}") };
            let aws = aws.lose_answer_of_put(answer);
            let replaced = store.replace(KEY, &json!({ "revision": 2 }), &revision, "run-1").await.unwrap();
            assert!(matches!(replaced, Replaced::Written(_)));
            assert_eq!(aws.requests("PutObject").len(), 2);
        }
    }

    #[tokio::test]
    async fn a_record_that_another_writer_was_first_with_is_not_ours_whatever_s3_answers() {
        for answer in
            [no_answer(), s3_error(412, "PreconditionFailed"), s3_error(409, "ConditionalRequestConflict")]
        {
            let store = FakeAws::default().overtake_put("{}", answer.clone()).bucket("reports");
            assert_eq!(write_new(&store, "run-1").await, WroteNew::AlreadyThere);
            let aws = FakeAws::default();
            let store = aws.bucket("reports");
            let WroteNew::Written(revision) = write_new(&store, "run-1").await else { panic!() };
            let _ = aws.overtake_put("{}", answer);
            let replaced = store.replace(KEY, &json!({ "revision": 2 }), &revision, "run-1").await.unwrap();
            assert_eq!(replaced, Replaced::ChangedMeanwhile);
            assert_eq!(content(&store).await, json!({}));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_conflict_with_a_write_that_came_to_nothing_is_tried_again() {
        let conflict = || s3_error(409, "ConditionalRequestConflict");
        let aws = FakeAws::default().refuse_put(conflict()).refuse_put(conflict());
        let store = aws.bucket("reports");
        assert!(matches!(write_new(&store, "run-1").await, WroteNew::Written(_)));
        assert_eq!(aws.requests("PutObject").len(), 3);
        let aws = FakeAws::default().refuse("PutObject", KEY, conflict());
        let error = aws.bucket("reports").write_new(KEY, &json!({}), "run-1").await.unwrap_err();
        assert!(error.is_passing() && error.to_string().contains("ConditionalRequestConflict"), "{error}");
        assert_eq!(aws.requests("PutObject").len(), TRIES as usize);
    }

    #[tokio::test(start_paused = true)]
    async fn a_condition_that_failed_for_a_record_that_is_gone_again_is_tried_again() {
        let aws = FakeAws::default().refuse_put(s3_error(412, "PreconditionFailed"));
        assert!(matches!(write_new(&aws.bucket("reports"), "run-1").await, WroteNew::Written(_)));
    }

    #[tokio::test]
    async fn without_an_answer_nothing_is_said_to_be_written_or_not() {
        let aws = FakeAws::default().refuse_put(no_answer());
        let store = aws.bucket("reports");
        let error = store.write_new(KEY, &json!({}), "run-1").await.unwrap_err();
        assert!(error.is_passing(), "{error}");
        assert_eq!(aws.requests("PutObject").len(), 1, "the step's own retries are for that");
        let aws = FakeAws::default().lose_answer_of_put(no_answer()).refuse(
            "GetObject",
            KEY,
            s3_error(503, "SlowDown"),
        );
        let error = aws.bucket("reports").write_new(KEY, &json!({}), "run-1").await.unwrap_err();
        assert!(error.is_passing() && error.to_string().contains("s3:PutObject"), "{error}");
    }

    #[tokio::test]
    async fn a_refusal_is_an_error_and_not_a_record_of_another_writer() {
        let aws = FakeAws::default().refuse("PutObject", KEY, s3_error(403, "AccessDenied"));
        let error = aws.bucket("reports").write_new(KEY, &json!({}), "run-1").await.unwrap_err();
        assert!(!error.is_passing(), "{error}");
        assert_eq!(aws.actions(), ["PutObject"]);
    }

    #[tokio::test]
    async fn of_many_writers_one_is_first() {
        for (store, _folder) in stores() {
            let names: Vec<String> = (0..20).map(|number| format!("run-{number}")).collect();
            let writes = names.iter().map(|name| write_new(&store, name));
            let written = futures_util::future::join_all(writes).await;
            let first = written.iter().filter(|wrote| matches!(wrote, WroteNew::Written(_))).count();
            assert_eq!(first, 1);
        }
    }

    #[test]
    fn of_many_processes_with_one_folder_each_adds_one_to_a_count() {
        let folder = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for number in 0..8 {
                let store = ReportStore::folder(folder.path().to_owned());
                scope.spawn(move || {
                    let runtime =
                        tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
                    runtime.block_on(async {
                        for _ in 0..10 {
                            add_one(&store, &format!("run-{number}")).await;
                        }
                    });
                });
            }
        });
        let bytes = std::fs::read(folder.path().join(KEY)).unwrap();
        let count: Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(count["count"], 80);
    }

    async fn add_one(store: &ReportStore, execution: &str) {
        loop {
            let Some(record) = store.read_record(KEY).await.unwrap() else {
                let new = json!({ "count": 1, "by": execution });
                if let WroteNew::Written(_) = store.write_new(KEY, &new, execution).await.unwrap() {
                    return;
                }
                continue;
            };
            let count =
                serde_json::from_slice::<Value>(&record.object.bytes).unwrap()["count"].as_u64().unwrap();
            let next = json!({ "count": count + 1, "by": execution });
            match store.replace(KEY, &next, &record.revision, execution).await.unwrap() {
                Replaced::Written(_) => return,
                Replaced::ChangedMeanwhile => {}
            }
        }
    }
}
