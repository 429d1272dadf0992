//! How AWS names things: account ids and ARNs.

pub mod account_id;
pub mod arn;
