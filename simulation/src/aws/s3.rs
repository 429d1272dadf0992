//! S3: two buckets with versions. A report is kept as the number of the version that IAM served, and
//! large objects in files, so that the memory of a night is that of the functions.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::ops::Bound;
use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use chrono::{DateTime, Utc};
use rollcall_core::evidence::bucket_layout;
use rollcall_functions::report_store::object::Checksum;
use rollcall_testing::aws_answers::Answer;

use super::iam::ReportState;
use crate::call::Call;
use crate::organization::Organization;
use crate::watch::Watch;

/// The report bucket.
pub const REPORT_BUCKET: &str = "rollcall-reports";
/// The work bucket.
pub const WORK_BUCKET: &str = "rollcall-work";

/// Objects larger than this are kept in a file.
const SMALL: usize = 8 * 1024;
/// How many keys a page has.
pub(super) const PAGE: usize = 1000;
const METADATA: &str = "x-amz-meta-";

/// A version of an object.
#[derive(Clone, Debug)]
pub struct Object {
    /// The SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
    /// The execution that wrote it.
    pub execution: String,
    /// The number of the write to S3 that made it.
    pub written: u64,
    /// One line for each name, with its value after a tab.
    metadata: Box<str>,
    body: Body,
}

#[derive(Clone, Debug)]
enum Body {
    Report { account: u32, version: u64 },
    Small(Box<[u8]>),
    File(Arc<File>),
}

#[derive(Default)]
pub(super) struct Buckets {
    versions: BTreeMap<String, Vec<Object>>,
    writes: u64,
}

impl Object {
    /// A value of its metadata.
    pub fn metadata(&self, name: &str) -> &str {
        self.pairs().find(|(known, _)| *known == name).map_or("", |(_, value)| value)
    }

    /// The id of its version, as `run.json` has it.
    pub fn version_id(&self) -> String {
        format!("version-{}", self.written)
    }

    fn etag(&self) -> String {
        format!("\"{}\"", self.sha256)
    }

    /// What S3 says of it, whether it is read or written.
    fn headers(&self) -> [(String, String); 2] {
        [("etag".to_owned(), self.etag()), ("x-amz-version-id".to_owned(), self.version_id())]
    }

    fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.metadata.lines().filter_map(|line| line.split_once('\t'))
    }

    pub(super) fn bytes(&self, organization: &Organization) -> Vec<u8> {
        match &self.body {
            Body::Report { account, version } => organization.report(*account as usize, *version),
            Body::Small(bytes) => bytes.to_vec(),
            Body::File(file) => {
                let mut bytes = Vec::new();
                let mut file: &File = file;
                file.seek(SeekFrom::Start(0))
                    .and_then(|_| file.read_to_end(&mut bytes))
                    .expect("a temporary file can be read");
                bytes
            }
        }
    }
}

impl Body {
    fn of(bytes: &[u8]) -> Self {
        if bytes.len() <= SMALL {
            return Self::Small(bytes.into());
        }
        let mut file = tempfile::tempfile().expect("temporary files can be written");
        file.write_all(bytes).expect("temporary files can be written");
        Self::File(Arc::new(file))
    }
}

impl Buckets {
    pub(super) fn versions(&self, bucket: &str, key: &str) -> Vec<Object> {
        self.versions.get(&format!("{bucket}/{key}")).cloned().unwrap_or_default()
    }

    pub(super) fn put_before(
        &mut self,
        bucket: &str,
        key: &str,
        body: Vec<u8>,
        metadata: BTreeMap<String, String>,
    ) {
        let sha256 = Checksum::of(&body).hex();
        self.put(format!("{bucket}/{key}"), sha256, metadata, Body::of(&body));
    }

    fn put(
        &mut self,
        address: String,
        sha256: String,
        metadata: BTreeMap<String, String>,
        body: Body,
    ) -> &Object {
        self.writes += 1;
        let execution = metadata.get(bucket_layout::EXECUTION).cloned().unwrap_or_default();
        let metadata: String = metadata.iter().map(|(name, value)| format!("{name}\t{value}\n")).collect();
        let object = Object { sha256, execution, written: self.writes, metadata: metadata.into(), body };
        self.versions.entry(address).or_default().push_mut(object)
    }
}

/// What S3 knows of the rest of AWS.
pub(super) struct Surroundings<'a> {
    pub(super) organization: &'a Organization,
    pub(super) reports: &'a [ReportState],
    pub(super) watch: &'a Watch,
    pub(super) now: DateTime<Utc>,
}

impl Buckets {
    /// Answers a call, in pages of `page_size` keys.
    pub(super) fn answer(
        &mut self,
        call: &Call,
        body: &[u8],
        page_size: usize,
        surroundings: &Surroundings<'_>,
    ) -> Answer {
        match call.action {
            "ListObjectsV2" => self.list(call, page_size),
            "GetObject" => self.get(call, surroundings),
            _ => self.put_object(call, body, surroundings),
        }
    }

