//! The simulated AWS: STS, IAM, Organizations, S3, SNS and what Step Functions says of executions,
//! below the SDK, as HTTP without a network. It
//! answers what Rollcall asks, after a while, within its rates, and with a fault where the seed has one.
//! It counts every call and remembers what it served, so that a night can be compared with what really
//! happened.

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

use aws_sdk_s3::primitives::{ByteStream, SdkBody};
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use chrono::{DateTime, TimeDelta, Utc};
use http::request::Parts;
use rollcall_testing::aws_answers::Answer;
use rollcall_testing::random::number;
use serde_json::json;
use tokio::sync::Notify;
use tokio::time::sleep;

use crate::call::{Call, Service};
use crate::clock::Clock;
use crate::credentials::{access_key_id, secret_access_key, session_token};
use crate::faults::{Fault, FaultCounts, Faults};
use crate::organization::{Organization, Trouble};
use crate::watch::Watch;

use answer::Ending;
use iam::ReportState;
pub use iam::Served;
pub use organizations::ORGANIZATION;
use rate::Rates;
use s3::{Buckets, Surroundings};
pub use s3::{Object, REPORT_BUCKET, WORK_BUCKET};

/// How far a request's time may be from the service's.
const MOST_SKEW: TimeDelta = TimeDelta::minutes(5);

/// How an AWS behaves where nothing goes wrong.
#[derive(Clone, Copy, Debug)]
pub struct Behaviour {
    /// Every report was made an hour ago.
    pub reports_are_ready: bool,
    /// What AWS lists in pages of 20 and 1,000 comes in pages of three and four.
    pub has_small_pages: bool,
    /// How long a call takes; `None` for what is usual for its action.
    pub latency: Option<Duration>,
    /// Calls above a service's rate are refused.
    pub has_rates: bool,
}

impl Behaviour {
    /// As AWS behaves.
    pub const USUAL: Self =
        Self { reports_are_ready: false, has_small_pages: false, latency: None, has_rates: true };
}

/// The AWS of a night. Clones are the same one.
#[derive(Clone)]
pub struct Aws(Arc<Shared>);

struct Shared {
    clock: Clock,
    organization: Organization,
    faults: Faults,
    watch: Watch,
    behaviour: Behaviour,
    state: Mutex<State>,
}

/// What has happened so far.
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
    buckets: Buckets,
    messages: Vec<Message>,
    /// The status of every execution, by its ARN.
    executions: HashMap<String, &'static str>,
    /// Of every call, when it was made, what it was and how it ended. Nights with the same digest are the same.
    digest: u64,
}

