//! An account of `run.json`: its outcome, flat, so that other readers find each field at one place.
//!
//! What does not go together is refused when it is read: such a file was changed after it was
//! written.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::identifiers::account_id::AccountId;
use crate::organization::account::AccountState;
use crate::organization::failure::FailureCode;
use crate::organization::outcome::{AccountOutcome, Outcome, OutcomeKind, ReportEntry};
use crate::organization::roll::SkipReason;

/// One account of the roll, and what became of it.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(extend("oneOf" = outcomes_schema())))]
struct AccountEntry<'a> {
    /// Its id.
    account_id: Cow<'a, AccountId>,
    /// Its name; empty when only the id is known. Untrusted text.
    name: Cow<'a, str>,
    /// The organizational units above it. Untrusted text.
    path: Cow<'a, str>,
    /// Where it was in its life when the roll was taken.
    state: Cow<'a, AccountState>,
    /// How it ended.
    outcome: OutcomeKind,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[cfg_attr(feature = "schema", schemars(with = "FailureCode"))]
    code: Option<FailureCode>,
    /// What exactly happened when it failed. Untrusted text.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    message: Option<Cow<'a, str>>,
    /// Why it was skipped.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[cfg_attr(feature = "schema", schemars(with = "SkipReason"))]
    reason: Option<SkipReason>,
    /// Its report, if one was stored: also one that can't be read.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[cfg_attr(feature = "schema", schemars(with = "ReportEntry"))]
    report: Option<Cow<'a, ReportEntry>>,
    /// When IAM made the last report that an earlier run collected of it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    last_collected: Option<DateTime<Utc>>,
}

/// An account whose fields contradict its outcome.
#[derive(Debug, thiserror::Error)]
#[error("account {account_id} is {outcome}, which takes {}, and has {fields}", fields_of(*.outcome))]
struct Contradiction {
    account_id: AccountId,
    outcome: OutcomeKind,
    fields: String,
}

/// What an account has besides its outcome.
fn fields_of(outcome: OutcomeKind) -> &'static str {
    match outcome {
        OutcomeKind::Collected => "a report and nothing else",
        OutcomeKind::Failed => "a code, a message and at most a report",
        OutcomeKind::Skipped => "a reason and nothing else",
        OutcomeKind::NoOutcome => "the code NoOutcome, a message and nothing else",
    }
}

impl<'a> From<&'a AccountOutcome> for AccountEntry<'a> {
    fn from(account: &'a AccountOutcome) -> Self {
        let AccountOutcome { account_id, name, path, state, outcome, last_collected } = account;
        let (code, message) = outcome.failure().unzip();
        Self {
            account_id: Cow::Borrowed(account_id),
            name: Cow::Borrowed(name),
            path: Cow::Borrowed(path),
            state: Cow::Borrowed(state),
            outcome: outcome.kind(),
            code,
            message: message.map(Cow::Borrowed),
            reason: outcome.skip_reason(),
            report: outcome.report().map(Cow::Borrowed),
            last_collected: *last_collected,
        }
    }
}

impl TryFrom<AccountEntry<'_>> for AccountOutcome {
    type Error = Contradiction;

    fn try_from(entry: AccountEntry<'_>) -> Result<Self, Contradiction> {
        let AccountEntry {
            account_id,
            name,
            path,
            state,
            outcome,
            code,
            message,
            reason,
            report,
            last_collected,
        } = entry;
        let outcome = match (outcome, code, message, reason, report) {
            (OutcomeKind::Collected, None, None, None, Some(report)) => {
                Outcome::Collected { report: report.into_owned() }
            }
            (OutcomeKind::Failed, Some(code), Some(message), None, report) => {
                Outcome::Failed { code, message: message.into_owned(), report: report.map(Cow::into_owned) }
            }
            (OutcomeKind::Skipped, None, None, Some(reason), None) => Outcome::Skipped { reason },
            (OutcomeKind::NoOutcome, Some(FailureCode::NoOutcome), Some(_), None, None) => Outcome::NoOutcome,
            (outcome, code, message, reason, report) => {
                let fields = [
                    code.map(|code| format!("code {code}")),
                    message.map(|_| "message".to_owned()),
                    reason.map(|_| "reason".to_owned()),
                    report.map(|_| "report".to_owned()),
                ];
                let fields: Vec<String> = fields.into_iter().flatten().collect();
                return Err(Contradiction {
                    account_id: account_id.into_owned(),
                    outcome,
                    fields: if fields.is_empty() { "none of them".to_owned() } else { fields.join(", ") },
                });
            }
        };
        Ok(Self {
            account_id: account_id.into_owned(),
            name: name.into_owned(),
            path: path.into_owned(),
            state: state.into_owned(),
            outcome,
            last_collected,
        })
    }
}

