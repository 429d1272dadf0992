//! What the template is filled with.

use std::collections::HashMap;

use askama::Template;

use crate::evidence::counts::{FindingCounts, RuleCounts};
use crate::evidence::manifest::Manifest;
use crate::formats::page::askama_filters as filters;
use crate::formats::page::askama_filters::counted_number;
use crate::formats::page::style_and_script::{SCRIPT, STYLE, content_security_policy};
use crate::formats::page::{age_plot, data};
use crate::identifiers::account_id::AccountId;
use crate::judgement::exemptions::ExemptionOutcome;
use crate::judgement::finding::{Finding, Status};
use crate::judgement::rules::{RULES, Rule, RuleId, Severity};
use crate::organization::failure::FailureCode;
use crate::organization::outcome::{AccountOutcome, ReportEntry};
use crate::organization::report_age::{OlderReport, older_than_start};
use crate::organization::roll::{RollSource, SkipReason};

/// How many findings the page holds: more make a browser slow, and nobody reads them there.
pub const FINDINGS_SHOWN: usize = 50_000;

/// How much of each list the page has. What is left out is counted, and said where to find.
const ACCOUNTS_NOT_COVERED: usize = 1_000;
const ACCOUNTS_WITH_THE_MOST: usize = 20;
const CHANGES: usize = 25;
const EXEMPTIONS: usize = 500;
/// How many findings stand in the page before its script runs.
const FINDINGS_WITHOUT_SCRIPT: usize = 100;

#[derive(Template)]
#[template(path = "page.html")]
pub(super) struct Page<'a> {
    content_security_policy: String,
    style: &'static str,
    script: &'static str,
    manifest: &'a Manifest,
    counts: &'a FindingCounts,
    headline: String,
    /// Whether it is of reports that somebody had, and nobody knows of other accounts.
    is_of_reports: bool,
    /// Whether the files of a day lie beside the page.
    has_files: bool,
    is_covered: bool,
    not_covered: u64,
    missing: List<(&'a AccountOutcome, (FailureCode, &'a str))>,
    bad_reports: List<(&'a AccountOutcome, &'a ReportEntry)>,
    skipped: List<(&'a AccountOutcome, SkipReason)>,
    /// The collected reports that IAM made before the run started.
    older: List<OlderReport<'a>>,
    older_reports: u64,
    rules: Vec<RuleRow>,
    accounts: List<AccountRow<'a>>,
    plot: String,
    age_groups: Vec<age_plot::Group>,
    new: List<&'a Finding>,
    resolved: List<&'a Finding>,
    columns: &'static [Column],
    first: &'a [Finding],
    shown: u64,
    exemptions: List<&'a ExemptionOutcome>,
    source: &'static str,
    data: String,
}

/// The start of a list, and how much is left out.
struct List<T> {
    items: Vec<T>,
    rest: u64,
}

impl<T> List<T> {
    fn of(items: impl Iterator<Item = T>, limit: usize) -> Self {
        let mut items = items.fuse();
        let first = items.by_ref().take(limit).collect();
        Self { items: first, rest: items.count() as u64 }
    }
}

struct RuleRow {
    rule: &'static Rule,
    counts: RuleCounts,
    is_off: bool,
    setting: String,
}

struct AccountRow<'a> {
    account_id: &'a AccountId,
    name: &'a str,
    open: u64,
    by_severity: [u64; Severity::ALL.len()],
}

struct Column {
    title: &'static str,
    is_number: bool,
}

const fn text(title: &'static str) -> Column {
    Column { title, is_number: false }
}

const fn number(title: &'static str) -> Column {
    Column { title, is_number: true }
}

static COLUMNS: [Column; 11] = [
    text("Severity"),
    text("Account"),
    text("Name"),
    text("User"),
    text("Credential"),
    text("Rule"),
    text("Observed"),
    number("Age in days"),
    number("Limit"),
    text("First seen"),
    text("Status"),
];

