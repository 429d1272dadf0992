//! Whole nights of Rollcall in virtual time: the real steps, built as they are for Lambda, over an AWS
//! that is made up. A night of ten thousand accounts passes in seconds, and one in which everything fails
//! can be lived again by its seed.
//!
//! | module | is |
//! |---|---|
//! | [`organization`] | the accounts and their reports, made of a seed |
//! | [`aws`] | STS, IAM, Organizations, S3 and SNS below the SDK: latencies, rates, counts |
//! | [`faults`] | what goes wrong, and when |
//! | [`definition`] | the state machine's definition, read from the file that is deployed |
//! | [`night`] | Step Functions and Lambda in the definition's terms: retries, waits, the map, dying functions |
//! | [`invariants`] | what must hold after a night, whatever went wrong in it |
//! | [`watch`] | what must not even happen meanwhile: a secret in a log, a report that nobody served |
//! | [`cost`] | what the night would cost |
//!
//! Time is tokio's stopped clock, which jumps from one wait to the next; the SDK waits and signs by it
//! too. The SDK's own chance, the jitter of its retries, comes from fastrand, which is seeded. So a seed
//! is one night and always the same.
//!
//! What is not simulated: TLS and the network below HTTP, the JSONata of the definition (the payloads are
//! built here), the time that the functions' own work takes, and policies.

pub mod aws;
pub mod clock;
pub mod cost;
pub mod definition;
pub mod faults;
pub mod invariants;
mod lambda;
pub mod night;
pub mod organization;
pub mod watch;
