//! What a run leaves in the buckets to prove what it did, and where it lies.

pub mod bucket_layout;
pub mod counts;
pub mod manifest;
pub mod metrics;
#[cfg(feature = "schema")]
pub mod run_schema;
pub mod tables;
pub mod verification;
