//! One cell: a value, or one of the words the report uses instead of a value.

use chrono::{DateTime, Utc};

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
    Cell::read(text, |text| DateTime::parse_from_rfc3339(text).ok().map(|time| time.to_utc()))
}

#[cfg(test)]
mod tests {
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
    fn words_are_not_times() {
        assert_eq!(time("N/A"), Some(Cell::NotApplicable));
        assert_eq!(time("no_information"), Some(Cell::NoInformation));
        assert_eq!(time("not_supported"), Some(Cell::NotSupported));
        for text in ["n/a", "never", "2016-05-16", "2016-13-16T18:13:11Z", "16/05/2016 18:13"] {
            assert_eq!(time(text), None, "{text:?}");
        }
    }
}
