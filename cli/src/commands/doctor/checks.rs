//! The checks: a file for each, which says what it calls. Each returns a [`Check`](crate::check::Check)
//! with what to do when it fails.

pub mod accounts;
pub mod credentials;
pub mod member_roles;
pub mod organization;
pub mod output;
pub mod role;
pub mod schedule;
pub mod stack;
