//! The nightly run: a module for each step, named like its state and its binary.
//!
//! | step | module |
//! |---|---|
//! | `ListAccounts` | [`list_accounts`] |
//! | `CollectReport` | [`collect_report`] |
//! | `AnalyzeReports` | [`analyze_reports`] |
//! | `Notify` | [`notify`] |

pub mod analyze_reports;
pub mod collect_report;
pub mod list_accounts;
pub mod notify;
