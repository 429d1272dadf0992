//! The organization: which accounts it has, and what became of each in a run.

pub mod account;
mod account_entry;
pub mod coverage;
pub mod failure;
pub mod outcome;
pub mod report_age;
pub mod roll;
pub mod roll_call;
pub mod run;
