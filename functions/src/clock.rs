//! The clock, for the steps that write down when something happened.

use std::cell::RefCell;

use chrono::{DateTime, SubsecRound, Utc};

type Now = Box<dyn Fn() -> DateTime<Utc>>;

thread_local! {
    static STAND_IN: RefCell<Option<Now>> = const { RefCell::new(None) };
}

/// Now, in whole seconds, as everything Rollcall writes has its times.
pub fn now() -> DateTime<Utc> {
    STAND_IN.with_borrow(|stand_in| stand_in.as_ref().map_or_else(Utc::now, |now| now())).trunc_subsecs(0)
}

/// Has `now` tell the time on this thread, for a simulation whose nights pass in a second.
pub fn stand_in(now: impl Fn() -> DateTime<Utc> + 'static) {
    STAND_IN.set(Some(Box::new(now)));
}