/// The actions that are counted for every account.
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
    /// The topic.
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
    /// An AWS with an organization and empty buckets.
    pub fn new(
        clock: Clock,
        organization: Organization,
        behaviour: Behaviour,
        faults: Faults,
        watch: Watch,
    ) -> Self {
        let accounts = organization.accounts();
        let made = behaviour.reports_are_ready.then(|| clock.utc() - TimeDelta::hours(1));
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
            buckets: Buckets::default(),
            messages: Vec::new(),
            executions: HashMap::new(),
            digest: 0,
        };
        Self(Arc::new(Shared { clock, organization, faults, watch, behaviour, state: Mutex::new(state) }))
    }

    /// A connection to it from one execution environment of a function. A fault that kills the environment
    /// notifies `killed`.
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
        self.state().buckets.versions(bucket, key)
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
        self.state().buckets.put_before(bucket, key, body, metadata);
    }

    /// Has Step Functions say this of an execution.
    pub fn set_execution(&self, execution_arn: &str, status: &'static str) {
        self.state().executions.insert(execution_arn.to_owned(), status);
    }

    /// A number that is the same for two nights in which the same happened.
    pub fn digest(&self) -> u64 {
        self.state().digest
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().expect("no thread panics while it holds the state of AWS")
    }

    /// Answers a request as a service would.
    ///
    /// # Errors
    /// When a fault breaks the connection.
    pub async fn answer(
        &self,
        parts: &Parts,
        body: &[u8],
        killed: &Notify,
    ) -> Result<http::Response<SdkBody>, io::Error> {
        let Shared { clock, organization, faults, behaviour, .. } = &*self.0;
        let call = Call::read(parts, body, organization);
        let (count, fault) = self.arrive(&call, clock.elapsed());
        let (there, back) = match behaviour.latency {
            Some(latency) => (latency, Duration::ZERO),
            None => latency::of(&call, count, body.len()),
        };
        sleep(there).await;
        match fault {
            Some(Fault::ResetBefore) => return Err(reset()),
            Some(Fault::SilentBefore) => return std::future::pending().await,
            Some(Fault::KilledBefore) => {
                killed.notify_one();
                return std::future::pending().await;
            }
            Some(Fault::Slow) => {
                sleep(Duration::from_secs_f64(3.0 + 25.0 * faults.chance("slow", count))).await;
            }
            _ => {}
        }
        let answer = match fault {
            Some(fault) => answer::of_fault(fault, &call, count),
            None => None,
        };
        let answer = match answer.or_else(|| self.refused_for_its_time(&call)) {
            Some(answer) => answer,
            None => self.handle(&call, body, fault),
        };
        if behaviour.latency.is_none() {
            sleep(back + latency::of_body(answer.body.len())).await;
        }
        self.note(&call, count, answer.status);
        let ending = match fault {
            Some(Fault::ResetAfter) => return Err(reset()),
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
        let cut = faults.chance("cut", count);
        Ok(answer::response(answer, clock.utc(), ending, cut))
    }

    /// Counts a call, and draws its fault.
    fn arrive(&self, call: &Call, elapsed: Duration) -> (u64, Option<Fault>) {
        let mut state = self.state();
        *state.calls.entry(call.action).or_default() += 1;
        if let Some(account) = call.account
            && let Some(action) = ACTIONS_OF_ACCOUNTS.iter().position(|action| *action == call.action)
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

    fn refused_for_its_time(&self, call: &Call) -> Option<Answer> {
        let age = self.0.clock.utc() - call.signed?;
        let is_too_old = age > TimeDelta::zero();
        (age.abs() > MOST_SKEW).then(|| answer::refused_for_its_time(call.service, is_too_old))
    }

    fn handle(&self, call: &Call, body: &[u8], fault: Option<Fault>) -> Answer {
        let Shared { clock, organization, watch, behaviour, .. } = &*self.0;
        let now = clock.utc();
        let (accounts_a_page, keys_a_page) =
            if behaviour.has_small_pages { (3, 4) } else { (organizations::PAGE, s3::PAGE) };
        let mut state = self.state();
        if let Some(session) = &call.session {
            if fault == Some(Fault::SessionExpired) {
                state.expirations.insert(session.clone(), now);
            }
            if state.expirations.get(session).is_none_or(|expiration| *expiration <= now) {
                return answer::expired();
            }
        }
        if behaviour.has_rates && !state.rates.take(call, now) {
            return answer::throttled(call.service);
        }
        match call.service {
            Service::Sts if call.action == "GetCallerIdentity" => {
                let account_id = organization.id(0);
                let arn = format!("<Arn>arn:aws:iam::{account_id}:user/simulated</Arn>");
                let account = format!("<UserId>simulated</UserId><Account>{account_id}</Account>");
                Answer::query(call.action, &[arn, account].concat())
            }
            Service::Sts => self.assume_role(call, &mut state),
            Service::Iam => {
                let Some(account) = call.account else {
                    return Answer::query_error(403, "InvalidClientTokenId", "The security token is invalid");
                };
                iam::answer(call, organization, account, &mut state.reports[account], now, fault)
            }
            Service::Organizations => {
                organizations::answer(call, organization, &state.suspended_since, accounts_a_page)
            }
            Service::S3 => {
                // The simulated functions name the owner of the report bucket in every call.
                let owner = call.header("x-amz-expected-bucket-owner");
                if call.bucket() == REPORT_BUCKET && owner != organization.id(0).as_str() {
                    return Answer::s3_error(403, "AccessDenied", "Access Denied");
                }
                let State { buckets, reports, .. } = &mut *state;
                buckets.answer(call, body, keys_a_page, &Surroundings { organization, reports, watch, now })
            }
            Service::StepFunctions => {
                let input: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
                let arn = input["executionArn"].as_str().unwrap_or_default();
                match state.executions.get(arn) {
                    Some(status) => Answer::json(&json!({
                        "executionArn": arn,
                        "stateMachineArn": arn.replace(":execution:", ":stateMachine:"),
                        "startDate": now.timestamp(),
                        "status": status,
                    })),
                    None => Answer::json_error(400, "ExecutionDoesNotExist", "Execution does not exist"),
                }
            }
            Service::Sns => {
                let message = Message {
                    topic_arn: call.field("TopicArn").to_owned(),
                    subject: call.field("Subject").to_owned(),
                    body: call.field("Message").to_owned(),
                };
                watch.must_hold_no_secret("a message", &message.body);
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
                let access_key_id = access_key_id(account, session);
                state.expirations.insert(access_key_id.clone(), expiration);
                let mut parts = [
                    format!("<AccessKeyId>{access_key_id}</AccessKeyId>"),
                    format!("<SecretAccessKey>{}</SecretAccessKey>", secret_access_key(session)),
                    format!("<SessionToken>{}</SessionToken>", session_token(session)),
                    format!("<Expiration>{}</Expiration>", expiration.format("%Y-%m-%dT%H:%M:%SZ")),
                ];
                // AWS does not document the order of the parts.
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

fn reset() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionReset, "connection reset by peer")
}

/// A connection to AWS from one execution environment.
#[derive(Clone, Debug)]
pub struct Connector {
    aws: Aws,
    killed: Arc<Notify>,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let Self { aws, killed } = self.clone();
        HttpConnectorFuture::new(async move {
            let failed = |error: &dyn fmt::Display| {
                let error = io::Error::new(io::ErrorKind::ConnectionReset, error.to_string());
                ConnectorError::io(Box::new(error))
            };
            let (parts, body) = request.try_into_http1x().map_err(|error| failed(&error))?.into_parts();
            let body = ByteStream::new(body).collect().await.map_err(|error| failed(&error))?.into_bytes();
            let response = aws.answer(&parts, &body, &killed).await.map_err(|error| failed(&error))?;
            HttpResponse::try_from(response).map_err(|error| failed(&error))
        })
    }
}
