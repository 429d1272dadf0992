//! `findings.jsonl`: a finding a line, exactly.

use std::io::{self, Write};

use crate::formats::finding_record::FindingRecord;
use crate::judgement::finding::Finding;

/// Writes `findings`, a line each.
///
/// # Errors
/// Those of `output`.
pub fn write_jsonl<'f>(
    findings: impl IntoIterator<Item = &'f Finding>,
    output: &mut impl Write,
) -> io::Result<()> {
    for finding in findings {
        serde_json::to_writer(&mut *output, &FindingRecord::from(finding))?;
        output.write_all(b"\n")?;
    }
    Ok(())
}

/// A line that is not a finding.
#[derive(Debug, thiserror::Error)]
#[error("line {line} is no finding: {cause}")]
pub struct InvalidRecord {
    /// The line's number, the first being 1.
    pub line: u64,
    /// What is wrong with it.
    pub cause: serde_json::Error,
}

/// Reads one line; its number is for the error.
///
/// # Errors
/// [`InvalidRecord`].
pub fn read_line(bytes: &[u8], line: u64) -> Result<Finding, InvalidRecord> {
    serde_json::from_slice::<FindingRecord<'_>>(bytes)
        .map(Finding::from)
        .map_err(|cause| InvalidRecord { line, cause })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::judgement::finding::Creation;
    use crate::judgement::finding::Exempted;
    use crate::judgement::rules::RuleId;
    use crate::testing::finding;

    fn written(finding: &Finding) -> String {
        let mut bytes = Vec::new();
        write_jsonl([finding], &mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_finding_is_one_line_with_every_field() {
        insta::assert_snapshot!(written(&finding(1, "anna", RuleId::AccessKeyStale)));
    }

    #[test]
    fn what_was_written_reads_back_exactly() {
        let exemption = Exempted { reason: "a, \"b\"\n".into(), expires: "2026-12-31".parse().unwrap() };
        for user in ["anna", "=HYPERLINK(\"x\")", "a\nb", "<script>", "née, +@"] {
            let finding = Finding {
                exemption: Some(Arc::new(exemption.clone())),
                ..finding(1, user, RuleId::AccessKeyStale)
            };
            let line = written(&finding);
            assert_eq!(line.matches('\n').count(), 1, "{line}");
            assert_eq!(read_line(line.as_bytes(), 1).unwrap(), finding);
        }
    }

    #[test]
    fn a_finding_of_an_earlier_version_is_read_without_the_times_it_lacks() {
        let now = finding(1, "anna", RuleId::AccessKeyStale);
        let line = written(&now);
        let (earlier, _) = line.split_once(",\"user_created\"").unwrap();
        let read = read_line(format!("{earlier}}}").as_bytes(), 1).unwrap();
        assert_eq!(read, Finding { creation: Creation::default(), ..now });
    }

    #[test]
    fn a_line_that_is_no_finding_is_named() {
        for line in ["", "{}", "{\"account_id\": \"12\"}"] {
            let error = read_line(line.as_bytes(), 7).unwrap_err().to_string();
            assert!(error.starts_with("line 7 is no finding: "), "{error}");
        }
    }
}
