//! How messages write things.

use std::borrow::Cow;
use std::fmt::Write;

use crate::evidence::bucket_layout;
use crate::evidence::manifest::Manifest;
use crate::text::console::Console;
use crate::text::time::format_time;
use crate::text::untrusted::shortened;

/// How many bytes of an account's name or of a failure's message are repeated.
pub(super) const TEXT_LIMIT: usize = 600;
/// How many bytes of a sentence of ours are written that may have several texts of others in it.
pub(super) const SENTENCE_LIMIT: usize = 8_000;

pub(super) fn paragraph(body: &mut String, text: &str) {
    body.push_str(text);
    body.push_str("\n\n");
}

/// Untrusted text on one line: a name can't forge a line of the message.
pub(super) fn one_line(text: &str) -> Cow<'_, str> {
    shortened(text, TEXT_LIMIT)
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