impl<'a> Page<'a> {
    pub(super) fn new(manifest: &'a Manifest, findings: &'a [Finding], resolved: &'a [Finding]) -> Self {
        let coverage = &manifest.coverage;
        let accounts = &manifest.accounts;
        let is_of_reports = manifest.source == RollSource::Reports;
        // Reports that somebody had are always older.
        let older = if is_of_reports { vec![] } else { older_than_start(accounts, manifest.started) };
        let shown = &findings[..findings.len().min(FINDINGS_SHOWN)];
        let stale_after = manifest.settings.limit_days(RuleId::AccessKeyStale);
        let age_groups = age_plot::groups(&manifest.credentials, stale_after);
        Self {
            content_security_policy: content_security_policy(),
            style: STYLE,
            script: SCRIPT,
            manifest,
            counts: &manifest.findings,
            headline: headline(manifest),
            is_of_reports,
            has_files: !manifest.outputs.is_empty(),
            is_covered: coverage.missing() == 0
                && coverage.bad_rows == 0
                && coverage.collected > 0
                && manifest.unreadable_files.is_empty(),
            not_covered: coverage.missing(),
            missing: List::of(
                accounts.iter().filter_map(|account| Some((account, account.outcome.failure()?))),
                ACCOUNTS_NOT_COVERED,
            ),
            bad_reports: List::of(
                accounts.iter().filter_map(|account| Some((account, account.report_with_bad_rows()?))),
                ACCOUNTS_NOT_COVERED,
            ),
            skipped: List::of(
                accounts.iter().filter_map(|account| Some((account, account.outcome.skip_reason()?))),
                ACCOUNTS_NOT_COVERED,
            ),
            older_reports: older.len() as u64,
            older: List::of(older.into_iter(), ACCOUNTS_NOT_COVERED),
            rules: RULES
                .iter()
                .map(|rule| RuleRow {
                    rule,
                    counts: manifest.findings.by_rule.get(&rule.id).copied().unwrap_or_default(),
                    is_off: !manifest.settings.applies(rule.id),
                    setting: match manifest.settings.limit_days(rule.id) {
                        Some(days) => counted_number(days.into(), "day"),
                        None => manifest.settings.setting(rule.id).to_string(),
                    },
                })
                .collect(),
            accounts: accounts_with_the_most(findings),
            plot: age_plot::svg(&age_groups, stale_after),
            age_groups,
            new: List::of(
                findings.iter().filter(|finding| finding.is_open() && finding.status == Status::New),
                CHANGES,
            ),
            resolved: List::of(resolved.iter(), CHANGES),
            columns: &COLUMNS,
            first: &shown[..shown.len().min(FINDINGS_WITHOUT_SCRIPT)],
            shown: shown.len() as u64,
            exemptions: exemptions(manifest),
            source: match manifest.source {
                RollSource::Organization => "the whole organization",
                RollSource::OrganizationalUnits => "organizational units of the organization",
                RollSource::AccountList => "a list of account ids",
                RollSource::ExecutionInput => "the execution's input",
                RollSource::Reports => "the reports that the command was given",
            },
            data: data::json(shown),
        }
    }
}

fn headline(manifest: &Manifest) -> String {
    let coverage = &manifest.coverage;
    let to_collect = coverage.to_collect();
    let is_of_reports = manifest.source == RollSource::Reports;
    let unreadable = coverage.missing() + manifest.unreadable_files.len() as u64;
    if unreadable > 0 && is_of_reports {
        let all = counted_number(to_collect + manifest.unreadable_files.len() as u64, "report");
        return format!("{unreadable} of {all} can't be read");
    }
    if coverage.missing() > 0 {
        return format!("{} of {} not covered", coverage.missing(), counted_number(to_collect, "account"));
    }
    if coverage.collected == 0 {
        return "No account was covered".to_owned();
    }
    let all = match to_collect {
        1 if is_of_reports => "The one report can be read".to_owned(),
        many if is_of_reports => format!("All {} can be read", counted_number(many, "report")),
        1 => "The one account is covered".to_owned(),
        many => format!("All {} are covered", counted_number(many, "account")),
    };
    match coverage.bad_rows {
        0 => all,
        rows => format!("{all}, but for {} that can't be read", counted_number(rows, "row")),
    }
}

fn accounts_with_the_most(findings: &[Finding]) -> List<AccountRow<'_>> {
    let mut rows: HashMap<&AccountId, AccountRow<'_>> = HashMap::new();
    for finding in findings.iter().filter(|finding| finding.is_open()) {
        let account_id = &finding.assessed.account_id;
        let row = rows.entry(account_id).or_insert(AccountRow {
            account_id,
            name: &finding.assessed.account_name,
            open: 0,
            by_severity: [0; Severity::ALL.len()],
        });
        row.open += 1;
        row.by_severity[finding.severity() as usize] += 1;
    }
    let mut rows: Vec<_> = rows.into_values().collect();
    rows.sort_unstable_by(|one, other| {
        (other.open, other.by_severity, one.account_id).cmp(&(one.open, one.by_severity, other.account_id))
    });
    List::of(rows.into_iter(), ACCOUNTS_WITH_THE_MOST)
}

/// What needs attention first: expired, then the next to expire.
fn exemptions(manifest: &Manifest) -> List<&ExemptionOutcome> {
    let mut exemptions: Vec<_> = manifest.exemptions.outcomes.iter().collect();
    exemptions.sort_by_key(|exemption| (exemption.days_left, exemption.line));
    List::of(exemptions.into_iter(), EXEMPTIONS)
}
