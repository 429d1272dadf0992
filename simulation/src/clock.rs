//! The time of a night. It passes only while everything waits, as fast as the machine goes from one wait
//! to the next.

use std::time::{Duration, SystemTime};

use aws_smithy_async::time::TimeSource;
use chrono::{DateTime, Utc};
use tokio::time::Instant;

use crate::organization::start_of_night;

/// A clock that runs with the runtime's stopped one.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: DateTime<Utc>,
    began: Instant,
    /// How many seconds it is ahead.
    ahead: i64,
}

impl Clock {
    /// A right clock. The night begins now.
    pub fn start() -> Self {
        Self::start_at(start_of_night())
    }

    /// A right clock that shows this time now.
    pub fn start_at(start: DateTime<Utc>) -> Self {
        Self { start, began: Instant::now(), ahead: 0 }
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
        self.start + self.elapsed() + chrono::TimeDelta::seconds(self.ahead)
    }
}

impl TimeSource for Clock {
    fn now(&self) -> SystemTime {
        self.utc().into()
    }
}
