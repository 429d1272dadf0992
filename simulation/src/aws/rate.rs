//! The rates above which AWS refuses: one bucket of tokens for each thing that AWS counts.
//!
//! AWS documents the rates of STS and S3. Those of Organizations, which differ by action, and of IAM's
//! reports, which are not published, are low guesses.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use crate::call::{Call, Service};

#[derive(Default)]
pub(super) struct Rates(HashMap<String, Bucket>);

struct Bucket {
    tokens: f64,
    filled: DateTime<Utc>,
}

impl Rates {
    /// Takes a token for the call; false when there is none.
    pub(super) fn take(&mut self, call: &Call, now: DateTime<Utc>) -> bool {
        let (what, a_second, burst) = match call.service {
            Service::Sts => ("sts".to_owned(), 600.0, 600.0),
            Service::Iam => (format!("iam {}", call.subject), 5.0, 10.0),
            Service::Organizations => (format!("organizations {}", call.action), 8.0, 12.0),
            Service::S3 => {
                let prefix = call.subject.rsplit_once('/').map_or("", |(prefix, _)| prefix);
                let (kind, rate) =
                    if call.action.starts_with("Put") { ("put", 3500.0) } else { ("get", 5500.0) };
                (format!("s3 {kind} {prefix}"), rate, rate)
            }
            Service::Sns => ("sns".to_owned(), 30.0, 300.0),
            Service::StepFunctions => ("states".to_owned(), 15.0, 300.0),
        };
        let bucket = self.0.entry(what).or_insert(Bucket { tokens: burst, filled: now });
        let seconds = (now - bucket.filled).as_seconds_f64();
        bucket.tokens = (bucket.tokens + seconds * a_second).min(burst);
        bucket.filled = now;
        let granted = bucket.tokens >= 1.0;
        if granted {
            bucket.tokens -= 1.0;
        }
        granted
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn calls_above_a_rate_are_refused_until_time_has_passed() {
        let (mut rates, start) = (Rates::default(), DateTime::UNIX_EPOCH);
        let mut granted =
            |calls: usize, call: &Call, now| (0..calls).filter(|_| rates.take(call, now)).count();
        let list = Call::of(Service::Organizations, "ListAccounts", "");
        assert_eq!(granted(20, &list, start), 12);
        assert_eq!(granted(20, &list, start + TimeDelta::seconds(1)), 8);
        // After any pause, no more than a burst.
        assert_eq!(granted(20, &list, start + TimeDelta::hours(1)), 12);
        // Each action, account and service has a rate of its own.
        assert_eq!(granted(20, &Call::of(Service::Organizations, "ListRoots", ""), start), 12);
        for account in ["1", "2"] {
            assert_eq!(granted(20, &Call::of(Service::Iam, "GetCredentialReport", account), start), 10);
        }
        assert_eq!(granted(700, &Call::of(Service::Sts, "AssumeRole", "1"), start), 600);
    }
}
