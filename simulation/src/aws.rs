//! The AWS that is made up: STS, IAM, Organizations, S3 and SNS, below the SDK, as HTTP without a
//! network. It answers what the nightly run asks, after a while, within its rates, and with a fault
//! where the seed has one. It counts every call and remembers what it served, so that a night can be
//! compared with what really happened.

mod answer;
mod iam;
mod latency;
mod organizations;
mod rate;
mod s3;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use aws_sdk_s3::primitives::ByteStream;
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use bytes::Bytes;
use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use tokio::sync::Notify;
use tokio::time::sleep;

use crate::clock::Clock;
use crate::faults::{Fault, FaultCounts, Faults};
use crate::organization::{Organization, Trouble};
use crate::watch::Watch;
use rollcall_testing::random::number;

use answer::{Answer, Ending};
use iam::ReportState;
pub use iam::Served;
use rate::Rates;
use s3::Objects;

pub(crate) use organizations::ORGANIZATION;
pub use s3::{Object, REPORT_BUCKET, WORK_BUCKET};

/// How far a request's time may be from the service's.
const MOST_SKEW: TimeDelta = TimeDelta::minutes(5);

/// The access key id of the functions' own credentials.
pub(crate) const COLLECTOR: &str = "ASIACOLLECTOR";

/// The services.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Service {
    /// STS.
    Sts,
    /// IAM.
    Iam,
    /// Organizations.
    Organizations,
    /// S3.
    S3,
    /// SNS.
    Sns,
}

/// A call, as far as its head says what it is.
#[derive(Clone, Debug)]
pub struct Call {
    /// Whom it asks.
    pub service: Service,
    /// What it asks, as the API names it.
    pub action: &'static str,
    /// What it is about: an account's id, a key, a page.
    pub subject: String,
    /// The account it is about, if it is about one.
    pub account: Option<usize>,
    /// The session whose credentials sign it; `None` for the collector's own.
    pub session: Option<String>,
    signed: Option<DateTime<Utc>>,
    query: String,
    headers: BTreeMap<String, String>,
    form: HashMap<String, String>,
}

/// The AWS of a night. Clones are the same one.
#[derive(Clone)]
pub struct Aws(Arc<Shared>);

struct Shared {
    clock: Clock,
    organization: Organization,
    faults: Faults,
    watch: Watch,
    /// How many entries a page of Organizations has, and how many keys one of S3.
    pages: (usize, usize),
    state: Mutex<State>,
}

/// What AWS knows.
struct State {
    rates: Rates,
    /// Calls by action.
    calls: BTreeMap<&'static str, u64>,
    /// Calls by account and action.
    by_account: Vec<[u32; ACTIONS_OF_ACCOUNTS.len()]>,
    /// How often each call of its kind was made, to draw its faults by.
    counts: HashMap<u64, u64>,
    injected: FaultCounts,
    reports: Vec<ReportState>,
    sessions: u64,
    /// When each session runs out, by its access key id.
    expirations: HashMap<String, DateTime<Utc>>,
    suspended_since: Vec<bool>,
    objects: Objects,
    messages: Vec<Message>,
    /// Of every call, when and what and how it ended: two nights with the same digest are the same.
    digest: u64,
}

/// What is counted for every account.
pub const ACTIONS_OF_ACCOUNTS: [&str; 6] = [
    "AssumeRole",
    "GenerateCredentialReport",
    "GetCredentialReport",
    "PutObject",
    "PutFailure",
    "DescribeAccount",
];

/// A message that was published.
#[derive(Clone, Debug)]
pub struct Message {
    /// To whom.
    pub topic_arn: String,
    /// Its subject.
    pub subject: String,
    /// Its text.
    pub body: String,
}

impl fmt::Debug for Aws {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Aws")
    }
}

impl Aws {
    /// An AWS with nothing in it but the organization. With `ready`, every report was made an hour ago; with
    /// `small_pages`, what AWS lists in pages of 20 and 1,000 comes three and four at a time.
    pub fn new(
        clock: Clock,
        organization: Organization,
        faults: Faults,
        watch: Watch,
        ready: bool,
        small_pages: bool,
    ) -> Self {
        let accounts = organization.accounts();
        let made = ready.then(|| clock.utc() - TimeDelta::hours(1));
        let state = State {
            rates: Rates::default(),
            calls: BTreeMap::new(),
            by_account: vec![[0; ACTIONS_OF_ACCOUNTS.len()]; accounts],
            counts: HashMap::new(),
            injected: FaultCounts::new(),
            reports: (0..accounts).map(|_| ReportState::new(made)).collect(),
            sessions: 0,
            expirations: HashMap::new(),
            suspended_since: vec![false; accounts],
            objects: Objects::default(),
            messages: Vec::new(),
            digest: 0,
        };
        let pages = if small_pages { (3, 4) } else { (organizations::PAGE, s3::PAGE) };
        Self(Arc::new(Shared { clock, organization, faults, watch, pages, state: Mutex::new(state) }))
    }

