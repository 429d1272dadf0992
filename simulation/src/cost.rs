//! What a night would cost at the list prices of us-east-1, in US dollars.

use std::collections::BTreeMap;

use crate::lambda::{Billed, Function};

/// Step Functions, Standard: 0.025 for 1,000 state transitions (aws.amazon.com/step-functions/pricing).
const TRANSITION: f64 = 0.025 / 1000.0;
/// Lambda on arm64: a GB of memory for a second (aws.amazon.com/lambda/pricing).
const GIGABYTE_SECOND: f64 = 0.000_013_333_4;
/// Lambda: 0.20 for a million requests (aws.amazon.com/lambda/pricing).
const INVOCATION: f64 = 0.20 / 1e6;
/// S3 Standard: 0.005 for 1,000 PUT or LIST requests (aws.amazon.com/s3/pricing).
const PUT: f64 = 0.005 / 1000.0;
/// S3 Standard: 0.0004 for 1,000 GET requests (aws.amazon.com/s3/pricing).
const GET: f64 = 0.0004 / 1000.0;

/// What a night costs, and of what.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cost {
    /// State transitions.
    pub transitions: f64,
    /// The functions' time and memory.
    pub functions: f64,
    /// Requests to S3, without what lies there and without KMS.
    pub requests: f64,
    /// Gigabyte-seconds of the functions.
    pub gigabyte_seconds: f64,
}

impl Cost {
    /// All of it.
    pub fn total(&self) -> f64 {
        self.transitions + self.functions + self.requests
    }

    pub(crate) fn of(
        transitions: u64,
        billed: &BTreeMap<Function, Billed>,
        calls: &BTreeMap<&'static str, u64>,
    ) -> Self {
        let (mut gigabyte_seconds, mut invocations) = (0.0, 0);
        for (function, billed) in billed {
            let gigabytes = function.setting("MemorySize") as f64 / 1024.0;
            // In virtual time only waiting takes time. What the work took is added where it is the work
            // that a function does; a collector's is a few milliseconds, and others' run in between.
            let worked = match function {
                Function::AnalyzeReports => billed.worked.as_secs_f64(),
                _ => 0.0,
            };
            gigabyte_seconds += gigabytes * (billed.duration.as_secs_f64() + worked);
            invocations += billed.invocations;
        }
        let count =
            |actions: &[&str]| actions.iter().filter_map(|action| calls.get(action)).sum::<u64>() as f64;
        Self {
            transitions: transitions as f64 * TRANSITION,
            functions: gigabyte_seconds * GIGABYTE_SECOND + invocations as f64 * INVOCATION,
            requests: count(&["PutObject", "PutFailure", "ListObjectsV2"]) * PUT
                + count(&["GetObject"]) * GET,
            gigabyte_seconds,
        }
    }
}
