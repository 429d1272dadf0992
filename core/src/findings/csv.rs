//! `findings.csv`: the findings for a spreadsheet. The names of users and accounts are anybody's
//! choice, and a cell that starts like a formula is one to a spreadsheet.

use std::borrow::Cow;
use std::io::{self, Write};

use chrono::{DateTime, Utc};

use super::{Finding, FindingRecord};
use crate::run::format_time;

/// The columns: the fields of a record, the exemption in two.
const COLUMNS: [&str; 19] = [
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
];

/// Writes a header and a row a finding. A cell that could start a formula is prefixed with an
/// apostrophe; `findings.jsonl` has it exactly.
///
/// # Errors
/// Those of `output`.
pub fn write_csv<'f>(
    findings: impl IntoIterator<Item = &'f Finding>,
    output: &mut impl Write,
) -> io::Result<()> {
    let mut csv = ::csv::Writer::from_writer(output);
    csv.write_record(COLUMNS)?;
    let number = |number: Option<u32>| number.map(|number| number.to_string()).unwrap_or_default();
    let (mut as_of, mut generated) = (Written::default(), Written::default());
    let mut row = ::csv::StringRecord::new();
    for finding in findings {
        let record = FindingRecord::from(finding);
        let exemption = record.exemption.as_deref();
        row.clear();
        for cell in [
            record.account_id.as_str(),
            &record.account_name,
            &record.user,
            &record.arn,
            record.credential.as_str(),
            record.rule.as_str(),
            record.severity.as_str(),
            &record.observed,
            &number(record.age_days),
            &number(record.limit_days),
            as_of.text(record.as_of),
            generated.text(record.report_generated),
            &record.first_seen.to_string(),
            record.status.as_str(),
            if record.verified { "true" } else { "false" },
            exemption.map_or("", |exemption| &exemption.reason),
            &exemption.map(|exemption| exemption.expires.to_string()).unwrap_or_default(),
            &record.cis,
            &record.remedy,
        ] {
            row.push_field(&safe(cell));
        }
        csv.write_record(&row)?;
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
            (self.time, self.text) = (time, format_time(time));
        }
        &self.text
    }
}

/// The cell as text: a spreadsheet takes what starts with one of these for a formula. Some pass over
/// white space before it.
fn safe(cell: &str) -> Cow<'_, str> {
    match cell.trim_start().chars().next() {
        Some('=' | '+' | '-' | '@' | '\u{ff1d}' | '\u{ff0b}' | '\u{ff0d}' | '\u{ff20}') => {
            format!("'{cell}").into()
        }
        _ if cell.starts_with(['\t', '\r', '\n']) => format!("'{cell}").into(),
        _ => cell.into(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::exemptions::Exempted;
    use crate::findings::tests::finding;
    use crate::rules::RuleId;

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
        for user in ["=1+1", "+1", "-1", "@x", "\t=1", " =1", "\r=1", "＝1", "=HYPERLINK(\"http://x\",\"y\")"]
        {
            let csv = written(&[finding(1, user, RuleId::AccessKeyStale)]);
            let mut reader = ::csv::Reader::from_reader(csv.as_bytes());
            let row = reader.records().next().unwrap().unwrap();
            assert_eq!(&row[2], format!("'{user}"));
        }
        assert_eq!(safe("anna=ben"), "anna=ben");
    }
}
