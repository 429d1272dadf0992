//! The store itself: what is asked of a bucket and of a folder alike.

use std::collections::HashMap;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::sync::Arc;

use aws_config::SdkConfig;
use aws_sdk_s3::primitives::ByteStream;
use aws_smithy_types::byte_stream;
use rollcall_core::evidence::bucket_layout;
use rollcall_core::evidence::manifest::WrittenFile;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use crate::settings;
use crate::step_error::StepError;

use super::bucket::Bucket;
use super::folder::Folder;
use super::object::{Checksum, Labels, Opened, StoredObject};
use super::revision::Condition;
use super::store_error::{DiskError, StoreError};

/// A store of reports and findings.
#[derive(Clone, Debug)]
pub struct ReportStore {
    pub(super) place: Place,
}

#[derive(Clone, Debug)]
pub(super) enum Place {
    Bucket(Bucket),
    Folder(Folder),
}

/// A JSON-lines object that was read to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinesRead {
    /// The SHA-256 of all its bytes.
    pub checksum: Checksum,
    /// How many lines it has.
    pub lines: u64,
    /// Its metadata, by the names of [`bucket_layout`].
    pub metadata: HashMap<String, String>,
    /// The id of its version; `None` in a store that keeps no versions.
    pub version_id: Option<String>,
}

/// Why the lines of an object could not be read.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LinesError<E> {
    /// The store refused, or did not answer.
    #[error(transparent)]
    Store(StoreError),
    /// A line is not what it should be.
    #[error(transparent)]
    Line(E),
}

