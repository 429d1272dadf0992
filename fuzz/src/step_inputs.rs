//! Any bytes as the input of a step. It stays the same when it is written and read again, and the input
//! that a person gave the execution is understood or refused by name.

use chrono::{DateTime, Utc};
use rollcall_core::identifiers::account_id::AccountId;
use rollcall_functions::nightly_run::analyze_reports::AnalyzeReportsInput;
use rollcall_functions::nightly_run::collect_report::CollectReportInput;
use rollcall_functions::nightly_run::list_accounts::ListAccountsInput;
use rollcall_functions::nightly_run::notify::NotifyInput;
use rollcall_functions::step_error::StepErrorName;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Checks `bytes` as the input of every step, and as that of an execution.
pub fn check(bytes: &[u8]) {
    let Ok(event) = serde_json::from_slice::<Value>(bytes) else { return };
    read_again::<AnalyzeReportsInput>(&event);
    read_again::<NotifyInput>(&event);
    if let Some(CollectReportInput { lambda_error: Some(error), .. }) = read_again(&event) {
        assert!(error.message().starts_with("the collector ended with "));
    }
    if let Some(input) = read_again::<ListAccountsInput>(&event) {
        read(input);
    }
    read(ListAccountsInput {
        execution: "night".to_owned(),
        execution_arn: String::new(),
        started: DateTime::<Utc>::UNIX_EPOCH,
        input: event,
    });
}

/// Reads an input, writes it, and reads and writes it once more.
fn read_again<Input: DeserializeOwned + Serialize>(event: &Value) -> Option<Input> {
    let input: Input = serde_json::from_value(event.clone()).ok()?;
    let written = serde_json::to_value(&input).unwrap();
    let again: Input = serde_json::from_value(written.clone())
        .unwrap_or_else(|error| panic!("{error} in what was read before: {written}"));
    assert_eq!(serde_json::to_value(&again).unwrap(), written);
    Some(input)
}

fn read(input: ListAccountsInput) {
    let given = input.input.clone();
    let started = input.started;
    match input.read() {
        Ok((run, only)) => {
            let accounts: Vec<AccountId> = given.get("accounts").map_or_else(Vec::new, |accounts| {
                serde_json::from_value::<Option<_>>(accounts.clone()).unwrap().unwrap_or_default()
            });
            assert!(given.is_null() || given.is_object());
            assert_eq!(only, accounts.into_iter().collect());
            assert_eq!(run.started, started);
            if given.get("asOf").is_none_or(Value::is_null) {
                assert_eq!(run.as_of, started);
            }
        }
        Err(error) => {
            assert_eq!(error.name(), StepErrorName::InvalidInput);
            assert!(!error.to_string().is_empty());
        }
    }
}
