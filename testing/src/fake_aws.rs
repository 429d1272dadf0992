//! AWS for the unit tests. It answers below the SDK, as HTTP, so that the tests send real requests and
//! read real answers.
//!
//! S3 is a map of objects. Every other action gives the answers that the test gave it, in turn, and
//! repeats the last one. An action without answers fails the test.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex};

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_s3::config::{Credentials, SharedCredentialsProvider};
use aws_sdk_s3::primitives::{ByteStream, SdkBody};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};

pub use crate::aws_answers::Answer;

/// A request.
#[derive(Clone, Debug)]
pub struct Request {
    /// The action, as the API names it.
    pub action: String,
    /// The access key id that signed it.
    pub access_key: String,
    /// The path; in S3 the bucket, the key and the query.
    pub path: String,
    /// The headers, by their names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: String,
}

/// An object in S3.
#[derive(Clone, Debug, Default)]
pub struct Object {
    /// The content.
    pub body: String,
    /// The metadata, by its names without `x-amz-meta-`.
    pub metadata: BTreeMap<String, String>,
    /// When it was written, as HTTP writes a time; left out of S3's answers when it is empty.
    pub modified: String,
    /// The id of its version, if the bucket keeps versions.
    pub version_id: Option<String>,
}

impl Object {
    /// The ETag, which is that of every object with this body.
    fn etag(&self) -> String {
        let mut hasher = DefaultHasher::new();
        self.body.hash(&mut hasher);
        format!("\"{:016x}\"", hasher.finish())
    }
}

#[derive(Default)]
struct State {
    answers: BTreeMap<String, VecDeque<Answer>>,
    objects: BTreeMap<String, Object>,
    /// Every version, by its id; none where S3 keeps no versions.
    versions: Option<BTreeMap<String, Object>>,
    refused: Vec<(String, String, Answer)>,
    interrupted: VecDeque<Interruption>,
    requests: Vec<Request>,
}

/// What happens to a PutObject on its way.
struct Interruption {
    /// Whether S3 writes what it was given, before anything else.
    is_written: bool,
    /// What another writer puts under the key afterwards.
    then: Option<Object>,
    answer: Answer,
}

/// The fake AWS. Clones are the same one.
#[derive(Clone, Default)]
pub struct FakeAws(Arc<Mutex<State>>);

impl FakeAws {
    /// Gives `action` its answers.
    pub fn on(self, action: &str, answers: impl IntoIterator<Item = Answer>) -> Self {
        self.0.lock().unwrap().answers.insert(action.to_owned(), answers.into_iter().collect());
        self
    }

    /// Refuses `action` of every object whose bucket and key end in `ending`.
    pub fn refuse(self, action: &str, ending: &str, answer: Answer) -> Self {
        self.0.lock().unwrap().refused.push((action.to_owned(), ending.to_owned(), answer));
        self
    }

    /// Has S3 keep every version of an object that is put from here on.
    pub fn versioned(self) -> Self {
        self.0.lock().unwrap().versions = Some(BTreeMap::new());
        self
    }

    /// Gives the next PutObject this answer instead of writing anything.
    pub fn refuse_put(self, answer: Answer) -> Self {
        self.interrupt_put(Interruption { is_written: false, then: None, answer })
    }

    /// Writes what the next PutObject brings, and then gives it this answer.
    pub fn lose_answer_of_put(self, answer: Answer) -> Self {
        self.interrupt_put(Interruption { is_written: true, then: None, answer })
    }

    /// Has another writer put an object under the key of the next PutObject, which gets this answer.
    pub fn overtake_put(self, body: &str, answer: Answer) -> Self {
        let then = Some(Object { body: body.to_owned(), ..Object::default() });
        self.interrupt_put(Interruption { is_written: false, then, answer })
    }

    fn interrupt_put(self, interruption: Interruption) -> Self {
        self.0.lock().unwrap().interrupted.push_back(interruption);
        self
    }

    /// Refuses to list the prefix that ends in `ending`.
    pub fn refuse_list(self, ending: &str, answer: Answer) -> Self {
        self.refuse("ListObjectsV2", &format!("prefix={}", ending.replace('/', "%2F")), answer)
    }

    /// Puts an object into S3; `key` starts with the bucket's name.
    pub fn with_object(self, key: &str, body: &str, metadata: &[(&str, &str)]) -> Self {
        let metadata =
            metadata.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let object = Object { body: body.to_owned(), metadata, ..Object::default() };
        self.0.lock().unwrap().keep(key.to_owned(), object);
        self
    }

    /// Says when an object was written, such as `Fri, 30 Jan 2026 01:00:00 GMT`.
    pub fn modified(self, key: &str, time: &str) -> Self {
        self.0.lock().unwrap().objects.get_mut(key).unwrap().modified = time.to_owned();
        self
    }

    /// The object under `key`, which starts with the bucket's name.
    pub fn object(&self, key: &str) -> Option<Object> {
        self.0.lock().unwrap().objects.get(key).cloned()
    }

