//! What is fuzzed, a function a target: each takes any bytes and panics when something is not as it
//! should be. libFuzzer calls them with bytes of its own (`make fuzz`), and a test of the functions
//! with those of `seeds` (`make test`), which also keep every input that once was a fault.

pub mod analysis;
pub mod exemptions;
pub mod report;
pub mod step_inputs;
pub mod user_rows;
