//! The organization: which accounts it has, and what became of each in a run.

pub mod account;
pub mod coverage;
pub mod failure;
pub mod outcome;
pub mod roll;
pub mod run;
