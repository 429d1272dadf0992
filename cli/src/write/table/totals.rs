//! How many findings there are in all, and how much was looked at, a sentence each.

use std::io::{self, Write};

use anstyle::Style;
use chrono::{DateTime, Utc};
use rollcall_core::evidence::manifest::Manifest;
use rollcall_core::judgement::rules::RuleId;
use rollcall_core::organization::roll::RollSource;
use rollcall_core::text::counted::counted;

use super::severities::severities;
use crate::terminal::escaping::{safe, wrapped_beside};
use crate::terminal::style::{BAD, GOOD};

/// How many rules that could not be assessed are named.
const RULES_NAMED: usize = 3;
/// How far the lines of a sentence after its first stand in.
const INDENT: usize = 2;

/// Writes the sentences.
pub(super) fn write(manifest: &Manifest, width: Option<usize>, output: &mut impl Write) -> io::Result<()> {
    let sentences = [
        findings_sentence(manifest),
        changes_sentence(manifest),
        coverage_sentence(manifest),
        credentials_sentence(manifest),
        times_sentence(manifest),
    ];
    for (style, sentence) in sentences.into_iter().flatten() {
        for (number, line) in wrapped_beside(&safe(&sentence), width, INDENT).into_iter().enumerate() {
            let indent = if number == 0 { 0 } else { INDENT };
            writeln!(output, "{:indent$}{style}{line}{style:#}", "")?;
        }
    }
    Ok(())
}

type Sentence = Option<(Style, String)>;

fn findings_sentence(manifest: &Manifest) -> Sentence {
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

fn changes_sentence(manifest: &Manifest) -> Sentence {
    manifest.history.compared_with.as_ref()?;
    let counts = &manifest.findings;
    let sentence = format!(
        "{} new, {} ongoing, {} resolved. {}",
        counts.new,
        counts.ongoing,
        counts.resolved,
        manifest.history.sentence()
    );
    Some((Style::new(), sentence))
}

fn coverage_sentence(manifest: &Manifest) -> Sentence {
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
        let sentence = format!(
            "Coverage: {} of {}{damaged}. Whether these are all accounts, only a roll could tell.",
            coverage.collected,
            counted(all, "report")
        );
        return Some((style, sentence));
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

fn credentials_sentence(manifest: &Manifest) -> Sentence {
    let credentials = &manifest.credentials;
    let mut not_assessable: Vec<(u64, RuleId)> = manifest
        .findings
        .by_rule
        .iter()
        .filter(|(_, counts)| counts.not_assessable > 0)
        .map(|(rule, counts)| (counts.not_assessable, *rule))
        .collect();
    not_assessable.sort_by(|one, other| other.cmp(one));
    let rules: Vec<String> =
        not_assessable.iter().take(RULES_NAMED).map(|(times, rule)| format!("{rule} ({times})")).collect();
    let more = match not_assessable.len() {
        many if many > RULES_NAMED => format!(" and {} more", counted((many - RULES_NAMED) as u64, "rule")),
        _ => String::new(),
    };
    let not_assessable = match rules.is_empty() {
        true => String::new(),
        false => format!(" Not assessable, for the reports do not say: {}{more}.", rules.join(", ")),
    };
    let sentence = format!(
        "{}, {}.{not_assessable}",
        counted(credentials.users, "user"),
        counted(credentials.active_keys, "active access key")
    );
    Some((Style::new(), sentence))
}

/// The time of the reports: an old report must not pass for one of today.
fn times_sentence(manifest: &Manifest) -> Sentence {
    let reports = || {
        let collected = manifest.accounts.iter().filter(|account| account.is_collected());
        collected.filter_map(|account| account.outcome.report())
    };
    // Not every file says when IAM made its report; then it is called by when it was written.
    let of: Vec<String> = [
        span("reports", reports().filter_map(|report| report.generated)),
        span("files", reports().filter_map(|report| report.file_modified)),
    ]
    .into_iter()
    .flatten()
    .collect();
    if of.is_empty() {
        return None;
    }
    Some((Style::new(), format!("Ages are counted to {} UTC; {}.", minute(manifest.as_of), of.join("; "))))
}

/// From when to when something is, for a person; `None` when there is none of it.
fn span(what: &str, times: impl Iterator<Item = DateTime<Utc>> + Clone) -> Option<String> {
    let (first, last) = (times.clone().min()?, times.max()?);
    let first = minute(first);
    let last = minute(last);
    Some(if first == last {
        format!("{what} of {first} UTC")
    } else {
        format!("{what} of {first} to {last} UTC")
    })
}

/// A time to the minute, as a person reads it.
fn minute(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%d %H:%M").to_string()
}
