//! The buckets: reading and writing with what every object of Rollcall carries.

use std::collections::HashMap;

use aws_config::SdkConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::operation::get_object::GetObjectError;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, ServerSideEncryption};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use rollcall_core::bucket_layout;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use crate::api_error::ApiError;
use crate::step_error::{StepError, StepErrorName};

/// A bucket, and how to encrypt what is written to it.
#[derive(Clone, Debug)]
pub struct ReportBucket {
    client: Client,
    name: String,
    kms_key_arn: Option<String>,
}

/// The SHA-256 of some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checksum([u8; 32]);

impl Checksum {
    /// Hashes `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// In hexadecimal, as `sha256sum` prints it.
    pub fn hex(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn base64(&self) -> String {
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
}

impl StoredObject {
    /// Whether the execution of this name wrote it.
    pub fn is_of(&self, execution: &str) -> bool {
        self.metadata.get(bucket_layout::EXECUTION).is_some_and(|name| name == execution)
    }
}

impl ReportBucket {
    /// The bucket `name`. With a key, everything written is encrypted under it; without, the
    /// bucket's own default decides.
    pub fn new(config: &SdkConfig, name: String, kms_key_arn: Option<String>) -> Self {
        Self { client: Client::new(config), name, kms_key_arn }
    }

    /// The bucket's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Writes `bytes` under `key`, marked with `execution`, their SHA-256 and `metadata`. The SHA-256
    /// is also sent as S3's checksum, so that S3 refuses bytes that changed on the way.
    ///
    /// # Errors
    /// [`ApiError`] when S3 does not take them.
    pub async fn write(
        &self,
        key: &str,
        content_type: &str,
        bytes: Vec<u8>,
        execution: &str,
        metadata: &[(&str, String)],
    ) -> Result<(), ApiError> {
        let checksum = Checksum::of(&bytes);
        let mut request = self
            .client
            .put_object()
            .bucket(&self.name)
            .key(key)
            .content_type(content_type)
            .checksum_algorithm(ChecksumAlgorithm::Sha256)
            .checksum_sha256(checksum.base64())
            .metadata(bucket_layout::EXECUTION, execution)
            .metadata(bucket_layout::SHA256, checksum.hex());
        for (name, value) in metadata {
            request = request.metadata(*name, value);
        }
        if let Some(kms_key_arn) = &self.kms_key_arn {
            request = request
                .server_side_encryption(ServerSideEncryption::AwsKms)
                .ssekms_key_id(kms_key_arn)
                .bucket_key_enabled(true);
        }
        request
            .body(ByteStream::from(bytes))
            .send()
            .await
            .map(|_| ())
            .map_err(|error| ApiError::of(&format!("s3:PutObject of s3://{}/{key}", self.name), &error))
    }

    /// Writes `value` as JSON under `key`, marked with `execution`.
    ///
    /// # Errors
    /// [`ApiError`] when S3 does not take it.
    pub async fn write_json<T: Serialize>(
        &self,
        key: &str,
        value: &T,
        execution: &str,
    ) -> Result<(), ApiError> {
        let json =
            serde_json::to_vec_pretty(value).expect("a value with text keys and finite numbers is JSON");
        self.write(key, "application/json", json, execution, &[]).await
    }

    /// Reads the object under `key`; `None` when there is none.
    ///
    /// # Errors
    /// [`ApiError`] when S3 refuses or does not answer.
    pub async fn read(&self, key: &str) -> Result<Option<StoredObject>, ApiError> {
        let call = || format!("s3:GetObject of s3://{}/{key}", self.name);
        let answer = match self.client.get_object().bucket(&self.name).key(key).send().await {
            Ok(answer) => answer,
            Err(error) if error.as_service_error().is_some_and(GetObjectError::is_no_such_key) => {
                return Ok(None);
            }
            Err(error) => return Err(ApiError::of(&call(), &error)),
        };
        let metadata = answer.metadata.unwrap_or_default();
        let bytes = answer.body.collect().await.map_err(|error| ApiError::cut_off(&call(), &error))?;
        Ok(Some(StoredObject { bytes: bytes.to_vec(), metadata }))
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
        let place = format!("s3://{}/{key}", self.name);
        let object = self.read(key).await?.ok_or_else(|| {
            StepErrorName::StorageFailed.error(format!("{place} is gone: start the run again"))
        })?;
        if !object.is_of(execution) {
            let writer = object.metadata.get(bucket_layout::EXECUTION).map_or("nobody known", |name| name);
            return Err(StepErrorName::RunReplaced.error(format!(
                "{place} was written by {writer} while execution {execution} was running: start one run at a time"
            )));
        }
        serde_json::from_slice(&object.bytes).map_err(|error| {
            StepErrorName::StorageFailed.error(format!("{place}: {error}: start the run again"))
        })
    }

    /// The keys under `prefix`, in order.
    ///
    /// # Errors
    /// [`ApiError`] when S3 refuses or does not answer.
    pub async fn list(&self, prefix: &str) -> Result<Vec<String>, ApiError> {
        let mut keys = Vec::new();
        let mut pages =
            self.client.list_objects_v2().bucket(&self.name).prefix(prefix).into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| {
                ApiError::of(&format!("s3:ListBucket of s3://{}/{prefix}", self.name), &error)
            })?;
            keys.extend(page.contents.unwrap_or_default().into_iter().filter_map(|object| object.key));
        }
        Ok(keys)
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