    /// The same, read as JSON.
    pub fn json(&self, key: &str) -> serde_json::Value {
        let object = self.object(key).unwrap_or_else(|| panic!("there is no object {key}"));
        serde_json::from_str(&object.body).unwrap()
    }

    /// The requests of `action`.
    pub fn requests(&self, action: &str) -> Vec<Request> {
        self.0.lock().unwrap().requests.iter().filter(|request| request.action == action).cloned().collect()
    }

    /// The actions, in the order they were asked.
    pub fn actions(&self) -> Vec<String> {
        self.0.lock().unwrap().requests.iter().map(|request| request.action.clone()).collect()
    }

    /// A connection to it, without retries.
    pub fn config(&self) -> SdkConfig {
        let connector = SharedHttpConnector::new(Connector(Arc::clone(&self.0)));
        let client = http_client_fn(move |_, _| connector.clone());
        let credentials = Credentials::new("OWN", "secret", None, None, "test");
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new("eu-central-1"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .retry_config(RetryConfig::disabled())
            .http_client(client)
            .build()
    }
}

/// The way to it. A request's body is read to its end, because that of a file is a stream.
#[derive(Clone)]
struct Connector(Arc<Mutex<State>>);

impl std::fmt::Debug for Connector {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Connector")
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let state = Arc::clone(&self.0);
        HttpConnectorFuture::new(async move {
            let (parts, body) = request.try_into_http1x().unwrap().into_parts();
            let body = ByteStream::new(body).collect().await.unwrap().to_vec();
            let response = state.lock().unwrap().answer(&parts, body);
            Ok(HttpResponse::try_from(response.map(SdkBody::from)).unwrap())
        })
    }
}

impl State {
    fn answer(&mut self, parts: &http::request::Parts, body: Vec<u8>) -> http::Response<Vec<u8>> {
        let request = Request::read(parts, &body);
        self.requests.push(request.clone());
        let key = request.path.split('?').next().unwrap_or_default().to_owned();
        // What is listed stands in the query, its parameters in the order of their names.
        let target = if request.action == "ListObjectsV2" { &request.path } else { &key };
        let refused = self
            .refused
            .iter()
            .find(|(action, ending, _)| *action == request.action && target.ends_with(ending.as_str()));
        let Answer { status, headers, body } = match (refused, request.action.as_str()) {
            (Some((_, _, answer)), _) => answer.clone(),
            (None, "PutObject") => self.put(key, &request),
            (None, "GetObject") => self.get(&key, &request),
            (None, "ListObjectsV2") => self.list(&request),
            (None, action) => {
                let answers = self
                    .answers
                    .get_mut(action)
                    .unwrap_or_else(|| panic!("{action} has no answer: give it one with FakeAws::on"));
                let answer = answers.pop_front().unwrap_or_else(|| panic!("{action} has no answer left"));
                if answers.is_empty() {
                    answers.push_back(answer.clone());
                }
                answer
            }
        };
        let mut response = http::Response::builder().status(status);
        for (name, value) in headers {
            response = response.header(name, value);
        }
        response.body(body).unwrap()
    }

    fn put(&mut self, key: String, request: &Request) -> Answer {
        let Some(Interruption { is_written, then, answer }) = self.interrupted.pop_front() else {
            return self.write(key, request);
        };
        if is_written {
            self.write(key.clone(), request);
        }
        self.objects.extend(then.map(|object| (key, object)));
        answer
    }

    /// Writes an object if what the request requires of the one under its key holds.
    fn write(&mut self, key: String, request: &Request) -> Answer {
        let there = self.objects.get(&key);
        if request.headers.contains_key("if-none-match") && there.is_some() {
            return s3_error(412, "PreconditionFailed");
        }
        if let Some(required) = request.headers.get("if-match") {
            match there {
                None => return s3_error(404, "NoSuchKey"),
                Some(object) if object.etag() != *required => return s3_error(412, "PreconditionFailed"),
                Some(_) => {}
            }
        }
        let metadata = request
            .headers
            .iter()
            .filter_map(|(name, value)| Some((name.strip_prefix("x-amz-meta-")?.to_owned(), value.clone())));
        let (body, metadata) = (request.body.clone(), metadata.collect());
        let object = Object { body, metadata, ..Object::default() };
        let etag = ("etag".to_owned(), object.etag());
        let version_id = self.keep(key, object).map(|id| ("x-amz-version-id".to_owned(), id));
        Answer { headers: version_id.into_iter().chain([etag]).collect(), ..Answer::new(200, "") }
    }

    /// Keeps an object as the latest version, and answers its id where there are versions.
    fn keep(&mut self, key: String, mut object: Object) -> Option<String> {
        if let Some(versions) = &mut self.versions {
            let id = format!("version-{}", versions.len() + 1);
            object.version_id = Some(id.clone());
            versions.insert(id, object.clone());
        }
        let version_id = object.version_id.clone();
        self.objects.insert(key, object);
        version_id
    }

