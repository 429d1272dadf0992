//! A bucket of S3.

use aws_config::SdkConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{BoxError, ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::get_object::GetObjectError;
use aws_sdk_s3::operation::list_objects_v2::{ListObjectsV2Error, ListObjectsV2Output};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, ServerSideEncryption};

use chrono::DateTime;
use rollcall_core::evidence::bucket_layout;

use super::object::{Labels, Opened};
use super::revision::{Condition, Revision};
use super::store_error::StoreError;
use crate::aws::api_error::{ApiError, Call};

/// A bucket, and how to encrypt what is written to it.
#[derive(Clone, Debug)]
pub(super) struct Bucket {
    client: Client,
    name: String,
    kms_key_arn: Option<String>,
    owner: Option<String>,
}

/// There is no such object, or it has no such version, for which the SDK has no type.
fn is_not_there(error: &GetObjectError) -> bool {
    error.is_no_such_key() || error.code() == Some("NoSuchVersion")
}

/// What S3 says of an object that it took.
pub(super) struct Put {
    pub(super) revision: Option<Revision>,
    /// The id of the version, in a bucket that keeps versions.
    pub(super) version_id: Option<String>,
}

impl Bucket {
    pub(super) fn new(config: &SdkConfig, name: String, kms_key_arn: Option<String>) -> Self {
        Self { client: Client::new(config), name, kms_key_arn, owner: None }
    }

    pub(super) fn owned_by(self, account_id: String) -> Self {
        Self { owner: Some(account_id), ..self }
    }

