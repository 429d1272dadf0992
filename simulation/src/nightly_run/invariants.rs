//! What must hold after a night, whatever went wrong in it.

use rollcall_core::evidence::bucket_layout;
use rollcall_core::evidence::manifest::Manifest;
use rollcall_core::organization::failure::FailureCode;
use rollcall_core::organization::outcome::{AccountOutcome, Outcome, ReportEntry};
use rollcall_core::organization::run::Run;
use rollcall_functions::report_store::object::Checksum;

use super::earlier_run::EXEMPTIONS;
use crate::aws::{Aws, Object, REPORT_BUCKET};
use crate::deployment::{ERROR_TOPIC, FINDINGS_TOPIC};
use crate::faults::Faults;
use crate::night::{Ending, Night};
use crate::organization::Trouble;

/// How often a broken run tries to publish that it is, before the rule on failed executions is left.
const PUBLISH_ATTEMPTS: u64 = 7;

/// What a run writes besides reports, failures and the roll: findings twice, two tables, the page, the exemptions.
const OUTPUTS: usize = 6;

/// Checks a night, and counts how its accounts ended.
pub(super) fn check(aws: &Aws, run: &Run, faults: &Faults, died: u64, night: &mut Night) {
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
        // No message names accounts, but one says that the run is broken.
        None => {
            let accounts = aws.organization().accounts() as u64;
            night.outcomes.insert("in a night that broke before run.json".to_owned(), accounts);
        }
    }
    let refused = night.refused_messages;
    if matches!(night.ending, Ending::Broken { told: false, .. }) && refused < PUBLISH_ATTEMPTS {
        check.violated(format!("the run is broken and did not say so, after {refused} attempts"));
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

    /// Every stored report was served by IAM for that account.
    fn objects(&mut self) {
        let date = self.run.date();
        for account in 0..self.aws.organization().accounts() {
            let served = self.aws.served(account);
            let account_id = self.aws.organization().id(account);
            for report in self.versions(&bucket_layout::report(date, &account_id)) {
                if !served.iter().any(|served| served.sha256 == report.sha256) {
                    self.violated(format!("account {account_id}: a report is stored that IAM never served"));
                }
                if report.metadata(bucket_layout::ACCOUNT_ID) != account_id.as_str() {
                    self.violated(format!("account {account_id}: its report names another account"));
                }
            }
        }
    }

    /// The last `run.json` of this execution, and the number of its write to S3.
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

    /// Every account of the organization is in the manifest exactly once.
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
                "run.json has {} accounts and the organization {}, or they differ",
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

    /// What run.json names was there, byte for byte, when it was written.
    fn outputs(&mut self, manifest: &Manifest, written: u64) {
        for output in &manifest.outputs {
            self.version(&output.key, &output.sha256, output.version_id.as_deref(), written);
        }
        let exemptions = Checksum::of(EXEMPTIONS.as_bytes()).hex();
        if manifest.exemptions.sha256 != Some(exemptions) {
            self.violated(format!("run.json was judged without the exemptions: {:?}", manifest.exemptions));
        }
        if manifest.outputs.len() != OUTPUTS {
            self.violated(format!("run.json names {} outputs", manifest.outputs.len()));
        }
    }

    /// The version that `run.json` names was there, byte for byte, when it was written. Only this run has written the
    /// object since, by a call that came late or twice.
    fn version(&mut self, key: &str, sha256: &str, version_id: Option<&str>, written: u64) -> Option<Object> {
        let versions = self.aws.versions(REPORT_BUCKET, key);
        let is_named = |version: &&Object| Some(&*version.version_id()) == version_id;
        let named = versions.iter().find(is_named).cloned();
        match &named {
            Some(named) if named.sha256 == sha256 && named.written < written => {
                if named.execution != self.run.execution {
                    self.violated(format!("{key} is named and was written by {}", named.execution));
                }
            }
            _ => self.violated(format!("run.json names {key} in version {version_id:?}, which is not that")),
        }
        if let Some(latest) = versions.last()
            && latest.execution != self.run.execution
        {
            self.violated(format!("{key} was written over by {}", latest.execution));
        }
        named
    }

    fn account(&mut self, account: &AccountOutcome, written: u64, night: &Night, faults: &Faults) {
        let id = account.account_id.as_str();
        let Some(number) = self.aws.organization().account(id) else {
            return self.violated(format!("account {id} is not in this organization"));
        };
        let trouble = self.aws.organization().trouble(number);
        let child = night.children.get(id);
        let status = child.and_then(|child| child.as_ref().ok()).and_then(|output| output["status"].as_str());
        match &account.outcome {
            Outcome::Collected { .. } if trouble != Trouble::None => {
                self.violated(format!("account {id} is collected despite its trouble: {trouble:?}"));
            }
            Outcome::Collected { report } => self.collected(id, number, report, written),
            Outcome::Failed { code, message, .. } => self.failed(id, number, *code, message, trouble),
            // A roll that is taken again, because an event came twice, knows what happened since.
            Outcome::Skipped { reason }
                if !matches!(trouble, Trouble::Suspended | Trouble::SuspendedSince) =>
            {
                self.violated(format!("account {id} is skipped: {reason:?}"));
            }
            Outcome::Skipped { .. } => {}
            // Only a child that could not even record its failure leaves no outcome.
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
        } else if !served
            .any(|served| Some(served.made.timestamp()) == report.generated.map(|made| made.timestamp()))
        {
            self.violated(format!(
                "account {id}: IAM never said that its report is of {:?}",
                report.generated
            ));
        }
        let stored = self.version(&report.key, &report.sha256, report.version_id.as_deref(), written);
        if stored.is_some_and(|stored| stored.metadata(bucket_layout::SHA256) != report.sha256) {
            self.violated(format!("account {id}: the metadata of its report has another SHA-256"));
        }
        if report.collected < Some(self.run.started) || report.generated > report.collected {
            self.violated(format!(
                "account {id}: its report was generated at {:?} and collected at {:?}, in a run of {}",
                report.generated, report.collected, self.run.started
            ));
        }
    }

    /// A failure has the code of the account's real trouble.
    fn failed(&mut self, id: &str, number: usize, code: FailureCode, message: &str, trouble: Trouble) {
        let holds = match code {
            FailureCode::RoleMissingOrDenied => {
                matches!(trouble, Trouble::RoleMissing | Trouble::SuspendedSince)
            }
            FailureCode::DeniedByPolicy => trouble == Trouble::Denied,
            FailureCode::AccountSuspended => trouble == Trouble::SuspendedSince,
            FailureCode::ReportUnreadable => trouble == Trouble::NoReport,
            // IAM serves no such report, whatever goes wrong.
            FailureCode::ReportOutdated => false,
            // The function died, or Lambda did not run it.
            FailureCode::Internal => {
                message.starts_with("the collector ended with Lambda.")
                    || (self.died > 0 && message.contains("Runtime.ExitError"))
            }
            FailureCode::ReportTimedOut => trouble == Trouble::NeverReady,
            FailureCode::StorageFailed => message.contains("s3:"),
            // Any account may be throttled all night.
            FailureCode::Throttled => true,
            FailureCode::NoOutcome => false,
        };
        if !holds || message.is_empty() {
            self.violated(format!("account {id} ({trouble:?}, {number}) failed with {code}: {message}"));
        }
    }

    /// Every account without a report is named in a message, unless the run itself is reported as broken.
    fn messages(&mut self, manifest: &Manifest, night: &Night) {
        let missing = manifest.coverage.failed + manifest.coverage.no_outcome;
        let is_untold = matches!(night.ending, Ending::Broken { told: false, .. });
        if missing > 0 && !is_untold && !self.told_of_an_error() {
            self.violated(format!("{missing} accounts have no report and no message says so"));
        }
        // Of an analysis that ran twice, one run may have known less.
        let manifests = self.manifests();
        for (index, account) in manifest.accounts.iter().enumerate() {
            let is_missing = manifests
                .iter()
                .all(|manifest| manifest.accounts.get(index).is_some_and(AccountOutcome::is_missing));
            if is_missing && night.ending == Ending::Succeeded && !self.told_of(account.account_id.as_str()) {
                self.violated(format!("no message names account {}", account.account_id));
            }
        }
        if manifest.findings.open > 0 && night.ending == Ending::Succeeded && !self.has_sent(FINDINGS_TOPIC) {
            self.violated(format!("there are {} open findings and no digest", manifest.findings.open));
        }
        let all_was_well = manifests
            .iter()
            .all(|Manifest { coverage, .. }| coverage.failed + coverage.no_outcome + coverage.bad_rows == 0);
        if all_was_well && night.ending == Ending::Succeeded && self.told_of_an_error() {
            self.violated("every account is collected and an error message was sent");
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