    fn get(&self, key: &str, request: &Request) -> Answer {
        let query = request.path.split_once('?').map_or("", |(_, query)| query);
        let wanted = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "versionId");
        let found = match (&wanted, &self.versions) {
            (Some((_, id)), Some(versions)) => versions.get(&**id),
            (Some(_), None) => None,
            (None, _) => self.objects.get(key),
        };
        match found {
            Some(object @ Object { body, metadata, modified, version_id }) => {
                let etag = ("etag".to_owned(), object.etag());
                let metadata =
                    metadata.iter().map(|(name, value)| (format!("x-amz-meta-{name}"), value.clone()));
                let modified = Some(modified).filter(|modified| !modified.is_empty());
                let modified = modified.map(|modified| ("last-modified".to_owned(), modified.clone()));
                let version_id = version_id.clone().map(|id| ("x-amz-version-id".to_owned(), id));
                Answer {
                    headers: metadata.chain(modified).chain(version_id).chain([etag]).collect(),
                    ..Answer::new(200, body.clone())
                }
            }
            None if wanted.is_some() => s3_error(404, "NoSuchVersion"),
            None => s3_error(404, "NoSuchKey"),
        }
    }

    /// Two keys a page, so that paging is always tested.
    fn list(&self, request: &Request) -> Answer {
        let (bucket, query) = request.path.split_once('?').unwrap();
        let parameter = |name: &str| {
            form_urlencoded::parse(query.as_bytes())
                .find(|(known, _)| known == name)
                .map_or_else(String::new, |(_, value)| value.into_owned())
        };
        let prefix = format!("{}{}", bucket, parameter("prefix"));
        let after = parameter("continuation-token");
        let keys = self.objects.keys().filter(|key| key.starts_with(&prefix)).map(|key| &key[bucket.len()..]);
        let delimiter = parameter("delimiter");
        // A key, or with a delimiter the part of it up to there.
        let names: BTreeSet<&str> = keys
            .map(|key| match key.split_once('/') {
                Some((folder, _)) if !delimiter.is_empty() => &key[..=folder.len()],
                _ => key,
            })
            .collect();
        let mut rest = names.into_iter().filter(|key| *key > after.as_str());
        let page: Vec<&str> = rest.by_ref().take(2).collect();
        Answer::listing(&page, rest.next().is_none())
    }
}

impl Request {
    fn read(request: &http::request::Parts, body: &[u8]) -> Self {
        let headers: BTreeMap<String, String> = request
            .headers
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), value.to_str().unwrap().to_owned()))
            .collect();
        let body = String::from_utf8_lossy(body).into_owned();
        let uri = &request.uri;
        let host = uri.host().unwrap_or_default();
        let (mut action, mut path) = (String::new(), uri.path().to_owned());
        if let Some(target) = headers.get("x-amz-target") {
            action = target.rsplit('.').next().unwrap_or_default().to_owned();
        } else if let Some(bucket) = host.split(".s3.").next().filter(|bucket| bucket.len() < host.len()) {
            let query = uri.query().unwrap_or_default();
            path = format!("{bucket}{path}?{query}");
            action = match request.method.as_str() {
                "PUT" => "PutObject",
                _ if query.contains("list-type=2") => "ListObjectsV2",
                _ => "GetObject",
            }
            .to_owned();
        } else if let Some((_, name)) =
            form_urlencoded::parse(body.as_bytes()).find(|(name, _)| name == "Action")
        {
            action = name.into_owned();
        }
        let access_key = headers
            .get("authorization")
            .and_then(|value| value.split("Credential=").nth(1)?.split('/').next())
            .unwrap_or_default()
            .to_owned();
        Self { action, access_key, path, headers, body }
    }

    /// The value of a form's field, decoded.
    pub fn field(&self, name: &str) -> String {
        form_urlencoded::parse(self.body.as_bytes())
            .find(|(known, _)| known == name)
            .map_or_else(String::new, |(_, value)| value.into_owned())
    }
}

/// An answer of Organizations.
pub fn json(body: serde_json::Value) -> Answer {
    Answer::json(&body)
}

/// An error of Organizations.
pub fn json_error(code: &str) -> Answer {
    json_error_with(code, &format!("words of {code}"))
}

/// The same with a message of its own.
pub fn json_error_with(code: &str, message: &str) -> Answer {
    Answer::json_error(400, code, message)
}

/// An answer of IAM, STS or SNS.
pub fn query(action: &str, result: &str) -> Answer {
    Answer::query(action, result)
}

/// An error of IAM, STS or SNS.
pub fn query_error(status: u16, code: &str, message: &str) -> Answer {
    Answer::query_error(status, code, message)
}

/// An answer of S3.
pub fn xml(body: &str) -> Answer {
    Answer::new(200, body)
}

/// An error of S3.
pub fn s3_error(status: u16, code: &str) -> Answer {
    Answer::s3_error(status, code, &format!("words of {code}"))
}
