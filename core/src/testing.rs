//! Small made-up accounts, runs and findings, for the tests of this crate and of others.

use std::sync::Arc;

use crate::evidence::manifest::{JudgedBy, Manifest};
use crate::identifiers::account_id::AccountId;
use crate::judgement::analysis::Assessment;
use crate::judgement::finding::Creation;
use crate::judgement::finding::{Assessed, Finding, Status};
use crate::judgement::rules::{Credential, Rule, RuleId, Setting};
use crate::organization::account::AccountState;
use crate::organization::failure::{FailureCode, FailureRecord};
use crate::organization::outcome::ReportEntry;
use crate::organization::roll::{Account, Roll, RollSource};
use crate::organization::roll_call::{Evidence, RollCall, StoredReport};
use crate::organization::run::Run;
use crate::text::time::parse_as_of;

/// The account id of a number.
pub fn id(number: u64) -> AccountId {
    format!("{number:012}").parse().unwrap()
}

/// A run of the night to 2026-01-31.
pub fn run() -> Run {
    Run {
        execution: "night-1".into(),
        execution_arn: "arn:aws:states:eu-central-1:999999999999:execution:rollcall:night-1".into(),
        started: parse_as_of("2026-01-31T01:00:00Z").unwrap(),
        as_of: parse_as_of("2026-01-31T01:00:00Z").unwrap(),
    }
}

/// An active account.
pub fn account(number: u64) -> Account {
    Account {
        name: format!("account {number}"),
        state: AccountState::Active,
        path: "Root/Workloads".into(),
        ..Account::of_id(id(number))
    }
}

/// A roll of these accounts.
pub fn roll(accounts: Vec<Account>) -> Roll {
    Roll {
        execution: "night-1".into(),
        started: run().started,
        as_of: run().started,
        taken: run().started,
        source: RollSource::Organization,
        organization_id: Some("o-exampleorg".into()),
        accounts,
    }
}

/// A stored report of ten rows.
pub fn report(number: u64, bad_rows: u64) -> StoredReport {
    StoredReport {
        entry: ReportEntry {
            key: format!("2026-01-31/reports/credentialReport_{number:012}.csv"),
            generated: Some(run().started),
            collected: Some(run().started),
            age_seconds: Some(0),
            file_modified: None,
            sha256: "0".repeat(64),
            bytes: 100,
            version_id: None,
            rows: 10,
            bad_rows,
            first_bad_rows: vec![],
        },
        fault: None,
    }
}

/// A recorded failure.
pub fn failure(number: u64, code: FailureCode, message: &str) -> FailureRecord {
    FailureRecord {
        account_id: id(number),
        execution: "night-1".into(),
        code,
        message: message.into(),
        remedy: code.remedy().into(),
        waits: 0,
        failed_at: run().started,
    }
}

/// The manifest of a run that flagged nothing.
pub fn manifest(accounts: Vec<Account>, evidence: Evidence) -> Manifest {
    judged(accounts, evidence, JudgedBy::default(), &Assessment::default())
}

/// A manifest of these accounts, with what its run was judged by and found.
pub fn judged(
    accounts: Vec<Account>,
    evidence: Evidence,
    judged_by: JudgedBy,
    assessment: &Assessment,
) -> Manifest {
    let roll_call = RollCall::of(roll(accounts), evidence);
    let finished = parse_as_of("2026-01-31T01:10:00Z").unwrap();
    Manifest::of(&run(), roll_call, judged_by, assessment, finished)
}

/// A finding of this rule about the first access key of a user.
pub fn finding(account: u64, user: &str, rule: RuleId) -> Finding {
    let limit_days = match Rule::of(rule).default {
        Setting::Days(days) => Some(days),
        _ => None,
    };
    Finding {
        assessed: Arc::new(Assessed {
            account_id: id(account),
            account_name: format!("account {account}"),
            as_of: run().as_of,
            report_generated: Some(run().started),
        }),
        user: user.into(),
        arn: format!("arn:aws:iam::{account:012}:user/{user}").into(),
        credential: Credential::AccessKey1,
        creation: Creation {
            user: Some(parse_as_of("2015-02-18T01:00:00Z").unwrap()),
            credential: Some(parse_as_of("2025-01-31T01:00:00Z").unwrap()),
            is_ambiguous: false,
        },
        rule,
        observed: "2025-01-31T01:00:00Z".into(),
        age_days: limit_days.map(|_| 365),
        limit_days,
        first_seen: run().date(),
        status: Status::New,
        verified: true,
        exemption: None,
    }
}

pub mod sorted_json {
    //! JSON for snapshots. Another crate of the build may have serde_json keep keys in the order they
    //! were given.

    use std::collections::BTreeMap;

    use serde_json::Value;

    /// The value with its keys in order.
    pub fn pretty(value: &Value) -> String {
        serde_json::to_string_pretty(&sorted(value)).unwrap()
    }

    fn sorted(value: &Value) -> Value {
        match value {
            Value::Object(fields) => {
                let fields: BTreeMap<_, _> = fields.iter().map(|(key, value)| (key, sorted(value))).collect();
                serde_json::to_value(fields).unwrap()
            }
            Value::Array(items) => items.iter().map(sorted).collect(),
            other => other.clone(),
        }
    }
}
