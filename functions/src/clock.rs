//! The clock, for the steps that write down when something happened.

use chrono::{DateTime, SubsecRound, Utc};

/// Now, in whole seconds, as everything Rollcall writes has its times.
pub fn now() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(0)
}
