//! Findings for a person at a terminal: by account, worst first, then what they come to, and how much
//! was looked at.
//!
//! No colour says anything that a word does not say too.

mod totals;

use std::collections::BTreeMap;
use std::io::{self, BufWriter, StdoutLock, Write};

use anstream::AutoStream;
use anstyle::AnsiColor;
use rollcall_core::evidence::manifest::Manifest;
use rollcall_core::judgement::analysis::Assessment;
use rollcall_core::judgement::finding::{Finding, Status};
use rollcall_core::judgement::rules::{RuleId, Severity};

use crate::error::CommandError;
use crate::terminal::{broken, columns, safe, shortened};
pub use totals::without_report;

/// What stands out.
pub const BOLD: anstyle::Style = anstyle::Style::new().bold();
/// What matters less.
pub const DIM: anstyle::Style = anstyle::Style::new().dimmed();

/// How wide the names of users may get before they are cut off.
const USER_WIDTH: usize = 40;
/// How many users of a rule a terminal lists for an account.
const USERS_LISTED: usize = 10;
/// How far findings stand in from the left.
const INDENT: usize = 4;

/// The colour of a severity.
pub fn severity_style(severity: Severity) -> anstyle::Style {
    match severity {
        Severity::Critical => AnsiColor::Red.on_default().bold(),
        Severity::High => AnsiColor::Red.on_default(),
        Severity::Medium => AnsiColor::Yellow.on_default(),
        Severity::Low => AnsiColor::Cyan.on_default(),
    }
}

/// How a table is written.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// The most columns of a line, on a terminal; a file or a pipe has lines of any length, and all of
    /// them.
    pub width: Option<usize>,
    /// Whether the findings are listed, and not only counted.
    pub with_findings: bool,
    /// What is said of what to do.
    pub words: Words,
}

/// Whom a table speaks to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Words {
    /// Somebody who has reports.
    Analysis,
    /// Somebody who ran the command, and has deployed nothing.
    Run,
}

