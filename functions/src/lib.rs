//! The steps of the nightly run at the edge of AWS: one module a step, one small binary each, and
//! the few things they share.
//!
//! | step | module |
//! |---|---|
//! | `ListAccounts` | [`list_accounts`] |
//! | `CollectReport` | [`collect_report`] |
//! | `AnalyzeReports` | [`analyze_reports`] |
//! | `Notify` | [`notify`] |
//!
//! A step is a struct that holds its clients and settings, and an async method that takes the
//! step's input. It knows nothing of Lambda: [`lambda`] serves it there, and a command can call it
//! as well.

pub mod analyze_reports;
pub mod api_error;
pub mod aws;
pub mod clock;
pub mod collect_report;
#[cfg(test)]
mod fake_aws;
#[cfg(test)]
#[path = "../../core/src/hostile/texts.rs"]
mod hostile;
pub mod lambda;
pub mod list_accounts;
pub mod notify;
pub mod organizations;
pub mod report_store;
pub mod settings;
pub mod step_error;
