//! The error email: which accounts a run has no report of, why, and what to do. It is written for
//! a person with a mail client, stays within the limits of SNS, and is sent only when there is
//! something to say.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::evidence::manifest::Manifest;
use crate::messages::message::{Attribute, Kind, Message, count};
use crate::messages::text::{coverage, one_line, paragraph, whereabouts};
use crate::organization::failure::FailureCode;
use crate::organization::outcome::AccountOutcome;
use crate::text::console::Console;
use crate::text::counted::counted;

/// SNS takes 262,144 bytes a message; the accounts may fill this much of it, and what surrounds
/// them is far below the rest.
const ACCOUNTS_LIMIT: usize = 200_000;

/// Writes the error message of a run, or nothing when every account that should have a report has
/// one and every row of it can be read.
pub fn errors(manifest: &Manifest, bucket: &str, console: &Console) -> Option<Message> {
    let missing = manifest.coverage.missing();
    let bad_rows = manifest.coverage.bad_rows;
    if missing == 0 && bad_rows == 0 {
        return None;
    }
    let to_collect = manifest.coverage.to_collect();
    let date = manifest.date;
    let mut body = String::new();
    let subject = if missing > 0 {
        paragraph(
            &mut body,
            &format!("{missing} of {} not collected on {date}.", counted(to_collect, "account")),
        );
        format!("Rollcall {date}: {missing} of {} not collected", counted(to_collect, "account"))
    } else {
        paragraph(&mut body, &format!("All {} collected on {date}.", counted(to_collect, "account")));
        format!("Rollcall {date}: {} can't be read", counted(bad_rows, "row"))
    };
    write_failures(&mut body, manifest);
    write_bad_rows(&mut body, manifest);
    paragraph(&mut body, &coverage(manifest));
    whereabouts(&mut body, manifest, bucket, console);
    let attributes = vec![
        ("kind", Attribute::Text(Kind::Errors.as_str())),
        ("failed", count(manifest.coverage.failed)),
        ("no_outcome", count(manifest.coverage.no_outcome)),
        ("bad_rows", count(bad_rows)),
        ("coverage_percent", Attribute::Number(manifest.coverage.percent.to_string())),
    ];
    Some(Message { kind: Kind::Errors, subject, body, attributes })
}

/// The accounts without a report and what happened to each, by code, in the order of [`FailureCode`].
pub(super) fn missing_by_code(manifest: &Manifest) -> BTreeMap<FailureCode, Vec<(&AccountOutcome, &str)>> {
    let mut by_code: BTreeMap<FailureCode, Vec<_>> = BTreeMap::new();
    for account in &manifest.accounts {
        if let Some((code, message)) = account.outcome.failure() {
            by_code.entry(code).or_default().push((account, message));
        }
    }
    by_code
}

/// The accounts without a report, by code, each code with its remedy. Every code gets the same
/// share of the room, so that ten thousand accounts of one code can't hide the one of another.
fn write_failures(body: &mut String, manifest: &Manifest) {
    let by_code = missing_by_code(manifest);
    let share = ACCOUNTS_LIMIT / by_code.len().max(1);
    for (code, accounts) in &by_code {
        body.push_str(&format!("{code}: {}\n", counted(accounts.len() as u64, "account")));
        paragraph(body, &format!("  What to do: {}", code.remedy()));
        let end = body.len() + share;
        for (written, (account, message)) in accounts.iter().enumerate() {
            let entry = format!(
                "  {}  {}\n      {}\n",
                account.account_id,
                one_line(&account.name),
                one_line(message)
            );
            if body.len() + entry.len() > end {
                let rest = counted((accounts.len() - written) as u64, "more account");
                body.push_str(&format!("  and {rest}: the manifest has them all\n"));
                break;
            }
            body.push_str(&entry);
        }
        body.push('\n');
    }
}

/// How many accounts with bad rows are listed.
const BAD_REPORTS_LISTED: usize = 50;

