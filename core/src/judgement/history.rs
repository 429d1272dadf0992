//! What an earlier run found, to tell what is new tonight and what is gone.

use std::cmp::Ordering;
use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use crate::identifiers::account_id::AccountId;
use crate::judgement::finding::Finding;
use crate::judgement::identity::Subject;
use crate::text::counted::counted;

/// The findings of the run that tonight's is compared with; none when there is no such run.
#[derive(Clone, Debug, Default)]
pub struct Previous {
    /// By account, user, credential and rule.
    findings: Vec<Finding>,
    last_collected: HashMap<AccountId, DateTime<Utc>>,
}

/// What is known of an account from before tonight.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EarlierAccount<'p> {
    /// Its findings.
    pub(crate) findings: EarlierFindings<'p>,
    /// When IAM made the last of its reports that was collected.
    pub(crate) last_collected: Option<DateTime<Utc>>,
}

/// Some of the findings of an earlier run, which stand in a row.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct EarlierFindings<'p> {
    /// The place of the first of them among all.
    first: usize,
    findings: &'p [Finding],
}

impl Previous {
    /// The findings of an earlier run. One that is there twice counts once.
    pub fn new(mut findings: Vec<Finding>) -> Self {
        fn order(finding: &Finding) -> impl Ord + '_ {
            let Finding { assessed, user, credential, rule, creation, observed, .. } = finding;
            (&assessed.account_id, user, *credential, *rule, *creation, observed)
        }
        // They come in the order of lists, and that sort makes use of what is sorted already.
        findings.sort_by(|one, other| order(one).cmp(&order(other)));
        findings.dedup_by(|one, other| order(one) == order(other));
        Self { findings, last_collected: HashMap::new() }
    }

    /// The same, and when IAM made the last report of each account that was collected.
    pub fn with_last_collected(self, accounts: impl IntoIterator<Item = (AccountId, DateTime<Utc>)>) -> Self {
        Self { last_collected: accounts.into_iter().collect(), ..self }
    }

    /// When IAM made the last report of an account that was collected before tonight; `None` when that is
    /// not known.
    pub fn last_collected(&self, account_id: &AccountId) -> Option<DateTime<Utc>> {
        self.last_collected.get(account_id).copied()
    }

    /// All of them, by account and user.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// The place of the finding that is the same as one of tonight.
    pub fn place_of(&self, finding: &Finding) -> Option<usize> {
        let earlier = self.account(&finding.assessed.account_id).findings.of_user(&finding.user);
        earlier.place_of(&Subject::of_finding(finding))
    }

    /// What is known of an account.
    pub(crate) fn account(&self, account_id: &AccountId) -> EarlierAccount<'_> {
        let all = EarlierFindings { first: 0, findings: &self.findings };
        EarlierAccount {
            findings: all.range(|finding| finding.assessed.account_id.cmp(account_id)),
            last_collected: self.last_collected(account_id),
        }
    }
}

impl<'p> EarlierFindings<'p> {
    /// Those of a user, of findings of one account.
    pub(crate) fn of_user(self, user: &str) -> Self {
        self.range(|finding| (*finding.user).cmp(user))
    }

    /// The place of the one that is about the same, of findings of one user.
    pub(crate) fn place_of(self, subject: &Subject<'_>) -> Option<usize> {
        subject.place_in(self.findings).map(|place| self.first + place)
    }

    /// Each with its place.
    pub(crate) fn iter(self) -> impl Iterator<Item = (usize, &'p Finding)> {
        self.findings.iter().enumerate().map(move |(place, finding)| (self.first + place, finding))
    }

    pub(crate) fn is_empty(self) -> bool {
        self.findings.is_empty()
    }

    /// Those that `order` finds equal: they stand in its order.
    fn range(self, order: impl Fn(&Finding) -> Ordering) -> Self {
        let start = self.findings.partition_point(|finding| order(finding).is_lt());
        let rest = &self.findings[start..];
        let length = rest.partition_point(|finding| order(finding).is_eq());
        Self { first: self.first + start, findings: &rest[..length] }
    }
}

/// What tonight's run was compared with, as `run.json` has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct History {
    /// The earlier day. Nothing means that there is no history: every finding counts as new, and none as
    /// resolved.
    pub compared_with: Option<Earlier>,
    /// Later days that could not be compared with, and why.
    pub passed_over: Vec<PassedOver>,
}

/// An earlier day in the bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Earlier {
    /// One of a run of Rollcall, which wrote down its findings.
    Run(EarlierRun),
    /// One of AWS's sample, which wrote reports and nothing else.
    Reports(EarlierReports),
}

/// An earlier run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EarlierRun {
    /// Its date, which is the prefix of what it wrote.
    pub date: NaiveDate,
    /// The name of its execution.
    pub execution: String,
}

/// The reports that AWS's sample wrote on a day. What they would have been flagged for is judged
/// tonight, by tonight's rules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EarlierReports {
    /// Their date, which is the prefix they lie under.
    pub date: NaiveDate,
    /// How many of them were read.
    #[serde(rename = "predecessor_reports")]
    pub aws_sample_reports: u64,
    /// How many accounts of tonight's roll, not counting those that are skipped, have none of them: all
    /// that is found there is new.
    pub accounts_without_report: u64,
    /// How many could not be read. They count for nothing.
    pub unreadable_reports: u64,
    /// The first of those, each with its account and why.
    #[cfg_attr(feature = "schema", schemars(length(max = 20)))]
    pub first_unreadable_reports: Vec<String>,
    /// How many rows of the others could not be read: what is found of those users is new.
    pub bad_rows: u64,
}

