//! Hostile texts in every place of a night that others choose, and what each output makes of them.

use std::sync::{Arc, LazyLock};

use proptest::prelude::*;
use rollcall_core::evidence::manifest::{JudgedBy, Manifest, WrittenFile};
use rollcall_core::formats::csv::write_csv;
use rollcall_core::formats::jsonl::{read_line, write_jsonl};
use rollcall_core::judgement::analysis::{Analyzer, Assessment};
use rollcall_core::judgement::exemptions::Exemptions;
use rollcall_core::judgement::finding::{Assessed, Finding, Status};
use rollcall_core::judgement::history::{Earlier, EarlierReports, History, PassedOver, Previous};
use rollcall_core::judgement::rules::RULES;
use rollcall_core::judgement::settings::RuleSettings;
use rollcall_core::messages::Message;
use rollcall_core::organization::account::AccountState;
use rollcall_core::organization::failure::{FailureCode, FailureRecord};
use rollcall_core::organization::roll::{Account, Roll, RollSource, SkipReason};
use rollcall_core::organization::roll_call::{Evidence, RollCall, StoredReport};
use rollcall_core::organization::run::Run;
use rollcall_core::report::{BadRow, ROOT_USER};
use rollcall_core::testing::{account, failure, finding, id, report, run};
use rollcall_core::text::untrusted::one_line;
use rollcall_testing::hostile_texts::TEXTS;
use rollcall_testing::outputs::{self, elements_and_data};
use serde_json::Value;

/// A night in which every text that others choose is `text`.
struct Night {
    roll: Roll,
    manifest: Manifest,
    assessment: Assessment,
}

impl Night {
    fn of(text: &str) -> Self {
        let named = |number| Account {
            name: text.into(),
            email: text.into(),
            path: text.into(),
            state: AccountState::Other(text.into()),
            ..account(number)
        };
        let mut accounts: Vec<Account> = (1..=4).map(named).collect();
        accounts[3].skip = Some(SkipReason::Excluded);
        let roll = Roll {
            execution: text.into(),
            started: run().started,
            as_of: run().as_of,
            taken: run().started,
            source: RollSource::Organization,
            organization_id: Some(text.into()),
            accounts,
        };
        let bad_row =
            BadRow { record: 1, line: 2, column: text.into(), value: text.into(), problem: text.into() };
        let mut with_bad_row = report(1, 1);
        with_bad_row.entry.first_bad_rows = vec![bad_row];
        let unreadable =
            StoredReport { fault: Some((FailureCode::ReportUnreadable, text.into())), ..report(2, 0) };
        let evidence = Evidence {
            reports: [(id(1), with_bad_row), (id(2), unreadable)].into(),
            failures: [(id(3), failure(3, FailureCode::Internal, text))].into(),
            unreadable_files: vec![text.into()],
            ..Default::default()
        };

        let mut findings: Vec<Finding> =
            RULES.iter().map(|rule| hostile(finding(1, "", rule.id), text)).collect();
        findings.push(Finding { status: Status::Ongoing, verified: false, ..findings[0].clone() });
        // The first is exempt, for a reason that is the text, and one exemption matches nothing.
        let reason = serde_json::to_string(&format!("r{text}")).unwrap();
        let toml = format!(
            "[[exemption]]\nrule = \"{}\"\nreason = \"r\"\nexpires = 2026-12-31\n\n[[exemption]]\nuser = \"*\"\naccount = \"000000000009\"\nreason = \"r\"\nexpires = 2025-12-31\n",
            RULES[1].id
        );
        let mut exemptions =
            Exemptions::parse("f", toml.as_bytes()).unwrap().apply(&mut findings, run().date());
        for outcome in &mut exemptions {
            outcome.reason = serde_json::from_str(&reason).unwrap();
            outcome.user = Some(text.into());
        }
        for finding in &mut findings {
            if let Some(exemption) = &mut finding.exemption {
                Arc::make_mut(exemption).reason = text.into();
            }
        }
        let resolved = vec![hostile(finding(2, "", RULES[0].id), text)];
        let assessment = Assessment { findings, resolved, exemptions, ..Default::default() };
        let date = "2026-01-30".parse().unwrap();
        let history = History {
            compared_with: Some(Earlier::Reports(EarlierReports {
                date,
                aws_sample_reports: 1,
                accounts_without_report: 1,
                unreadable_reports: 1,
                first_unreadable_reports: vec![text.into()],
                bad_rows: 1,
            })),
            passed_over: vec![PassedOver { date, reason: text.into() }; 31],
        };
        let run = Run { execution: text.into(), execution_arn: text.into(), ..run() };
        let roll_call = RollCall::of(roll.clone(), evidence);
        let judged_by = JudgedBy { history, ..Default::default() };
        let csv = WrittenFile {
            key: "2026-01-31/findings.csv".into(),
            sha256: String::new(),
            bytes: 0,
            version_id: None,
        };
        let manifest = Manifest::of(&run, roll_call, judged_by, &assessment, run.started).vouching_for([csv]);
        Self { roll, manifest, assessment }
    }

    /// What its outputs are written from.
    fn run(&self) -> outputs::Run<'_> {
        let Assessment { findings, resolved, .. } = &self.assessment;
        outputs::Run { roll: &self.roll, manifest: &self.manifest, findings, resolved }
    }
}

fn hostile(finding: Finding, text: &str) -> Finding {
    let assessed = Assessed { account_name: text.into(), ..(*finding.assessed).clone() };
    Finding {
        assessed: Arc::new(assessed),
        user: text.into(),
        arn: text.into(),
        observed: text.into(),
        ..finding
    }
}

