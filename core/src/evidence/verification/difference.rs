//! What a day says in two places and not in the same way.

use chrono::NaiveDate;
use serde::Serialize;

use crate::identifiers::account_id::AccountId;
use crate::judgement::rules::{Credential, RuleId};

/// How many differences of one check are kept; the rest is only counted.
const KEPT: usize = 1_000;

/// One thing that does not hold. Keys are those under the day's prefix, such as `reports/...`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "difference", rename_all = "kebab-case")]
#[allow(missing_docs, reason = "each field is what its variant is about")]
pub enum Difference {
    /// `accounts.json` and `run.json` tell of different runs.
    Run { field: &'static str, accounts_json: String, run_json: String },
    /// An account stands twice in a file.
    AccountTwice { file: &'static str, account_id: AccountId },
    /// The roll has an account that `run.json` does not have.
    AccountWithoutOutcome { account_id: AccountId, name: String },
    /// `run.json` has an account that is not on the roll.
    AccountNotOnRoll { account_id: AccountId, name: String },
    /// An account is told of differently.
    Account { account_id: AccountId, field: &'static str, accounts_json: String, run_json: String },
    /// `run.json` says that an account failed, and no failure of it is recorded.
    FailureMissing { account_id: AccountId, key: String, code: String },
    /// The recorded failure of an account is another than `run.json` has.
    Failure { account_id: AccountId, key: String, recorded: String, run_json: String },
    /// `run.json` names an object that is not there.
    ObjectMissing { key: String },
    /// An object is not the one that `run.json` names.
    ObjectChanged { key: String, sha256: String, run_json: String },
    /// An object was written over since, with other bytes. The version that `run.json` names is as it was.
    LaterVersion { key: String, version_id: String, writer: Option<String>, run_json: String },
    /// An object lies there that `run.json` does not name.
    ObjectNotNamed { key: String },
    /// An object can't be read.
    ObjectUnreadable { key: String, problem: String },
    /// Another number of objects of other executions lies there than `run.json` has.
    OfOtherExecutions { found: u64, run_json: u64 },
    /// A number of `run.json` is not what it counts.
    Count { count: String, found: String, run_json: String },
    /// The reports give a finding that was not written.
    FindingMissing { finding: FindingName },
    /// A finding was written that the reports do not give.
    FindingUnfounded { finding: FindingName },
    /// A finding was written differently from what the reports give.
    Finding { finding: FindingName, field: String, found: String, written: String },
}

/// What names a finding for a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FindingName {
    /// Its account.
    pub account_id: AccountId,
    /// Its user. Untrusted text.
    pub user: String,
    /// Its credential.
    pub credential: Credential,
    /// Its rule.
    pub rule: RuleId,
    /// When it was first seen, as it was written.
    pub first_seen: NaiveDate,
}

/// The differences that a check found: the first of them, and how many more there are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Differences {
    /// The first 1,000.
    pub first: Vec<Difference>,
    /// How many there are beyond those.
    pub more: u64,
}

impl Differences {
    /// Whether the check holds.
    pub fn is_empty(&self) -> bool {
        self.first.is_empty()
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.first.len() as u64 + self.more
    }

    /// Adds one.
    pub fn add(&mut self, difference: Difference) {
        if self.first.len() < KEPT {
            self.first.push(difference);
        } else {
            self.more += 1;
        }
    }

    /// Adds those of another check.
    pub fn extend(&mut self, other: Self) {
        other.first.into_iter().for_each(|difference| self.add(difference));
        self.more += other.more;
    }
}
