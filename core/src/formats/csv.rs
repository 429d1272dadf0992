//! `findings.csv`: the findings for a spreadsheet. The names of users and accounts are anybody's
//! choice, and a cell that starts like a formula is one to a spreadsheet. `findings.jsonl` has them
//! exactly.

use std::borrow::Cow;
use std::io::{self, Write};

use chrono::{DateTime, Utc};

use crate::formats::finding_record::FindingRecord;
use crate::judgement::finding::Finding;
use crate::text::time::format_time;
use crate::text::untrusted::shortened;

/// The columns: the fields of a record, the exemption in two.
const COLUMNS: [&str; 22] = [
    "account_id",
    "account_name",
    "user",
    "arn",
    "credential",
    "rule",
    "severity",
    "observed",
    "age_days",
    "limit_days",
    "as_of",
    "report_generated",
    "first_seen",
    "status",
    "verified",
    "exemption_reason",
    "exemption_expires",
    "cis",
    "remedy",
    "user_created",
    "credential_created",
    "ambiguous",
];

/// What a spreadsheet takes in a cell is 32,767 characters: the rest it puts into the next row.
const CELL_LIMIT: usize = 32_000;

/// What separates cells in countries that write numbers with a comma.
const SEPARATOR: &str = ";";

/// The error of the output itself: `From` of the library would lose its kind, and a closed pipe with it.
fn of_output(error: ::csv::Error) -> io::Error {
    match error.into_kind() {
        ::csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

/// Writes a header and a row a finding, each on a line of its own. A cell that could start a formula is
/// prefixed with an apostrophe.
///
/// # Errors
/// Those of `output`.
pub fn write_csv<'f>(
    findings: impl IntoIterator<Item = &'f Finding>,
    output: &mut impl Write,
) -> io::Result<()> {
    let mut csv = ::csv::Writer::from_writer(output);
    csv.write_record(COLUMNS).map_err(of_output)?;
    let number = |number: Option<u32>| number.map(|number| number.to_string()).unwrap_or_default();
    let (mut as_of, mut generated) = (Written::default(), Written::default());
    let (mut user_created, mut credential_created) = (Written::default(), Written::default());
    let mut row = ::csv::StringRecord::new();
    for finding in findings {
        let record = FindingRecord::from(finding);
        let exemption = record.exemption.as_deref();
        row.clear();
        for cell in [
            record.account_id.as_str(),
            &safe(&record.account_name),
            &safe(&record.user),
            &safe(&record.arn),
            record.credential.as_str(),
            record.rule.as_str(),
            record.severity.as_str(),
            &safe(&record.observed),
            &number(record.age_days),
            &number(record.limit_days),
            as_of.text(record.as_of),
            record.report_generated.map(|time| generated.text(time)).unwrap_or_default(),
            &safe(&record.first_seen.to_string()),
            record.status.as_str(),
            if record.verified { "true" } else { "false" },
            &exemption.map_or("".into(), |exemption| safe(&exemption.reason)),
            &exemption.map(|exemption| safe(&exemption.expires.to_string()).into_owned()).unwrap_or_default(),
            &record.cis,
            &record.remedy,
            record.user_created.map(|time| user_created.text(time)).unwrap_or_default(),
            record.credential_created.map(|time| credential_created.text(time)).unwrap_or_default(),
            if record.ambiguous { "true" } else { "false" },
        ] {
            row.push_field(cell);
        }
        csv.write_record(&row).map_err(of_output)?;
    }
    csv.flush()
}

/// A time and its text: writing one costs more than the rest of a row, and the rows of an account
/// have the same.
#[derive(Default)]
struct Written {
    time: DateTime<Utc>,
    text: String,
}

impl Written {
    fn text(&mut self, time: DateTime<Utc>) -> &str {
        if self.text.is_empty() || self.time != time {
            // After the year 9999, a time starts with a sign.
            (self.time, self.text) = (time, safe(&format_time(time)).into_owned());
        }
        &self.text
    }
}

/// The untrusted text of a cell, on one line. Where a formula could start stands an apostrophe: at the
/// beginning, and after what separates cells in countries that write numbers with a comma, because there a
/// spreadsheet cuts the line at it, quotes or not.
fn safe(cell: &str) -> Cow<'_, str> {
    let line = shortened(cell, CELL_LIMIT);
    if !line.split(SEPARATOR).any(is_formula) {
        return line;
    }
    let cells =
        line.split(SEPARATOR).map(|cell| if is_formula(cell) { format!("'{cell}") } else { cell.into() });
    cells.collect::<Vec<String>>().join(SEPARATOR).into()
}