/// The same night with a harmless text.
static PLAIN: LazyLock<Night> = LazyLock::new(|| Night::of("x"));

/// Checks every output of a night with `text`, and that nothing but its texts differs from the plain night.
fn check(text: &str) {
    let night = Night::of(text);
    night.run().check_outputs();
    let failure = failure(1, FailureCode::Internal, &night.roll.execution);
    let written = serde_json::to_string_pretty(&failure).unwrap();
    assert_eq!(serde_json::from_str::<FailureRecord>(&written).unwrap(), failure);
    compare_pages(&night);
    compare_messages(&night, text);
}

fn compare_pages(night: &Night) {
    let (elements, data) = elements_and_data(&night.run().html());
    let (expected, _) = elements_and_data(&PLAIN.run().html());
    // The page leaves out an empty name.
    if !night.manifest.execution.is_empty() {
        assert_eq!(elements, expected, "no text becomes an element or an attribute");
    }
    assert_eq!(data["rows"][0][1], *one_line(&night.assessment.findings[0].user));
}

fn compare_messages(night: &Night, text: &str) {
    let (messages, plain) = (night.run().messages(), PLAIN.run().messages());
    assert_eq!((messages.len(), plain.len()), (2, 2));
    for (message, plain) in messages.iter().zip(&plain) {
        assert_eq!(message.subject, plain.subject, "no subject holds a text of others");
        let lines = plain.body.lines().count() - usize::from(text.is_empty());
        assert_eq!(message.body.lines().count(), lines, "{}", message.body);
        assert_eq!(message.attributes, plain.attributes);
        let (content, execution) = chat(night, message);
        assert_eq!(content, chat(&PLAIN, plain).0, "no chat holds a text of others");
        assert_eq!(execution, text);
    }
}

/// The content of a chat notification, and the execution that its metadata names.
fn chat(night: &Night, message: &Message) -> (Value, Value) {
    let mut notification: Value = serde_json::from_str(&night.run().chat(message)).unwrap();
    let execution = notification["metadata"]["additionalContext"]["execution"].take();
    (notification["content"].take(), execution)
}

#[test]
fn no_text_harms_an_output() {
    TEXTS.iter().for_each(|text| check(text));
}

#[test]
fn a_text_of_a_megabyte_is_shortened_in_pages_and_messages() {
    let text = "é".repeat(500_000);
    let night = Night::of(&text);
    let html = night.run().html();
    assert!(html.len() < 300_000, "{}", html.len());
    assert!(html.contains("é…</bdi>"), "what is cut off says so");
    for message in night.run().messages() {
        assert!(message.body.len() < 256 * 1024, "{}", message.body.len());
        assert!(message.body.contains("é…"));
    }
    let mut csv = Vec::new();
    write_csv(&night.assessment.findings[..1], &mut csv).unwrap();
    assert!(csv.len() < 5 * 33_000, "{}", csv.len());
    let mut jsonl = Vec::new();
    write_jsonl(&night.assessment.findings[..1], &mut jsonl).unwrap();
    assert_eq!(read_line(jsonl.trim_ascii_end(), 1).unwrap().user.len(), text.len(), "the exact value stays");
}

#[test]
fn a_hostile_name_goes_from_a_report_into_the_findings_exactly() {
    let nothing = Previous::default();
    let settings = RuleSettings::default();
    let analyzer = Analyzer::new(&settings, &nothing, run().as_of, run().date());
    // A report is made of lines, so a name holds no line feed; and a row with an empty name can't be read.
    for text in TEXTS.iter().filter(|text| !text.is_empty() && !text.contains(['\n', '\r'])) {
        let quoted = text.replace('"', "\"\"");
        let resource = if *text == ROOT_USER { "root".to_owned() } else { format!("user/{quoted}") };
        let report = format!(
            "user,arn,password_enabled,mfa_active\n\"{quoted}\",\"arn:aws:iam::000000000001:{resource}\",true,false\n"
        );
        let analyzed = analyzer.report(&id(1), text, Some(run().started), report.as_bytes()).unwrap();
        assert_eq!(analyzed.tally.bad_rows, 0, "{text:?}");
        assert_eq!(analyzed.findings.len(), 1, "{text:?}");
        assert_eq!(&*analyzed.findings[0].user, *text);
    }
}

#[test]
fn a_cell_of_ten_megabytes_harms_no_output() {
    let huge = "u".repeat(10_000_000);
    let report = format!(
        "user,arn,password_enabled,mfa_active\n{huge},arn:aws:iam::000000000001:user/{huge},true,false\n"
    );
    let (nothing, settings) = (Previous::default(), RuleSettings::default());
    let analyzer = Analyzer::new(&settings, &nothing, run().as_of, run().date());
    let analyzed = analyzer.report(&id(1), "a", Some(run().started), report.as_bytes()).unwrap();
    assert_eq!((analyzed.tally.bad_rows, analyzed.findings.len()), (0, 1));

    let mut night = Night::of("x");
    night.assessment.findings = analyzed.findings;
    night.run().check_outputs();
    let html = night.run().html();
    assert!(html.len() < 300_000, "{}", html.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn no_random_text_harms_an_output(text in any::<String>(), active in "[\u{0}-\u{2f}<>&;=@\u{7f}-\u{9f}\u{2028}-\u{202e}]{0,12}") {
        check(&text);
        check(&active);
    }
}
