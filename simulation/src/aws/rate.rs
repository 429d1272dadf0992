//! The rates above which AWS refuses: one bucket of tokens for each thing that AWS counts by.
//!
//! STS and S3 say what theirs are. Those of Organizations, which differ by action, and of IAM's reports,
//! which nobody publishes, are guesses here, on the low side.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::{Call, Service};

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
    use std::collections::{BTreeMap, HashMap};

    use chrono::TimeDelta;

    use super::*;

    fn call(service: Service, action: &'static str, subject: &str) -> Call {
        Call {
            service,
            action,
            subject: subject.to_owned(),
            account: None,
            session: None,
            signed: None,
            query: String::new(),
            headers: BTreeMap::new(),
            form: HashMap::new(),
        }
    }

    #[test]
    fn what_is_above_a_rate_is_refused_until_time_has_passed() {
        let (mut rates, start) = (Rates::default(), DateTime::UNIX_EPOCH);
        let mut granted =
            |calls: usize, call: &Call, now| (0..calls).filter(|_| rates.take(call, now)).count();
        let list = call(Service::Organizations, "ListAccounts", "");
        assert_eq!(granted(20, &list, start), 12);
        assert_eq!(granted(20, &list, start + TimeDelta::seconds(1)), 8);
        // However long nobody asked, no more than a burst.
        assert_eq!(granted(20, &list, start + TimeDelta::hours(1)), 12);
        // Another action, another account and another service have rates of their own.
        assert_eq!(granted(20, &call(Service::Organizations, "ListRoots", ""), start), 12);
        for account in ["1", "2"] {
            assert_eq!(granted(20, &call(Service::Iam, "GetCredentialReport", account), start), 10);
        }
        assert_eq!(granted(700, &call(Service::Sts, "AssumeRole", "1"), start), 600);
    }
}
