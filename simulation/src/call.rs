//! A call to the simulated AWS, as far as its request says what it is.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, NaiveDateTime, Utc};
use http::request::Parts;
use rollcall_core::evidence::bucket_layout;

use crate::credentials::{FUNCTIONS_ACCESS_KEY_ID, account_of_session};
use crate::organization::Organization;

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
    /// Step Functions, asked about executions.
    StepFunctions,
}

/// A call.
#[derive(Clone, Debug)]
pub struct Call {
    /// The service that is asked.
    pub service: Service,
    /// The action, as the API names it. Writing a failure is `PutFailure`, apart from other objects.
    pub action: &'static str,
    /// What it is about: the number of an account, a key, a page.
    pub subject: String,
    /// The account it is about, if it is about one.
    pub account: Option<usize>,
    /// The access key id of the session that signed it; `None` for the functions' own credentials.
    pub session: Option<String>,
    /// When it was signed.
    pub signed: Option<DateTime<Utc>>,
    /// The query of its URL.
    pub query: String,
    headers: BTreeMap<String, String>,
    form: HashMap<String, String>,
}

/// The actions that are simulated, except those of S3.
const ACTIONS: [&str; 13] = [
    "AssumeRole",
    "DescribeAccount",
    "DescribeExecution",
    "DescribeOrganization",
    "DescribeOrganizationalUnit",
    "GenerateCredentialReport",
    "GetCallerIdentity",
    "GetCredentialReport",
    "ListAccounts",
    "ListAccountsForParent",
    "ListOrganizationalUnitsForParent",
    "ListRoots",
    "Publish",
];

impl Call {
    /// Reads a request.
    pub fn read(parts: &Parts, body: &[u8], organization: &Organization) -> Self {
        let headers: BTreeMap<String, String> = parts
            .headers
            .iter()
            .map(|(name, value)| {
                (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
            })
            .collect();
        let header = |name: &str| headers.get(name).map_or("", |value| value);
        let credential = header("authorization").split_once("Credential=").map_or("", |(_, rest)| rest);
        let mut scope = credential.split('/');
        let (key_id, signing_service) = (scope.next().unwrap_or_default(), scope.nth(2).unwrap_or_default());
        let session = account_of_session(key_id, header("x-amz-security-token"));
        let mut call = Self {
            service: Service::S3,
            action: "",
            subject: String::new(),
            account: None,
            session: session.map(|_| key_id.to_owned()),
            signed: NaiveDateTime::parse_from_str(header("x-amz-date"), "%Y%m%dT%H%M%SZ")
                .ok()
                .map(|time| time.and_utc()),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            form: form_urlencoded::parse(body).into_owned().collect(),
            headers: headers.clone(),
        };
        if let Some((service, target)) = header("x-amz-target").rsplit_once('.') {
            let input: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
            call.service = match service {
                "AWSStepFunctions" => Service::StepFunctions,
                _ => Service::Organizations,
            };
            call.action = simulated(target);
            call.subject = String::from_utf8_lossy(body).into_owned();
            call.account = input["AccountId"].as_str().and_then(|id| organization.account(id));
        } else if signing_service == "s3" {
            call.read_s3(parts, organization);
        } else {
            call.action = simulated(call.field("Action"));
            call.service = match call.action {
                "AssumeRole" | "GetCallerIdentity" => Service::Sts,
                "Publish" => Service::Sns,
                _ => Service::Iam,
            };
            call.account = match call.service {
                Service::Sts => {
                    call.field("RoleArn").split(':').nth(4).and_then(|id| organization.account(id))
                }
                // The management account is asked with the functions' own credentials.
                Service::Iam => session.or((key_id == FUNCTIONS_ACCESS_KEY_ID).then_some(0)),
                _ => None,
            };
            call.subject = match call.account {
                Some(account) => account.to_string(),
                None => call.field("TopicArn").to_owned(),
            };
        }
        call
    }

    fn read_s3(&mut self, parts: &Parts, organization: &Organization) {
        // The bucket stands in the host's name, or is the first part of the path of a host with an IP address.
        let host = parts.uri.host().or(self.headers.get("host").map(String::as_str)).unwrap_or_default();
        self.subject = match host.split_once(".s3.") {
            Some((bucket, _)) => format!("{bucket}{}", parts.uri.path()),
            None => parts.uri.path().trim_start_matches('/').to_owned(),
        };
        let is_failure = self.subject.contains("/failures/");
        self.action = match parts.method.as_str() {
            "PUT" if is_failure => "PutFailure",
            "PUT" => "PutObject",
            "GET" if self.parameter("list-type").is_some() => "ListObjectsV2",
            "GET" => "GetObject",
            method => panic!("the simulation does not know {method} of S3"),
        };
        if parts.method == "PUT" {
            let name = self.subject.rsplit('/').next().unwrap_or_default();
            self.account = match name.strip_suffix(".json").filter(|_| is_failure) {
                Some(id) => organization.account(id),
                None => {
                    bucket_layout::account_of_report(name).and_then(|id| organization.account(id.as_str()))
                }
            };
        }
        // Each page of a listing is a subject of its own.
        if self.action == "ListObjectsV2" {
            self.subject = format!("{}?{}", self.subject, self.query);
        }
    }

    /// The bucket, of a call to S3.
    pub fn bucket(&self) -> &str {
        self.subject.split(['/', '?']).next().unwrap_or_default()
    }

    /// A field of its form.
    pub fn field(&self, name: &str) -> &str {
        self.form.get(name).map_or("", |value| value)
    }

    /// A parameter of its query.
    pub fn parameter(&self, name: &str) -> Option<String> {
        form_urlencoded::parse(self.query.as_bytes())
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.into_owned())
    }

    /// A header.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value)
    }

    /// The headers, by their names in lower case.
    pub fn headers(&self) -> &BTreeMap<String, String> {
        &self.headers
    }

    /// A call that says no more than this, for tests.
    #[cfg(test)]
    pub(crate) fn of(service: Service, action: &'static str, subject: &str) -> Self {
        Self {
            service,
            action,
            subject: subject.to_owned(),
            account: None,
            session: None,
            signed: None,
            query: String::new(),
            headers: BTreeMap::new(),
            form: HashMap::new(),
        }
    }
}

/// The name of an action that is simulated.
fn simulated(action: &str) -> &'static str {
    ACTIONS
        .into_iter()
        .find(|simulated| *simulated == action)
        .unwrap_or_else(|| panic!("the simulation does not know {action}"))
}
