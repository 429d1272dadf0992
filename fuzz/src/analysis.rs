//! Any bytes as the report of a night, and as everything else that the night is judged by. Every output
//! must hold, and a second night over the same report finds nothing new and resolves nothing.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use rollcall_core::evidence::bucket_layout;
use rollcall_core::evidence::manifest::{JudgedBy, Manifest, WrittenFile};
use rollcall_core::formats::jsonl;
use rollcall_core::identifiers::account_id::AccountId;
use rollcall_core::judgement::analysis::{Analysis, Analyzer, Assessment};
use rollcall_core::judgement::credential_changes::compare;
use rollcall_core::judgement::exemptions::Exemptions;
use rollcall_core::judgement::finding::{Finding, Status};
use rollcall_core::judgement::history::{Earlier, EarlierRun, History, Previous};
use rollcall_core::judgement::rules::RuleId;
use rollcall_core::judgement::settings::RuleSettings;
use rollcall_core::organization::failure::{FailureCode, FailureRecord};
use rollcall_core::organization::outcome::ReportEntry;
use rollcall_core::organization::roll::{Account, Roll, RollSource, Selection};
use rollcall_core::organization::roll_call::{Evidence, RollCall, StoredReport};
use rollcall_core::organization::run::Run;
use rollcall_core::report::Tally;
use rollcall_core::text::time::parse_as_of;
use rollcall_testing::outputs;
use serde_json::Value;

const ACCOUNT: &str = "123456789012";
/// The line between two parts of an input.
const SEPARATOR: &[u8] = b"\n%%\n";
/// How many findings of the night before are read. More would only make an input slower.
const PREVIOUS_LIMIT: usize = 30;

/// Checks `bytes` as a night.
pub fn check(bytes: &[u8]) {
    let night = Night::read(bytes);
    if let Ok(comparison) = compare(&night.account_id, night.report, night.report) {
        assert_eq!(comparison.changes, []);
    }
    let _ = compare(&night.account_id, night.earlier_report, night.report);

    let (manifest, assessment) = night.judge(&night.previous);
    assert_eq!(manifest.findings.total, assessment.findings.len() as u64);
    let Assessment { findings, resolved, .. } = &assessment;
    outputs::Run { roll: &night.roll(), manifest: &manifest, findings, resolved }.check_outputs();

    let second = night.judge(&Previous::new(assessment.findings.clone())).1;
    assert_eq!(second.findings.len(), assessment.findings.len());
    assert!(second.findings.iter().all(|finding| finding.status == Status::Ongoing));
    assert_eq!(second.resolved, []);
    assert_eq!(second.unfollowed, []);
}

/// A night as an input describes it. The parts are, in this order: settings, exemptions, the findings of the
/// night before, an earlier report and the report. An input may leave out the first parts, so that a report
/// alone is an input too.
struct Night<'b> {
    account_id: AccountId,
    account_name: String,
    source: RollSource,
    rule_settings: RuleSettings,
    run: Run,
    exemptions: Exemptions,
    previous: Previous,
    /// How each account ended that had findings the night before.
    others: BTreeMap<AccountId, Other>,
    earlier_report: &'b [u8],
    report: &'b [u8],
}

#[derive(Clone, Copy, PartialEq)]
enum Other {
    NotOnTheRoll,
    Skipped,
    Failed,
    Unreadable,
    NoOutcome,
}

impl<'b> Night<'b> {
    fn read(bytes: &'b [u8]) -> Self {
        let (bytes, report) = last_part(bytes);
        let (bytes, earlier_report) = last_part(bytes);
        let (bytes, previous) = last_part(bytes);
        let (settings, exemptions) = last_part(bytes);

        let account_id: AccountId = ACCOUNT.parse().unwrap();
        let previous: Vec<Finding> = previous
            .split(|&byte| byte == b'\n')
            .zip(1..)
            .filter_map(|(line, number)| jsonl::read_line(line, number).ok())
            .take(PREVIOUS_LIMIT)
            .collect();
        let others = previous
            .iter()
            .map(|finding| finding.assessed.account_id.clone())
            .filter(|other| *other != account_id)
            .map(|other| {
                let ending = match other.as_str().as_bytes()[11] % 5 {
                    0 => Other::NotOnTheRoll,
                    1 => Other::Skipped,
                    2 => Other::Failed,
                    3 => Other::Unreadable,
                    _ => Other::NoOutcome,
                };
                (other, ending)
            })
            .collect();
        let mut night = Self {
            account_id,
            account_name: String::new(),
            source: RollSource::Organization,
            rule_settings: RuleSettings::default(),
            run: Run {
                execution: "night-1".to_owned(),
                execution_arn: format!("arn:aws:states:eu-central-1:{ACCOUNT}:execution:rollcall:night-1"),
                started: started(),
                as_of: started(),
            },
            exemptions: Exemptions::parse("exemptions.toml", exemptions).unwrap_or_default(),
            previous: Previous::new(previous),
            others,
            earlier_report,
            report,
        };
        night.set(&String::from_utf8_lossy(settings));
        night
    }

