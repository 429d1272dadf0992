//! What the tests of more than one crate need. It is a dependency of tests, benchmarks and the
//! simulation only, and no part of what is deployed.

pub mod aws_answers;
#[cfg(feature = "fake-aws")]
pub mod fake_aws;
pub mod hostile_texts;
pub mod organization;
pub mod outputs;
pub mod random;
