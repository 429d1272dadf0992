//! Where everything lies in the buckets. The layout is a contract with auditors and with later
//! runs, so every key is made here and nowhere else.
//!
//! ```text
//! report bucket   DATE/accounts.json
//!                 DATE/reports/credentialReport_ACCOUNT.csv
//!                 DATE/failures/ACCOUNT.json
//!                 DATE/findings.csv
//!                 DATE/findings.jsonl
//!                 DATE/summary.html
//!                 DATE/tables/accounts/accounts.jsonl
//!                 DATE/tables/findings/symlink.txt
//!                 DATE/run.json
//!                 exemptions.toml
//! work bucket     DATE/to-collect/EXECUTION.json
//!                 running.json
//! ```
//!
//! Days of AWS's sample have reports right under the date, and nothing else.

use std::borrow::Cow;
use std::fmt::Display;

use chrono::NaiveDate;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use crate::identifiers::account_id::AccountId;

/// The metadata key of every object: the name of the execution that wrote it.
pub const EXECUTION: &str = "execution";
/// The metadata key of a report: its account id.
pub const ACCOUNT_ID: &str = "account-id";
/// The metadata key of a report: when IAM generated it, RFC 3339 in UTC.
pub const GENERATED_TIME: &str = "generated-time";
/// The metadata key of a report: when Rollcall fetched it, RFC 3339 in UTC.
pub const COLLECTED_TIME: &str = "collected-time";
/// The metadata key of every object: the SHA-256 of its bytes, in hexadecimal.
pub const SHA256: &str = "sha256";
/// The metadata key of a report: how many rows it has, the header not counted.
pub const ROWS: &str = "rows";

/// What no mark has: characters that a header can't carry, and the one that begins an encoded one.
const NOT_IN_A_MARK: &AsciiSet = &CONTROLS.add(b'%');

/// The name of an execution as metadata has it. Metadata are headers, which take ASCII; Step Functions
/// takes names in any script.
pub fn execution_mark(execution: &str) -> Cow<'_, str> {
    match utf8_percent_encode(execution, NOT_IN_A_MARK).into() {
        // A header's value loses the spaces at its ends.
        Cow::Borrowed(mark) if mark.trim() == mark => mark.into(),
        _ => utf8_percent_encode(execution, const { &NOT_IN_A_MARK.add(b' ') }).to_string().into(),
    }
}

/// The name of the roll in the folder of a day.
pub const ACCOUNTS: &str = "accounts.json";
/// The name of the manifest in the folder of a day.
pub const RUN: &str = "run.json";

/// The prefix of a day: its date, or for a copy on a disk whatever its folder is called. The other
/// functions that take a day take the same.
pub fn day(day: impl Display) -> String {
    format!("{day}/")
}

/// The roll: every account, also those that are skipped.
pub fn accounts(day: impl Display) -> String {
    format!("{day}/{ACCOUNTS}")
}

/// The items of the map of an execution, in the work bucket.
pub fn to_collect(date: NaiveDate, execution: &str) -> String {
    format!("{date}/to-collect/{}.json", execution_mark(execution))
}

/// The run that runs, in the work bucket.
pub const RUNNING: &str = "running.json";

/// The prefix of a day's reports.
pub fn reports(day: impl Display) -> String {
    format!("{day}/reports/")
}

/// The report of an account.
pub fn report(date: NaiveDate, account_id: &AccountId) -> String {
    format!("{}credentialReport_{account_id}.csv", reports(date))
}

/// The account whose report lies under `key`; `None` for any other key.
pub fn report_account(date: NaiveDate, key: &str) -> Option<AccountId> {
    account_of_report(key.strip_prefix(&reports(date))?)
}

/// The account whose report a file of this name is; `None` for another name.
pub fn account_of_report(name: &str) -> Option<AccountId> {
    name.strip_prefix("credentialReport_")?.strip_suffix(".csv")?.parse().ok()
}

/// How the keys of a day's reports begin that AWS's sample wrote: right under the date.
pub fn aws_sample_reports(date: NaiveDate) -> String {
    format!("{date}/credentialReport_")
}

/// The account whose report AWS's sample wrote under `key`; `None` for another key.
pub fn aws_sample_report_account(date: NaiveDate, key: &str) -> Option<AccountId> {
    account_of_report(key.strip_prefix(&format!("{date}/"))?)
}

/// The prefix of a day's recorded failures.
pub fn failures(day: impl Display) -> String {
    format!("{day}/failures/")
}

/// The recorded failure of an account.
pub fn failure(date: NaiveDate, account_id: &AccountId) -> String {
    format!("{}{account_id}.json", failures(date))
}

/// The account whose failure lies under `key`; `None` for any other key.
pub fn failure_account(date: NaiveDate, key: &str) -> Option<AccountId> {
    account_of_failure(key.strip_prefix(&day(date))?)
}

/// A day's findings, for spreadsheets.
pub fn findings_csv(date: NaiveDate) -> String {
    format!("{date}/findings.csv")
}

/// A day's findings, exactly.
pub fn findings_jsonl(date: NaiveDate) -> String {
    format!("{date}/{FINDINGS_JSONL}")
}

/// The page an auditor opens.
pub fn summary(date: NaiveDate) -> String {
    format!("{date}/summary.html")
}

