//! The clock of a step, which writes down when something happened.

use aws_smithy_async::time::{SharedTimeSource, SystemTimeSource, TimeSource};
use chrono::{DateTime, SubsecRound, Utc};

/// A clock. Clones are the same one.
#[derive(Clone, Debug)]
pub struct Clock(SharedTimeSource);

impl Clock {
    /// The clock of the machine.
    pub fn of_system() -> Self {
        Self::new(SystemTimeSource::new())
    }

    /// A clock that tells the time of `source`.
    pub fn new(source: impl TimeSource + 'static) -> Self {
        Self(SharedTimeSource::new(source))
    }

    /// Now, in whole seconds, as everything Rollcall writes has its times.
    pub fn now(&self) -> DateTime<Utc> {
        DateTime::from(self.0.now()).trunc_subsecs(0)
    }
}
