//! The domain of Rollcall, and nothing else: what a credential report says, which accounts an
//! organization has, what became of each, which credentials are a risk, and how that is written
//! down.
//!
//! There is no AWS client, no clock, no environment and no input or output here. Bytes and times
//! come in as arguments, values and rendered text go out, so every rule of the product can be
//! tested without a server.

pub mod account;
pub mod analysis;
pub mod bucket_layout;
pub mod console;
pub mod credential_changes;
pub mod exemptions;
pub mod findings;
pub mod history;
pub mod manifest;
pub mod messages;
pub mod metrics;
pub mod outcome;
pub mod policy;
pub mod report;
pub mod roll;
pub mod rules;
pub mod run;
pub mod statistics;
pub mod summary;
pub mod tables;
pub mod untrusted;

#[cfg(test)]
mod hostile;

#[cfg(test)]
mod sorted_json {
    //! JSON for snapshots. Another crate of the build may have serde_json keep keys in the order they
    //! were given.

    use std::collections::BTreeMap;

    use serde_json::Value;

    pub(crate) fn pretty(value: &Value) -> String {
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
