//! JSON: the run and every finding in one document.

use std::io::{self, Write};

use rollcall_core::evidence::manifest::Manifest;
use rollcall_core::formats::finding_record::FindingRecord;
use rollcall_core::judgement::finding::Finding;
use serde::Serialize;
use serde::ser::Serializer;

/// Writes everything in one document. The findings are turned into records one by one, as they are
/// written.
pub(super) fn write_json(
    manifest: &Manifest,
    findings: &[Finding],
    mut output: &mut dyn Write,
) -> io::Result<()> {
    #[derive(Serialize)]
    struct Document<'a> {
        run: &'a Manifest,
        #[serde(serialize_with = "records")]
        findings: &'a [Finding],
    }
    fn records<S: Serializer>(findings: &&[Finding], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(findings.iter().map(FindingRecord::from))
    }
    serde_json::to_writer_pretty(&mut output, &Document { run: manifest, findings })?;
    output.write_all(b"\n")
}
