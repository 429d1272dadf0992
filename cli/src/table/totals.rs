//! What the findings come to, and how much was looked at.

use std::collections::HashSet;
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use chrono::{DateTime, Utc};
use rollcall_core::evidence::manifest::Manifest;
use rollcall_core::judgement::analysis::Assessment;
use rollcall_core::judgement::rules::{Rule, RuleId};
use rollcall_core::organization::failure::FailureCode;
use rollcall_core::organization::outcome::{AccountOutcome, Outcome};
use rollcall_core::organization::roll::RollSource;
use rollcall_core::text::counted::counted;

use super::{BOLD, DIM, Words, by_rule, severities, severity_style};
use crate::terminal::{broken, safe};

/// Everything is as it should be.
const GOOD: Style = AnsiColor::Green.on_default().bold();
/// Something is not.
const BAD: Style = AnsiColor::Red.on_default().bold();

/// How many rules that could not tell are named.
const RULES_NAMED: usize = 3;
/// How many accounts that could not be looked at are listed.
const MISSING_LISTED: usize = 20;

/// Writes totals by rule, coverage, and what was looked at.
pub(super) fn write(
    manifest: &Manifest,
    assessment: &Assessment,
    style: &super::Style,
    output: &mut impl Write,
) -> io::Result<()> {
    let width = style.width;
    let rules = by_rule(&assessment.findings);
    if !rules.is_empty() {
        let longest = rules.iter().map(|(rule, _)| rule.as_str().len()).max().unwrap_or_default();
        writeln!(output, "{DIM}{:8}  {:longest$}  findings  accounts{DIM:#}", "severity", "rule")?;
        for (rule, findings) in &rules {
            let severity = Rule::of(*rule).severity;
            let style = severity_style(severity);
            let accounts: HashSet<_> = findings.iter().map(|finding| &finding.assessed.account_id).collect();
            writeln!(
                output,
                "{style}{:8}{style:#}  {:longest$}  {:8}  {:8}",
                severity.as_str(),
                rule.as_str(),
                findings.len(),
                accounts.len()
            )?;
        }
        writeln!(output)?;
    }
    missing(manifest, style, output)?;
    let mut lines = vec![findings_line(manifest), changes_line(manifest)];
    lines.extend([coverage_line(manifest), credentials_line(manifest), times_line(manifest)]);
    for (style, line) in lines.into_iter().flatten() {
        for (number, line) in broken(&safe(&line), width, 2).into_iter().enumerate() {
            let indent = if number == 0 { 0 } else { 2 };
            writeln!(output, "{:indent$}{style}{line}{style:#}", "")?;
        }
    }
    Ok(())
}

type Line = Option<(Style, String)>;

fn findings_line(manifest: &Manifest) -> Line {
    let counts = &manifest.findings;
    let exempted = match counts.exempted {
        0 => String::new(),
        some => format!("; {some} exempted"),
    };
    let style = if counts.open == 0 { GOOD } else { BAD };
    Some(match counts.open {
        0 if manifest.coverage.collected == 0 => {
            (BAD, "No report could be read, so nothing is judged.".to_owned())
        }
        0 => (style, format!("Nothing is flagged{exempted}.")),
        open => (
            style,
            format!(
                "{}: {}{exempted}.",
                counted(open, "finding"),
                severities(|severity| counts.of_severity(severity))
            ),
        ),
    })
}

fn changes_line(manifest: &Manifest) -> Line {
    manifest.history.compared_with.as_ref()?;
    let counts = &manifest.findings;
    let line = format!(
        "{} new, {} ongoing, {} resolved. {}",
        counts.new,
        counts.ongoing,
        counts.resolved,
        manifest.history.sentence()
    );
    Some((Style::new(), line))
}

fn coverage_line(manifest: &Manifest) -> Line {
    let coverage = &manifest.coverage;
    let all = coverage.to_collect();
    let skipped = match coverage.skipped {
        0 => String::new(),
        some => format!(" ({some} more skipped)"),
    };
    let damaged = match coverage.bad_rows {
        0 => String::new(),
        rows => format!(", but {} can't be read", counted(rows, "row")),
    };
    if manifest.source == RollSource::Reports {
        let is_whole = coverage.missing() + coverage.bad_rows == 0 && manifest.unreadable_files.is_empty();
        let style = if is_whole { Style::new() } else { BAD };
        let all = all + manifest.unreadable_files.len() as u64;
        let line = format!(
            "Coverage: {} of {}{damaged}. Whether these are all accounts, only a roll could tell.",
            coverage.collected,
            counted(all, "report")
        );
        return Some((style, line));
    }
    Some(match coverage.missing() {
        0 if coverage.bad_rows == 0 && all == 1 => {
            (GOOD, format!("Coverage: the one account has a report{skipped}."))
        }
        0 if coverage.bad_rows == 0 => {
            (GOOD, format!("Coverage: every one of {} has a report{skipped}.", counted(all, "account")))
        }
        0 => (BAD, format!("Coverage: {} of {all} accounts{skipped}{damaged}.", coverage.collected)),
        missing => (
            BAD,
            format!(
                "Coverage: {} of {}{skipped}, {} percent{damaged}: {missing} NOT looked at.",
                coverage.collected,
                counted(all, "account"),
                coverage.percent
            ),
        ),
    })
}

