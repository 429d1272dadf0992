//! What does not hold in a day, in words.

use rollcall_core::evidence::verification::{Difference, FindingName};
use rollcall_core::identifiers::account_id::AccountId;
use rollcall_core::text::counted::counted;

/// A difference in a sentence.
pub fn sentence(difference: &Difference) -> String {
    match difference {
        Difference::Run { field, accounts_json, run_json } => {
            format!("{field} is {accounts_json} in accounts.json and {run_json} in run.json")
        }
        Difference::AccountTwice { file, account_id } => {
            format!("account {account_id} stands twice in {file}")
        }
        Difference::AccountWithoutOutcome { account_id, name } => {
            format!("{} is on the roll, and run.json does not have it", account(account_id, name))
        }
        Difference::AccountNotOnRoll { account_id, name } => {
            format!("{} is in run.json, and the roll does not have it", account(account_id, name))
        }
        Difference::Account { account_id, field, accounts_json, run_json } => {
            format!(
                "{field} of account {account_id} is {accounts_json} in accounts.json and {run_json} in run.json"
            )
        }
        Difference::FailureMissing { account_id, key, code } => {
            format!("run.json says that account {account_id} failed ({code}), and {key} is not there")
        }
        Difference::Failure { account_id, key, recorded, run_json } => {
            format!("{key} says of account {account_id}: {recorded}; run.json says: {run_json}")
        }
        Difference::ObjectMissing { key } => format!("run.json names {key}, and it is not there"),
        Difference::ObjectChanged { key, sha256, run_json } => {
            format!("{key} has the SHA-256 {sha256}, and run.json has {run_json}")
        }
        Difference::LaterVersion { key, version_id, writer, run_json } => format!(
            "{key} has a later version {version_id}, which {} wrote with other bytes; version {run_json}, which run.json names, is as it was",
            writer.as_deref().map_or("an unknown writer".to_owned(), |mark| format!("execution {mark}"))
        ),
        Difference::ObjectNotNamed { key } => format!("{key} lies there, and nothing vouches for it"),
        Difference::ObjectUnreadable { key, problem } => format!("{key} can't be read: {problem}"),
        Difference::OfOtherExecutions { found, run_json } => format!(
            "{} of other executions of the day, and run.json has {run_json}",
            counted(*found, "object")
        ),
        Difference::Count { count, found, run_json } => {
            format!("{count} is {run_json} in run.json, and what it counts is {found}")
        }
        Difference::FindingMissing { finding } => {
            format!("the reports give {}, and findings.jsonl does not have it", name(finding))
        }
        Difference::FindingUnfounded { finding } => {
            format!("findings.jsonl has {}, and the reports do not give it", name(finding))
        }
        Difference::Finding { finding, field, found, written } => {
            format!(
                "{field} of {} is {written} in findings.jsonl, and the reports give {found}",
                name(finding)
            )
        }
    }
}

fn account(account_id: &AccountId, name: &str) -> String {
    match name {
        "" => format!("account {account_id}"),
        name => format!("account {account_id} ({name})"),
    }
}

fn name(finding: &FindingName) -> String {
    let FindingName { account_id, user, credential, rule, .. } = finding;
    format!("{rule} of {user} in account {account_id} ({})", credential.as_str())
}

/// What to do about a difference of this kind.
pub fn fix(difference: &Difference) -> &'static str {
    match difference {
        Difference::ObjectMissing { .. }
        | Difference::ObjectUnreadable { .. }
        | Difference::FailureMissing { .. }
        | Difference::ObjectChanged { .. } => {
            "fetch the whole day again; if it is the same there, look in the bucket for the versions of these objects and for who wrote the latest"
        }
        Difference::LaterVersion { .. } => {
            "read the version that run.json names, with `aws s3api get-object --version-id`, and find out who wrote the later one"
        }
        Difference::ObjectNotNamed { .. } | Difference::OfOtherExecutions { .. } => {
            "find out who put it there; it is no evidence of this run"
        }
        Difference::Run { .. }
        | Difference::AccountTwice { .. }
        | Difference::AccountWithoutOutcome { .. }
        | Difference::AccountNotOnRoll { .. }
        | Difference::Account { .. }
        | Difference::Failure { .. }
        | Difference::Count { .. }
        | Difference::FindingMissing { .. }
        | Difference::FindingUnfounded { .. }
        | Difference::Finding { .. } => {
            "compare accounts.json and run.json with their earlier versions in the bucket: one of them was changed since the run"
        }
    }
}
