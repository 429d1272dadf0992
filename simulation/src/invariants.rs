//! What must hold after a night, whatever went wrong in it.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use rollcall_core::evidence::bucket_layout;
use rollcall_core::evidence::manifest::Manifest;
use rollcall_core::organization::failure::{FailureCode, FailureRecord};
use rollcall_core::organization::outcome::{AccountOutcome, Outcome, ReportEntry};
use rollcall_core::organization::run::Run;
use rollcall_core::text::time::format_time;
use rollcall_functions::report_store::Checksum;

use crate::aws::{Aws, Object, REPORT_BUCKET};
use crate::faults::Faults;
use crate::lambda::{ERROR_TOPIC, FINDINGS_TOPIC};
use crate::night::{Ending, Night};
use crate::organization::Trouble;

/// How often SNS is asked to take that a run is broken, before that is left to others.
const ATTEMPTS_TO_TELL: u64 = 7;

/// What a run writes besides reports, failures and the roll: findings twice, two tables, the page, the exemptions.
const OUTPUTS: usize = 6;

/// Leaves in the bucket what an earlier run of the same day would have: of every account a report and a
/// failure with all that belongs to them, which are not tonight's. And the exemptions that people wrote.
pub(crate) fn leave_what_was_before(aws: &Aws) {
    let date = crate::night::run().date();
    let exemptions = EXEMPTIONS.as_bytes().to_vec();
    aws.put_before(REPORT_BUCKET, bucket_layout::EXEMPTIONS, exemptions, BTreeMap::new());
    for account in 0..aws.organization().accounts().min(50) {
        let account_id = aws.organization().id(account);
        let earlier = crate::night::run().started - TimeDelta::minutes(30);
        let record = FailureRecord {
            account_id: account_id.clone(),
            execution: EARLIER_RUN.to_owned(),
            code: FailureCode::DeniedByPolicy,
            message: "an earlier run was denied".to_owned(),
            remedy: FailureCode::DeniedByPolicy.remedy().to_owned(),
            waits: 0,
            failed_at: earlier,
        };
        let record = serde_json::to_vec(&record).expect("a failure is JSON");
        let report = aws.organization().report(account, OF_NO_NIGHT);
        for (key, bytes) in [
            (bucket_layout::report(date, &account_id), report),
            (bucket_layout::failure(date, &account_id), record),
        ] {
            let metadata = [
                (bucket_layout::ACCOUNT_ID, account_id.to_string()),
                (bucket_layout::GENERATED_TIME, format_time(earlier)),
                (bucket_layout::COLLECTED_TIME, format_time(earlier)),
                (bucket_layout::SHA256, Checksum::of(&bytes).hex()),
                (bucket_layout::EXECUTION, EARLIER_RUN.to_owned()),
            ];
            let metadata = metadata.map(|(name, value)| (name.to_owned(), value));
            aws.put_before(REPORT_BUCKET, &key, bytes, metadata.into());
        }
    }
}

/// The execution that wrote it.
const EARLIER_RUN: &str = "an-earlier-run";
/// A version that no report of a night has.
const OF_NO_NIGHT: u64 = 99;

/// The exemptions of every night: that they could not be read must never pass for that there are none.
const EXEMPTIONS: &str = r#"
[[exemption]]
user = "svc-mail-*"
rule = "access-key-stale"
reason = "the mail service is replaced in spring"
expires = 2026-04-30
"#;