fn credentials_line(manifest: &Manifest) -> Line {
    let credentials = &manifest.credentials;
    let mut untold: Vec<(u64, RuleId)> = manifest
        .findings
        .by_rule
        .iter()
        .filter(|(_, counts)| counts.not_assessable > 0)
        .map(|(rule, counts)| (counts.not_assessable, *rule))
        .collect();
    untold.sort_by(|one, other| other.cmp(one));
    let rules: Vec<String> =
        untold.iter().take(RULES_NAMED).map(|(times, rule)| format!("{rule} ({times})")).collect();
    let more = match untold.len() {
        many if many > RULES_NAMED => format!(" and {} more", counted((many - RULES_NAMED) as u64, "rule")),
        _ => String::new(),
    };
    let untold = match rules.is_empty() {
        true => String::new(),
        false => format!(" Not assessable, for the reports do not say: {}{more}.", rules.join(", ")),
    };
    let line = format!(
        "{}, {}.{untold}",
        counted(credentials.users, "user"),
        counted(credentials.active_keys, "active access key")
    );
    Some((Style::new(), line))
}

/// When the reports are of: an old report must not pass for one of today.
fn times_line(manifest: &Manifest) -> Line {
    let generated = || {
        manifest
            .accounts
            .iter()
            .filter(|account| account.outcome == Outcome::Collected)
            .filter_map(|account| Some(account.report.as_ref()?.generated))
    };
    // Only a run knows when IAM made a report; a file knows when it was written.
    let reports = if manifest.source == RollSource::Reports { "files" } else { "reports" };
    let of = match (generated().min(), generated().max()) {
        (Some(first), Some(last)) if minute(first) == minute(last) => {
            format!("{reports} of {}", minute(first))
        }
        (Some(first), Some(last)) => format!("{reports} of {} to {}", minute(first), minute(last)),
        _ => return None,
    };
    Some((Style::new(), format!("Ages are counted to {} UTC; {of} UTC.", minute(manifest.as_of))))
}

/// A time to the minute, as a person reads it.
fn minute(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%d %H:%M").to_string()
}

/// The accounts that have no report, by why.
fn missing(manifest: &Manifest, style: &super::Style, output: &mut impl Write) -> io::Result<()> {
    let width = style.width;
    let missing: Vec<&AccountOutcome> =
        manifest.accounts.iter().filter(|account| account.is_missing()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    writeln!(output, "{BAD}Not looked at{BAD:#}")?;
    let mut listed = 0;
    for code in FailureCode::ALL {
        let of_code: Vec<_> = missing.iter().filter(|account| account.code == Some(code)).collect();
        if of_code.is_empty() {
            continue;
        }
        writeln!(output, "  {BOLD}{code}{BOLD:#}")?;
        for line in broken(remedy(code, style.words), width, 4) {
            writeln!(output, "    {DIM}{line}{DIM:#}")?;
        }
        for account in of_code {
            listed += 1;
            if listed > MISSING_LISTED {
                continue;
            }
            let account_name = [account.account_id.as_str(), &account.name].join("  ");
            writeln!(output, "    {BOLD}{}{BOLD:#}", safe(account_name.trim_end()))?;
            let message = account.message.as_deref().unwrap_or_default();
            for line in broken(&safe(message), width, 6) {
                writeln!(output, "      {line}")?;
            }
        }
    }
    if listed > MISSING_LISTED {
        writeln!(
            output,
            "    and {} more; run.json and --format json have all of them",
            listed - MISSING_LISTED
        )?;
    }
    writeln!(output)
}

/// What to do about a failure. A day may be that of a deployment, whose own words are about it; whoever
/// ran the command has flags, and whoever has reports can fetch them again.
fn remedy(code: FailureCode, words: Words) -> &'static str {
    match (words, code) {
        (Words::Analysis, FailureCode::ReportUnreadable) => {
            return "Fetch the report again; if IAM really writes it this way, report it to Rollcall \
                    with its header line.";
        }
        (Words::Analysis, FailureCode::StorageFailed) => {
            return "Fetch the day again from where its run wrote it, and ask who changed it.";
        }
        (Words::Analysis, FailureCode::NoOutcome) => {
            return "Start the run again; `rollcall run --resume` goes on with one that was stopped.";
        }
        (Words::Analysis, code) => return code.remedy(),
        (Words::Run, _) => {}
    }
    match code {
        FailureCode::RoleMissingOrDenied => {
            "Name a role that is in every account and trusts you with --member-role-name; \
             --this-account needs none."
        }
        FailureCode::StorageFailed => "Check --output and your permissions there, and run again.",
        FailureCode::Throttled => "Run again, and lower --concurrency if many accounts are throttled.",
        FailureCode::ReportTimedOut => {
            "Run again; if it happens again and again, open a case with AWS Support, for IAM does not \
             finish the report."
        }
        FailureCode::NoOutcome | FailureCode::Internal => {
            "Run again, and report the message to Rollcall if it is not an outage of AWS."
        }
        FailureCode::DeniedByPolicy | FailureCode::ReportUnreadable | FailureCode::AccountSuspended => {
            code.remedy()
        }
    }
}

/// How many accounts have no report.
pub fn without_report(missing: u64, all: u64) -> String {
    match (missing, all) {
        (1, 1) => "the only account has no report".to_owned(),
        (1, all) => format!("1 of {all} accounts has no report"),
        (missing, all) => format!("{missing} of {all} accounts have no report"),
    }
}