    /// Reads settings, a name and a value on each line, and skips other lines.
    fn set(&mut self, settings: &str) {
        for (name, value) in settings.lines().filter_map(|line| line.split_once(' ')) {
            match name {
                "account-name" => self.account_name = value.to_owned(),
                "execution" => self.run.execution = value.to_owned(),
                "as-of" => self.run.as_of = parse_as_of(value).unwrap_or(self.run.as_of),
                "source" => {
                    self.source = serde_json::from_value(Value::from(value)).unwrap_or(self.source);
                }
                _ => {
                    if let Ok(rule) = name.parse::<RuleId>() {
                        let _ = self.rule_settings.set(rule, value);
                    }
                }
            }
        }
    }

    fn roll(&self) -> Roll {
        let with_other = |wanted: Other| {
            self.others.iter().filter(move |(_, other)| **other == wanted).map(|(id, _)| id.clone())
        };
        let listed = self.others.iter().filter(|(_, other)| **other != Other::NotOnTheRoll);
        let listed = listed.map(|(id, _)| Account::of_id(id.clone()));
        let itself = Account { name: self.account_name.clone(), ..Account::of_id(self.account_id.clone()) };
        let selection = Selection { exclude: with_other(Other::Skipped).collect(), ..Selection::default() };
        let Run { execution, started, as_of, .. } = self.run.clone();
        Roll {
            execution,
            started,
            as_of,
            taken: started,
            source: self.source,
            organization_id: None,
            accounts: selection.call(listed.chain([itself]).collect()).unwrap(),
        }
    }

    /// What `AnalyzeReports` does between reading and writing.
    fn judge(&self, previous: &Previous) -> (Manifest, Assessment) {
        let date = self.run.date();
        let analyzer = Analyzer::new(&self.rule_settings, previous, self.run.as_of, date);
        let mut analysis = Analysis::new(analyzer);
        let mut evidence = Evidence::default();
        for (other, ending) in &self.others {
            match ending {
                Other::Failed => {
                    evidence.failures.insert(other.clone(), failure(other, &self.account_name));
                }
                Other::Unreadable => {
                    let fault = (FailureCode::ReportUnreadable, self.account_name.clone());
                    evidence.reports.insert(other.clone(), stored(other, &Tally::default(), Some(fault)));
                }
                Other::NotOnTheRoll | Other::Skipped | Other::NoOutcome => {}
            }
        }
        let stored = match analyzer.report(&self.account_id, &self.account_name, Some(started()), self.report)
        {
            Ok(analyzed) => {
                let stored = stored(&self.account_id, &analyzed.tally, None);
                analysis.add(analyzed);
                stored
            }
            Err(unreadable) => {
                let fault = (FailureCode::ReportUnreadable, unreadable.to_string());
                stored(&self.account_id, &Tally::default(), Some(fault))
            }
        };
        evidence.reports.insert(self.account_id.clone(), stored);

        let roll_call = RollCall::of(self.roll(), evidence);
        let assessment = analysis.settle(&roll_call, &self.exemptions);
        let earlier_run = EarlierRun { date: date.pred_opt().unwrap(), execution: "night-0".to_owned() };
        let history = History { compared_with: Some(Earlier::Run(earlier_run)), passed_over: Vec::new() };
        let judged_by = JudgedBy { settings: self.rule_settings.clone(), history, exemptions_sha256: None };
        let key = bucket_layout::findings_jsonl(date);
        let jsonl = WrittenFile { key, sha256: "0".repeat(64), bytes: 0, version_id: None };
        let manifest = Manifest::of(&self.run, roll_call, judged_by, &assessment, started());
        (manifest.vouching_for([jsonl]), assessment)
    }
}

/// Everything before the last part of `bytes`, and that part.
fn last_part(bytes: &[u8]) -> (&[u8], &[u8]) {
    match bytes.windows(SEPARATOR.len()).rposition(|window| window == SEPARATOR) {
        Some(place) => (&bytes[..place], &bytes[place + SEPARATOR.len()..]),
        None => (&[], bytes),
    }
}

fn started() -> DateTime<Utc> {
    "2026-01-31T01:00:00Z".parse().unwrap()
}

fn stored(account_id: &AccountId, tally: &Tally, fault: Option<(FailureCode, String)>) -> StoredReport {
    let entry = ReportEntry {
        key: bucket_layout::report(started().date_naive(), account_id),
        generated: Some(started()),
        collected: Some(started()),
        age_seconds: Some(0),
        file_modified: None,
        sha256: "0".repeat(64),
        bytes: 0,
        version_id: None,
        rows: tally.rows,
        bad_rows: tally.bad_rows,
        first_bad_rows: tally.first_bad_rows.clone(),
    };
    StoredReport { entry, fault }
}

fn failure(account_id: &AccountId, message: &str) -> FailureRecord {
    FailureRecord {
        account_id: account_id.clone(),
        execution: "night-1".to_owned(),
        code: FailureCode::Internal,
        message: message.to_owned(),
        remedy: String::new(),
        waits: 0,
        failed_at: started(),
    }
}
