//! Whole nights of Rollcall in virtual time. The real steps, built as they are for Lambda, run over a
//! simulated AWS as the deployed definitions of the state machines say. A night of ten thousand accounts
//! passes in seconds, and a night in which everything fails can be repeated by its seed.
//!
//! | module | what it is |
//! |---|---|
//! | [`organization`] | the accounts and their reports, drawn from a seed |
//! | [`call`], [`credentials`] | a call to AWS, and what it is signed with |
//! | [`faults`] | what goes wrong, and when |
//! | [`watch`] | notices at once a secret in a log, or a report that IAM never served |
//! | [`aws`] | STS, IAM, Organizations, S3 and SNS below the SDK: latencies, rates, counts |
//! | [`deployment`] | what the templates set, and what they hand to the definitions |
//! | `lambda` | Lambda, and every function with its step |
//! | [`step_functions`] | executions of the state machines, as their definitions say |
//! | [`night`] | what a night is, and what it came to |
//! | [`nightly_run`] | nights of the nightly run, and what must hold after each |
//!
//! Time is tokio's paused clock, which jumps from one wait to the next. The SDK waits and signs by it too.
//! Its jitter comes from fastrand, which is seeded. So a seed always gives the same night.
//!
//! Not simulated: TLS and the network below HTTP, the time that the functions' own work takes, and
//! policies.

pub mod aws;
pub mod call;
pub mod clock;
pub mod credentials;
pub mod deployment;
pub mod failure;
pub mod faults;
mod lambda;
mod memory;
pub mod night;
pub mod nightly_run;
pub mod organization;
pub mod step_functions;
pub mod watch;
