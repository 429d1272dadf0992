//! The findings of each account.

use std::collections::BTreeMap;
use std::io::{self, Write};

use rollcall_core::judgement::finding::{Finding, Status};
use rollcall_core::judgement::rules::Severity;

use super::severities::severities;
use crate::terminal::escaping::{columns, safe, shortened, wrapped_beside};
use crate::terminal::style::{BOLD, DIM, severity_style};

/// How wide the column of users may get: a terminal cuts off longer names, a file or a pipe has them whole.
const USER_WIDTH: usize = 40;
/// How many users of a rule a terminal lists for an account.
const USERS_LISTED: usize = 10;
/// How far findings stand in from the left.
const INDENT: usize = 4;

/// Writes the findings of each account, the account with the worst first.
pub(super) fn write(findings: &[Finding], width: Option<usize>, output: &mut impl Write) -> io::Result<()> {
    for findings in by_account(findings) {
        account(&findings, width, output)?;
        writeln!(output)?;
    }
    Ok(())
}

/// The findings of each account, the account with the worst first.
fn by_account(findings: &[Finding]) -> impl Iterator<Item = Vec<&Finding>> {
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
    accounts.into_iter().map(|(_, findings)| findings)
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
        let user = if width.is_some() { shortened(&user, users) } else { user };
        let padding = users.saturating_sub(columns(&user));
        write!(output, "{:INDENT$}{user}{:padding$}  ", "", "")?;
        let left = INDENT + users + 2;
        let text = text(finding);
        let text = safe(&text);
        let lines = wrapped_beside(&text, width, left);
        for (number, line) in lines.iter().enumerate() {
            let indent = if number == 0 { 0 } else { left };
            writeln!(output, "{:indent$}{line}", "")?;
        }
    }
    more_users(left_out, output)
}

/// Says how many users a terminal leaves out, and where they are.
fn more_users(left_out: usize, output: &mut impl Write) -> io::Result<()> {
    match left_out {
        0 => Ok(()),
        more => writeln!(output, "{:INDENT$}{DIM}and {more} more: a file or a pipe gets all{DIM:#}", ""),
    }
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
