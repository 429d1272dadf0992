//! What everything that writes text makes of texts that somebody chose to do harm with: a night is made of
//! which every text that is anybody's choice is such a one, and each output is looked at.

use std::sync::{Arc, LazyLock};

use proptest::prelude::*;
use serde_json::Value;

use crate::evidence::manifest::{Manifest, WrittenFile};
use crate::evidence::metrics::metrics;
use crate::evidence::tables::write_accounts;
use crate::formats::asff::write_asff;
use crate::formats::csv::write_csv;
use crate::formats::jsonl::{read_line, write_jsonl};
use crate::formats::page::write_html;
use crate::formats::sarif::write_sarif;
use crate::judgement::analysis::{Analyzer, Assessment};
use crate::judgement::exemptions::Exemptions;
use crate::judgement::finding::{Assessed, Finding, Status};
use crate::judgement::history::{Earlier, EarlierReports, History, PassedOver, Previous};
use crate::judgement::rules::RULES;
use crate::judgement::settings::RuleSettings;
use crate::messages::{Attribute, Listed, Message, chat, digest, errors};
use crate::organization::account::AccountState;
use crate::organization::failure::{FailureCode, FailureRecord};
use crate::organization::outcome::{Evidence, StoredReport};
use crate::organization::roll::{Account, SkipReason};
use crate::organization::roll::{Roll, RollSource};
use crate::report::{BadRow, ROOT_USER};
use crate::testing::finding;
use crate::testing::{account, failure, id, manifest, report, run};
use crate::text::console::Console;
use crate::text::untrusted::is_active;
use rollcall_testing::hostile_texts::TEXTS;

