//! What every output of a run must hold, whatever texts it is made of. The tests with hostile texts and
//! the fuzzing check the same list.

use std::io;

use rollcall_core::evidence::manifest::Manifest;
use rollcall_core::evidence::metrics::{Measured, metrics};
use rollcall_core::evidence::tables::write_accounts;
use rollcall_core::formats::asff::{asff_batches, write_asff};
use rollcall_core::formats::csv::write_csv;
use rollcall_core::formats::jsonl::{read_line, write_jsonl};
use rollcall_core::formats::page::write_html;
use rollcall_core::formats::sarif::write_sarif;
use rollcall_core::judgement::finding::Finding;
use rollcall_core::messages::{Attribute, Listed, Message, chat, digest, errors};
use rollcall_core::organization::roll::Roll;
use rollcall_core::text::console::Console;
use rollcall_core::text::untrusted::is_active;
use serde_json::Value;

/// SNS takes no larger message.
const MESSAGE_LIMIT: usize = 256 * 1024;
/// What stands before the data that the page's script reads.
const DATA: &str = "<script type=\"application/json\" id=\"data\">";

/// What a run writes its outputs from.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    /// The roll.
    pub roll: &'a Roll,
    /// The manifest, assessed.
    pub manifest: &'a Manifest,
    /// The findings.
    pub findings: &'a [Finding],
    /// What was found the night before and is resolved.
    pub resolved: &'a [Finding],
}