    /// The way to it from one execution environment of a function, which a fault may kill.
    pub fn connector(&self, killed: Arc<Notify>) -> Connector {
        Connector { aws: self.clone(), killed }
    }

    /// The organization.
    pub fn organization(&self) -> &Organization {
        &self.0.organization
    }

    /// The calls by action.
    pub fn calls(&self) -> BTreeMap<&'static str, u64> {
        self.state().calls.clone()
    }

    /// The calls about an account, in the order of [`ACTIONS_OF_ACCOUNTS`].
    pub fn calls_about(&self, account: usize) -> [u32; ACTIONS_OF_ACCOUNTS.len()] {
        self.state().by_account[account]
    }

    /// What went wrong with calls, and how often.
    pub fn injected(&self) -> FaultCounts {
        self.state().injected.clone()
    }

    /// Every version of the object under a key, the latest last.
    pub fn versions(&self, bucket: &str, key: &str) -> Vec<Object> {
        self.state().objects.versions(bucket, key)
    }

    /// The bytes of an object.
    pub fn bytes(&self, object: &Object) -> Vec<u8> {
        object.bytes(&self.0.organization)
    }

    /// Everything that IAM served as the report of an account.
    pub fn served(&self, account: usize) -> Vec<Served> {
        self.state().reports[account].served.clone()
    }

    /// What was published.
    pub fn messages(&self) -> Vec<Message> {
        self.state().messages.clone()
    }

    /// Puts an object where an earlier night would have left it.
    pub fn put_before(&self, bucket: &str, key: &str, body: Vec<u8>, metadata: BTreeMap<String, String>) {
        self.state().objects.put_before(bucket, key, body, metadata);
    }

    /// A number that is the same for two nights in which the same happened.
    pub fn digest(&self) -> u64 {
        self.state().digest
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().expect("nobody panics with the state of AWS in hand")
    }

    async fn answer(self, killed: Arc<Notify>, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let (parts, body) =
            request.try_into_http1x().map_err(|error| reset(&error.to_string()))?.into_parts();
        let body =
            ByteStream::new(body).collect().await.map_err(|error| reset(&error.to_string()))?.into_bytes();
        let call = Call::read(&parts, &body, &self.0.organization);
        let elapsed = self.0.clock.elapsed();
        let (count, fault) = self.arrive(&call, elapsed);
        let (there, back) = latency::of(&call, count, body.len());
        sleep(there).await;
        match fault {
            Some(Fault::ResetBefore) => return Err(reset("connection reset by peer")),
            Some(Fault::SilentBefore) => return std::future::pending().await,
            Some(Fault::KilledBefore) => {
                killed.notify_one();
                return std::future::pending().await;
            }
            Some(Fault::Slow) => {
                sleep(Duration::from_secs_f64(3.0 + 25.0 * self.0.faults.chance("slow", count))).await;
            }
            _ => {}
        }
        let answer = match fault {
            Some(fault) => fault.answer(&call, count),
            None => None,
        };
        let answer = match answer.or_else(|| self.refused_for_its_time(&call)) {
            Some(answer) => answer,
            None => self.handle(&call, body, fault),
        };
        sleep(back + latency::of_body(answer.body.len())).await;
        self.note(&call, count, answer.status);
        let ending = match fault {
            Some(Fault::ResetAfter) => return Err(reset("connection reset by peer")),
            Some(Fault::SilentAfter) => return std::future::pending().await,
            Some(Fault::KilledAfter) => {
                killed.notify_one();
                return std::future::pending().await;
            }
            Some(Fault::Interrupted) => Ending::Interrupted,
            Some(Fault::CutOff) => Ending::CutOff,
            Some(Fault::Stalled) => Ending::Stalled,
            _ => Ending::Whole,
        };
        let cut = self.0.faults.chance("cut", count);
        Ok(answer.into_response(self.0.clock.utc(), ending, cut))
    }

    /// Counts a call, and draws what goes wrong with it.
    fn arrive(&self, call: &Call, elapsed: Duration) -> (u64, Option<Fault>) {
        let mut state = self.state();
        *state.calls.entry(call.action).or_default() += 1;
        if let Some(account) = call.account
            && let Some(action) = call.action_of_account()
        {
            state.by_account[account][action] += 1;
        }
        let count = state.counts.entry(number(call.action) ^ number(&call.subject)).or_default();
        *count += 1;
        let count = *count;
        let fault = self.0.faults.of_call(call, count, elapsed);
        if let Some((fault, in_burst)) = fault {
            let between = match fault {
                Fault::KilledBefore => call.action == "PutObject" && call.account.is_some(),
                Fault::KilledAfter => call.action == "GetCredentialReport",
                _ => false,
            };
            let name = match (between, in_burst) {
                (true, _) => "killed between Get and Put".to_owned(),
                (false, true) => format!("{fault}, in a burst"),
                (false, false) => fault.to_string(),
            };
            *state.injected.entry(name).or_default() += 1;
        }
        (count, fault.map(|(fault, _)| fault))
    }

    /// What a service answers to a request that was signed at another time than it is.
    fn refused_for_its_time(&self, call: &Call) -> Option<Answer> {
        let apart = self.0.clock.utc() - call.signed?;
        let signature = if apart > TimeDelta::zero() {
            "Signature expired: it is now earlier than the signature may be"
        } else {
            "Signature not yet current: it is still later than the signature may be"
        };
        (apart.abs() > MOST_SKEW).then(|| match call.service {
            Service::S3 => Answer::s3_error(
                403,
                "RequestTimeTooSkewed",
                "The difference between the request time and the current time is too large.",
            ),
            Service::Organizations => Answer::json_error("InvalidSignatureException", signature),
            Service::Iam | Service::Sts | Service::Sns => {
                Answer::query_error(403, "SignatureDoesNotMatch", signature)
            }
        })
    }

    fn handle(&self, call: &Call, body: Bytes, fault: Option<Fault>) -> Answer {
        let Shared { clock, organization, watch, .. } = &*self.0;
        let now = clock.utc();
        let mut state = self.state();
        if let Some(session) = &call.session {
            if fault == Some(Fault::SessionExpired) {
                state.expirations.insert(session.clone(), now);
            }
            if state.expirations.get(session).is_none_or(|expiration| *expiration <= now) {
                return Answer::expired();
            }
        }
        if !state.rates.take(call, now) {
            return Answer::throttled(call.service);
        }
        match call.service {
            Service::Sts => self.assume_role(call, &mut state),
            Service::Iam => {
                let Some(account) = call.account else {
                    return Answer::query_error(403, "InvalidClientTokenId", "The security token is invalid");
                };
                iam::answer(call, organization, account, &mut state.reports[account], now, fault)
            }
            Service::Organizations => {
                organizations::answer(call, organization, &state.suspended_since, self.0.pages.0)
            }
            Service::S3 => state.s3(call, body, organization, watch, now, self.0.pages.1),
            Service::Sns => {
                let message = Message {
                    topic_arn: call.field("TopicArn").to_owned(),
                    subject: call.field("Subject").to_owned(),
                    body: call.field("Message").to_owned(),
                };
                watch.must_hold_no_secret("a message", call.field("Message"));
                state.messages.push(message);
                Answer::query("Publish", "<MessageId>1</MessageId>")
            }
        }
    }

    fn assume_role(&self, call: &Call, state: &mut State) -> Answer {
        let role_arn = call.field("RoleArn");
        let refused = |why: &str| {
            let message =
                format!("User is not authorized to perform: sts:AssumeRole on resource: {role_arn}{why}");
            Answer::query_error(403, "AccessDenied", &message)
        };
        let Some(account) = call.account else { return refused("") };
        match self.0.organization.trouble(account) {
            Trouble::RoleMissing | Trouble::Suspended => refused(""),
            Trouble::SuspendedSince => {
                state.suspended_since[account] = true;
                refused("")
            }
            _ => {
                state.sessions += 1;
                let session = state.sessions;
                let expiration = self.0.clock.utc() + TimeDelta::hours(1);
                let access_key_id = Watch::access_key_id(account, session);
                state.expirations.insert(access_key_id.clone(), expiration);
                let mut parts = [
                    format!("<AccessKeyId>{access_key_id}</AccessKeyId>"),
                    format!("<SecretAccessKey>{}</SecretAccessKey>", Watch::secret_access_key(session)),
                    format!("<SessionToken>{}</SessionToken>", Watch::session_token(session)),
                    format!("<Expiration>{}</Expiration>", expiration.format("%Y-%m-%dT%H:%M:%SZ")),
                ];
                // Nobody promises the order of the parts.
                if session.is_multiple_of(2) {
                    parts.reverse();
                }
                Answer::query("AssumeRole", &format!("<Credentials>{}</Credentials>", parts.concat()))
            }
        }
    }

    fn note(&self, call: &Call, count: u64, status: u16) {
        let milliseconds = self.0.clock.elapsed().as_millis() as u64;
        let mut state = self.state();
        for part in [milliseconds, number(call.action), number(&call.subject), count, u64::from(status)] {
            state.digest = (state.digest ^ part).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(7);
        }
    }
}