/// A day's accounts as a table reads them. A table reads a whole folder, so each has one of its own.
pub fn accounts_table(date: NaiveDate) -> String {
    format!("{date}/tables/accounts/accounts.jsonl")
}

/// What sends the table of a day's findings to [`findings_jsonl`].
pub fn findings_table(date: NaiveDate) -> String {
    format!("{date}/tables/findings/symlink.txt")
}

/// The key of an upload that is begun and taken back, to try whether the bucket can be written.
pub const PROBE: &str = "rollcall-doctor";

/// The exemptions, which people write.
pub const EXEMPTIONS: &str = "exemptions.toml";

/// The exemptions that a day was judged by, as they were that night.
pub fn exemptions(day: impl Display) -> String {
    format!("{day}/{EXEMPTIONS}")
}

/// Where the exemptions of a day may lie, the likeliest first: a day of an earlier version has none of its
/// own.
pub fn exemptions_of(day: impl Display) -> [String; 2] {
    [exemptions(day), EXEMPTIONS.to_owned()]
}

/// The name of a day's findings, exactly.
pub const FINDINGS_JSONL: &str = "findings.jsonl";

/// The account whose recorded failure lies under a key of a day, the day's prefix taken off; `None` for
/// another key.
pub fn account_of_failure(relative: &str) -> Option<AccountId> {
    relative.strip_prefix("failures/")?.strip_suffix(".json")?.parse().ok()
}

/// The date of a day's prefix, `DATE/`; `None` for another prefix.
pub fn date_of_prefix(prefix: &str) -> Option<NaiveDate> {
    let date = prefix.strip_suffix('/')?;
    // chrono also reads 2026-1-2, which no run writes.
    date.parse().ok().filter(|parsed: &NaiveDate| parsed.to_string() == date)
}

/// The manifest of a day's run.
pub fn run(day: impl Display) -> String {
    format!("{day}/{RUN}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date() -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 1, 2).unwrap()
    }

    #[test]
    fn every_key_stands_under_the_date_of_the_run() {
        let account_id = "111122223333".parse().unwrap();
        assert_eq!(accounts(date()), "2026-01-02/accounts.json");
        assert_eq!(to_collect(date(), "the night"), "2026-01-02/to-collect/the night.json");
        assert_eq!(report(date(), &account_id), "2026-01-02/reports/credentialReport_111122223333.csv");
        assert_eq!(failure(date(), &account_id), "2026-01-02/failures/111122223333.json");
        assert_eq!(findings_csv(date()), "2026-01-02/findings.csv");
        assert_eq!(findings_jsonl(date()), "2026-01-02/findings.jsonl");
        assert_eq!(summary(date()), "2026-01-02/summary.html");
        assert_eq!(accounts_table(date()), "2026-01-02/tables/accounts/accounts.jsonl");
        assert_eq!(findings_table(date()), "2026-01-02/tables/findings/symlink.txt");
        assert_eq!(run(date()), "2026-01-02/run.json");
    }

    #[test]
    fn the_mark_of_an_execution_is_a_header_and_no_two_executions_have_the_same() {
        for (execution, mark) in [
            ("6d2c6a4e-0f6b", "6d2c6a4e-0f6b"),
            ("the night of 2026-01-31", "the night of 2026-01-31"),
            ("nächtlich", "n%C3%A4chtlich"),
            ("n%C3%A4chtlich", "n%25C3%25A4chtlich"),
            (" a\r\nb ", "%20a%0D%0Ab%20"),
            ("", ""),
        ] {
            assert_eq!(execution_mark(execution), mark);
        }
    }

    #[test]
    fn a_prefix_is_that_of_a_day_or_of_something_else() {
        assert_eq!(date_of_prefix("2026-01-02/"), Some(date()));
        for prefix in ["2026-01-02", "2026-1-2/", "2026-02-30/", "athena/", "/", ""] {
            assert_eq!(date_of_prefix(prefix), None, "{prefix}");
        }
    }

    #[test]
    fn a_key_names_its_account_and_a_foreign_key_names_none() {
        let account_id: AccountId = "111122223333".parse().unwrap();
        assert_eq!(report_account(date(), &report(date(), &account_id)), Some(account_id.clone()));
        assert_eq!(failure_account(date(), &failure(date(), &account_id)), Some(account_id.clone()));
        for key in [
            "2026-01-01/reports/credentialReport_111122223333.csv",
            "2026-01-02/reports/credentialReport_1111.csv",
            "2026-01-02/reports/notes.txt",
            "2026-01-02/reports/",
        ] {
            assert_eq!(report_account(date(), key), None, "{key}");
        }
        assert_eq!(failure_account(date(), "2026-01-02/failures/README.md"), None);
    }

    #[test]
    fn a_report_of_awss_sample_lies_right_under_its_date() {
        let account_id: AccountId = "111122223333".parse().unwrap();
        let key = "2026-01-02/credentialReport_111122223333.csv";
        assert!(key.starts_with(&aws_sample_reports(date())));
        assert_eq!(aws_sample_report_account(date(), key), Some(account_id.clone()));
        for key in [
            report(date(), &account_id).as_str(),
            "2026-01-02/credentialReport_1111.csv",
            "2026-01-02/credentialReport_111122223333.csv.gz",
        ] {
            assert_eq!(aws_sample_report_account(date(), key), None, "{key}");
        }
    }
}
