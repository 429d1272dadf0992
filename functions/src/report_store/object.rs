//! An object of a store: its bytes, and what is kept with them.

use std::collections::HashMap;

use aws_sdk_s3::primitives::ByteStream;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use chrono::{DateTime, Utc};
use rollcall_core::evidence::bucket_layout;
use sha2::{Digest, Sha256};

use super::revision::Revision;

/// An object that was found and is not read yet.
pub(super) struct Opened {
    pub(super) metadata: HashMap<String, String>,
    pub(super) modified: Option<DateTime<Utc>>,
    pub(super) revision: Option<Revision>,
    pub(super) version_id: Option<String>,
    pub(super) body: ByteStream,
}

/// What goes with the bytes of an object.
pub(super) struct Labels<'a> {
    pub(super) content_type: &'a str,
    pub(super) checksum: Checksum,
    pub(super) metadata: HashMap<String, String>,
}

/// The SHA-256 of some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checksum(pub(super) [u8; 32]);

impl Checksum {
    /// Hashes `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// In hexadecimal, as `sha256sum` prints it.
    pub fn hex(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    pub(super) fn base64(&self) -> String {
        BASE64_STANDARD.encode(self.0)
    }
}

/// An object with its metadata.
#[derive(Clone, Debug)]
pub struct StoredObject {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Its metadata, by the names of [`bucket_layout`].
    pub metadata: HashMap<String, String>,
    /// When the store took it; `None` when the store does not say.
    pub modified: Option<DateTime<Utc>>,
    /// The id of its version; `None` in a store that keeps no versions.
    pub version_id: Option<String>,
}

impl StoredObject {
    /// Whether its bytes are those that were written, by their SHA-256.
    pub fn is_whole(&self) -> bool {
        self.metadata.get(bucket_layout::SHA256) == Some(&Checksum::of(&self.bytes).hex())
    }

    /// Whether the execution of this name wrote it.
    pub fn is_of(&self, execution: &str) -> bool {
        let mark = bucket_layout::execution_mark(execution);
        self.metadata.get(bucket_layout::EXECUTION).is_some_and(|name| *name == mark)
    }
}

impl<'a> Labels<'a> {
    pub(super) fn new(
        content_type: &'a str,
        checksum: Checksum,
        execution: &str,
        more: &[(&str, String)],
    ) -> Self {
        let mut metadata: HashMap<String, String> =
            more.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        let mark = bucket_layout::execution_mark(execution).into_owned();
        metadata.insert(bucket_layout::EXECUTION.to_owned(), mark);
        metadata.insert(bucket_layout::SHA256.to_owned(), checksum.hex());
        Self { content_type, checksum, metadata }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checksum_is_written_as_sha256sum_and_as_s3_write_it() {
        let checksum = Checksum::of(b"abc");
        assert_eq!(checksum.hex(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(checksum.base64(), "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
    }
}