impl Serialize for AccountOutcome {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        AccountEntry::from(self).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for AccountOutcome {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        AccountEntry::deserialize(deserializer)?.try_into().map_err(de::Error::custom)
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for AccountOutcome {
    fn schema_name() -> Cow<'static, str> {
        AccountEntry::schema_name()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        AccountEntry::json_schema(generator)
    }
}

/// Which fields go with which outcome.
#[cfg(feature = "schema")]
fn outcomes_schema() -> serde_json::Value {
    let outcome = |outcome: OutcomeKind, required: &[&str], allowed: &[&str]| {
        let others = ["code", "message", "reason", "report"].into_iter();
        let mut fields: serde_json::Map<_, _> = others
            .filter(|field| !required.contains(field) && !allowed.contains(field))
            .map(|field| (field.to_owned(), false.into()))
            .collect();
        fields.insert("outcome".to_owned(), serde_json::json!({ "const": outcome }));
        serde_json::json!({ "properties": fields, "required": required })
    };
    serde_json::json!([
        outcome(OutcomeKind::Collected, &["report"], &[]),
        outcome(OutcomeKind::Failed, &["code", "message"], &["report"]),
        outcome(OutcomeKind::Skipped, &["reason"], &[]),
        outcome(OutcomeKind::NoOutcome, &["code", "message"], &[]),
    ])
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::{id, report};

    fn account(outcome: Outcome) -> AccountOutcome {
        AccountOutcome {
            account_id: id(1),
            name: "Shop".into(),
            path: "Root".into(),
            state: AccountState::Active,
            outcome,
            last_collected: None,
        }
    }

    fn outcomes() -> [Outcome; 5] {
        let report = report(1, 0).entry;
        let (code, message) = (FailureCode::ReportUnreadable, "the report is empty".to_owned());
        [
            Outcome::Collected { report: report.clone() },
            Outcome::Failed { code, message: message.clone(), report: Some(report) },
            Outcome::Failed { code, message, report: None },
            Outcome::Skipped { reason: SkipReason::Suspended },
            Outcome::NoOutcome,
        ]
    }

    #[test]
    fn every_outcome_reads_back_as_it_was() {
        for outcome in outcomes() {
            let written = account(outcome);
            let json = serde_json::to_string(&written).unwrap();
            assert_eq!(serde_json::from_str::<AccountOutcome>(&json).unwrap(), written);
        }
    }

    #[test]
    fn a_field_that_belongs_to_another_outcome_is_refused() {
        let written = outcomes().map(|outcome| serde_json::to_value(account(outcome)).unwrap());
        for (place, one) in written.iter().enumerate() {
            for field in ["code", "message", "reason", "report"] {
                let with = written.iter().find_map(|other| other.get(field));
                let mut changed = one.clone();
                match changed.as_object_mut().unwrap().remove(field) {
                    // The second of them is the third with a report.
                    Some(_) if field == "report" && place == 1 => continue,
                    Some(_) => {}
                    None if field == "report" && place == 2 => continue,
                    None => changed[field] = with.unwrap().clone(),
                }
                let refused = serde_json::from_value::<AccountOutcome>(changed).unwrap_err().to_string();
                assert!(refused.starts_with("account 000000000001 is "), "{refused}");
            }
        }
    }

    fn refused(outcome: Outcome, change: impl FnOnce(&mut Value)) -> String {
        let mut written = serde_json::to_value(account(outcome)).unwrap();
        change(&mut written);
        serde_json::from_value::<AccountOutcome>(written).unwrap_err().to_string()
    }

    #[test]
    fn when_an_account_was_last_collected_is_written_where_it_is_known() {
        let unknown = account(Outcome::NoOutcome);
        let known = AccountOutcome { last_collected: "2026-01-30T01:00:00Z".parse().ok(), ..unknown.clone() };
        let json = serde_json::to_value(&known).unwrap();
        assert_eq!(json["last_collected"], "2026-01-30T01:00:00Z");
        assert_eq!(serde_json::from_value::<AccountOutcome>(json).unwrap(), known);
        assert!(serde_json::to_value(&unknown).unwrap().get("last_collected").is_none());
    }

    #[test]
    fn a_contradiction_names_the_account_its_outcome_and_its_fields() {
        assert_eq!(
            refused(Outcome::NoOutcome, |account| account["outcome"] = json!("collected")),
            "account 000000000001 is collected, which takes a report and nothing else, and has code NoOutcome, message"
        );
        assert_eq!(
            refused(Outcome::Skipped { reason: SkipReason::Closed }, |account| {
                account.as_object_mut().unwrap().remove("reason");
            }),
            "account 000000000001 is skipped, which takes a reason and nothing else, and has none of them"
        );
    }
}
