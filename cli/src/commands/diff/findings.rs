//! What became of the findings of one day by another.

use std::collections::HashMap;

use rollcall_core::formats::finding_record::FindingRecord;
use rollcall_core::identifiers::account_id::AccountId;
use rollcall_core::judgement::analysis::Assessment;
use rollcall_core::judgement::finding::{Finding, Status};
use rollcall_core::judgement::rules::{Credential, RuleId, Severity};
use serde::{Serialize, Serializer};

/// What became of findings.
#[derive(Debug, Default, Serialize)]
pub(super) struct FindingChanges {
    /// The earlier day did not have them.
    #[serde(serialize_with = "records")]
    pub new: Vec<Finding>,
    /// The later day does not have them, and their credentials were looked at.
    #[serde(serialize_with = "records")]
    pub resolved: Vec<Finding>,
    /// Both have them, and what is observed is something else.
    pub changed: Vec<ChangedFinding>,
    /// The earlier day had them, and the later one does not say.
    #[serde(serialize_with = "records")]
    pub untold: Vec<Finding>,
    /// How many are as they were.
    pub unchanged: u64,
}

/// A finding of both days.
#[derive(Debug, Serialize)]
pub(super) struct ChangedFinding {
    /// What was observed before.
    pub was: Box<str>,
    /// Whether it was exempt before.
    pub was_exempt: bool,
    /// The finding as it is.
    #[serde(serialize_with = "record")]
    pub finding: Finding,
}

fn record<S: Serializer>(finding: &Finding, serializer: S) -> Result<S::Ok, S::Error> {
    FindingRecord::from(finding).serialize(serializer)
}

fn records<S: Serializer>(findings: &[Finding], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(findings.iter().map(FindingRecord::from))
}

type Identity<'f> = (&'f AccountId, &'f str, Credential, RuleId);

fn identity(finding: &Finding) -> Identity<'_> {
    (&finding.assessed.account_id, &finding.user, finding.credential, finding.rule)
}

impl FindingChanges {
    /// Compares the findings of the earlier and the later day; the later was judged with the earlier before it.
    pub(super) fn of(before: &Assessment, after: &Assessment) -> Self {
        let mut old: HashMap<Identity<'_>, &Finding> =
            before.findings.iter().map(|finding| (identity(finding), finding)).collect();
        let mut changes = Self { resolved: after.resolved.clone(), ..Self::default() };
        for finding in &after.resolved {
            old.remove(&identity(finding));
        }
        for finding in &after.findings {
            let was = old.remove(&identity(finding));
            match (finding.status, was) {
                (_, Some(was)) if !finding.verified => changes.untold.push(was.clone()),
                (Status::New, _) | (Status::Ongoing, None) => changes.new.push(finding.clone()),
                (Status::Ongoing, Some(was)) if has_changed(was, finding) => {
                    changes.changed.push(ChangedFinding {
                        was: was.observed.clone(),
                        was_exempt: was.exemption.is_some(),
                        finding: finding.clone(),
                    });
                }
                (Status::Ongoing, Some(_)) => changes.unchanged += 1,
            }
        }
        // Their accounts are not among the later reports, or are not collected any more.
        let left = before.findings.iter().filter(|finding| old.contains_key(&identity(finding)));
        changes.untold.extend(left.cloned());
        changes
    }

    /// Whether there is a new open finding of this severity or worse.
    pub(super) fn has_new(&self, severity: Severity) -> bool {
        self.new.iter().any(|finding| finding.is_open() && finding.severity() <= severity)
    }

    /// Whether no finding is different.
    pub(super) fn is_empty(&self) -> bool {
        self.new.is_empty() && self.resolved.is_empty() && self.changed.is_empty() && self.untold.is_empty()
    }
}

/// An age of one more day is not a change.
fn has_changed(was: &Finding, is: &Finding) -> bool {
    was.observed != is.observed || was.exemption.is_some() != is.exemption.is_some()
}
