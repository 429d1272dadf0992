//! Each form of findings, written.

use std::io::{self, Write};

use rollcall_core::evidence::manifest::Manifest;
use rollcall_core::formats::asff::write_asff;
use rollcall_core::formats::csv::write_csv;
use rollcall_core::formats::jsonl::write_jsonl;
use rollcall_core::formats::page::write_html;
use rollcall_core::formats::sarif::write_sarif;
use rollcall_core::judgement::analysis::Assessment;

use super::json::write_json;
use super::table::{Remedies, TableStyle, write_table};
use crate::arguments::format::Format;

/// What is written.
#[derive(Clone, Copy, Debug)]
pub struct Written<'a> {
    /// The roll as it was called.
    pub manifest: &'a Manifest,
    /// The findings.
    pub assessment: &'a Assessment,
    /// The Region of Security Hub, for ASFF.
    pub region: Option<&'a str>,
}

impl<'a> Written<'a> {
    /// The Region of Security Hub.
    ///
    /// # Errors
    /// When there is none.
    pub(super) fn region(&self) -> io::Result<&'a str> {
        self.region.ok_or_else(|| {
            io::Error::other(
                "--format asff needs the Region of Security Hub: give --region or set AWS_REGION",
            )
        })
    }
}

/// Writes the findings in a form.
pub(super) fn render(format: Format, written: Written<'_>, mut output: &mut dyn Write) -> io::Result<()> {
    let Written { manifest, assessment, .. } = written;
    let findings = &assessment.findings;
    match format {
        Format::Table => {
            let mut styled = Vec::new();
            let style = TableStyle { width: None, with_findings: true, remedies: Remedies::ForReports };
            write_table(manifest, assessment, &style, &mut styled)?;
            output.write_all(&anstream::adapter::strip_bytes(&styled).into_vec())
        }
        Format::Csv => write_csv(findings, &mut output),
        Format::Json => write_json(manifest, findings, output),
        Format::Jsonl => write_jsonl(findings, &mut output),
        Format::Html => write_html(manifest, findings, &assessment.resolved, &mut output),
        Format::Sarif => write_sarif(manifest, findings, &mut output),
        Format::Asff => write_asff(findings, written.region()?, manifest.finished, &mut output),
    }
}
