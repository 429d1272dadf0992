//! What a file holds that should hold a report. People save reports in more ways than IAM writes them:
//! with the answer of the AWS CLI around it, not decoded, or in the encoding of their shell.
//!
//! [`open`] takes off what was put around a report wherever that leaves nothing to guess, and otherwise
//! says what the file is instead.

use std::borrow::Cow;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use chrono::{DateTime, FixedOffset, Utc};
use memchr::memmem;
use serde::Deserialize;

use crate::report::columns::Column;
use crate::report::reader::{first_line, shorten};

/// A report, without what was around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportFile<'b> {
    /// The report's bytes. Whether they are a report is for [`super::read`] to say.
    pub report: Cow<'b, [u8]>,
    /// When IAM made it, if the file says so.
    pub generated: Option<DateTime<Utc>>,
}

/// What a file is that holds no report, and how to get one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAReport {
    /// What the AWS CLI says when AWS refuses a call.
    #[error("it is an error of the AWS CLI, {code}, and no report: {GET_IT}")]
    SavedError {
        /// The error's code, such as `ReportExpired`.
        code: String,
    },
    /// The answer of the call that only starts a report.
    #[error("it is the answer of generate-credential-report, which has no report in it: {GET_IT}")]
    GenerateAnswer,
    /// The answer with the report, and it can't be decoded.
    #[error("it is an answer of get-credential-report that is damaged or cut off: {GET_IT}")]
    DamagedAnswer,
    /// JSON of something else.
    #[error("it is JSON, and no answer of get-credential-report: {GET_IT}")]
    OtherJson,
    /// UTF-16 that is not whole, or does not say in which order its bytes are.
    #[error(
        "it is UTF-16 that is damaged or has no byte order mark: convert it with iconv -f UTF-16LE -t UTF-8, or {GET_IT}"
    )]
    Utf16,
    /// A spreadsheet, or another archive.
    #[error("it is a spreadsheet or an archive: save it as CSV, or {GET_IT}")]
    Archive,
    /// A report whose cells are not separated by commas.
    #[error("its cells are separated by {separator:?}: save it with commas, or {GET_IT}")]
    Separator {
        /// What separates them.
        separator: char,
    },
}

/// How to get a report.
const GET_IT: &str = "run aws iam generate-credential-report until it says COMPLETE, then aws iam get-credential-report --output json > FILE.json";

impl NotAReport {
    /// Whether the file was meant to hold a report, so that an account has none now. Other JSON has nothing
    /// to do with one.
    pub fn should_be_one(&self) -> bool {
        *self != Self::OtherJson
    }
}

/// The report in a file: as IAM wrote it, in UTF-16 with a byte order mark, in base64, or in the answer
/// of `get-credential-report` as JSON, YAML or text.
///
/// # Errors
/// [`NotAReport`] when the file is known to be something else. What is not known is answered as it is.
pub fn open(bytes: &[u8]) -> Result<ReportFile<'_>, NotAReport> {
    if [&b"PK\x03\x04"[..], b"\x1f\x8b"].iter().any(|magic| bytes.starts_with(magic)) {
        return Err(NotAReport::Archive);
    }
    match utf8(bytes)? {
        Cow::Borrowed(text) => taken_out(text).map(|found| found.unwrap_or_else(|| plain(text.into()))),
        Cow::Owned(text) => {
            let found = taken_out(&text)?.map(|found| (found.report.into_owned(), found.generated));
            let (report, generated) = found.unwrap_or((text, None));
            Ok(ReportFile { report: report.into(), generated })
        }
    }
}