impl Run<'_> {
    /// Writes every output and checks it.
    pub fn check_outputs(&self) {
        self.check_csv();
        self.check_jsonl();
        self.check_json();
        self.check_accounts_table();
        self.check_sarif();
        self.check_asff();
        self.check_page();
        self.check_metrics();
        self.messages().iter().for_each(|message| self.check_message(message));
    }

    /// `summary.html`.
    pub fn html(&self) -> String {
        let html = written(|output| write_html(self.manifest, self.findings, self.resolved, output));
        String::from_utf8(html).expect("the page is UTF-8")
    }

    /// The messages of the run: of errors, and of findings.
    pub fn messages(&self) -> Vec<Message> {
        let mut listed = Listed::default();
        self.findings.iter().cloned().for_each(|finding| listed.offer(finding));
        let errors = errors(self.manifest, "reports", &console());
        let digest = digest(self.manifest, &listed, "reports", &console());
        assert!(errors.is_some() || self.manifest.coverage.missing() == 0, "missing accounts have a message");
        assert!(digest.is_some() || self.manifest.findings.open == 0, "open findings have a message");
        errors.into_iter().chain(digest).collect()
    }

    /// The notification that chat applications get of a message.
    pub fn chat(&self, message: &Message) -> String {
        chat(message, self.manifest, "reports", &console())
    }

    /// One line and one row a finding. No cell does anything to a terminal or starts a formula.
    fn check_csv(&self) {
        let csv = written(|output| write_csv(self.findings, output));
        let csv = String::from_utf8(csv).expect("the table is UTF-8");
        assert_eq!(csv.lines().count(), self.findings.len() + 1, "one line a finding");
        let mut reader = csv::Reader::from_reader(csv.as_bytes());
        let rows: Vec<_> = reader.records().map(|row| row.expect("the row is CSV")).collect();
        assert_eq!(rows.len(), self.findings.len());
        for cell in rows.iter().flatten() {
            assert!(!cell.contains(is_active), "{cell:?}");
            // Spreadsheets in some languages separate cells by semicolons.
            for cell in cell.split(';') {
                let start = cell.trim_start_matches([' ', '\u{3000}', '\u{feff}', '\u{fffd}', '\u{200b}']);
                assert!(!start.starts_with(['=', '+', '-', '@', '\u{ff1d}']), "{cell:?}");
            }
        }
    }

    /// The findings read back exactly.
    fn check_jsonl(&self) {
        let jsonl = written(|output| write_jsonl(self.findings, output));
        let lines = jsonl.split_inclusive(|&byte| byte == b'\n').zip(1..);
        let read: Result<Vec<Finding>, _> = lines.map(|(line, number)| read_line(line, number)).collect();
        assert_eq!(read.expect("every line is a finding"), self.findings);
    }

    /// `run.json` and `accounts.json` read back exactly.
    fn check_json(&self) {
        let run = serde_json::to_vec_pretty(self.manifest).expect("a manifest is JSON");
        assert_eq!(serde_json::from_slice::<Manifest>(&run).expect("run.json reads back"), *self.manifest);
        let accounts = serde_json::to_vec_pretty(self.roll).expect("a roll is JSON");
        assert_eq!(serde_json::from_slice::<Roll>(&accounts).expect("accounts.json reads back"), *self.roll);
    }

    /// One line an account, with its exact name.
    fn check_accounts_table(&self) {
        let table = written(|output| write_accounts(self.manifest, output));
        let lines: Vec<&[u8]> = table.split_inclusive(|&byte| byte == b'\n').collect();
        assert_eq!(lines.len(), self.manifest.accounts.len());
        for (line, account) in lines.iter().zip(&self.manifest.accounts) {
            assert_eq!(json(line)["name"], *account.name);
        }
    }

    /// One result a finding, none of whose messages does anything to a terminal.
    fn check_sarif(&self) {
        let sarif = json(&written(|output| write_sarif(self.manifest, self.findings, output)));
        let results = sarif["runs"][0]["results"].as_array().expect("the run has results");
        assert_eq!(results.len(), self.findings.len());
        for result in results {
            let message = result["message"]["text"].as_str().expect("the result has a message");
            assert!(!message.contains(is_active), "{message:?}");
        }
    }

    /// Every finding is in one batch of those that Security Hub takes, with its account's id.
    fn check_asff(&self) {
        let mut batched = 0;
        for (account_id, batch) in asff_batches(self.findings) {
            assert!((1..=100).contains(&batch.len()), "{} findings in a batch", batch.len());
            batched += batch.len();
            let findings = batch.iter().copied();
            let asff =
                json(&written(|output| write_asff(findings, "eu-central-1", self.manifest.started, output)));
            let asff = asff.as_array().expect("it is a list");
            assert_eq!(asff.len(), batch.len());
            assert!(asff.iter().all(|finding| finding["AwsAccountId"] == account_id.as_str()));
        }
        assert_eq!(batched, self.findings.len());
    }

    /// A text that left its place would show as another script or as an active character.
    fn check_page(&self) {
        let html = self.html();
        assert_eq!(html.matches("<script").count(), 2);
        assert!(html.trim_end().ends_with("</html>"));
        assert!(!html.contains(|character| character != '\n' && is_active(character)));
        let (_, data) = elements_and_data(&html);
        let rows = data["rows"].as_array().expect("the data has rows");
        assert_eq!(rows.len(), self.findings.len());
    }

    /// One line of JSON, if there is one.
    fn check_metrics(&self) {
        if let Some(line) = metrics(self.manifest, &self.manifest.execution, Measured::ForDashboard) {
            assert!(!line.contains('\n'));
            assert_eq!(json(line.as_bytes())["execution"], *self.manifest.execution);
        }
    }

    /// What SNS takes, and what can neither forge a line nor a header.
    fn check_message(&self, message: &Message) {
        let Message { subject, body, attributes, .. } = message;
        assert!((1..=100).contains(&subject.len()), "{subject:?}");
        assert!(subject.bytes().all(|byte| matches!(byte, b' '..=b'~')), "{subject:?}");
        assert!((1..MESSAGE_LIMIT).contains(&body.len()), "{} bytes", body.len());
        assert!(!body.contains(|character| character != '\n' && is_active(character)), "{body:?}");
        assert!(attributes.len() <= 10);
        for (name, value) in attributes {
            let value = match value {
                Attribute::Text(text) => text,
                Attribute::Number(number) => number.as_str(),
            };
            assert!(!value.is_empty(), "SNS refuses an empty {name}");
        }
        let chat = self.chat(message);
        assert!(chat.len() < MESSAGE_LIMIT && !chat.contains('\n'), "{chat:?}");
        json(chat.as_bytes());
    }
}

/// The elements and attributes of a page, in order, and the data that its script reads.
pub fn elements_and_data(html: &str) -> (Vec<String>, Value) {
    let start = html.find(DATA).expect("the page has data") + DATA.len();
    let (data, after) = html[start..].split_once("</script>").expect("the data ends");
    let (style, body) = html[..start].split_once("</style>").expect("the page has a style");
    let style = &style[..style.find("<style>").expect("the style begins")];
    let end = &after[after.rfind("</script>").expect("the page has a script")..];
    let markup = [style, body, end].concat();
    let elements = markup
        .split('<')
        .skip(1)
        .map(|element| element.split_once('>').expect("the element ends").0.to_owned());
    (elements.collect(), json(data.as_bytes()))
}

fn console() -> Console {
    Console::new("aws", "eu-central-1")
}

fn written(write: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> Vec<u8> {
    let mut output = Vec::new();
    write(&mut output).expect("it can be written");
    output
}

fn json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).expect("it is JSON")
}