/// An earlier day that could not be compared with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PassedOver {
    /// Its date.
    pub date: NaiveDate,
    /// Why: one clause.
    pub reason: String,
}

impl History {
    /// One sentence for a person.
    pub fn sentence(&self) -> String {
        let passed_over: Vec<String> =
            self.passed_over.iter().map(|run| format!("the run of {} {}", run.date, run.reason)).collect();
        let passed_over = match passed_over.as_slice() {
            [] => String::new(),
            some => format!(" ({})", some.join("; ")),
        };
        match &self.compared_with {
            Some(Earlier::Run(run)) => format!("Compared with the run of {}{passed_over}.", run.date),
            Some(Earlier::Reports(reports)) => {
                format!(
                    "Compared with the reports that AWS's sample wrote on {}{passed_over}.{}",
                    reports.date,
                    reports.gaps()
                )
            }
            None => format!(
                "No history: there is no earlier run to compare with{passed_over}, so every finding counts as new."
            ),
        }
    }
}

impl Earlier {
    /// Its date.
    pub fn date(&self) -> NaiveDate {
        match self {
            Self::Run(run) => run.date,
            Self::Reports(reports) => reports.date,
        }
    }
}

impl EarlierReports {
    /// What the reports do not tell, in a sentence for a person; empty when there is nothing of the kind.
    fn gaps(&self) -> String {
        let mut gaps = Vec::new();
        if self.accounts_without_report > 0 {
            gaps.push(format!("no report of {}", counted(self.accounts_without_report, "account")));
        }
        if self.unreadable_reports > 0 {
            let named = self.first_unreadable_reports.first().map(|first| format!(" ({first})"));
            let reports = counted(self.unreadable_reports, "report");
            gaps.push(format!("{reports} that can't be read{}", named.unwrap_or_default()));
        }
        if self.bad_rows > 0 {
            gaps.push(format!("{} that can't be read", counted(self.bad_rows, "row")));
        }
        match gaps.as_slice() {
            [] => String::new(),
            some => {
                format!(" That day has {}: what is flagged there tonight counts as new.", some.join(", "))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_history_says_so_and_why() {
        let mut history = History::default();
        assert_eq!(
            history.sentence(),
            "No history: there is no earlier run to compare with, so every finding counts as new."
        );
        let date = NaiveDate::from_ymd_opt(2026, 1, 30).unwrap();
        history.passed_over = vec![PassedOver { date, reason: "has no run.json".into() }];
        assert!(
            history
                .sentence()
                .contains("compare with (the run of 2026-01-30 has no run.json), so every finding")
        );
        let run = EarlierRun { date: date.pred_opt().unwrap(), execution: "e".into() };
        history.compared_with = Some(Earlier::Run(run));
        assert_eq!(
            history.sentence(),
            "Compared with the run of 2026-01-29 (the run of 2026-01-30 has no run.json)."
        );
    }
    #[test]
    fn reports_of_awss_sample_are_called_so_with_what_they_do_not_tell() {
        let reports = EarlierReports {
            date: NaiveDate::from_ymd_opt(2026, 1, 30).unwrap(),
            aws_sample_reports: 3,
            accounts_without_report: 0,
            unreadable_reports: 0,
            first_unreadable_reports: vec![],
            bad_rows: 0,
        };
        let sentence = |reports| {
            History { compared_with: Some(Earlier::Reports(reports)), passed_over: vec![] }.sentence()
        };
        assert_eq!(
            sentence(reports.clone()),
            "Compared with the reports that AWS's sample wrote on 2026-01-30."
        );
        let with_gaps = EarlierReports {
            accounts_without_report: 2,
            unreadable_reports: 1,
            first_unreadable_reports: vec!["account 111122223333: the report is empty".into()],
            bad_rows: 1,
            ..reports
        };
        assert_eq!(
            sentence(with_gaps),
            "Compared with the reports that AWS's sample wrote on 2026-01-30. That day has no report of 2 accounts, \
             1 report that can't be read (account 111122223333: the report is empty), 1 row that can't be \
             read: what is flagged there tonight counts as new."
        );
    }

    #[test]
    fn a_run_and_reports_are_told_apart_when_they_are_read_again() {
        let date = NaiveDate::from_ymd_opt(2026, 1, 30).unwrap();
        let run = Earlier::Run(EarlierRun { date, execution: "night".into() });
        let reports = Earlier::Reports(EarlierReports {
            date,
            aws_sample_reports: 1,
            accounts_without_report: 0,
            unreadable_reports: 0,
            first_unreadable_reports: vec![],
            bad_rows: 0,
        });
        for earlier in [run, reports] {
            let json = serde_json::to_string(&earlier).unwrap();
            assert_eq!(serde_json::from_str::<Earlier>(&json).unwrap(), earlier, "{json}");
        }
    }
}
