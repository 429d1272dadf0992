//! Findings for a person at a terminal: by account, worst first, then the totals, and how much was looked
//! at.

mod accounts;
mod not_looked_at;
mod rules;
mod severities;
mod totals;

use std::io::{self, Write};

use rollcall_core::evidence::manifest::Manifest;
use rollcall_core::judgement::analysis::Assessment;

pub use not_looked_at::Remedies;

/// How a table is written.
#[derive(Clone, Copy, Debug)]
pub struct TableStyle {
    /// The most columns of a line, on a terminal; a file or a pipe has lines of any length, and all of
    /// them.
    pub width: Option<usize>,
    /// Whether the findings are listed, and not only counted.
    pub with_findings: bool,
    /// Which remedies are shown.
    pub remedies: Remedies,
}

/// Writes the table of a run.
///
/// # Errors
/// Those of `output`.
pub fn write_table(
    manifest: &Manifest,
    assessment: &Assessment,
    style: &TableStyle,
    output: &mut impl Write,
) -> io::Result<()> {
    let TableStyle { width, with_findings, remedies } = *style;
    if with_findings {
        accounts::write(&assessment.findings, width, output)?;
    }
    rules::write(&assessment.findings, output)?;
    not_looked_at::write(manifest, remedies, width, output)?;
    totals::write(manifest, width, output)
}

#[cfg(test)]
mod tests;
