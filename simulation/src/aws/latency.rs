//! How long AWS takes. The numbers are those seen from a function in the same Region; AWS promises none
//! of them. They show how a night grows with the organization, and not how long a real one takes.

use std::time::Duration;

use crate::call::{Call, Service};
use rollcall_testing::random::{Random, number};

/// One call in a hundred takes this many times as long.
const TAIL: f64 = 6.0;
/// Bytes a second.
const BANDWIDTH: f64 = 40e6;

/// How long a call takes to the service, with its body, and back.
pub(super) fn of(call: &Call, count: u64, sent: usize) -> (Duration, Duration) {
    let milliseconds = match (call.service, call.action) {
        (Service::Sts, _) => 40.0,
        // IAM has one endpoint in a partition, which for most is a continent away.
        (Service::Iam, "GetCredentialReport") => 180.0,
        (Service::Iam, _) => 120.0,
        (Service::Organizations, _) => 150.0,
        (Service::S3, "GetObject") => 25.0,
        (Service::S3, _) => 45.0,
        (Service::Sns | Service::StepFunctions, _) => 30.0,
    };
    let mut random = Random::about(&[number(call.action), number(&call.subject), count, 2]);
    let tail = if random.happens(0.01) { TAIL } else { 1.0 };
    let half = Duration::from_secs_f64(milliseconds / 2e3 * (0.7 + 0.6 * random.unit()) * tail);
    (half + of_body(sent), half)
}

/// How long so many bytes take.
pub(super) fn of_body(bytes: usize) -> Duration {
    Duration::from_secs_f64(bytes as f64 / BANDWIDTH)
}
