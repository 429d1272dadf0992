//! A folder on a disk, in the layout of the bucket: a key is a path under it.
//!
//! What S3 keeps as an object's metadata lies in a hidden folder beside the days, in a file for each
//! object. The bytes are put in place first and the metadata after them, each in one step, so that a
//! run that is killed leaves no half object and none that says it is another run's.
//!
//! A record is looked at and written under a lock in the hidden folder. The lock holds among processes of
//! Rollcall on file systems that have locks, which not every network's has.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use aws_sdk_s3::primitives::ByteStream;
use tempfile::NamedTempFile;

use super::object::{Checksum, Labels, Opened};
use super::revision::{Condition, Revision};
use super::store_error::{DiskError, StoreError};

/// Where metadata and unfinished files lie.
const HIDDEN: &str = ".rollcall";
/// The file there that is locked while a record is looked at and written.
const LOCK: &str = "lock";

#[derive(Clone, Debug)]
pub(super) struct Folder {
    root: PathBuf,
    name: String,
}

impl Folder {
    pub(super) fn new(root: PathBuf) -> Self {
        let name = root.display().to_string();
        Self { root, name }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn path(&self, key: &str) -> PathBuf {
        self.root.join(key)
    }

    fn metadata_path(&self, key: &str) -> PathBuf {
        self.root.join(HIDDEN).join(format!("{key}.json"))
    }

    pub(super) async fn put(
        &self,
        key: &str,
        mut body: ByteStream,
        labels: Labels<'_>,
    ) -> Result<(), StoreError> {
        let path = self.path(key);
        let failed = |error: io::Error| StoreError::from(DiskError::new("writing", &path, error));
        let mut file = BufWriter::new(self.unfinished().map_err(failed)?);
        while let Some(chunk) = body.try_next().await.map_err(|error| failed(error.into()))? {
            file.write_all(&chunk).map_err(failed)?;
        }
        let file = file.into_inner().map_err(|error| failed(error.into_error()))?;
        self.finish(key, file, &labels).map_err(failed)
    }

    /// Puts a record in its place if the condition holds there, and answers whether it does.
    ///
    /// One process at a time looks and writes, by a lock that ends with the process. Nothing is waited for
    /// in between, so that no other record of this process can wait for the lock on the same thread.
    pub(super) fn put_if(
        &self,
        key: &str,
        bytes: &[u8],
        labels: &Labels<'_>,
        condition: Condition<'_>,
    ) -> Result<bool, StoreError> {
        let path = self.path(key);
        let failed = |error: io::Error| StoreError::from(DiskError::new("writing", &path, error));
        let _lock = self.lock().map_err(failed)?;
        let there = match fs::read(&path) {
            Ok(bytes) => Some(revision_of(&bytes)),
            Err(error) if is_nowhere(&error) => None,
            Err(error) => return Err(failed(error)),
        };
        let holds = condition.holds(there.as_ref());
        if holds {
            let mut file = self.unfinished().map_err(failed)?;
            file.write_all(bytes).map_err(failed)?;
            self.finish(key, file, labels).map_err(failed)?;
        }
        Ok(holds)
    }

    /// The lock of the folder, until it is dropped.
    fn lock(&self) -> io::Result<fs::File> {
        let folder = self.root.join(HIDDEN);
        make_folder(&folder)?;
        let file = fs::File::create(folder.join(LOCK))?;
        file.lock()?;
        Ok(file)
    }

    /// Puts a finished file in the place of `key`, and its labels after it.
    fn finish(&self, key: &str, file: NamedTempFile, labels: &Labels<'_>) -> io::Result<()> {
        finish(file, &self.path(key))?;
        let mut file = self.unfinished()?;
        file.write_all(&serde_json::to_vec_pretty(&labels.metadata)?)?;
        finish(file, &self.metadata_path(key))
    }

    /// Makes a file and removes it at once: in the folder or, if it does not exist yet, in the nearest folder
    /// above it that does.
    pub(super) fn try_write(&self) -> Result<(), StoreError> {
        let there = |folder: &&Path| !folder.as_os_str().is_empty() && folder.exists();
        let nearest = self.root.ancestors().find(there).unwrap_or(Path::new("."));
        NamedTempFile::new_in(nearest)
            .map(|_| ())
            .map_err(|error| DiskError::new("writing into", &self.root, error).into())
    }

    /// Puts what lies under `prefix` aside, if anything does: into the hidden folder, under a number that
    /// is free.
    pub(super) fn make_room(&self, prefix: &str) -> Result<Option<PathBuf>, StoreError> {
        let name = prefix.trim_end_matches('/');
        let path = self.path(name);
        let failed = |error: io::Error| StoreError::from(DiskError::new("putting aside", &path, error));
        // Whatever else is wrong with the path shows when something is written.
        if !path.exists() {
            return Ok(None);
        }
        let replaced = self.root.join(HIDDEN).join("replaced");
        let free =
            (1..).map(|number: u32| replaced.join(format!("{name}-{number}"))).find(|path| !path.exists());
        let aside = free.expect("numbers do not end");
        make_folder(&aside).map_err(failed)?;
        let metadata = self.root.join(HIDDEN).join(name);
        if metadata.is_dir() {
            make_folder(&aside.join(HIDDEN)).map_err(failed)?;
            fs::rename(metadata, aside.join(HIDDEN).join(name)).map_err(failed)?;
        }
        let aside = aside.join(name);
        fs::rename(&path, &aside).map_err(failed)?;
        Ok(Some(aside))
    }

    /// A file for what is not finished yet, on the same disk as its place.
    fn unfinished(&self) -> io::Result<NamedTempFile> {
        let folder = self.root.join(HIDDEN);
        make_folder(&folder)?;
        NamedTempFile::new_in(folder)
    }

    pub(super) async fn open(&self, key: &str) -> Result<Option<Opened>, StoreError> {
        let path = self.path(key);
        let failed = |error: io::Error| StoreError::from(DiskError::new("reading", &path, error));
        // One handle for the length and the bytes: by its path, a file that is replaced meanwhile would have the
        // length of one and the bytes of the other.
        let file = match tokio::fs::File::open(&path).await {
            Ok(file) => file,
            Err(error) if is_nowhere(&error) => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let modified = file.metadata().await.and_then(|file| file.modified()).map_err(failed)?;
        let body = ByteStream::read_from().file(file).build().await;
        let body = body.map_err(|error| failed(error.into()))?;
        let (metadata, modified) = (self.metadata(key)?, Some(modified.into()));
        Ok(Some(Opened { metadata, modified, body, revision: None, version_id: None }))
    }

    /// The metadata of an object; none when the file was put there by hand.
    fn metadata(&self, key: &str) -> Result<HashMap<String, String>, StoreError> {
        let path = self.metadata_path(key);
        let failed = |error: io::Error| StoreError::from(DiskError::new("reading", &path, error));
        match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| failed(error.into())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(HashMap::new()),
            Err(error) => Err(failed(error)),
        }
    }

    pub(super) fn has(&self, key: &str) -> Result<bool, StoreError> {
        let path = self.path(key);
        match fs::metadata(&path) {
            Ok(found) => Ok(found.is_file()),
            Err(error) if is_nowhere(&error) => Ok(false),
            Err(error) => Err(DiskError::new("reading", &path, error).into()),
        }
    }

    pub(super) fn prefixes(&self) -> Result<Vec<String>, StoreError> {
        let entries = entries(&self.root)?;
        let folders = entries.into_iter().filter(|path| path.is_dir());
        Ok(folders.filter_map(|path| Some(format!("{}/", path.file_name()?.to_str()?))).collect())
    }

    pub(super) fn list(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        // The folder that the prefix ends in; what follows is the beginning of a name there.
        let folder = prefix.rsplit_once('/').map_or("", |(folder, _)| folder);
        let mut keys = Vec::new();
        self.list_folder(folder, &mut keys)?;
        keys.retain(|key| key.starts_with(prefix));
        keys.sort_unstable();
        Ok(keys)
    }

    fn list_folder(&self, folder: &str, keys: &mut Vec<String>) -> Result<(), StoreError> {
        for path in entries(&self.root.join(folder))? {
            let Some(name) = path.file_name().and_then(OsStr::to_str) else { continue };
            let key = if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
            // No link is followed into: it may lead back.
            match path.is_dir() {
                true if path.is_symlink() => {}
                true => self.list_folder(&key, keys)?,
                false => keys.push(key),
            }
        }
        Ok(())
    }
}

/// Puts a finished file in its place, in one step.
fn finish(file: NamedTempFile, path: &Path) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        make_folder(folder)?;
    }
    file.persist(path).map(|_| ()).map_err(|error| error.error)
}