/// Gives `write` standard output, with colour if it is to have some.
///
/// # Errors
/// Those of standard output.
pub fn print(
    write: impl FnOnce(&mut BufWriter<AutoStream<StdoutLock<'static>>>) -> io::Result<()>,
) -> Result<(), CommandError> {
    let mut output = BufWriter::new(AutoStream::auto(io::stdout().lock()));
    write(&mut output)?;
    Ok(output.flush()?)
}

/// Writes the table of a run.
///
/// # Errors
/// Those of `output`.
pub fn write(
    manifest: &Manifest,
    assessment: &Assessment,
    style: &Style,
    output: &mut impl Write,
) -> io::Result<()> {
    if style.with_findings {
        for (_, findings) in by_account(&assessment.findings) {
            account(&findings, style.width, output)?;
            writeln!(output)?;
        }
    }
    totals::write(manifest, assessment, style, output)
}

/// The findings of each account, the account with the worst first.
fn by_account(findings: &[Finding]) -> Vec<((Severity, &str), Vec<&Finding>)> {
    let mut accounts: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
    for finding in findings {
        accounts.entry(finding.assessed.account_id.as_str()).or_default().push(finding);
    }
    // They come in the order of severity.
    let worst = |findings: &[&Finding]| findings.first().map_or(Severity::Low, |finding| finding.severity());
    let mut accounts: Vec<_> = accounts
        .into_iter()
        .map(|(account_id, findings)| ((worst(&findings), account_id), findings))
        .collect();
    accounts.sort_by_key(|(order, _)| *order);
    accounts
}

fn account(findings: &[&Finding], width: Option<usize>, output: &mut impl Write) -> io::Result<()> {
    let Some(first) = findings.first() else { return Ok(()) };
    let assessed = &first.assessed;
    write!(output, "{BOLD}{}{BOLD:#}", assessed.account_id)?;
    let is_of = |finding: &&&Finding, severity| finding.is_open() && finding.severity() == severity;
    let counts =
        severities(|severity| findings.iter().filter(|finding| is_of(finding, severity)).count() as u64);
    let counts = if counts.is_empty() { "all exempt".to_owned() } else { counts };
    let name = safe(&assessed.account_name);
    if !name.is_empty() {
        // The id has twelve columns, and two spaces stand on each side.
        let left = width.map_or(usize::MAX, |width| width.saturating_sub(columns(&counts) + 16).max(10));
        write!(output, "  {BOLD}{}{BOLD:#}", shortened(&name, left))?;
    }
    writeln!(output, "  {DIM}{counts}{DIM:#}")?;
    let users = findings.iter().map(|finding| columns(&safe(&finding.user))).max().unwrap_or_default();
    let most = width.map_or(USER_WIDTH, |width| (width / 3).min(USER_WIDTH));
    let users = users.min(most);
    let mut rule = None;
    let (mut listed, mut left_out) = (0, 0);
    let most_listed = width.map_or(usize::MAX, |_| USERS_LISTED);
    for finding in in_order_of_rules(findings) {
        if rule != Some(finding.rule) {
            more_users(left_out, output)?;
            (listed, left_out) = (0, 0);
            rule = Some(finding.rule);
            let (severity, style) = (finding.severity(), severity_style(finding.severity()));
            writeln!(output, "  {style}{severity}{style:#} {}", finding.rule)?;
        }
        listed += 1;
        if listed > most_listed {
            left_out += 1;
            continue;
        }
        let user = safe(&finding.user);
        let user = shortened(&user, users);
        let padding = users - columns(&user);
        write!(output, "{:INDENT$}{user}{:padding$}  ", "", "")?;
        let left = INDENT + users + 2;
        let text = text(finding);
        let text = safe(&text);
        let lines = broken(&text, width, left);
        for (number, line) in lines.iter().enumerate() {
            let indent = if number == 0 { 0 } else { left };
            writeln!(output, "{:indent$}{line}", "")?;
        }
    }
    more_users(left_out, output)
}

/// What a terminal does not list is said, with where it is.
fn more_users(left_out: usize, output: &mut impl Write) -> io::Result<()> {
    match left_out {
        0 => Ok(()),
        more => writeln!(output, "{:INDENT$}{DIM}and {more} more: a file or a pipe gets all{DIM:#}", ""),
    }
}

/// How many open findings of each severity, without those that have none: `1 critical, 2 high`.
fn severities(open: impl Fn(Severity) -> u64) -> String {
    let counts: Vec<String> = Severity::ALL
        .into_iter()
        .map(|severity| (severity, open(severity)))
        .filter(|(_, count)| *count > 0)
        .map(|(severity, count)| format!("{count} {severity}"))
        .collect();
    counts.join(", ")
}

/// By severity, then by rule, users as they come.
fn in_order_of_rules<'f>(findings: &[&'f Finding]) -> Vec<&'f Finding> {
    let mut sorted = findings.to_vec();
    sorted.sort_by_key(|finding| (finding.severity(), finding.rule));
    sorted
}

/// What there is to say of a finding beside its user and rule.
fn text(finding: &Finding) -> String {
    let mut text = finding.sentence();
    if finding.status == Status::Ongoing {
        text.push_str(&format!(" (since {})", finding.first_seen));
    }
    if !finding.verified {
        text.push_str(" (unverified: nobody could look)");
    }
    if let Some(exemption) = &finding.exemption {
        text.push_str(&format!(" (exempt until {}: {})", exemption.expires, exemption.reason));
    }
    text
}

/// The findings of each rule that has some, worst rule first.
fn by_rule(findings: &[Finding]) -> Vec<(RuleId, Vec<&Finding>)> {
    let mut rules: BTreeMap<(Severity, RuleId), Vec<&Finding>> = BTreeMap::new();
    for finding in findings.iter().filter(|finding| finding.is_open()) {
        rules.entry((finding.severity(), finding.rule)).or_default().push(finding);
    }
    rules.into_iter().map(|((_, rule), findings)| (rule, findings)).collect()
}

#[cfg(test)]
mod tests;
