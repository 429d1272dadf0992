//! How messages write things.

use std::fmt::Write;

use crate::bucket_layout;
use crate::console::Console;
use crate::manifest::Manifest;
use crate::run::format_time;

/// How many bytes of an account's name or of a failure's message are repeated.
const TEXT_LIMIT: usize = 600;

pub(super) fn paragraph(body: &mut String, text: &str) {
    body.push_str(text);
    body.push_str("\n\n");
}

/// A number with its noun: `1 account`, `2 accounts`.
pub fn counted(count: u64, what: &str) -> String {
    if count == 1 { format!("{count} {what}") } else { format!("{count} {what}s") }
}

/// Untrusted text on one line: a name can't forge a line of the message.
pub(super) fn one_line(text: &str) -> String {
    let mut line = String::new();
    for character in text.chars() {
        if line.len() + character.len_utf8() > TEXT_LIMIT {
            line.push('…');
            break;
        }
        line.push(if character.is_control() { '\u{fffd}' } else { character });
    }
    line
}

/// How much of the organization was looked at: one line.
pub(super) fn coverage(manifest: &Manifest) -> String {
    let coverage = &manifest.coverage;
    format!(
        "Collected {}, failed {}, without an outcome {}, skipped {}: {} percent covered.",
        coverage.collected, coverage.failed, coverage.no_outcome, coverage.skipped, coverage.percent
    )
}

/// Which run it was, and where the rest lies.
pub(super) fn whereabouts(body: &mut String, manifest: &Manifest, bucket: &str, console: &Console) {
    let _ = writeln!(body, "Run       {}", one_line(&manifest.execution));
    let _ = writeln!(body, "Started   {}", format_time(manifest.started));
    if !manifest.execution_arn.is_empty() {
        let _ = writeln!(body, "Execution {}", console.execution(&manifest.execution_arn));
    }
    let _ = writeln!(body, "Evidence  {}", console.day(bucket, manifest.date));
    let _ = writeln!(body, "Summary   s3://{bucket}/{}", bucket_layout::summary(manifest.date));
    let _ = writeln!(body, "Manifest  s3://{bucket}/{}", bucket_layout::run(manifest.date));
}