/// Counts and hashes what goes through it.
struct Hashing<W> {
    output: W,
    hash: Sha256,
    bytes: u64,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let written = self.output.write(buffer)?;
        self.hash.update(&buffer[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}

impl ReportStore {
    /// The bucket `name`. With a key, everything written is encrypted under it; without, the
    /// bucket's own default decides.
    pub fn new(config: &SdkConfig, name: String, kms_key_arn: Option<String>) -> Self {
        Self { place: Place::Bucket(Bucket::new(config, name, kms_key_arn)) }
    }

    /// The report bucket that `template.yml` gives a function.
    ///
    /// # Errors
    /// `InvalidSettings` when there is none.
    pub fn from_environment(config: &SdkConfig) -> Result<Self, StepError> {
        let name = settings::required("REPORT_BUCKET")?;
        let store = Self::new(config, name, settings::optional("KMS_KEY_ARN"));
        Ok(match settings::optional("REPORT_BUCKET_ACCOUNT") {
            Some(account_id) => store.owned_by(account_id),
            None => store,
        })
    }

    /// The same bucket, which is refused unless it is one of this account: a bucket's name alone does
    /// not say whose it is.
    pub fn owned_by(self, account_id: String) -> Self {
        match self.place {
            Place::Bucket(bucket) => Self { place: Place::Bucket(bucket.owned_by(account_id)) },
            Place::Folder(_) => self,
        }
    }

    /// A folder, which is made when something is written.
    pub fn folder(path: PathBuf) -> Self {
        Self { place: Place::Folder(Folder::new(path)) }
    }

    /// The bucket's name, or the folder's path.
    pub fn name(&self) -> &str {
        match &self.place {
            Place::Bucket(bucket) => bucket.name(),
            Place::Folder(folder) => folder.name(),
        }
    }

    /// Whether it is a bucket, and not a folder.
    pub fn is_bucket(&self) -> bool {
        matches!(self.place, Place::Bucket(_))
    }

    /// Makes room for a run of a day. A folder has no versions, so what an earlier run of the day left is
    /// put aside, and where is answered; a bucket keeps versions, and needs nothing.
    ///
    /// # Errors
    /// [`StoreError`] when the disk refuses.
    pub fn make_room(&self, prefix: &str) -> Result<Option<PathBuf>, StoreError> {
        match &self.place {
            Place::Bucket(_) => Ok(None),
            Place::Folder(folder) => folder.make_room(prefix),
        }
    }

    /// Whether the store can be written, encryption and all, without leaving anything in it.
    ///
    /// # Errors
    /// [`StoreError`] when it can't.
    pub async fn try_write(&self) -> Result<(), StoreError> {
        match &self.place {
            Place::Bucket(bucket) => bucket.try_write().await,
            Place::Folder(folder) => folder.try_write(),
        }
    }

    /// Where the object under `key` lies, for a person: `s3://bucket/key` or a path.
    pub fn address(&self, key: &str) -> String {
        match &self.place {
            Place::Bucket(bucket) => bucket.address(key),
            Place::Folder(folder) => folder.path(key).display().to_string(),
        }
    }

    /// Writes `bytes` under `key`, marked with `execution`, their SHA-256 and `metadata`. The SHA-256
    /// is also sent as S3's checksum, so that S3 refuses bytes that changed on the way.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not take them.
    pub async fn write(
        &self,
        key: &str,
        content_type: &str,
        bytes: Vec<u8>,
        execution: &str,
        metadata: &[(&str, String)],
    ) -> Result<(), StoreError> {
        let labels = Labels::new(content_type, Checksum::of(&bytes), execution, metadata);
        self.put(key, ByteStream::from(bytes), labels).await.map(|_| ())
    }

    /// Writes what `render` writes under `key`, marked with `execution` and its SHA-256. It goes
    /// through a temporary file, because a million findings are more than a function's memory.
    ///
    /// # Errors
    /// `ServiceUnavailable` when S3 does not answer, `StorageFailed` when the store refuses or the
    /// disk is full.
    pub async fn write_file(
        &self,
        key: String,
        content_type: &str,
        execution: &str,
        render: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<WrittenFile, StepError> {
        let address = self.address(&key);
        let failed = |error| StepError::NotPrepared { address: address.clone(), error: Arc::new(error) };
        let (file, checksum, bytes) = on_disk(render).map_err(failed)?;
        let body = ByteStream::from_path(file.path()).await.map_err(|error| failed(error.into()))?;
        let labels = Labels::new(content_type, checksum, execution, &[]);
        let version_id = self.put(&key, body, labels).await?;
        Ok(WrittenFile { key, sha256: checksum.hex(), bytes, version_id })
    }

    /// Writes an object, and answers the id of its version where there are versions.
    async fn put(
        &self,
        key: &str,
        body: ByteStream,
        labels: Labels<'_>,
    ) -> Result<Option<String>, StoreError> {
        match &self.place {
            Place::Bucket(bucket) => Ok(bucket.put(key, body, labels, Condition::Always).await?.version_id),
            Place::Folder(folder) => folder.put(key, body, labels).await.map(|()| None),
        }
    }

    /// Writes `value` as JSON under `key`, marked with `execution`.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not take it.
    pub async fn write_json<T: Serialize>(
        &self,
        key: &str,
        value: &T,
        execution: &str,
    ) -> Result<(), StoreError> {
        self.write(key, "application/json", json(value), execution, &[]).await
    }

    /// Reads the object under `key`; `None` when there is none.
    ///
    /// # Errors
    /// [`StoreError`] when the store refuses or does not answer.
    pub async fn read(&self, key: &str) -> Result<Option<StoredObject>, StoreError> {
        self.read_version(key, None).await
    }

    /// Reads a version of the object under `key`: the one of this id, or the latest. `None` when there is none.
    ///
    /// # Errors
    /// [`StoreError`] when the store refuses or does not answer.
    pub async fn read_version(
        &self,
        key: &str,
        version_id: Option<&str>,
    ) -> Result<Option<StoredObject>, StoreError> {
        let Some(Opened { metadata, modified, body, version_id, .. }) = self.open(key, version_id).await?
        else {
            return Ok(None);
        };
        let bytes = body.collect().await.map_err(|error| self.cut_off(key, error))?;
        Ok(Some(StoredObject { bytes: bytes.to_vec(), metadata, modified, version_id }))
    }

    /// Gives every line of the object under `key` to `each`, with its number, the first being 1, and
    /// holds no more than one of them at a time; `None` when there is no such object. It reads the version of
    /// this id, or the latest.
    ///
    /// # Errors
    /// [`LinesError`] when the store fails, or `each` refuses a line.
    pub async fn read_lines<E>(
        &self,
        key: &str,
        version_id: Option<&str>,
        mut each: impl FnMut(&[u8], u64) -> Result<(), E>,
    ) -> Result<Option<LinesRead>, LinesError<E>> {
        let opened = self.open(key, version_id).await.map_err(LinesError::Store)?;
        let Some(Opened { mut body, metadata, version_id, .. }) = opened else { return Ok(None) };
        let mut hash = Sha256::new();
        let mut lines = 0;
        let mut unfinished: Vec<u8> = Vec::new();
        loop {
            let chunk = body.try_next().await;
            let chunk = chunk.map_err(|error| LinesError::Store(self.cut_off(key, error)))?;
            let Some(chunk) = chunk else { break };
            hash.update(&chunk);
            for piece in chunk.split_inclusive(|&byte| byte == b'\n') {
                unfinished.extend_from_slice(piece);
                if let Some(line) = unfinished.strip_suffix(b"\n") {
                    lines += 1;
                    each(line, lines).map_err(LinesError::Line)?;
                    unfinished.clear();
                }
            }
        }
        if !unfinished.is_empty() {
            lines += 1;
            each(&unfinished, lines).map_err(LinesError::Line)?;
        }
        let checksum = Checksum(hash.finalize().into());
        Ok(Some(LinesRead { checksum, lines, metadata, version_id }))
    }

    /// Begins to read the object under `key`: the version of this id, or the latest. `None` when there is none.
    pub(super) async fn open(
        &self,
        key: &str,
        version_id: Option<&str>,
    ) -> Result<Option<Opened>, StoreError> {
        match &self.place {
            Place::Bucket(bucket) => bucket.open(key, version_id).await,
            Place::Folder(folder) => folder.open(key).await,
        }
    }

    pub(super) fn cut_off(&self, key: &str, error: byte_stream::error::Error) -> StoreError {
        match &self.place {
            Place::Bucket(bucket) => bucket.cut_off(key, error),
            Place::Folder(folder) => DiskError::new("reading", &folder.path(key), error).into(),
        }
    }

    /// Reads the JSON under `key`, which the execution of this name must have written.
    ///
    /// # Errors
    /// `RunReplaced` when another execution wrote it, `ServiceUnavailable` when S3 does not answer,
    /// `StorageFailed` when it refuses, or there is nothing or something else.
    pub async fn read_json_of<T: DeserializeOwned>(
        &self,
        key: &str,
        execution: &str,
    ) -> Result<T, StepError> {
        let address = self.address(key);
        let mut object = self.read(key).await?.ok_or_else(|| StepError::Gone { address: address.clone() })?;
        if !object.is_of(execution) {
            let writer = object.metadata.remove(bucket_layout::EXECUTION);
            return Err(StepError::RunReplaced { address, writer, execution: execution.to_owned() });
        }
        serde_json::from_slice(&object.bytes)
            .map_err(|error| StepError::Damaged { address, error: Arc::new(error) })
    }

    /// Whether there is an object under `key`. S3 answers a read of what is not there with a refusal
    /// unless the reader may list everything, so this is asked before.
    ///
    /// # Errors
    /// [`StoreError`] when the store refuses or does not answer.
    pub async fn has(&self, key: &str) -> Result<bool, StoreError> {
        match &self.place {
            Place::Bucket(bucket) => Ok(bucket.list(key).await?.iter().any(|found| found == key)),
            Place::Folder(folder) => folder.has(key),
        }
    }

    /// The prefixes at the root of the store, each with its `/`, in order.
    ///
    /// # Errors
    /// [`StoreError`] when the store refuses or does not answer.
    pub async fn prefixes(&self) -> Result<Vec<String>, StoreError> {
        match &self.place {
            Place::Bucket(bucket) => bucket.prefixes().await,
            Place::Folder(folder) => folder.prefixes(),
        }
    }

    /// The keys under `prefix`, in order.
    ///
    /// # Errors
    /// [`StoreError`] when the store refuses or does not answer.
    pub async fn list(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        match &self.place {
            Place::Bucket(bucket) => bucket.list(prefix).await,
            Place::Folder(folder) => folder.list(prefix),
        }
    }
}

pub(super) fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec_pretty(value).expect("a value with text keys and finite numbers is JSON")
}

/// Renders into a temporary file, and says what came of it.
fn on_disk(
    render: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<(NamedTempFile, Checksum, u64)> {
    let file = NamedTempFile::new()?;
    let mut output = Hashing { output: BufWriter::new(file.reopen()?), hash: Sha256::new(), bytes: 0 };
    render(&mut output)?;
    output.flush()?;
    Ok((file, Checksum(output.hash.finalize().into()), output.bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake_bucket::FakeBucket;
    use crate::step_error::StepErrorName;
    use rollcall_testing::fake_aws::{FakeAws, s3_error, xml};
    use rollcall_testing::hostile_texts::TEXTS;

    #[tokio::test]
    async fn a_file_is_written_with_the_checksum_of_what_was_rendered() {
        let aws = FakeAws::default();
        let render = |output: &mut dyn Write| output.write_all(b"abc");
        let written =
            aws.bucket("reports").write_file("key".into(), "text/csv", "night-1", render).await.unwrap();
        assert_eq!((written.key.as_str(), written.bytes), ("key", 3));
        let object = aws.object("reports/key").unwrap();
        assert_eq!((object.body.as_str(), &object.metadata["sha256"]), ("abc", &written.sha256));
        assert_eq!(object.metadata["execution"], "night-1");
        assert_eq!(written.sha256, Checksum::of(b"abc").hex());
    }

    #[tokio::test]
    async fn an_execution_of_any_name_can_write_and_knows_what_it_wrote() {
        let store = FakeAws::default().bucket("reports");
        for execution in TEXTS {
            store.write("key", "", vec![], execution, &[]).await.unwrap();
            let object = store.read("key").await.unwrap().unwrap();
            assert!(object.is_of(execution) && !object.is_of("another"), "{execution:?}");
        }
    }

    #[tokio::test]
    async fn a_full_disk_is_named() {
        let full = |_: &mut dyn Write| Err(io::Error::from(io::ErrorKind::StorageFull));
        let error =
            FakeAws::default().bucket("reports").write_file("key".into(), "", "", full).await.unwrap_err();
        assert_eq!(error.name(), StepErrorName::StorageFailed);
        assert!(error.to_string().starts_with("s3://reports/key could not be prepared"), "{error}");
    }

    #[tokio::test]
    async fn every_call_expects_the_bucket_of_the_account_and_a_refusal_names_it() {
        let refused = s3_error(403, "AccessDenied");
        let aws = FakeAws::default().refuse("PutObject", "key", refused.clone()).refuse(
            "GetObject",
            "key",
            refused,
        );
        let bucket = aws.bucket("reports").owned_by("444455556666".into());
        let errors = [
            bucket.write("key", "", vec![], "night-1", &[]).await.unwrap_err(),
            bucket.read("key").await.unwrap_err(),
        ];
        for error in errors {
            assert!(error.to_string().contains("one of account 444455556666"), "{error:?}");
        }
        bucket.list("key").await.ok();
        bucket.prefixes().await.ok();
        let actions = aws.actions();
        for action in &actions {
            for request in aws.requests(action) {
                assert_eq!(request.headers["x-amz-expected-bucket-owner"], "444455556666", "{action}");
            }
        }
        assert_eq!(actions.len(), 4, "{actions:?}");
    }

    async fn lines(content: &str) -> (Vec<String>, LinesRead) {
        let aws = FakeAws::default().with_object("reports/key", content, &[]);
        let mut lines = Vec::new();
        let each = |line: &[u8], number| {
            assert_eq!(number, lines.len() as u64 + 1);
            lines.push(String::from_utf8(line.to_vec()).unwrap());
            Ok::<_, ()>(())
        };
        let read = aws.bucket("reports").read_lines("key", None, each).await.unwrap().unwrap();
        (lines, read)
    }

    #[tokio::test]
    async fn lines_are_read_one_by_one_also_when_the_last_does_not_end() {
        for (content, expected) in
            [("", &[][..]), ("a\n", &["a"]), ("a\nb", &["a", "b"]), ("\n\nc\n", &["", "", "c"])]
        {
            let (lines, read) = lines(content).await;
            assert_eq!(lines, expected);
            assert_eq!((read.checksum, read.lines), (Checksum::of(content.as_bytes()), lines.len() as u64));
        }
    }

    #[tokio::test]
    async fn a_line_that_is_refused_ends_the_reading() {
        let aws = FakeAws::default().with_object("reports/key", "a\nb\n", &[]);
        let error = aws.bucket("reports").read_lines("key", None, |_, line| Err(line)).await;
        assert!(matches!(error, Err(LinesError::Line(1))));
        let missing = aws.bucket("reports").read_lines("other", None, |_, _| Ok::<_, ()>(())).await;
        assert!(matches!(missing, Ok(None)));
        let aws = aws.refuse("GetObject", "key", s3_error(403, "AccessDenied"));
        let refused =
            aws.bucket("reports").read_lines("key", None, |_, _| Ok::<_, ()>(())).await.unwrap_err();
        assert!(matches!(refused, LinesError::Store(_)));
    }

    #[tokio::test]
    async fn a_listing_that_ends_too_early_is_no_shorter_listing() {
        let one = "<KeyCount>1</KeyCount><IsTruncated>false</IsTruncated>";
        let two = "<KeyCount>2</KeyCount><IsTruncated>false</IsTruncated>";
        for page in [
            "<ListBucketResult>".to_owned(),
            format!("<ListBucketResult>{two}"),
            format!(
                "<ListBucketResult>{two}<Contents><Key>exemptions.toml</Key><Size>1</Size></Contents><Conte"
            ),
            format!("<ListBucketResult>{one}<Contents><Key>exempti"),
            format!("<ListBucketResult>{one}<CommonPrefixes><Prefix>2026-01-3"),
        ] {
            let aws = FakeAws::default().refuse("ListObjectsV2", "", xml(&page));
            let bucket = aws.bucket("reports");
            for error in [bucket.list("").await.unwrap_err(), bucket.prefixes().await.unwrap_err()] {
                assert!(error.is_passing(), "{page}: {error:?}");
            }
            assert!(bucket.has("exemptions.toml").await.is_err(), "{page}");
        }
    }

    #[tokio::test]
    async fn what_stands_at_the_root_is_listed_to_the_last_page() {
        let mut aws = FakeAws::default().with_object("reports/exemptions.toml", "", &[]);
        for date in ["2026-01-01", "2026-01-02", "2026-01-03", "2026-01-04", "2026-01-05"] {
            aws = aws.with_object(&format!("reports/{date}/run.json"), "", &[]);
            aws = aws.with_object(&format!("reports/{date}/accounts.json"), "", &[]);
        }
        let bucket = aws.bucket("reports");
        let prefixes = bucket.prefixes().await.unwrap();
        assert_eq!(prefixes.len(), 5, "{prefixes:?}");
        assert_eq!(prefixes[4], "2026-01-05/");
        assert!(bucket.has("exemptions.toml").await.unwrap());
        assert!(!bucket.has("exemptions").await.unwrap(), "a prefix is no object");
    }
}
