//! What goes wrong in a night, and when. The seed, the kind of a call and its number draw its fault, so
//! that a night can be repeated.
//!
//! Each seed makes some kinds of fault frequent and leaves others out, because a night in which three
//! things fail often finds more than one in which everything fails a little.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use rollcall_testing::random::{Random, number};

use crate::call::{Call, Service};

/// At most this part of all calls fails outside bursts, because with more no night gets anywhere.
const MOST_CALLS: f64 = 0.5;

/// The probability of a fault in a night with only one kind.
const OFTEN: f64 = 0.06;

/// What goes wrong with one call to AWS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// It is above the service's rate.
    Throttled,
    /// A fault of the service, with its own code.
    ServerError,
    /// A 500, 502 or 503 of something in front of the service, in HTML.
    BadGateway,
    /// The connection is reset before the service hears of the call.
    ResetBefore,
    /// The connection is reset after the service has done what it was asked, before it answers.
    ResetAfter,
    /// The call never arrives, and the connection stays.
    SilentBefore,
    /// The service does what it is asked, and its answer never arrives.
    SilentAfter,
    /// The connection ends in the middle of the answer.
    Interrupted,
    /// The answer ends in the middle as if it were whole.
    CutOff,
    /// The answer stops in the middle and the connection stays.
    Stalled,
    /// It takes long.
    Slow,
    /// The credentials of the session have expired, and stay so.
    SessionExpired,
    /// IAM has no capacity to launch a report.
    NoCapacity,
    /// IAM has made another report since it said that one is complete.
    ReportChanges,
    /// The complete report is gone.
    ReportGone,
    /// The function is killed before the service hears of the call.
    KilledBefore,
    /// The function is killed after the service has done what it was asked, before it hears of it.
    KilledAfter,
}

/// What goes wrong with one invocation of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum InvocationFault {
    /// Lambda refuses it for the rate.
    Refused,
    /// Lambda has a fault of its own.
    ServiceError,
    /// It is done, and its answer is lost on the way to the state machine.
    AnswerLost,
    /// The connection to it is lost. It goes on while the state machine tries again.
    LeftRunning,
    /// It is delivered twice, at the same time.
    Twice,
    /// It is delivered again some time after it is done.
    Again,
}

/// All of them.
pub const FAULTS: [Fault; 17] = [
    Fault::Throttled,
    Fault::ServerError,
    Fault::BadGateway,
    Fault::ResetBefore,
    Fault::ResetAfter,
    Fault::SilentBefore,
    Fault::SilentAfter,
    Fault::Interrupted,
    Fault::CutOff,
    Fault::Stalled,
    Fault::Slow,
    Fault::SessionExpired,
    Fault::NoCapacity,
    Fault::ReportChanges,
    Fault::ReportGone,
    Fault::KilledBefore,
    Fault::KilledAfter,
];

/// All of them.
pub const INVOCATION_FAULTS: [InvocationFault; 6] = [
    InvocationFault::Refused,
    InvocationFault::ServiceError,
    InvocationFault::AnswerLost,
    InvocationFault::LeftRunning,
    InvocationFault::Twice,
    InvocationFault::Again,
];

/// A fault that lasts: during a burst, most calls to a service fail of it.
#[derive(Clone, Copy, Debug)]
struct Burst {
    service: Service,
    from: Duration,
    until: Duration,
    fault: Fault,
    probability: f64,
}

/// The faults of a night.
#[derive(Clone, Debug)]
pub struct Faults {
    seed: u64,
    rates: Vec<(Fault, f64)>,
    invocation_rates: Vec<(InvocationFault, f64)>,
    bursts: Vec<Burst>,
    skewed: f64,
}

impl Faults {
    /// A night in which nothing goes wrong.
    pub fn none() -> Self {
        Self { seed: 0, rates: vec![], invocation_rates: vec![], bursts: vec![], skewed: 0.0 }
    }

    /// One kind of fault happens to calls, and often.
    pub fn only_calls(fault: Fault) -> Self {
        Self { rates: vec![fault.at_a_rate(OFTEN)], ..Self::none() }
    }

    /// One kind of fault happens to invocations, and often.
    pub fn only_invocations(fault: InvocationFault) -> Self {
        Self { invocation_rates: vec![(fault, OFTEN)], ..Self::none() }
    }

    /// The clock of every function is wrong, up to an hour.
    pub fn only_clocks() -> Self {
        Self { skewed: 1.0, ..Self::none() }
    }

    /// The faults of a seed.
    pub fn of_seed(seed: u64) -> Self {
        let mut random = Random::about(&[seed, number("faults")]);
        let mut rates = Vec::new();
        for fault in FAULTS {
            if random.happens(0.5) {
                rates.push(fault.at_a_rate(random.of(&[0.005, 0.02, 0.06, 0.15])));
            }
        }
        let all: f64 = rates.iter().map(|(_, rate)| rate).sum();
        for (_, rate) in &mut rates {
            *rate *= (MOST_CALLS / all).min(1.0);
        }
        let mut invocation_rates = Vec::new();
        for fault in INVOCATION_FAULTS {
            if random.happens(0.5) {
                invocation_rates.push((fault, random.of(&[0.01, 0.05, 0.12])));
            }
        }
        let bursts = (0..random.below(4)).map(|_| Burst::draw(&mut random)).collect();
        let skewed = if random.happens(0.3) { random.of(&[0.2, 1.0]) } else { 0.0 };
        Self { seed, rates, invocation_rates, bursts, skewed }
    }

