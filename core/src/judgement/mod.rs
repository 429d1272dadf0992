//! From users to findings: the rules and how they are set, what is exempt, and what changed since an earlier
//! day.

pub mod analysis;
pub mod credential_changes;
pub mod exemptions;
pub mod finding;
pub mod history;
pub mod identity;
pub mod rules;
pub mod settings;
pub mod statistics;