/// Whether a spreadsheet takes the text for a formula. Some pass over white space and invisible
/// characters before it.
fn is_formula(text: &str) -> bool {
    let is_passed_over = |character: char| {
        character.is_whitespace()
            || matches!(character, '\u{fffd}' | '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2064}' | '\u{feff}')
    };
    let start = text.trim_start_matches(is_passed_over);
    start.starts_with(['=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'])
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::judgement::finding::Exempted;
    use crate::judgement::rules::RuleId;
    use crate::testing::finding;

    fn written(findings: &[Finding]) -> String {
        let mut bytes = Vec::new();
        write_csv(findings, &mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_finding_is_a_row_under_the_names_of_its_fields() {
        let exemption = Exempted { reason: "vendor".into(), expires: "2026-12-31".parse().unwrap() };
        let exempted =
            Finding { exemption: Some(Arc::new(exemption)), ..finding(2, "ben", RuleId::ConsoleWithoutMfa) };
        insta::assert_snapshot!(written(&[finding(1, "anna", RuleId::AccessKeyStale), exempted]));
    }

    #[test]
    fn the_columns_are_the_fields_of_a_record() {
        let json = serde_json::to_value(FindingRecord::from(&finding(1, "anna", RuleId::RootUsed))).unwrap();
        let mut fields: Vec<&str> = json.as_object().unwrap().keys().map(String::as_str).collect();
        fields.retain(|field| *field != "exemption");
        fields.extend(["exemption_reason", "exemption_expires"]);
        let (mut columns, mut fields) = (COLUMNS.to_vec(), fields);
        columns.sort_unstable();
        fields.sort_unstable();
        assert_eq!(columns, fields);
    }

    #[test]
    fn no_cell_is_a_formula_to_a_spreadsheet() {
        for (user, cell) in [
            ("=1+1", "'=1+1"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@x", "'@x"),
            (" =1", "' =1"),
            ("\u{feff}=1", "'\u{feff}=1"),
            ("\u{200b}=1", "'\u{200b}=1"),
            ("\t=1", "'\u{fffd}=1"),
            ("\r\n=1", "'\u{fffd}\u{fffd}=1"),
            ("\0=1", "'\u{fffd}=1"),
            ("＝1", "'＝1"),
            ("=HYPERLINK(\"http://x\",\"y\")", "'=HYPERLINK(\"http://x\",\"y\")"),
            ("anna;=1;ben; +1", "anna;'=1;ben;' +1"),
            ("anna=ben;carla", "anna=ben;carla"),
        ] {
            let csv = written(&[finding(1, user, RuleId::AccessKeyStale)]);
            let mut reader = ::csv::Reader::from_reader(csv.as_bytes());
            let row = reader.records().next().unwrap().unwrap();
            assert_eq!(&row[2], cell);
        }
    }

    #[test]
    fn a_finding_is_one_line_and_no_cell_is_longer_than_a_spreadsheet_takes() {
        let user = "a\nb\r\u{2028}".repeat(20_000);
        let csv = written(&[finding(1, &user, RuleId::AccessKeyStale)]);
        assert_eq!(csv.lines().count(), 2);
        let mut reader = ::csv::Reader::from_reader(csv.as_bytes());
        let row = reader.records().next().unwrap().unwrap();
        assert!(row[2].chars().count() < 32_767 && row[2].ends_with('…'));
    }
}
