//! What became of the findings of one day by another.

use rollcall_core::formats::finding_record::FindingRecord;
use rollcall_core::judgement::analysis::Assessment;
use rollcall_core::judgement::finding::{Finding, Status};
use rollcall_core::judgement::history::Previous;
use rollcall_core::judgement::rules::Severity;
use rollcall_core::report::is_same_value;
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

impl FindingChanges {
    /// Compares the findings of the earlier and the later day; the later was judged with the earlier before it.
    pub(super) fn of(before: &Previous, after: &Assessment) -> Self {
        let mut is_told = vec![false; before.findings().len()];
        let mut was = |finding: &Finding| {
            let place = before.place_of(finding)?;
            is_told[place] = true;
            Some(&before.findings()[place])
        };
        let mut changes = Self { resolved: after.resolved.clone(), ..Self::default() };
        for finding in &after.resolved {
            was(finding);
        }
        for finding in &after.findings {
            if finding.status == Status::New {
                changes.new.push(finding.clone());
                continue;
            }
            match was(finding) {
                Some(was) if !finding.verified => changes.untold.push(was.clone()),
                None => changes.new.push(finding.clone()),
                Some(was) if has_changed(was, finding) => {
                    changes.changed.push(ChangedFinding {
                        was: was.observed.clone(),
                        was_exempt: was.exemption.is_some(),
                        finding: finding.clone(),
                    });
                }
                Some(_) => changes.unchanged += 1,
            }
        }
        // Their accounts are not among the later reports, or are not collected any more.
        let left = before.findings().iter().zip(is_told).filter(|(_, is_told)| !is_told);
        changes.untold.extend(left.map(|(finding, _)| finding.clone()));
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

/// An age of one more day is not a change, and neither is another spelling.
fn has_changed(was: &Finding, is: &Finding) -> bool {
    !is_same_value(&was.observed, &is.observed) || was.exemption.is_some() != is.exemption.is_some()
}
