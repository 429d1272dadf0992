//! Changes for a person at a terminal: by account, what to look at first.

use std::collections::BTreeMap;
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use rollcall_core::identifiers::account_id::AccountId;
use rollcall_core::judgement::credential_changes::Effect;
use rollcall_core::judgement::finding::Finding;
use rollcall_core::text::counted::counted;

use super::changes::Changes;
use super::findings::ChangedFinding;
use crate::terminal::escaping::{columns, safe, wrapped_beside};
use crate::terminal::style::{BOLD, DIM};

/// It became worse.
const WORSE: Style = AnsiColor::Red.on_default();
/// It became better.
const BETTER: Style = AnsiColor::Green.on_default();
/// It became something else.
const OTHER: Style = AnsiColor::Yellow.on_default();

/// How many accounts without a report are listed.
const ACCOUNTS_LISTED: usize = 20;

/// One line of an account.
struct Line {
    style: Style,
    word: &'static str,
    text: String,
}

/// Writes the changes in lines of at most `width` columns.
pub(super) fn write(changes: &Changes, width: Option<usize>, output: &mut impl Write) -> io::Result<()> {
    for (account_id, lines) in by_account(changes) {
        writeln!(output, "{BOLD}{}{BOLD:#}", account(changes, account_id))?;
        for Line { style, word, text } in lines {
            let indent = 2 + "resolved".len() + 2;
            let text = safe(&text);
            let lines = wrapped_beside(&text, width, indent);
            for (number, line) in lines.iter().enumerate() {
                match number {
                    0 => writeln!(
                        output,
                        "  {style}{word}{style:#}{:padding$}{line}",
                        "",
                        padding = indent - 2 - columns(word)
                    )?,
                    _ => writeln!(output, "{:indent$}{line}", "")?,
                }
            }
        }
        writeln!(output)?;
    }
    not_compared(changes, output)?;
    totals(changes, width, output)
}

/// An account and its name, if that is known.
fn account(changes: &Changes, account_id: &AccountId) -> String {
    match changes.names.get(account_id).map_or("", |name| name) {
        "" => account_id.to_string(),
        name => format!("{account_id}  {}", safe(name)),
    }
}

fn by_account(changes: &Changes) -> BTreeMap<&AccountId, Vec<Line>> {
    let mut accounts: BTreeMap<&AccountId, Vec<Line>> = BTreeMap::new();
    let mut add = |account_id, style, word, text| {
        accounts.entry(account_id).or_default().push(Line { style, word, text });
    };
    let findings = &changes.findings;
    for finding in &findings.new {
        add(&finding.assessed.account_id, WORSE, "new", description(finding));
    }
    for ChangedFinding { was, was_exempt, finding } in &findings.changed {
        let exempt = match (was_exempt, finding.exemption.is_some()) {
            (false, true) => ", and is exempt now",
            (true, false) => ", and is no longer exempt",
            _ => "",
        };
        let text = format!("{}; it was {was} and is {}{exempt}", description(finding), finding.observed);
        add(&finding.assessed.account_id, OTHER, "changed", text);
    }
    for finding in &findings.resolved {
        add(&finding.assessed.account_id, BETTER, "resolved", description(finding));
    }
    for finding in &findings.untold {
        let text = format!("{}; whether it still is, the later reports do not say", description(finding));
        add(&finding.assessed.account_id, OTHER, "untold", text);
    }
    let mut credentials: Vec<_> = changes.credentials.iter().collect();
    credentials.sort_by_key(|change| change.effect);
    for change in credentials {
        let style = match change.effect {
            Effect::Riskier => WORSE,
            Effect::Neutral => OTHER,
            Effect::Safer => BETTER,
        };
        let text = format!("{}: {}", change.user, change.sentence());
        add(&change.account_id, style, change.effect.as_str(), text);
    }
    accounts
}

fn description(finding: &Finding) -> String {
    let exempt = if finding.is_open() { "" } else { " (exempt)" };
    format!("{} {}: {}: {}{exempt}", finding.severity(), finding.rule, finding.user, finding.sentence())
}

/// The accounts that only one of the days has a report of.
fn not_compared(changes: &Changes, output: &mut impl Write) -> io::Result<()> {
    for (accounts, title) in [
        (&changes.accounts_without_new_report, "No later report, so what became of them is not known:"),
        (&changes.accounts_without_old_report, "No earlier report, so all their findings are new:"),
    ] {
        if accounts.is_empty() {
            continue;
        }
        writeln!(output, "{BOLD}{title}{BOLD:#}")?;
        for account_id in accounts.iter().take(ACCOUNTS_LISTED) {
            writeln!(output, "  {}", account(changes, account_id))?;
        }
        if accounts.len() > ACCOUNTS_LISTED {
            writeln!(output, "  and {} more", accounts.len() - ACCOUNTS_LISTED)?;
        }
        writeln!(output)?;
    }
    Ok(())
}

fn totals(changes: &Changes, width: Option<usize>, output: &mut impl Write) -> io::Result<()> {
    let findings = &changes.findings;
    let untold = match findings.untold.len() {
        0 => String::new(),
        some => format!(", {some} untold"),
    };
    let mut lines = vec![(
        BOLD,
        format!(
            "Findings: {} new, {} changed, {} resolved{untold}; {} as they were.",
            findings.new.len(),
            findings.changed.len(),
            findings.resolved.len(),
            findings.unchanged
        ),
    )];
    let of = |effect| changes.credentials.iter().filter(|change| change.effect == effect).count();
    lines.push((
        BOLD,
        format!(
            "Credentials: {} changes: {} riskier, {} neutral, {} safer.",
            changes.credentials.len(),
            of(Effect::Riskier),
            of(Effect::Neutral),
            of(Effect::Safer)
        ),
    ));
    let not_comparable: u64 = changes.not_comparable.values().sum();
    if not_comparable > 0 {
        let times = counted(not_comparable, "time");
        lines.push((DIM, format!("{times}, the reports do not say enough to compare a credential.")));
    }
    lines.push((
        DIM,
        format!(
            "From {} ({}, ages counted to {} UTC) to {} ({}, to {} UTC).",
            changes.old.place,
            counted(changes.old.reports, "report"),
            changes.old.as_of.format("%Y-%m-%d %H:%M"),
            changes.new.place,
            counted(changes.new.reports, "report"),
            changes.new.as_of.format("%Y-%m-%d %H:%M"),
        ),
    ));
    for (style, line) in lines {
        let line = safe(&line);
        for line in wrapped_beside(&line, width, 0) {
            writeln!(output, "{style}{line}{style:#}")?;
        }
    }
    Ok(())
}
