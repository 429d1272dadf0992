//! The steps of the state machines at the edge of AWS, a room for each machine, and what every step needs.
//!
//! | room | what it is |
//! |---|---|
//! | [`nightly_run`] | the steps of the nightly run, one small binary each |
//! | [`aws`] | the connection to AWS, what a failed call means, the organization |
//! | [`report_store`] | reports and findings, in a bucket or a folder |
//! | [`run_lock`] | one run of a state machine at a time |
//! | [`settings`] | what a deployment sets, from the environment |
//! | [`step_error`] | how a step fails, in the state machine's terms |
//! | [`lambda`] | serves a step as a Lambda function |
//!
//! A step is a struct that holds its clients and settings, and an async method that takes the
//! step's input. It knows nothing of Lambda: [`lambda`] serves it there, and a command can call it
//! as well.

pub mod aws;
pub mod clock;
#[cfg(test)]
mod fake_bucket;
pub mod lambda;
pub mod nightly_run;
pub mod parameter;
pub mod report_store;
pub mod run_lock;
pub mod settings;
pub mod step_error;
