//! What an earlier run found, to tell what is new tonight and what is gone.

use std::collections::HashMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::account::AccountId;
use crate::findings::{Finding, identity};
use crate::rules::{Credential, RuleId};

/// The findings of the run that tonight's is compared with; none when there is no such run.
#[derive(Clone, Debug, Default)]
pub struct Previous {
    findings: Vec<Finding>,
    by_identity: HashMap<u64, usize>,
    by_account: HashMap<AccountId, Vec<usize>>,
}

impl Previous {
    /// The findings of an earlier run. One that is there twice, for a report had a user twice, counts
    /// once.
    pub fn new(mut findings: Vec<Finding>) -> Self {
        let mut by_identity = HashMap::with_capacity(findings.len());
        findings.retain(|finding| {
            let place = by_identity.len();
            *by_identity.entry(finding.identity()).or_insert(place) == place
        });
        let mut by_account: HashMap<AccountId, Vec<usize>> = HashMap::new();
        for (place, finding) in findings.iter().enumerate() {
            by_account.entry(finding.assessed.account_id.clone()).or_default().push(place);
        }
        Self { findings, by_identity, by_account }
    }

    /// All of them.
    pub(crate) fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// The place of the same finding.
    pub(crate) fn place(
        &self,
        account_id: &AccountId,
        user: &str,
        credential: Credential,
        rule: RuleId,
    ) -> Option<usize> {
        if self.findings.is_empty() {
            return None;
        }
        self.by_identity.get(&identity(account_id, user, credential, rule)).copied()
    }

    /// The places of an account's findings.
    pub(crate) fn of_account(&self, account_id: &AccountId) -> &[usize] {
        self.by_account.get(account_id).map_or(&[], Vec::as_slice)
    }
}

/// Which run tonight's was compared with, as `run.json` has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    /// The run; `None` means no history: every finding counts as new, and nothing as resolved.
    pub compared_with: Option<EarlierRun>,
    /// Later runs that could not be compared with, and why.
    pub passed_over: Vec<PassedOver>,
}

/// An earlier run in the bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EarlierRun {
    /// Its date, which is the prefix of what it wrote.
    pub date: NaiveDate,
    /// The name of its execution.
    pub execution: String,
}

/// An earlier run that could not be compared with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
            Some(run) => format!("Compared with the run of {}{passed_over}.", run.date),
            None => format!(
                "No history: there is no earlier run to compare with{passed_over}, so every finding counts as new."
            ),
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
        history.compared_with = Some(EarlierRun { date: date.pred_opt().unwrap(), execution: "e".into() });
        assert_eq!(
            history.sentence(),
            "Compared with the run of 2026-01-29 (the run of 2026-01-30 has no run.json)."
        );
    }
}
