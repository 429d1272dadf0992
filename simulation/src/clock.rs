//! The time of a night. It passes when everybody waits, as fast as the machine can go from one wait
//! to the next.

use std::time::{Duration, SystemTime};

use aws_smithy_async::time::TimeSource;
use chrono::{DateTime, Utc};
use rollcall_functions::clock;
use tokio::time::Instant;

use crate::organization::start_of_night;

/// A clock that runs with the runtime's stopped one.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    began: Instant,
    /// How far it is ahead, in seconds.
    ahead: i64,
}

impl Clock {
    /// The right time; the night begins now. From here on, it is the time of the steps as well.
    pub fn start() -> Self {
        let clock = Self { began: Instant::now(), ahead: 0 };
        clock::stand_in(move || clock.utc());
        clock
    }

    /// The same clock, wrong by `seconds`.
    pub fn ahead_by(self, seconds: i64) -> Self {
        Self { ahead: seconds, ..self }
    }

    /// How long the night has lasted.
    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// The time of day.
    pub fn utc(&self) -> DateTime<Utc> {
        start_of_night() + self.elapsed() + chrono::TimeDelta::seconds(self.ahead)
    }
}

impl TimeSource for Clock {
    fn now(&self) -> SystemTime {
        self.utc().into()
    }
}