    /// The fault of a call with this number of its kind at this time of the night, and whether it belongs to a
    /// burst.
    pub fn of_call(&self, call: &Call, count: u64, elapsed: Duration) -> Option<(Fault, bool)> {
        let mut random = Random::about(&[self.seed, number(call.action), number(&call.subject), count]);
        for burst in &self.bursts {
            let on = burst.service == call.service && (burst.from..burst.until).contains(&elapsed);
            if on && random.happens(burst.probability) {
                return Some((burst.fault, true));
            }
        }
        let drawn = draw(&self.rates, &mut random)?;
        drawn.concerns(call, &mut random).then_some((drawn, false))
    }

    /// The fault of a function's invocation with this number, about an account or none.
    pub fn of_invocation(&self, function: &str, account: &str, count: u64) -> Option<InvocationFault> {
        let mut random = Random::about(&[self.seed, number(function), number(account), count, 1]);
        draw(&self.invocation_rates, &mut random)
    }

    /// How many seconds the clock of an environment is ahead.
    pub fn skew(&self, environment: u64) -> i64 {
        let mut random = Random::about(&[self.seed, number("skew"), environment]);
        if random.happens(self.skewed) { random.below(7200) as i64 - 3600 } else { 0 }
    }

    /// Whether anything goes wrong at all.
    pub fn any(&self) -> bool {
        !self.rates.is_empty()
            || !self.invocation_rates.is_empty()
            || !self.bursts.is_empty()
            || self.skewed > 0.0
    }

    /// A number from 0 to 1, for what a fault leaves open.
    pub fn chance(&self, question: &str, count: u64) -> f64 {
        Random::about(&[self.seed, number(question), count]).unit()
    }
}

fn draw<T: Copy>(rates: &[(T, f64)], random: &mut Random) -> Option<T> {
    let mut chance = random.unit();
    for (fault, rate) in rates {
        chance -= rate;
        if chance < 0.0 {
            return Some(*fault);
        }
    }
    None
}

impl Burst {
    fn draw(random: &mut Random) -> Self {
        let from = Duration::from_secs(random.below(600));
        let length = Duration::from_secs(random.of(&[10, 60, 300, 1200]));
        Self {
            service: random.of(&[
                Service::Sts,
                Service::Iam,
                Service::S3,
                Service::Organizations,
                Service::Sns,
            ]),
            from,
            until: from + length,
            fault: random.of(&[
                Fault::Throttled,
                Fault::ServerError,
                Fault::BadGateway,
                Fault::ResetBefore,
                Fault::SilentBefore,
            ]),
            probability: random.of(&[0.5, 0.9, 1.0]),
        }
    }
}

impl Fault {
    fn at_a_rate(self, rate: f64) -> (Self, f64) {
        // A killed function is the end of an attempt, so with many of them no night would end otherwise.
        let kills = matches!(self, Self::KilledBefore | Self::KilledAfter);
        (self, if kills { rate / 4.0 } else { rate })
    }

    /// Whether it can happen to this call.
    fn concerns(self, call: &Call, random: &mut Random) -> bool {
        match self {
            Self::SessionExpired => call.session.is_some(),
            Self::NoCapacity => call.action == "GenerateCredentialReport",
            Self::ReportChanges | Self::ReportGone => call.action == "GetCredentialReport",
            // The analysis makes dozens of calls about no account, and would be killed every time.
            Self::KilledBefore | Self::KilledAfter => call.account.is_some() || random.happens(0.1),
            _ => true,
        }
    }
}

/// What went wrong, and how often.
pub type FaultCounts = BTreeMap<String, u64>;

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Throttled => "throttled",
            Self::ServerError => "fault of the service",
            Self::BadGateway => "5xx in HTML",
            Self::ResetBefore => "reset before the call",
            Self::ResetAfter => "reset, done all the same",
            Self::SilentBefore => "no answer",
            Self::SilentAfter => "no answer, done all the same",
            Self::Interrupted => "interrupted in the body",
            Self::CutOff => "body cut off",
            Self::Stalled => "body stalls",
            Self::Slow => "slow",
            Self::SessionExpired => "session expired",
            Self::NoCapacity => "no capacity",
            Self::ReportChanges => "report changes before Get",
            Self::ReportGone => "report gone before Get",
            Self::KilledBefore => "killed before a call",
            Self::KilledAfter => "killed after a call",
        })
    }
}

impl fmt::Display for InvocationFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Refused => "invocation refused",
            Self::ServiceError => "Lambda's own fault",
            Self::AnswerLost => "function's answer lost",
            Self::LeftRunning => "function left running",
            Self::Twice => "delivered twice at once",
            Self::Again => "delivered again later",
        })
    }
}
