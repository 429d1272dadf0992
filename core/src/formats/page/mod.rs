//! `summary.html`: the page an auditor opens. One file that needs nothing else: no network, no
//! script but its own, which its Content-Security-Policy names by hash.
//!
//! What matters stands in the page itself and reads without a script; the table of findings is data
//! beside it, which the script searches, sorts and pages. Every name in it is anybody's choice: the
//! template escapes each value, and the script makes nothing but text of them.

mod age_plot;
mod data;
mod filters;
mod view;

use std::io::{self, Write};

use askama::Template;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest, Sha256};

use crate::evidence::manifest::Manifest;
use crate::judgement::finding::Finding;
use view::Page;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// How many findings the page holds: more make a browser slow, and nobody reads them there.
pub const FINDINGS_SHOWN: usize = 50_000;

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

/// Allows the page's own style and script and nothing else, whatever a name may contain.
fn content_security_policy() -> String {
    let hash = |text: &str| BASE64_STANDARD.encode(Sha256::digest(text));
    format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
        hash(STYLE),
        hash(SCRIPT)
    )
}

#[cfg(test)]
mod tests;