/// Makes a folder and those above it, which only their owner can read: file names are account ids.
fn make_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// The revision of a record with these bytes.
pub(super) fn revision_of(bytes: &[u8]) -> Revision {
    Revision(Checksum::of(bytes).hex())
}

/// There is nothing, or something else than a folder above it.
fn is_nowhere(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// The files and folders in a folder that are not hidden, in order; empty when there is no such folder.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let failed = |error: io::Error| StoreError::from(DiskError::new("listing", folder, error));
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(vec![]),
        Err(error) => return Err(failed(error)),
    };
    let mut paths = Vec::new();
    for entry in entries {
        let entry = entry.map_err(failed)?;
        if !entry.file_name().as_encoded_bytes().starts_with(b".") {
            paths.push(entry.path());
        }
    }
    paths.sort_unstable();
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::super::ReportStore;
    use super::*;

    fn store() -> (tempfile::TempDir, ReportStore) {
        let folder = tempfile::tempdir().unwrap();
        let store = ReportStore::folder(folder.path().join("reports"));
        (folder, store)
    }

    #[tokio::test]
    async fn a_folder_gives_back_what_was_written_with_its_metadata() {
        let (folder, store) = store();
        let metadata = [("account-id", "111122223333".to_owned())];
        store.write("2026-01-31/a/b.csv", "text/csv", b"abc".to_vec(), "run-1", &metadata).await.unwrap();
        let object = store.read("2026-01-31/a/b.csv").await.unwrap().unwrap();
        assert_eq!(object.bytes, b"abc");
        assert!(object.is_of("run-1"));
        assert_eq!(object.metadata["account-id"], "111122223333");
        assert_eq!(object.metadata["sha256"], Checksum::of(b"abc").hex());
        assert_eq!(fs::read(folder.path().join("reports/2026-01-31/a/b.csv")).unwrap(), b"abc");
        assert!(store.read("2026-01-31/a/c.csv").await.unwrap().is_none());
    }

    #[tokio::test]
    async fn a_folder_lists_as_a_bucket_does_and_hides_what_is_its_own() {
        let (_folder, store) = store();
        assert!(store.list("2026-01-31/").await.unwrap().is_empty(), "there is no folder yet");
        assert!(store.prefixes().await.unwrap().is_empty());
        for key in ["2026-01-31/reports/b.csv", "2026-01-31/reports/a.csv", "2026-01-30/run.json", "x.toml"] {
            store.write(key, "", vec![], "run-1", &[]).await.unwrap();
        }
        assert_eq!(store.prefixes().await.unwrap(), ["2026-01-30/", "2026-01-31/"]);
        assert_eq!(
            store.list("2026-01-31/reports/").await.unwrap(),
            ["2026-01-31/reports/a.csv", "2026-01-31/reports/b.csv"]
        );
        assert_eq!(store.list("2026").await.unwrap().len(), 3);
        assert!(store.has("x.toml").await.unwrap() && !store.has("x").await.unwrap());
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn links_that_lead_back_are_not_followed() {
        let (folder, store) = store();
        store.write("2026-01-31/reports/a.csv", "", vec![], "run-1", &[]).await.unwrap();
        for name in ["a", "b"] {
            std::os::unix::fs::symlink("..", folder.path().join("reports/2026-01-31").join(name)).unwrap();
        }
        assert!(!store.has("exemptions.toml").await.unwrap());
        assert_eq!(store.list("2026-01-31/").await.unwrap(), ["2026-01-31/reports/a.csv"]);
    }

    #[tokio::test]
    async fn a_file_that_was_put_there_by_hand_belongs_to_no_run() {
        let (folder, store) = store();
        fs::create_dir_all(folder.path().join("reports")).unwrap();
        fs::write(folder.path().join("reports/exemptions.toml"), "").unwrap();
        let object = store.read("exemptions.toml").await.unwrap().unwrap();
        assert!(object.metadata.is_empty() && !object.is_of("run-1"));
    }

    #[tokio::test]
    async fn what_an_earlier_run_of_the_day_left_is_put_aside_and_nothing_is_lost() {
        let (_folder, store) = store();
        assert_eq!(store.make_room("2026-01-31/").unwrap(), None);
        for run in ["run-1", "run-2"] {
            let bytes = run.as_bytes().to_vec();
            store.write("2026-01-31/run.json", "", bytes.clone(), run, &[]).await.unwrap();
            let aside = store.make_room("2026-01-31/").unwrap().unwrap();
            assert_eq!(fs::read(aside.join("run.json")).unwrap(), bytes);
            // It is a store like any other, with its metadata.
            let store = ReportStore::folder(aside.parent().unwrap().to_owned());
            assert!(store.read("2026-01-31/run.json").await.unwrap().unwrap().is_of(run));
        }
        assert!(store.list("2026-01-31/").await.unwrap().is_empty());
        assert_eq!(store.prefixes().await.unwrap(), Vec::<String>::new());
    }

    #[tokio::test]
    async fn what_is_written_is_for_its_owner_only() {
        let (folder, store) = store();
        store.write("report.csv", "", vec![], "run-1", &[]).await.unwrap();
        for path in ["reports", "reports/report.csv", "reports/.rollcall"] {
            let mode = fs::metadata(folder.path().join(path)).unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0, "{path} {mode:o}");
        }
    }

    #[tokio::test]
    async fn trying_whether_a_folder_can_be_written_makes_nothing() {
        let (folder, _) = store();
        ReportStore::folder(folder.path().join("a/b")).try_write().await.unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn a_disk_that_refuses_is_named_with_its_path() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        let store = ReportStore::folder(file.clone());
        let error = store.write("report.csv", "", vec![], "run-1", &[]).await.unwrap_err();
        let start = format!("writing {}", file.join("report.csv").display());
        assert!(error.to_string().starts_with(&start), "{error:?}");
    }
}