/// A night of which every text that is anybody's choice is `text`.
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
            accounts: accounts.clone(),
        };
        let bad_row =
            BadRow { record: 1, line: 2, column: text.into(), value: text.into(), problem: text.into() };
        let mut with_bad_row = report(1, 1);
        with_bad_row.entry.first_bad_rows = vec![bad_row];
        let unreadable =
            StoredReport { fault: Some((FailureCode::ReportUnreadable, text.into())), ..report(2, 0) };
        let mut manifest = manifest(
            accounts,
            Evidence {
                reports: [(id(1), with_bad_row), (id(2), unreadable)].into(),
                failures: [(id(3), failure(3, FailureCode::Internal, text))].into(),
                ..Default::default()
            },
        );
        manifest.source = RollSource::Organization;
        manifest.execution = text.into();
        manifest.execution_arn = text.into();
        manifest.organization_id = Some(text.into());
        manifest.unreadable_files = vec![text.into()];
        manifest.outputs =
            vec![WrittenFile { key: "2026-01-31/findings.csv".into(), sha256: String::new(), bytes: 0 }];

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
            Exemptions::parse("f", toml.as_bytes()).unwrap().apply(&mut findings, manifest.date);
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
                predecessor_reports: 1,
                accounts_without_report: 1,
                unreadable_reports: 1,
                first_unreadable_reports: vec![text.into()],
                bad_rows: 1,
            })),
            passed_over: vec![PassedOver { date, reason: text.into() }; 31],
        };
        manifest.assess(&RuleSettings::default(), history, None, &assessment);
        Self { roll, manifest, assessment }
    }

    fn html(&self) -> String {
        let mut bytes = Vec::new();
        let Assessment { findings, resolved, .. } = &self.assessment;
        write_html(&self.manifest, findings, resolved, &mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    fn messages(&self) -> [Message; 2] {
        let mut listed = Listed::default();
        self.assessment.findings.iter().cloned().for_each(|finding| listed.offer(finding));
        let console = console();
        [
            errors(&self.manifest, "reports", &console).unwrap(),
            digest(&self.manifest, &listed, "reports", &console).unwrap(),
        ]
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

fn console() -> Console {
    Console::new("aws", "eu-central-1")
}

/// A night of which every such text is harmless.
static PLAIN: LazyLock<Night> = LazyLock::new(|| Night::of("x"));

/// What every output makes of a text.
fn check(text: &str) {
    let night = Night::of(text);
    csv(&night);
    json(&night);
    page(&night);
    messages(&night, text);
    chats(&night, text);
    log_line(&night);
    other_formats(&night);
}

fn csv(night: &Night) {
    let mut bytes = Vec::new();
    write_csv(&night.assessment.findings, &mut bytes).unwrap();
    let csv = String::from_utf8(bytes).unwrap();
    assert_eq!(csv.lines().count(), night.assessment.findings.len() + 1, "a line a finding");
    let mut reader = ::csv::Reader::from_reader(csv.as_bytes());
    let rows: Vec<_> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), night.assessment.findings.len());
    for cell in rows.iter().flatten() {
        assert!(!cell.contains(is_active), "{cell:?}");
        for cell in cell.split(';') {
            let start = cell.trim_start_matches([' ', '\u{3000}', '\u{feff}', '\u{fffd}', '\u{200b}']);
            assert!(!start.starts_with(['=', '+', '-', '@', '\u{ff1d}']), "{cell:?}");
        }
    }
}

/// What is exact reads back as it was.
fn json(night: &Night) {
    let mut bytes = Vec::new();
    write_jsonl(&night.assessment.findings, &mut bytes).unwrap();
    let lines: Vec<&[u8]> = bytes.strip_suffix(b"\n").unwrap().split(|&byte| byte == b'\n').collect();
    let read: Vec<Finding> =
        lines.iter().enumerate().map(|(at, line)| read_line(line, at as u64).unwrap()).collect();
    assert_eq!(read, night.assessment.findings);
    let run = serde_json::to_string_pretty(&night.manifest).unwrap();
    assert_eq!(serde_json::from_str::<Manifest>(&run).unwrap(), night.manifest);
    let accounts = serde_json::to_string_pretty(&night.roll).unwrap();
    assert_eq!(serde_json::from_str::<Roll>(&accounts).unwrap(), night.roll);
    let mut table = Vec::new();
    write_accounts(&night.manifest, &mut table).unwrap();
    let lines: Vec<&[u8]> = table.strip_suffix(b"\n").unwrap().split(|&byte| byte == b'\n').collect();
    assert_eq!(lines.len(), night.manifest.accounts.len());
    for (line, account) in lines.iter().zip(&night.manifest.accounts) {
        assert_eq!(serde_json::from_slice::<Value>(line).unwrap()["name"], *account.name);
    }
    let failure = failure(1, FailureCode::Internal, &night.roll.execution);
    let written = serde_json::to_string_pretty(&failure).unwrap();
    assert_eq!(serde_json::from_str::<FailureRecord>(&written).unwrap(), failure);
}

/// The elements and attributes of a page, in order, and the data that its script reads.
fn elements_and_data(html: &str) -> (Vec<String>, Value) {
    const DATA: &str = "<script type=\"application/json\" id=\"data\">";
    let start = html.find(DATA).unwrap() + DATA.len();
    let (data, after) = html[start..].split_once("</script>").unwrap();
    let (style, body) = html[..start].split_once("</style>").unwrap();
    let markup =
        [&style[..style.find("<style>").unwrap()], body, &after[after.rfind("</script>").unwrap()..]]
            .concat();
    let elements = markup.split('<').skip(1).map(|element| element.split_once('>').unwrap().0.to_owned());
    (elements.collect(), serde_json::from_str(data).unwrap())
}

fn page(night: &Night) {
    let html = night.html();
    let (elements, data) = elements_and_data(&html);
    let (expected, _) = elements_and_data(&PLAIN.html());
    // The page has no place for a name that is empty.
    if !night.manifest.execution.is_empty() {
        assert_eq!(elements, expected, "a text is no element and no attribute");
    }
    assert!(!html.contains(|character| character != '\n' && is_active(character)));
    let rows = data["rows"].as_array().unwrap();
    assert_eq!(rows.len(), night.assessment.findings.len());
    assert_eq!(rows[0][1], *crate::text::untrusted::one_line(&night.assessment.findings[0].user));
}

fn messages(night: &Night, text: &str) {
    for (message, plain) in night.messages().iter().zip(PLAIN.messages()) {
        assert_eq!(message.subject, plain.subject, "no text of others is in a subject");
        assert!(
            message.subject.len() <= 100 && message.subject.bytes().all(|byte| matches!(byte, b' '..=b'~'))
        );
        assert!(message.body.len() < 256 * 1024);
        assert!(!message.body.contains(|character| character != '\n' && is_active(character)));
        assert_eq!(
            message.body.lines().count(),
            plain.body.lines().count() - usize::from(text.is_empty()),
            "{}",
            message.body
        );
        assert_eq!(message.attributes, plain.attributes);
        for (name, value) in &message.attributes {
            let value = match value {
                Attribute::Text(text) => text,
                Attribute::Number(number) => number.as_str(),
            };
            assert!(!value.is_empty(), "SNS refuses an empty {name}");
        }
    }
}

fn chats(night: &Night, text: &str) {
    let said = |night: &Night, message: &Message| {
        let notification = chat(message, &night.manifest, "reports", &console());
        assert!(notification.len() < 256 * 1024 && !notification.contains('\n'));
        let mut notification: Value = serde_json::from_str(&notification).unwrap();
        let execution = notification["metadata"]["additionalContext"]["execution"].take();
        (notification["content"].take(), execution)
    };
    for (message, plain) in night.messages().iter().zip(PLAIN.messages()) {
        let (content, execution) = said(night, message);
        assert_eq!(content, said(&PLAIN, &plain).0, "no text of others is in a chat");
        assert_eq!(execution, text);
    }
}

fn log_line(night: &Night) {
    let line = metrics(&night.manifest, &night.manifest.execution).unwrap();
    assert!(!line.contains('\n'));
    assert_eq!(serde_json::from_str::<Value>(&line).unwrap()["execution"], *night.manifest.execution);
}

fn other_formats(night: &Night) {
    let mut sarif = Vec::new();
    write_sarif(&night.manifest, &night.assessment.findings, &mut sarif).unwrap();
    let sarif: Value = serde_json::from_slice(&sarif).unwrap();
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    assert_eq!(results.len(), night.assessment.findings.len());
    for result in results {
        assert!(!result["message"]["text"].as_str().unwrap().contains(is_active));
    }
    let mut asff = Vec::new();
    write_asff(&night.assessment.findings, "eu-central-1", run().started, &mut asff).unwrap();
    let asff: Value = serde_json::from_slice(&asff).unwrap();
    assert_eq!(asff.as_array().unwrap().len(), night.assessment.findings.len());
}

#[test]
fn no_text_does_anything_to_any_output() {
    TEXTS.iter().for_each(|text| check(text));
}

#[test]
fn a_text_of_a_megabyte_makes_no_page_and_no_message_grow_with_it() {
    let text = "é".repeat(500_000);
    let night = Night::of(&text);
    let html = night.html();
    assert!(html.len() < 300_000, "{}", html.len());
    assert!(html.contains("é…</bdi>"), "what is cut off says so");
    for message in night.messages() {
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
    let policy = RuleSettings::default();
    let analyzer = Analyzer::new(&policy, &nothing, run().as_of, run().date());
    // A report is lines, so a name can hold no line feed; and an empty one is a row that can't be read.
    for text in TEXTS.iter().filter(|text| !text.is_empty() && !text.contains(['\n', '\r'])) {
        let quoted = text.replace('"', "\"\"");
        let resource = if *text == ROOT_USER { "root".to_owned() } else { format!("user/{quoted}") };
        let report = format!(
            "user,arn,password_enabled,mfa_active\n\"{quoted}\",\"arn:aws:iam::000000000001:{resource}\",true,false\n"
        );
        let said = analyzer.report(&id(1), text, run().started, report.as_bytes()).unwrap();
        assert_eq!(said.tally.bad_rows, 0, "{text:?}");
        assert_eq!(said.findings.len(), 1, "{text:?}");
        assert_eq!(&*said.findings[0].user, *text);
    }
}

#[test]
fn a_cell_of_ten_megabytes_leaves_every_output_whole() {
    let huge = "u".repeat(10_000_000);
    let report = format!(
        "user,arn,password_enabled,mfa_active\n{huge},arn:aws:iam::000000000001:user/{huge},true,false\n"
    );
    let (nothing, policy) = (Previous::default(), RuleSettings::default());
    let analyzer = Analyzer::new(&policy, &nothing, run().as_of, run().date());
    let said = analyzer.report(&id(1), "a", run().started, report.as_bytes()).unwrap();
    assert_eq!((said.tally.bad_rows, said.findings.len()), (0, 1));

    let mut night = Night::of("x");
    night.assessment.findings = said.findings;
    csv(&night);
    json(&night);
    let html = night.html();
    elements_and_data(&html);
    assert!(html.len() < 300_000, "{}", html.len());
    for message in night.messages() {
        assert!(message.body.len() < 256 * 1024, "{}", message.body.len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn no_text_at_all_does_anything_to_any_output(text in any::<String>(), active in "[\u{0}-\u{2f}<>&;=@\u{7f}-\u{9f}\u{2028}-\u{202e}]{0,12}") {
        check(&text);
        check(&active);
    }
}
