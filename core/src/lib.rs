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