    fn put_object(&mut self, call: &Call, body: &[u8], surroundings: &Surroundings<'_>) -> Answer {
        let Surroundings { reports, watch, .. } = surroundings;
        let sha256 = Checksum::of(body).hex();
        let metadata: BTreeMap<String, String> = call
            .headers()
            .iter()
            .filter_map(|(name, value)| Some((name.strip_prefix(METADATA)?.to_owned(), value.clone())))
            .collect();
        if BASE64_STANDARD.decode(call.header("x-amz-checksum-sha256")).map(|sum| hex(&sum)).as_ref()
            != Ok(&sha256)
        {
            return Answer::s3_error(
                400,
                "BadDigest",
                "The SHA256 you specified did not match the calculated checksum.",
            );
        }
        if let Some(refused) = self.refused_by_its_condition(call) {
            return refused;
        }
        if metadata.get(bucket_layout::SHA256) != Some(&sha256) {
            watch.violated(format!("{} was written with another SHA-256 in its metadata", call.subject));
        }
        let body = match call.account.filter(|_| call.action == "PutObject") {
            Some(account) => {
                let served = reports[account].served.iter().find(|served| served.sha256 == sha256);
                match served {
                    Some(served) => Body::Report { account: account as u32, version: served.version },
                    None => {
                        watch.violated(format!(
                            "{} was written and is not a report that IAM served",
                            call.subject
                        ));
                        Body::of(body)
                    }
                }
            }
            None => {
                watch.must_hold_no_secret(&call.subject, &String::from_utf8_lossy(body));
                Body::of(body)
            }
        };
        let object = self.put(call.subject.clone(), sha256, metadata, body);
        Answer { headers: object.headers().into(), ..Answer::new(200, "") }
    }

    /// The answer to a write whose condition does not hold.
    fn refused_by_its_condition(&self, call: &Call) -> Option<Answer> {
        let there = self.versions.get(&call.subject).and_then(|versions| versions.last());
        let holds = match (call.header("if-none-match"), call.header("if-match")) {
            ("", "") => true,
            ("*", _) => there.is_none(),
            (_, required) => match there {
                Some(object) => object.etag() == required,
                None => return Some(Answer::s3_error(404, "NoSuchKey", "The specified key does not exist.")),
            },
        };
        let message = "At least one of the pre-conditions you specified did not hold";
        (!holds).then(|| Answer::s3_error(412, "PreconditionFailed", message))
    }

    fn get(&self, call: &Call, surroundings: &Surroundings<'_>) -> Answer {
        let Surroundings { organization, now, .. } = surroundings;
        let wanted = call.parameter("versionId");
        let is_wanted = |object: &&Object| wanted.as_ref().is_none_or(|id| object.version_id() == *id);
        let versions = self.versions.get(&call.subject);
        let Some(object) = versions.and_then(|versions| versions.iter().rfind(is_wanted)) else {
            return Answer::s3_error(404, "NoSuchKey", "The specified key does not exist.");
        };
        let mut answer = Answer::new(200, object.bytes(organization));
        let headers = object.pairs().map(|(name, value)| (format!("{METADATA}{name}"), value.to_owned()));
        answer.headers.extend(headers);
        answer.headers.extend(object.headers());
        answer.headers.push(("content-length".to_owned(), answer.body.len().to_string()));
        answer
            .headers
            .push(("last-modified".to_owned(), now.format("%a, %d %b %Y %H:%M:%S GMT").to_string()));
        if !call.header("x-amz-checksum-mode").is_empty() {
            let sum: Vec<u8> = unhex(&object.sha256);
            answer.headers.push(("x-amz-checksum-sha256".to_owned(), BASE64_STANDARD.encode(sum)));
        }
        answer
    }

    fn list(&self, call: &Call, page_size: usize) -> Answer {
        let parameter = |name: &str| call.parameter(name).unwrap_or_default();
        let bucket = call.bucket();
        let prefix = format!("{bucket}/{}", parameter("prefix"));
        let after = parameter("continuation-token");
        let has_delimiter = !parameter("delimiter").is_empty();
        let from = if after.is_empty() { prefix.clone() } else { format!("{bucket}/{after}\u{10ffff}") };
        // With a delimiter, only the first part of each key counts. It is only ever used at the root.
        let keys = self
            .versions
            .range::<String, _>((Bound::Included(from), Bound::Unbounded))
            .map(|(address, _)| address)
            .take_while(|address| address.starts_with(&prefix))
            .map(|address| &address[bucket.len() + 1..]);
        let names: Vec<&str> = if has_delimiter {
            let folders: BTreeSet<&str> = keys
                .map(|key| key.split_once('/').map_or(key, |(folder, _)| &key[..=folder.len()]))
                .collect();
            folders.into_iter().take(page_size + 1).collect()
        } else {
            keys.take(page_size + 1).collect()
        };
        let page = &names[..names.len().min(page_size)];
        Answer::listing(page, names.len() <= page_size)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len() / 2)
        .filter_map(|index| u8::from_str_radix(&text[2 * index..2 * index + 2], 16).ok())
        .collect()
}