/// Checks a night, and counts how its accounts ended.
pub(crate) fn check(aws: &Aws, run: &Run, faults: &Faults, died: u64, night: &mut Night) {
    let mut check = Check { aws, run, died, violations: vec![] };
    if night.ending == Ending::TimedOut {
        check.violated("the run did not end within the definition's timeout");
    }
    if !faults.any() && night.ending != Ending::Succeeded {
        check.violated(format!("nothing went wrong and the night ended {:?}", night.ending));
    }
    check.objects();
    let manifest = check.manifest();
    match &manifest {
        Some((manifest, written)) => {
            check.roll(manifest);
            check.outputs(manifest, *written);
            for account in &manifest.accounts {
                check.account(account, *written, night, faults);
                *night.outcomes.entry(outcome_of(account)).or_default() += 1;
            }
            check.messages(manifest, night);
        }
        None if night.ending == Ending::Succeeded => {
            check.violated("the run succeeded and there is no run.json")
        }
        // Nobody is told of accounts, and somebody of the night.
        None => {
            let accounts = aws.organization().accounts() as u64;
            night.outcomes.insert("in a night that broke before run.json".to_owned(), accounts);
        }
    }
    let refused = night.refused_messages;
    if matches!(night.ending, Ending::Broken { told: false, .. }) && refused < ATTEMPTS_TO_TELL {
        check.violated(format!(
            "the run is broken and did not say so, for which SNS was asked {refused} times"
        ));
    }
    night.violations = check.violations;
}

fn outcome_of(account: &AccountOutcome) -> String {
    match &account.outcome {
        Outcome::Collected { .. } => "collected".to_owned(),
        Outcome::Skipped { .. } => "skipped".to_owned(),
        Outcome::NoOutcome => "no-outcome".to_owned(),
        Outcome::Failed { code, .. } => code.to_string(),
    }
}

struct Check<'a> {
    aws: &'a Aws,
    run: &'a Run,
    died: u64,
    violations: Vec<String>,
}