impl Call {
    fn read(parts: &http::request::Parts, body: &[u8], organization: &Organization) -> Self {
        let headers: BTreeMap<String, String> = parts
            .headers
            .iter()
            .map(|(name, value)| {
                (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
            })
            .collect();
        let header = |name: &str| headers.get(name).map_or("", |value| value);
        let host = parts.uri.host().unwrap_or_default();
        let query = parts.uri.query().unwrap_or_default().to_owned();
        let key_id = header("authorization").split_once("Credential=").map_or("", |(_, rest)| rest);
        let key_id = key_id.split('/').next().unwrap_or_default();
        let session = Watch::account_of_session(key_id, header("x-amz-security-token"));
        let signed = NaiveDateTime::parse_from_str(header("x-amz-date"), "%Y%m%dT%H%M%SZ").ok();
        let mut form = HashMap::new();
        let (service, action, subject, account);
        if let Some((_, target)) = header("x-amz-target").rsplit_once('.') {
            (service, action) = (Service::Organizations, known(target));
            subject = String::from_utf8_lossy(body).into_owned();
            let input: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
            account = input["AccountId"].as_str().and_then(|id| organization.account(id));
        } else if let Some((bucket, _)) = host.split_once(".s3.") {
            service = Service::S3;
            subject = format!("{bucket}{}", parts.uri.path());
            (action, account) = s3::action(parts.method.as_str(), &query, &subject, organization);
        } else {
            form = answer::form(body);
            let field = |name: &str| form.get(name).map_or("", |value| value);
            action = known(field("Action"));
            service = match action {
                "AssumeRole" => Service::Sts,
                "Publish" => Service::Sns,
                _ => Service::Iam,
            };
            account = match service {
                Service::Sts => field("RoleArn").split(':').nth(4).and_then(|id| organization.account(id)),
                // Its own account is asked with the collector's own credentials.
                Service::Iam => session.or((key_id == COLLECTOR).then_some(0)),
                _ => None,
            };
            subject = match account {
                Some(account) => account.to_string(),
                None => field("TopicArn").to_owned(),
            };
        }
        // A page of a listing is a subject of its own.
        let subject = if action == "ListObjectsV2" { format!("{subject}?{query}") } else { subject };
        Self {
            service,
            action,
            subject,
            account,
            session: session.map(|_| key_id.to_owned()),
            signed: signed.map(|time| time.and_utc()),
            query,
            headers,
            form,
        }
    }

    fn field(&self, name: &str) -> &str {
        self.form.get(name).map_or("", |value| value)
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value)
    }

    fn action_of_account(&self) -> Option<usize> {
        ACTIONS_OF_ACCOUNTS.iter().position(|action| *action == self.action)
    }
}

/// The name of an action that is simulated.
fn known(action: &str) -> &'static str {
    const ACTIONS: [&str; 11] = [
        "AssumeRole",
        "DescribeAccount",
        "DescribeOrganization",
        "DescribeOrganizationalUnit",
        "GenerateCredentialReport",
        "GetCredentialReport",
        "ListAccounts",
        "ListAccountsForParent",
        "ListOrganizationalUnitsForParent",
        "ListRoots",
        "Publish",
    ];
    ACTIONS.into_iter().find(|known| *known == action).unwrap_or_else(|| panic!("nobody simulates {action}"))
}

fn reset(why: &str) -> ConnectorError {
    ConnectorError::io(Box::new(io::Error::new(io::ErrorKind::ConnectionReset, why.to_owned())))
}

/// The way to AWS from one execution environment.
#[derive(Clone, Debug)]
pub struct Connector {
    aws: Aws,
    killed: Arc<Notify>,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::new(self.aws.clone().answer(Arc::clone(&self.killed), request))
    }
}