fn write_bad_rows(body: &mut String, manifest: &Manifest) {
    let bad =
        || manifest.accounts.iter().filter_map(|account| Some((account, account.report_with_bad_rows()?)));
    let reports = bad().count();
    if reports == 0 {
        return;
    }
    paragraph(
        body,
        "Rows that can't be read: the users in them were not looked at; every other row was.\n  What to do: compare the line with the report in the bucket; if IAM really writes it this way, report it to Rollcall.",
    );
    for (account, report) in bad().take(BAD_REPORTS_LISTED) {
        let first = report.first_bad_rows.first().map(|row| format!(", first at line {}", row.line));
        let _ = writeln!(
            body,
            "  {}  {}: {}{}",
            account.account_id,
            one_line(&account.name),
            counted(report.bad_rows, "row"),
            first.unwrap_or_default()
        );
    }
    if reports > BAD_REPORTS_LISTED {
        let rest = counted((reports - BAD_REPORTS_LISTED) as u64, "more report");
        let _ = writeln!(body, "  and {rest}: the manifest has them all");
    }
    body.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::organization::roll::{Account, SkipReason};
    use crate::organization::roll_call::Evidence;
    use crate::testing::{account, failure, id, manifest, report};

    fn message(manifest: &Manifest) -> Option<Message> {
        errors(manifest, "reports-bucket", &Console::new("aws", "eu-central-1"))
    }

    #[test]
    fn nothing_is_sent_when_there_is_nothing_to_say() {
        let skipped = Account { skip: Some(SkipReason::Suspended), ..account(2) };
        let manifest = manifest(
            vec![account(1), skipped],
            Evidence { reports: [(id(1), report(1, 0))].into(), ..Default::default() },
        );
        assert_eq!(message(&manifest), None);
    }

    #[test]
    fn it_names_the_run_the_accounts_their_codes_and_what_to_do() {
        let manifest = manifest(
            (1..=5).map(account).collect(),
            Evidence {
                reports: [(id(1), report(1, 2))].into(),
                failures: [
                    (id(2), failure(2, FailureCode::RoleMissingOrDenied, "AssumeRole answered AccessDenied")),
                    (id(3), failure(3, FailureCode::RoleMissingOrDenied, "AssumeRole answered AccessDenied")),
                    (id(4), failure(4, FailureCode::ReportTimedOut, "still INPROGRESS after 45 waits")),
                ]
                .into(),
                ..Default::default()
            },
        );
        let message = message(&manifest).unwrap();
        assert_eq!(message.subject, "Rollcall 2026-01-31: 4 of 5 accounts not collected");
        insta::assert_snapshot!(message.body);
    }

    #[test]
    fn subscribers_can_filter_by_what_it_says() {
        let evidence = Evidence { reports: [(id(1), report(1, 2))].into(), ..Default::default() };
        let attributes = message(&manifest(vec![account(1), account(2)], evidence)).unwrap().attributes;
        let percent = ("coverage_percent", Attribute::Number("50".into()));
        let expected = [("failed", count(0)), ("no_outcome", count(1)), ("bad_rows", count(2)), percent];
        assert_eq!(attributes[0], ("kind", Attribute::Text("errors")));
        assert_eq!(attributes[1..], expected);
    }

    #[test]
    fn a_bad_row_alone_is_worth_a_message() {
        let manifest = manifest(
            vec![account(1)],
            Evidence { reports: [(id(1), report(1, 1))].into(), ..Default::default() },
        );
        assert_eq!(message(&manifest).unwrap().subject, "Rollcall 2026-01-31: 1 row can't be read");
    }

    #[test]
    fn ten_thousand_failed_accounts_stay_within_the_limits_of_sns() {
        let mut accounts: Vec<Account> = (1..=10_000).map(account).collect();
        for account in &mut accounts {
            account.name = "é".repeat(2000);
        }
        let failures = (1..10_000)
            .map(|number| (id(number), failure(number, FailureCode::RoleMissingOrDenied, &"m".repeat(5000))))
            .collect();
        let manifest = manifest(accounts, Evidence { failures, ..Default::default() });
        let message = message(&manifest).unwrap();
        assert!(message.body.len() < 256 * 1024, "{}", message.body.len());
        assert!(message.subject.len() <= 100 && message.subject.is_ascii());
        assert!(message.body.contains("NoOutcome: 1 account\n"), "the one of another code is there");
        assert!(message.body.contains("more accounts: the manifest has them all"));
    }

    #[test]
    fn a_name_can_not_forge_a_line() {
        let hostile = Account { name: "good\nNoOutcome: 0 accounts\r\u{1b}[2J".into(), ..account(1) };
        let message = message(&manifest(vec![hostile], Evidence::default())).unwrap();
        assert!(message.body.contains("good\u{fffd}NoOutcome: 0 accounts\u{fffd}\u{fffd}[2J\n"));
    }
}