impl Check<'_> {
    fn violated(&mut self, what: impl Into<String>) {
        self.violations.push(what.into());
    }

    /// The versions of an object that this execution wrote.
    fn versions(&self, key: &str) -> Vec<Object> {
        let mut versions = self.aws.versions(REPORT_BUCKET, key);
        versions.retain(|version| version.execution == self.run.execution);
        versions
    }

    /// No report is stored that IAM did not serve for that account.
    fn objects(&mut self) {
        let date = self.run.date();
        for account in 0..self.aws.organization().accounts() {
            let served = self.aws.served(account);
            let account_id = self.aws.organization().id(account);
            for report in self.versions(&bucket_layout::report(date, &account_id)) {
                if !served.iter().any(|served| served.sha256 == report.sha256) {
                    self.violated(format!("account {account_id}: a report is stored that nobody served"));
                }
                if report.metadata(bucket_layout::ACCOUNT_ID) != account_id.as_str() {
                    self.violated(format!("account {account_id}: its report says that it is of another"));
                }
            }
        }
    }

    /// The last `run.json` of this execution, and which write to S3 it was.
    fn manifest(&mut self) -> Option<(Manifest, u64)> {
        let versions = self.versions(&bucket_layout::run(self.run.date()));
        let object = versions.last()?;
        match serde_json::from_slice(&self.aws.bytes(object)) {
            Ok(manifest) => Some((manifest, object.written)),
            Err(error) => {
                self.violated(format!("run.json can't be read: {error}"));
                None
            }
        }
    }

    /// Every account of the organization is in the manifest, and once.
    fn roll(&mut self, manifest: &Manifest) {
        if manifest.execution != self.run.execution {
            self.violated("run.json is of another execution");
        }
        let mut listed: Vec<&str> =
            manifest.accounts.iter().map(|account| account.account_id.as_str()).collect();
        listed.sort_unstable();
        let organization = self.aws.organization();
        let mut all: Vec<String> =
            (0..organization.accounts()).map(|account| organization.id(account).to_string()).collect();
        all.sort_unstable();
        if listed != all {
            self.violated(format!(
                "run.json has {} accounts, the organization {}, or others",
                listed.len(),
                all.len()
            ));
        }
        let coverage = manifest.coverage;
        let sum = coverage.collected + coverage.failed + coverage.skipped + coverage.no_outcome;
        if sum != coverage.accounts || sum != all.len() as u64 {
            self.violated(format!("the coverage of run.json does not add up: {coverage:?}"));
        }
    }

    /// What run.json names was there, with those bytes, when it was written.
    fn outputs(&mut self, manifest: &Manifest, written: u64) {
        for output in &manifest.outputs {
            let versions = self.versions(&output.key);
            if !versions.iter().any(|version| version.sha256 == output.sha256 && version.written < written) {
                self.violated(format!("run.json names {} with a SHA-256 that was never written", output.key));
            }
        }
        let exemptions = Checksum::of(EXEMPTIONS.as_bytes()).hex();
        if manifest.exemptions.sha256 != Some(exemptions) {
            self.violated(format!("run.json was judged without the exemptions: {:?}", manifest.exemptions));
        }
        if manifest.outputs.len() != OUTPUTS {
            self.violated(format!("run.json names {} outputs", manifest.outputs.len()));
        }
    }

    fn account(&mut self, account: &AccountOutcome, written: u64, night: &Night, faults: &Faults) {
        let id = account.account_id.as_str();
        let Some(number) = self.aws.organization().account(id) else {
            return self.violated(format!("account {id} is not of this organization"));
        };
        let trouble = self.aws.organization().trouble(number);
        let child = night.children.get(id);
        let status = child.and_then(|child| child.as_ref().ok()).map(String::as_str);
        match &account.outcome {
            Outcome::Collected { .. } if trouble != Trouble::None => {
                self.violated(format!("account {id} is collected, which can't be: {trouble:?}"));
            }
            Outcome::Collected { report } => self.collected(id, number, report, written),
            Outcome::Failed { code, message, .. } => self.failed(id, number, *code, message, trouble),
            // A roll that is taken again, for an event that came twice, knows of what happened since.
            Outcome::Skipped { reason }
                if !matches!(trouble, Trouble::Suspended | Trouble::SuspendedSince) =>
            {
                self.violated(format!("account {id} is skipped: {reason:?}"));
            }
            Outcome::Skipped { .. } => {}
            // Only a child that could not even record a failure leaves nothing.
            Outcome::NoOutcome if matches!(child, Some(Err(_))) => {}
            Outcome::NoOutcome => {
                self.violated(format!("account {id} has no outcome and its child answered {child:?}"));
            }
        }
        if status == Some("Collected")
            && !account.is_collected()
            && !matches!(
                account.outcome.failure(),
                Some((FailureCode::StorageFailed | FailureCode::ReportUnreadable, _))
            )
        {
            self.violated(format!("account {id} was collected and is {:?}", account.outcome));
        }
        if !faults.any() && trouble == Trouble::None && !account.is_collected() {
            self.violated(format!("nothing went wrong and account {id} is {:?}", account.outcome));
        }
    }

    /// A collected account has a report of tonight, which IAM served for it and which lies in the bucket.
    fn collected(&mut self, id: &str, number: usize, report: &ReportEntry, written: u64) {
        let served = self.aws.served(number);
        let mut served = served.iter().filter(|served| served.sha256 == report.sha256).peekable();
        if served.peek().is_none() {
            self.violated(format!("account {id} is collected with a report that IAM never served"));
        } else if !served.any(|served| served.made.timestamp() == report.generated.timestamp()) {
            self.violated(format!("account {id}: nobody said that its report is of {}", report.generated));
        }
        let versions = self.versions(&report.key);
        let stored =
            versions.iter().find(|version| version.sha256 == report.sha256 && version.written < written);
        match stored {
            None => {
                self.violated(format!("account {id} is collected and its report does not lie in the bucket"))
            }
            Some(stored) if stored.metadata(bucket_layout::SHA256) != report.sha256 => {
                self.violated(format!("account {id}: the SHA-256 of its report's metadata is another"));
            }
            Some(_) => {}
        }
        if report.collected < self.run.started || report.generated > report.collected {
            self.violated(format!(
                "account {id}: its report was generated at {} and collected at {}, in a run of {}",
                report.generated, report.collected, self.run.started
            ));
        }
    }

    /// A failure says what really was the matter.
    fn failed(&mut self, id: &str, number: usize, code: FailureCode, message: &str, trouble: Trouble) {
        let holds = match code {
            FailureCode::RoleMissingOrDenied => {
                matches!(trouble, Trouble::RoleMissing | Trouble::SuspendedSince)
            }
            FailureCode::DeniedByPolicy => trouble == Trouble::Denied,
            FailureCode::AccountSuspended => trouble == Trouble::SuspendedSince,
            FailureCode::ReportUnreadable => trouble == Trouble::NoReport,
            // Of a function that died, or that Lambda did not run.
            FailureCode::Internal => {
                message.starts_with("the collector ended with Lambda.")
                    || (self.died > 0 && message.contains("Runtime.ExitError"))
            }
            FailureCode::ReportTimedOut => trouble == Trouble::NeverReady,
            FailureCode::StorageFailed => message.contains("s3:"),
            // Whatever an account's trouble, its rates may be passed all night long.
            FailureCode::Throttled => true,
            FailureCode::NoOutcome => false,
        };
        if !holds || message.is_empty() {
            self.violated(format!("account {id} ({trouble:?}, {number}) failed with {code}: {message}"));
        }
    }

    /// Somebody hears of every account without a report, unless the run is said to be broken.
    fn messages(&mut self, manifest: &Manifest, night: &Night) {
        let missing = manifest.coverage.failed + manifest.coverage.no_outcome;
        let is_unsaid = matches!(night.ending, Ending::Broken { told: false, .. });
        if missing > 0 && !is_unsaid && !self.told_of_an_error() {
            self.violated(format!("{missing} accounts have no report and nobody was told"));
        }
        // An analysis that came twice may have known less the first time, or the second.
        let manifests = self.manifests();
        for (index, account) in manifest.accounts.iter().enumerate() {
            let is_missing = manifests
                .iter()
                .all(|manifest| manifest.accounts.get(index).is_some_and(AccountOutcome::is_missing));
            if is_missing && night.ending == Ending::Succeeded && !self.told_of(account.account_id.as_str()) {
                self.violated(format!("nobody was told of account {}", account.account_id));
            }
        }
        if manifest.findings.open > 0 && night.ending == Ending::Succeeded && !self.has_sent(FINDINGS_TOPIC) {
            self.violated(format!("there are {} findings and no digest", manifest.findings.open));
        }
        let all_was_well = manifests
            .iter()
            .all(|Manifest { coverage, .. }| coverage.failed + coverage.no_outcome + coverage.bad_rows == 0);
        if all_was_well && night.ending == Ending::Succeeded && self.told_of_an_error() {
            self.violated("every account is collected and an error was sent");
        }
    }

    /// Every `run.json` of this execution; its accounts are in the same order in each.
    fn manifests(&self) -> Vec<Manifest> {
        let versions = self.versions(&bucket_layout::run(self.run.date()));
        versions.iter().filter_map(|version| serde_json::from_slice(&self.aws.bytes(version)).ok()).collect()
    }

    fn told_of_an_error(&self) -> bool {
        self.has_sent(ERROR_TOPIC)
    }

    fn has_sent(&self, topic_arn: &str) -> bool {
        self.aws.messages().iter().any(|message| message.topic_arn == topic_arn)
    }

    /// Whether an error names the account.
    fn told_of(&self, account_id: &str) -> bool {
        let messages = self.aws.messages();
        messages.iter().any(|message| message.topic_arn == ERROR_TOPIC && message.body.contains(account_id))
    }
}

/// Adds what was counted in one night to what was in others.
pub fn add(all: &mut BTreeMap<String, u64>, counts: &BTreeMap<String, u64>) {
    for (name, count) in counts {
        *all.entry(name.clone()).or_default() += count;
    }
}