    /// The failure of a call.
    fn error<E>(&self, call: Call, error: SdkError<E, HttpResponse>) -> StoreError
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        self.failed(ApiError::of(call, error))
    }

    fn failed(&self, error: ApiError) -> StoreError {
        StoreError::Bucket { error, expected_owner: self.owner.as_deref().map(Into::into) }
    }

    /// The answer with the object under `key` ended too early.
    pub(super) fn cut_off(&self, key: &str, error: impl Into<BoxError>) -> StoreError {
        self.failed(ApiError::cut_off(self.call("s3:GetObject", key), error))
    }

    fn call(&self, operation: &'static str, key: &str) -> Call {
        Call::of(operation, self.address(key))
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn address(&self, key: &str) -> String {
        format!("s3://{}/{key}", self.name)
    }

    /// Writes an object if the condition holds.
    pub(super) async fn put(
        &self,
        key: &str,
        body: ByteStream,
        labels: Labels<'_>,
        condition: Condition<'_>,
    ) -> Result<Put, StoreError> {
        let mut request = self
            .client
            .put_object()
            .bucket(&self.name)
            .set_expected_bucket_owner(self.owner.clone())
            .key(key)
            .content_type(labels.content_type)
            .checksum_algorithm(ChecksumAlgorithm::Sha256)
            .checksum_sha256(labels.checksum.base64())
            .set_metadata(Some(labels.metadata));
        request = match condition {
            Condition::Always => request,
            Condition::IsNew => request.if_none_match("*"),
            Condition::HasRevision(Revision(etag)) => request.if_match(etag),
        };
        if let Some(kms_key_arn) = &self.kms_key_arn {
            request = request
                .server_side_encryption(ServerSideEncryption::AwsKms)
                .ssekms_key_id(kms_key_arn)
                .bucket_key_enabled(true);
        }
        let answer = request.body(body).send().await;
        answer
            .map(|answer| Put { revision: answer.e_tag.map(Revision), version_id: answer.version_id })
            .map_err(|error| self.error(self.call("s3:PutObject", key), error))
    }

    /// The answer about the object under `key` lacks its ETag.
    pub(super) fn without_revision(&self, operation: &'static str, key: &str) -> StoreError {
        self.failed(ApiError::incomplete(self.call(operation, key), "an ETag"))
    }

    /// Begins an upload and takes it back: S3 asks for the same permissions, on the key too, and a bucket
    /// of evidence, from which nothing can be deleted, keeps nothing of it.
    pub(super) async fn try_write(&self) -> Result<(), StoreError> {
        let mut request = self.client.create_multipart_upload().bucket(&self.name).key(bucket_layout::PROBE);
        if let Some(kms_key_arn) = &self.kms_key_arn {
            request = request
                .server_side_encryption(ServerSideEncryption::AwsKms)
                .ssekms_key_id(kms_key_arn)
                .bucket_key_enabled(true);
        }
        let begun = request.send().await.map_err(|error| {
            self.error(self.call("s3:PutObject (CreateMultipartUpload)", bucket_layout::PROBE), error)
        })?;
        let upload_id = begun.upload_id.unwrap_or_default();
        self.client
            .abort_multipart_upload()
            .bucket(&self.name)
            .key(bucket_layout::PROBE)
            .upload_id(upload_id)
            .send()
            .await
            .map(|_| ())
            .map_err(|error| self.error(self.call("s3:AbortMultipartUpload", bucket_layout::PROBE), error))
    }

    /// Begins to read an object: the version of this id, or the latest.
    pub(super) async fn open(
        &self,
        key: &str,
        version_id: Option<&str>,
    ) -> Result<Option<Opened>, StoreError> {
        let request = self.client.get_object().bucket(&self.name).key(key);
        let request = request.set_version_id(version_id.map(str::to_owned));
        match request.set_expected_bucket_owner(self.owner.clone()).send().await {
            Ok(answer) => Ok(Some(Opened {
                metadata: answer.metadata.unwrap_or_default(),
                modified: answer.last_modified.and_then(|time| DateTime::from_timestamp(time.secs(), 0)),
                body: answer.body,
                revision: answer.e_tag.map(Revision),
                version_id: answer.version_id,
            })),
            Err(error) if error.as_service_error().is_some_and(is_not_there) => Ok(None),
            Err(error) => Err(self.error(self.call("s3:GetObject", key), error)),
        }
    }

    pub(super) async fn prefixes(&self) -> Result<Vec<String>, StoreError> {
        let mut prefixes = Vec::new();
        let request = self.client.list_objects_v2().bucket(&self.name).prefix("").delimiter("/");
        let request = request.set_expected_bucket_owner(self.owner.clone());
        let mut pages = request.into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = self.whole_page("", page)?;
            let found = page.common_prefixes.unwrap_or_default();
            prefixes.extend(found.into_iter().filter_map(|prefix| prefix.prefix));
        }
        Ok(prefixes)
    }

    pub(super) async fn list(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        let mut keys = Vec::new();
        let request = self.client.list_objects_v2().bucket(&self.name).prefix(prefix);
        let request = request.set_expected_bucket_owner(self.owner.clone());
        let mut pages = request.into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = self.whole_page(prefix, page)?;
            keys.extend(page.contents.unwrap_or_default().into_iter().filter_map(|object| object.key));
        }
        Ok(keys)
    }

    /// A page of a listing with everything that it says it has, to the end of the last. One that lost its
    /// end on the way would pass for a shorter one, and the accounts it lacks for such that have no outcome.
    fn whole_page(
        &self,
        prefix: &str,
        page: Result<ListObjectsV2Output, SdkError<ListObjectsV2Error, HttpResponse>>,
    ) -> Result<ListObjectsV2Output, StoreError> {
        let call = self.call("s3:ListBucket", prefix);
        let page = page.map_err(|error| self.error(call.clone(), error))?;
        let found = page.contents().len() + page.common_prefixes().len();
        let is_whole = page.is_truncated.is_some()
            && page.key_count.is_none_or(|count| usize::try_from(count) == Ok(found))
            // The size stands behind the key.
            && page.contents().iter().all(|object| object.size.is_some())
            && page.common_prefixes().iter().all(|common| common.prefix().is_some_and(|it| it.ends_with('/')));
        if is_whole {
            Ok(page)
        } else {
            Err(self.failed(ApiError::incomplete(call, "all the keys of a page")))
        }
    }
}