fn plain(report: Cow<'_, [u8]>) -> ReportFile<'_> {
    ReportFile { report, generated: None }
}

/// The text in UTF-8, without a byte order mark.
fn utf8(bytes: &[u8]) -> Result<Cow<'_, [u8]>, NotAReport> {
    let units = |order: fn([u8; 2]) -> u16| {
        let (pairs, rest) = bytes[2..].as_chunks();
        let text = char::decode_utf16(pairs.iter().map(|pair| order(*pair)));
        let text: String = text.collect::<Result<_, _>>().map_err(|_| NotAReport::Utf16)?;
        if rest.is_empty() { Ok(Cow::Owned(text.into_bytes())) } else { Err(NotAReport::Utf16) }
    };
    match bytes {
        [0xff, 0xfe, ..] => units(u16::from_le_bytes),
        [0xfe, 0xff, ..] => units(u16::from_be_bytes),
        // A letter and a zero: no text in UTF-8 starts like that.
        [0, letter, ..] | [letter, 0, ..] if *letter != 0 => Err(NotAReport::Utf16),
        _ => Ok(Cow::Borrowed(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes))),
    }
}

/// The report that has something around it; `None` when the text may be a report as it stands.
fn taken_out(text: &[u8]) -> Result<Option<ReportFile<'static>>, NotAReport> {
    let first_line = first_line(text);
    if has_report_columns(first_line, ',') {
        return Ok(None);
    }
    let text = text.trim_ascii();
    if text.starts_with(b"{") {
        return json(text).map(Some);
    }
    if let Some(code) = error_code(first_line) {
        return Err(NotAReport::SavedError { code });
    }
    if let Some(separator) = [';', '\t'].into_iter().find(|other| has_report_columns(first_line, *other)) {
        return Err(NotAReport::Separator { separator });
    }
    if YAML_FIELDS
        .iter()
        .all(|name| text.starts_with(name) || memmem::find(text, &[b"\n", *name].concat()).is_some())
    {
        return yaml(text).map(Some);
    }
    text_output(text)
}

/// What an answer has as YAML, each at the start of a line.
const YAML_FIELDS: [&[u8]; 2] = [b"Content:", b"ReportFormat:"];

/// `user,arn,`, as every undecoded report starts.
const HEADER_IN_BASE64: &[u8] = b"dXNlcixhcm4s";

/// The answer as JSON, the AWS CLI's default.
fn json(text: &[u8]) -> Result<ReportFile<'static>, NotAReport> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Answer {
        content: Option<String>,
        generated_time: Option<DateTime<FixedOffset>>,
        state: Option<String>,
    }
    let answer = serde_json::from_slice(text).ok();
    if let Some(Answer { content: Some(content), generated_time, .. }) = &answer
        && let Some(report) = decode(content.as_bytes())
    {
        let generated = generated_time.map(|time| time.to_utc());
        return Ok(ReportFile { report: report.into(), generated });
    }
    let has = |part: &[u8]| memmem::find(text, part).is_some();
    Err(if has(HEADER_IN_BASE64) || has(b"\"ReportFormat\"") {
        NotAReport::DamagedAnswer
    } else if answer.is_some_and(|answer| answer.state.is_some()) {
        NotAReport::GenerateAnswer
    } else {
        NotAReport::OtherJson
    })
}

/// The answer as YAML: a line for each field, the content on one or as indented lines below it.
fn yaml(text: &[u8]) -> Result<ReportFile<'static>, NotAReport> {
    let text = str::from_utf8(text).map_err(|_| NotAReport::DamagedAnswer)?;
    let field = |name: &str| {
        let mut lines = text.lines().skip_while(|line| !line.starts_with(name));
        let value = lines.next()?.strip_prefix(name)?.trim_start_matches(':').trim();
        let below = lines.take_while(|line| line.starts_with(' ')).map(str::trim);
        let value = value.trim_matches(['\'', '"']);
        let first = Some(value).filter(|value| !value.starts_with(['!', '|', '>']));
        Some(first.into_iter().chain(below).collect::<String>())
    };
    let report = field("Content").and_then(|content| decode(content.as_bytes()));
    let generated = field("GeneratedTime").and_then(|time| DateTime::parse_from_rfc3339(&time).ok());
    let report = report.ok_or(NotAReport::DamagedAnswer)?;
    Ok(ReportFile { report: report.into(), generated: generated.map(|time| time.to_utc()) })
}

