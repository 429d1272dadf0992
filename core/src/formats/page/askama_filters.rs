//! How the page writes values.

use std::borrow::Cow;

use askama::{Result, Values, filter_fn};
use chrono::{DateTime, Utc};

use crate::identifiers::account_id::AccountId;
use crate::judgement::exemptions::ExemptionOutcome;
use crate::judgement::finding::Finding;
use crate::organization::roll::SkipReason;
use crate::text::time::format_time;
use crate::text::untrusted::shortened;

/// A number with its thousands apart.
pub(super) fn grouped_number(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number and what it counts.
pub(super) fn counted_number(number: u64, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {what}{plural}", grouped_number(number))
}

#[filter_fn]
pub(super) fn grouped(number: &u64, _: &dyn Values) -> Result<String> {
    Ok(grouped_number(*number))
}

#[filter_fn]
pub(super) fn counted(number: &u64, _: &dyn Values, what: &str) -> Result<String> {
    Ok(counted_number(*number, what))
}

/// Says how many more there are than are listed, and where.
#[filter_fn]
pub(super) fn rest(number: &u64, _: &dyn Values, what: &str, place: &str) -> Result<String> {
    Ok(match number {
        0 => String::new(),
        number => format!("And {}: {place} has them all.", counted_number(*number, &format!("more {what}"))),
    })
}

#[filter_fn]
pub(super) fn time(time: &DateTime<Utc>, _: &dyn Values) -> Result<String> {
    Ok(format_time(*time))
}

#[filter_fn]
pub(super) fn days(days: &Option<u32>, _: &dyn Values) -> Result<String> {
    Ok(days.map(|days| grouped_number(days.into())).unwrap_or_default())
}

#[filter_fn]
pub(super) fn status(finding: &Finding, _: &dyn Values) -> Result<String> {
    let mut words = vec![finding.status.as_str()];
    if !finding.verified {
        words.push("not verified");
    }
    if !finding.is_open() {
        words.push("exempted");
    }
    Ok(words.join(", "))
}

#[filter_fn]
pub(super) fn skip_reason(reason: &SkipReason, _: &dyn Values) -> Result<&'static str> {
    Ok(match reason {
        SkipReason::PendingActivation => "its activation is pending",
        SkipReason::Suspended => "it is suspended",
        SkipReason::PendingClosure => "it is being closed",
        SkipReason::Closed => "it is closed",
        SkipReason::Excluded => "ExcludeAccountIds names it",
        SkipReason::NotIncluded => "IncludeAccountIds does not name it",
    })
}

#[filter_fn]
pub(super) fn exemption_state(exemption: &ExemptionOutcome, _: &dyn Values) -> Result<String> {
    let state = if exemption.has_expired() {
        "expired: it exempts nothing".to_owned()
    } else if exemption.expires_soon() {
        format!("in force, expires in {}", counted_number(exemption.days_left.unsigned_abs(), "day"))
    } else {
        "in force".to_owned()
    };
    let matches = match exemption.findings {
        0 if exemption.matches_nothing() => "; matches nothing",
        0 => "; not everything it may cover was looked at",
        _ => "",
    };
    Ok(state + matches)
}

/// How many bytes of a name, or of a cell, the page has: it may have fifty thousand.
const NAME_LIMIT: usize = 400;
/// How many bytes of a sentence or a reason it has.
const WORDS_LIMIT: usize = 4_000;

/// A name as the page has it.
pub(super) fn shown(name: &str) -> Cow<'_, str> {
    shortened(name, NAME_LIMIT)
}

#[filter_fn]
pub(super) fn name(text: impl AsRef<str>, _: &dyn Values) -> Result<String> {
    Ok(shown(text.as_ref()).into_owned())
}

#[filter_fn]
pub(super) fn words(text: impl AsRef<str>, _: &dyn Values) -> Result<String> {
    Ok(shortened(text.as_ref(), WORDS_LIMIT).into_owned())
}

/// A name, or the id where there is none.
#[filter_fn]
pub(super) fn or_id(name: impl AsRef<str>, _: &dyn Values, account_id: &AccountId) -> Result<String> {
    let name = name.as_ref();
    Ok(if name.is_empty() { account_id.to_string() } else { shown(name).into_owned() })
}
