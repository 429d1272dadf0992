//! What of the past is asked for, and what is answered of a day.

use chrono::NaiveDate;
use rollcall_core::judgement::history::{Earlier, Previous};
use rollcall_core::judgement::settings::RuleSettings;
use rollcall_core::organization::roll::Roll;

use crate::report_store::ReportStore;
use crate::report_store::store_error::StoreError;
use crate::step_error::StepError;

/// How many earlier dates are tried: beyond a month of broken runs there is no history to speak of.
pub(super) const DATES_TRIED: usize = 31;

/// What of the past is asked for.
#[derive(Clone, Copy)]
pub(crate) struct Past<'a> {
    /// Where the days lie.
    pub(crate) store: &'a ReportStore,
    /// The date of tonight's run.
    pub(crate) date: NaiveDate,
    /// The accounts of tonight's run.
    pub(crate) roll: &'a Roll,
    /// How the rules are set tonight.
    pub(crate) settings: &'a RuleSettings,
}

/// What a day found and what day it is, or why it can't be compared with.
pub(super) type Day = Result<(Earlier, Previous), String>;

/// Tells a refusal, which stays, from an outage, which is worth another try of the whole step.
pub(super) fn passes(error: StoreError) -> Result<StoreError, StepError> {
    if error.is_passing() { Err(error.into()) } else { Ok(error) }
}