/// The answer as text: content, time and format between tabs; or the content alone, not decoded.
fn text_output(text: &[u8]) -> Result<Option<ReportFile<'static>>, NotAReport> {
    let fields: Vec<&[u8]> = text.splitn(4, |&byte| byte == b'\t').collect();
    let (content, generated) = match fields.as_slice() {
        [content] => (*content, None),
        [content, time, b"text/csv"] => {
            let time = str::from_utf8(time).ok().and_then(|time| DateTime::parse_from_rfc3339(time).ok());
            (*content, time.map(|time| time.to_utc()))
        }
        _ => return Ok(None),
    };
    // Base64 has no commas, and a header has.
    let is_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/=\r\n".contains(byte);
    if content.is_empty() || !content.iter().all(is_base64) {
        return Ok(None);
    }
    match decode(content) {
        Some(report) if has_report_columns(first_line(&report), ',') => {
            Ok(Some(ReportFile { report: report.into(), generated }))
        }
        None if content.starts_with(HEADER_IN_BASE64) => Err(NotAReport::DamagedAnswer),
        _ => Ok(None),
    }
}

fn decode(content: &[u8]) -> Option<Vec<u8>> {
    let packed: Vec<u8> = content.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    BASE64_STANDARD.decode(packed).ok()
}

/// Whether a line names the columns that every report has.
fn has_report_columns(line: &[u8], separator: char) -> bool {
    let Ok(line) = str::from_utf8(line) else { return false };
    [Column::User, Column::Arn]
        .iter()
        .all(|column| line.split(separator).any(|name| name.trim().trim_matches('"').trim() == column.name()))
}

