//! The checks: a file for each, which says what it calls. Each returns a [`Check`](crate::check::Check)
//! with what to do when it fails.

pub mod accounts;
pub mod assume_role;
pub mod credentials;
pub mod organization;
pub mod output;
pub mod schedule;
pub mod stack;
pub mod stack_instances;
