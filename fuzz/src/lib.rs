//! What is fuzzed, one module a target. Each checks any bytes and panics when something does not hold.
//!
//! libFuzzer calls the checks with random bytes (`make fuzz`; the targets are a package of their own in
//! `targets`), and the tests call them with the inputs in `seeds`, which include every input that once
//! broke something.

pub mod analysis;
pub mod exemptions;
pub mod report;
pub mod step_inputs;
pub mod user_rows;
