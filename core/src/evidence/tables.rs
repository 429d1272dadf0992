//! What tables need besides what a run writes anyway, so that Athena can ask about many nights at
//! once: the accounts of the manifest a line each, for `run.json` is one document of many lines, and
//! where the findings lie, for a table reads a folder of nothing else.

use std::io::{self, Write};

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;

use crate::evidence::manifest::Manifest;
use crate::identifiers::account_id::AccountId;
use crate::organization::account::AccountState;
use crate::organization::failure::FailureCode;
use crate::organization::outcome::{AccountOutcome, OutcomeKind};
use crate::organization::roll::RollSource;
use crate::organization::roll::SkipReason;

/// A line of `accounts.jsonl`: an account of the manifest, with what queries need to know of its run.
/// Flat, with every field in every line. `templates/athena.yml` has the columns.
#[derive(Serialize)]
struct AccountRecord<'m> {
    date: NaiveDate,
    execution: &'m str,
    source: RollSource,
    as_of: DateTime<Utc>,
    account_id: &'m AccountId,
    name: &'m str,
    path: &'m str,
    state: &'m AccountState,
    outcome: OutcomeKind,
    code: Option<FailureCode>,
    reason: Option<SkipReason>,
    message: Option<&'m str>,
    generated: Option<DateTime<Utc>>,
    collected: Option<DateTime<Utc>>,
    age_seconds: Option<i64>,
    sha256: Option<&'m str>,
    bytes: Option<u64>,
    rows: Option<u64>,
    bad_rows: Option<u64>,
    key: Option<&'m str>,
}

impl<'m> AccountRecord<'m> {
    fn of(account: &'m AccountOutcome, manifest: &'m Manifest) -> Self {
        let AccountOutcome { account_id, name, path, state, outcome, last_collected: _ } = account;
        let (code, message) = outcome.failure().unzip();
        let report = outcome.report();
        Self {
            date: manifest.date,
            execution: &manifest.execution,
            source: manifest.source,
            as_of: manifest.as_of,
            account_id,
            name,
            path,
            state,
            outcome: outcome.kind(),
            code,
            reason: outcome.skip_reason(),
            message,
            generated: report.and_then(|report| report.generated),
            collected: report.and_then(|report| report.collected),
            age_seconds: report.and_then(|report| report.age_seconds),
            sha256: report.map(|report| &*report.sha256),
            bytes: report.map(|report| report.bytes),
            rows: report.map(|report| report.rows),
            bad_rows: report.map(|report| report.bad_rows),
            key: report.map(|report| &*report.key),
        }
    }
}

/// Writes the accounts of a manifest, a line each.
///
/// # Errors
/// Those of `output`.
pub fn write_accounts(manifest: &Manifest, output: &mut impl Write) -> io::Result<()> {
    for account in &manifest.accounts {
        serde_json::to_writer(&mut *output, &AccountRecord::of(account, manifest))?;
        output.write_all(b"\n")?;
    }
    Ok(())
}

/// Writes what sends the reader of a table's folder to `address`, `s3://BUCKET/KEY`: a line for each
/// file of the table, as Hive's `SymlinkTextInputFormat` reads it.
///
/// # Errors
/// Those of `output`.
pub fn write_symlink(address: &str, output: &mut impl Write) -> io::Result<()> {
    writeln!(output, "{address}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;
    use crate::organization::roll::Account;
    use crate::organization::roll_call::Evidence;
    use crate::testing::{account, failure, id, manifest, report};

    fn written(manifest: &Manifest) -> String {
        let mut output = Vec::new();
        write_accounts(manifest, &mut output).unwrap();
        String::from_utf8(output).unwrap()
    }

    #[test]
    fn every_account_is_one_line_with_every_field() {
        let skipped = Account { skip: Some(SkipReason::Excluded), ..account(4) };
        let manifest = manifest(
            vec![account(1), account(2), account(3), skipped],
            Evidence {
                reports: [(id(1), report(1, 2))].into(),
                failures: [(id(2), failure(2, FailureCode::RoleMissingOrDenied, "no role"))].into(),
                ..Default::default()
            },
        );
        let lines = written(&manifest);
        insta::assert_snapshot!(lines);
        let fields = |line| {
            let record: serde_json::Map<String, Value> = serde_json::from_str(line).unwrap();
            record.into_iter().map(|(name, _)| name).collect::<Vec<_>>()
        };
        let first = fields(lines.lines().next().unwrap());
        assert!(lines.lines().all(|line| fields(line) == first));
    }

    #[test]
    fn a_run_of_no_account_is_a_file_of_no_line() {
        assert_eq!(written(&manifest(vec![], Evidence::default())), "");
    }

    #[test]
    fn a_symlink_is_a_line() {
        let mut output = Vec::new();
        write_symlink("s3://reports/2026-01-31/findings.jsonl", &mut output).unwrap();
        assert_eq!(output, b"s3://reports/2026-01-31/findings.jsonl\n");
    }

    fn a_line_is_one(text: &str) {
        let account = Account { name: text.into(), path: text.into(), ..account(1) };
        let failed = failure(1, FailureCode::Internal, text);
        let failures = [(id(1), failed)].into();
        let line = written(&manifest(vec![account], Evidence { failures, ..Default::default() }));
        let line = line.strip_suffix('\n').unwrap();
        // Readers of tables end a line at a carriage return, too.
        assert!(!line.contains(['\n', '\r']), "{line}");
        let record: Value = serde_json::from_str(line).unwrap();
        assert_eq!(
            (&record["name"], &record["path"], &record["message"]),
            (&text.into(), &text.into(), &text.into())
        );
    }

    #[test]
    fn no_name_breaks_a_line() {
        for text in ["a \"b\"", "a\nb", "a\r\nb", "a\rb", "\\", "\u{0}\u{7f}\u{85}", "{}", "née, \u{2028}"] {
            a_line_is_one(text);
        }
    }

    proptest! {
        #[test]
        fn no_text_breaks_a_line(text in proptest::collection::vec(any::<char>(), 0..20)) {
            a_line_is_one(&text.into_iter().collect::<String>());
        }
    }
}
