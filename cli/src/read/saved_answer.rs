//! The answer of GetCredentialReport as AWS's command line prints it, with the report inside.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use chrono::{DateTime, FixedOffset, Utc};
use serde::Deserialize;

/// The report in a saved answer, and when IAM made it; `None` when the bytes are something else.
pub(super) fn saved_answer(bytes: &[u8]) -> Option<(Vec<u8>, Option<DateTime<Utc>>)> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Answer {
        content: String,
        generated_time: Option<DateTime<FixedOffset>>,
    }
    if !bytes.trim_ascii_start().starts_with(b"{") {
        return None;
    }
    let Answer { content, generated_time } = serde_json::from_slice(bytes).ok()?;
    let content = BASE64_STANDARD.decode(content.trim()).ok()?;
    Some((content, generated_time.map(|time| time.to_utc())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_of_the_command_line_has_the_report_and_its_time() {
        let json = br#"{"Content": "dXNlcg==", "ReportFormat": "text/csv", "GeneratedTime": "2026-01-31T01:00:00+00:00"}"#;
        let (content, generated) = saved_answer(json).unwrap();
        assert_eq!(content, b"user");
        assert_eq!(generated, "2026-01-31T01:00:00Z".parse().ok());
        assert!(saved_answer(b"user,arn").is_none() && saved_answer(b"{}").is_none());
    }
}
