//! Values that several flags take.

use std::num::NonZeroUsize;

use chrono::{DateTime, Utc};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use rollcall_core::judgement::rules::{RULES, RuleId, Severity};
use rollcall_core::text::time::parse_as_of;

/// How many accounts are asked at a time.
pub(super) fn concurrency(value: &str) -> Result<NonZeroUsize, String> {
    match value.parse::<NonZeroUsize>() {
        Ok(number) if number.get() <= 1000 => Ok(number),
        _ => Err("it takes a whole number from 1 to 1000".to_owned()),
    }
}

/// A date or a time that ages are counted to.
pub(super) fn as_of(value: &str) -> Result<DateTime<Utc>, &'static str> {
    parse_as_of(value)
        .map_err(|_| "write a date such as 2026-01-31 (midnight UTC) or a time such as 2026-01-31T06:00:00Z")
}

/// The name of a severity.
pub(super) fn severity() -> impl TypedValueParser<Value = Severity> {
    PossibleValuesParser::new(Severity::ALL.iter().map(|severity| severity.as_str()))
        .map(|name| name.parse().expect("it is one of them"))
}

/// The name of a rule.
pub(super) fn rule() -> impl TypedValueParser<Value = RuleId> {
    PossibleValuesParser::new(RULES.each_ref().map(|rule| rule.id.as_str()))
        .map(|name| name.parse().expect("it is one of them"))
}
