//! `summary.html`: the page an auditor opens. One file that needs nothing else: no network, no
//! script but its own, which its Content-Security-Policy names by hash.
//!
//! What matters stands in the page itself and reads without a script; the table of findings is data
//! beside it, which the script searches, sorts and pages. Every name in it is anybody's choice: the
//! template escapes each value, and the script makes nothing but text of them.

mod age_plot;
mod askama_filters;
mod data;
mod style_and_script;
mod view;

use std::io::{self, Write};

use askama::Template;

use crate::evidence::manifest::Manifest;
use crate::judgement::finding::Finding;
use view::Page;

pub use view::FINDINGS_SHOWN;

/// Writes the page of a run: `findings` and `resolved` in the order of lists.
///
/// # Errors
/// Those of `output`.
pub fn write_html(
    manifest: &Manifest,
    findings: &[Finding],
    resolved: &[Finding],
    output: &mut impl Write,
) -> io::Result<()> {
    Page::new(manifest, findings, resolved).write_into(output)
}

#[cfg(test)]
mod tests;
