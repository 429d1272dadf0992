//! IAM's credential report: asked for, being made, there for four hours.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use chrono::{DateTime, TimeDelta, Utc};
use rollcall_functions::report_store::object::Checksum;
use rollcall_testing::aws_answers::Answer;

use crate::call::Call;
use crate::faults::Fault;
use crate::organization::{Organization, Trouble};

/// How long IAM serves the same report.
const LIFE: TimeDelta = TimeDelta::hours(4);

/// The state of an account's report.
#[derive(Clone, Debug)]
pub(super) struct ReportState {
    version: u64,
    made: Option<DateTime<Utc>>,
    ready: Option<DateTime<Utc>>,
    pub(super) served: Vec<Served>,
}

/// A report that was served.
#[derive(Clone, Debug)]
pub struct Served {
    pub(super) version: u64,
    /// The SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
    /// When it was made.
    pub made: DateTime<Utc>,
}

impl ReportState {
    pub(super) fn new(made: Option<DateTime<Utc>>) -> Self {
        Self { version: 0, made, ready: None, served: vec![] }
    }

    /// Takes note of the time: a report that was being made may be ready.
    fn pass(&mut self, now: DateTime<Utc>) {
        if let Some(ready) = self.ready.filter(|ready| *ready <= now) {
            *self = Self {
                version: self.version + 1,
                made: Some(ready),
                ready: None,
                served: self.served.clone(),
            };
        }
    }

    fn is_there(&self, now: DateTime<Utc>) -> bool {
        self.made.is_some_and(|made| now - made < LIFE)
    }
}

pub(super) fn answer(
    call: &Call,
    organization: &Organization,
    account: usize,
    report: &mut ReportState,
    now: DateTime<Utc>,
    fault: Option<Fault>,
) -> Answer {
    let trouble = organization.trouble(account);
    if trouble == Trouble::Denied {
        let message = format!(
            "not authorized to perform: iam:{} with an explicit deny in a service control policy",
            call.action
        );
        return Answer::query_error(403, "AccessDenied", &message);
    }
    report.pass(now);
    match fault {
        Some(Fault::ReportChanges) if report.is_there(now) => {
            report.version += 1;
            report.made = Some(now);
        }
        Some(Fault::ReportGone) => report.made = None,
        _ => {}
    }
    if call.action == "GenerateCredentialReport" {
        let state = match (report.is_there(now), report.ready) {
            (true, _) if trouble != Trouble::NeverReady => "COMPLETE",
            (_, Some(_)) => "INPROGRESS",
            _ => {
                let making = match trouble {
                    Trouble::NeverReady => TimeDelta::days(365),
                    _ => TimeDelta::from_std(organization.making(account)).expect("it is minutes at most"),
                };
                report.ready = Some(now + making);
                "STARTED"
            }
        };
        return Answer::query(call.action, &format!("<State>{state}</State>"));
    }
    let Some(made) = report.made else {
        return match report.ready {
            Some(_) => Answer::query_error(404, "ReportInProgress", "The report is being made"),
            None => Answer::query_error(410, "ReportNotPresent", "There is no report"),
        };
    };
    if !report.is_there(now) {
        return Answer::query_error(410, "ReportExpired", "The report has expired");
    }
    let content = organization.report(account, report.version);
    let sha256 = Checksum::of(&content).hex();
    if !report.served.iter().any(|served| served.sha256 == sha256 && served.made == made) {
        report.served.push(Served { version: report.version, sha256, made });
    }
    let content = format!("<Content>{}</Content>", BASE64_STANDARD.encode(content));
    let made = format!("<GeneratedTime>{}</GeneratedTime>", made.format("%Y-%m-%dT%H:%M:%SZ"));
    // AWS does not document the order of the parts.
    let parts = if account.is_multiple_of(2) { [content, made] } else { [made, content] };
    Answer::query(call.action, &parts.concat())
}
