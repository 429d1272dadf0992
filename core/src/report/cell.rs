//! One cell: a value, or one of the words the report uses instead of a value.

use chrono::{DateTime, NaiveDate, Utc};

/// What a cell says. The four words are not values and not "no": a rule that meets one can't
/// pass judgement on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell<T> {
    /// A value.
    Value(T),
    /// `N/A`: there is nothing to have a value, such as an empty key slot or a key never used.
    NotApplicable,
    /// `no_information`: never, or not since tracking began.
    NoInformation,
    /// `not_supported`: the report does not say this of the root user.
    NotSupported,
    /// The column is missing or the cell is empty.
    NotReported,
}

impl<T> Cell<T> {
    /// The value, if there is one.
    pub fn value(self) -> Option<T> {
        match self {
            Self::Value(value) => Some(value),
            _ => None,
        }
    }

    /// Reads the words and leaves a value to `parse`; `None` when it is neither.
    fn read<'r>(text: &'r str, parse: impl FnOnce(&'r str) -> Option<T>) -> Option<Self> {
        match text {
            "" => Some(Self::NotReported),
            "N/A" => Some(Self::NotApplicable),
            "no_information" => Some(Self::NoInformation),
            "not_supported" => Some(Self::NotSupported),
            text => parse(text).map(Self::Value),
        }
    }
}

/// A cell of free text.
pub(super) fn text(text: &str) -> Option<Cell<&str>> {
    Cell::read(text, Some)
}

/// A boolean: `true` or `false` in any case.
pub(super) fn boolean(text: &str) -> Option<Cell<bool>> {
    Cell::read(text, |text| {
        if text.eq_ignore_ascii_case("true") {
            Some(true)
        } else if text.eq_ignore_ascii_case("false") {
            Some(false)
        } else {
            None
        }
    })
}

/// A time: RFC 3339, which both dialects (`Z` and `+00:00`) are.
pub(super) fn time(text: &str) -> Option<Cell<DateTime<Utc>>> {
    Cell::read(text, |text| {
        utc_time(text.as_bytes())
            .or_else(|| DateTime::parse_from_rfc3339(text).ok().map(|time| time.to_utc()))
    })
}

/// The time that a cell has; `None` for a cell of anything else.
pub fn time_of(text: &str) -> Option<DateTime<Utc>> {
    time(text)?.value()
}

/// Whether two cells have the same value: times and booleans are written in more than one way.
pub fn is_same_value(one: &str, other: &str) -> bool {
    let times = || time_of(one).zip(time_of(other));
    let booleans = || boolean(one)?.value().zip(boolean(other)?.value());
    one == other
        || times().is_some_and(|(one, other)| one == other)
        || booleans().is_some_and(|(one, other)| one == other)
}

/// A time as both dialects write it: `2016-05-16T18:13:11` and then `Z` or `+00:00`. Half of what
/// reading a report costs would be chrono's general reader; what is not of this form is left to it.
fn utc_time(text: &[u8]) -> Option<DateTime<Utc>> {
    let (time, zone) = text.split_at_checked(19)?;
    if !matches!(zone, b"Z" | b"+00:00") {
        return None;
    }
    for (place, separator) in [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')] {
        if time[place] != separator {
            return None;
        }
    }
    let number = |digits: &[u8]| {
        digits.iter().try_fold(0, |number: u32, digit| {
            digit.is_ascii_digit().then(|| number * 10 + u32::from(digit - b'0'))
        })
    };
    let year = i32::try_from(number(&time[..4])?).ok()?;
    let date = NaiveDate::from_ymd_opt(year, number(&time[5..7])?, number(&time[8..10])?)?;
    let time = date.and_hms_opt(number(&time[11..13])?, number(&time[14..16])?, number(&time[17..19])?)?;
    Some(time.and_utc())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_boolean_has_three_states_and_no_more() {
        for (text, cell) in [
            ("true", Cell::Value(true)),
            ("TRUE", Cell::Value(true)),
            ("false", Cell::Value(false)),
            ("False", Cell::Value(false)),
            ("not_supported", Cell::NotSupported),
            ("", Cell::NotReported),
        ] {
            assert_eq!(boolean(text), Some(cell), "{text:?}");
        }
        for text in ["yes", "1", "truefalse", "tru", " true"] {
            assert_eq!(boolean(text), None, "{text:?}");
        }
    }

    #[test]
    fn both_time_dialects_are_the_same_instant() {
        let modern = time("2016-05-16T18:13:11Z").unwrap();
        assert_eq!(time("2016-05-16T18:13:11+00:00"), Some(modern));
        assert!(matches!(modern, Cell::Value(_)));
    }

    #[test]
    fn two_spellings_of_one_value_are_the_same() {
        for (one, other) in [
            ("2026-01-01T00:00:00+00:00", "2026-01-01T00:00:00Z"),
            ("false", "FALSE"),
            ("N/A", "N/A"),
            ("two access keys", "two access keys"),
        ] {
            assert!(is_same_value(one, other), "{one} {other}");
        }
        for (one, other) in [
            ("2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z"),
            ("false", "true"),
            ("N/A", "no_information"),
            ("false", "N/A"),
            ("two access keys", "Two access keys"),
        ] {
            assert!(!is_same_value(one, other), "{one} {other}");
        }
    }

    proptest! {
        #[test]
        fn the_short_way_reads_a_time_as_chrono_does(text in "[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9](Z|\\+00:00)") {
            let general = DateTime::parse_from_rfc3339(&text).ok().map(|time| time.to_utc());
            let short = utc_time(text.as_bytes());
            prop_assert!(short.is_none() || short == general);
            prop_assert_eq!(time(&text), general.map(Cell::Value));
        }
    }

    #[test]
    fn words_are_not_times() {
        assert_eq!(time("N/A"), Some(Cell::NotApplicable));
        assert_eq!(time("no_information"), Some(Cell::NoInformation));
        assert_eq!(time("not_supported"), Some(Cell::NotSupported));
        for text in ["n/a", "never", "2016-05-16", "2016-13-16T18:13:11Z", "16/05/2016 18:13"] {
            assert_eq!(time(text), None, "{text:?}");
        }
    }
}