/// The code in `An error occurred (CODE) when calling the ...`, with whatever the AWS CLI puts before it.
fn error_code(line: &[u8]) -> Option<String> {
    let line = str::from_utf8(line).ok()?;
    let (before, rest) = line.split_once("An error occurred (")?;
    let (code, _) = rest.split_once(") when calling the ")?;
    (!before.contains(',')).then(|| shorten(code.as_bytes()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const REPORT: &[u8] = b"user,arn,mfa_active\na,arn:aws:iam::123456789012:user/a,true";
    const TIME: &str = "2026-01-31T01:00:00+00:00";

    fn content() -> String {
        BASE64_STANDARD.encode(REPORT)
    }

    fn wrapped() -> String {
        let content = content();
        content.as_bytes().chunks(76).map(|line| format!("{}\n", str::from_utf8(line).unwrap())).collect()
    }

    fn utf16(text: &str, mark: [u8; 2], order: fn(u16) -> [u8; 2]) -> Vec<u8> {
        mark.into_iter().chain(text.encode_utf16().flat_map(order)).collect()
    }

    #[test]
    fn a_report_is_found_in_everything_it_is_saved_in() {
        let report = str::from_utf8(REPORT).unwrap();
        let json = format!(
            "{{\n    \"Content\": \"{}\",\n    \"ReportFormat\": \"text/csv\",\n    \"GeneratedTime\": \"{TIME}\"\n}}\n",
            content()
        );
        let yaml = format!("Content: {}\nGeneratedTime: '{TIME}'\nReportFormat: text/csv\n", content());
        let indented: String = wrapped().lines().map(|line| format!("  {line}\n")).collect();
        let binary =
            format!("GeneratedTime: \"{TIME}\"\nContent: !!binary |\n{indented}ReportFormat: text/csv\n");
        let text = format!("{}\t{TIME}\ttext/csv\n", content());
        for (file, is_dated) in [
            (REPORT.to_vec(), false),
            ([b"\xef\xbb\xbf", REPORT].concat(), false),
            (utf16(report, [0xff, 0xfe], u16::to_le_bytes), false),
            (utf16(report, [0xfe, 0xff], u16::to_be_bytes), false),
            (json.clone().into_bytes(), true),
            (format!("\u{feff}\r\n{json}").into_bytes(), true),
            (utf16(&json, [0xff, 0xfe], u16::to_le_bytes), true),
            (yaml.into_bytes(), true),
            (binary.into_bytes(), true),
            (text.into_bytes(), true),
            (content().into_bytes(), false),
            (format!("\u{feff}{}", wrapped()).into_bytes(), false),
        ] {
            let name = String::from_utf8_lossy(&file).into_owned();
            let found = open(&file).expect(&name);
            assert_eq!(str::from_utf8(&found.report), Ok(report), "{name}");
            let generated = is_dated.then(|| DateTime::parse_from_rfc3339(TIME).unwrap().to_utc());
            assert_eq!(found.generated, generated, "{name}");
        }
    }

    #[test]
    fn what_is_no_report_is_named_for_what_it_is() {
        let expired =
            "\nAn error occurred (ReportExpired) when calling the GetCredentialReport operation: Unknown\n";
        let saved_error = |code: &str| NotAReport::SavedError { code: code.to_owned() };
        let cut_off = content()[..content().len() - 3].to_owned();
        for (file, is) in [
            (expired.to_owned(), saved_error("ReportExpired")),
            (format!("\naws: [ERROR]:{expired}").replace("\nAn", " An"), saved_error("ReportExpired")),
            ("{\"State\": \"STARTED\"}".to_owned(), NotAReport::GenerateAnswer),
            (format!("{{\"Content\": \"{}", content()), NotAReport::DamagedAnswer),
            (format!("{{\"Content\": \"{cut_off}\"}}"), NotAReport::DamagedAnswer),
            (cut_off.clone() + "A", NotAReport::DamagedAnswer),
            (format!("Content: {cut_off}\nReportFormat: text/csv\n"), NotAReport::DamagedAnswer),
            ("{\"Accounts\": []}".to_owned(), NotAReport::OtherJson),
            ("{\"Content\": \"not base64\"}".to_owned(), NotAReport::OtherJson),
            ("{".to_owned(), NotAReport::OtherJson),
            ("u\0s\0e\0r\0".to_owned(), NotAReport::Utf16),
            ("PK\u{3}\u{4}xl/workbook.xml".to_owned(), NotAReport::Archive),
            ("user;arn;mfa_active\n".to_owned(), NotAReport::Separator { separator: ';' }),
            ("user\tarn\tmfa_active\n".to_owned(), NotAReport::Separator { separator: '\t' }),
        ] {
            let name = format!("{file:?}");
            assert_eq!(open(file.as_bytes()), Err(is.clone()), "{name}");
            assert!(is.to_string().contains("aws iam get-credential-report --output json"), "{is}");
        }
        assert_eq!(open(b"\xff\xfeu\0s"), Err(NotAReport::Utf16));
        assert_eq!(open(b"\xff\xfe\x00\xd8"), Err(NotAReport::Utf16), "half a character");
    }

    #[test]
    fn what_is_not_known_stays_as_it_is() {
        for file in [
            "",
            "\n",
            "<html>",
            "user,arn\n",
            "Content-Type,x",
            "Content: x\n",
            "dXNlcg==",
            "abc\tdef",
            "a,b\tc",
        ] {
            assert_eq!(open(file.as_bytes()), Ok(plain(file.as_bytes().into())), "{file:?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
            let _ = open(&bytes);
            let _ = open(&[b"\xff\xfe", bytes.as_slice()].concat());
            let _ = open(&[b"{\"Content\": \"", bytes.as_slice()].concat());
        }

        #[test]
        fn a_report_of_iam_is_opened_as_it_is(rows in "[ -~\n]{0,200}") {
            let report = format!("user,arn,user_creation_time\n{rows}");
            let opened = open(report.as_bytes());
            prop_assert_eq!(opened, Ok(plain(report.as_bytes().into())));
        }
    }
}
