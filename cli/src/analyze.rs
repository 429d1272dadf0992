//! `rollcall analyze`: flags risks in reports that somebody has.

use std::io::Write;

use rollcall_core::history::Previous;

use crate::arguments::AnalyzeArguments;
use crate::ending::Ending;
use crate::error::CommandError;
use crate::output::{self, Destination, Written};
use crate::reports::{Connection, Examined, Reports};
use crate::terminal::width;
use crate::{asynchronous, table};

/// Analyzes.
pub fn run(arguments: &AnalyzeArguments) -> Result<Ending, CommandError> {
    let destination = Destination::new(&arguments.output)?;
    let connection = Connection::new(&arguments.aws);
    let judging = &arguments.judging;
    let (examined, region) = asynchronous(async {
        let mut reports = Reports::find(&arguments.paths, &connection).await?;
        reports = reports.with_checksums(destination.needs_checksums());
        let measure = reports.measure(judging)?;
        // Before anything is read: a Region that is missing must not show after it.
        let region = match destination.needs_region() {
            true => connection.config().await?.region().map(ToString::to_string),
            false => None,
        };
        let examined = reports.examine(&measure, judging.as_of, &Previous::default()).await?;
        Ok((examined, region))
    })?;
    let Examined { manifest, assessment, .. } = &examined;
    if !arguments.output.quiet {
        examined.tell_notes();
    }
    let written = Written { manifest, assessment, region: region.as_deref() };
    let files = destination.write(written)?;
    if !destination.takes_standard_output() && !arguments.output.quiet {
        let with_findings = !destination.is_on_disk() && !arguments.output.summary;
        let mut output = anstream::AutoStream::auto(std::io::stdout().lock());
        let mut buffer = std::io::BufWriter::new(&mut output);
        table::write(manifest, assessment, width(), with_findings, &mut buffer)?;
        output::tell(&files, &mut buffer)?;
        buffer.flush()?;
    }
    examined.tell_problems();
    let ending = &arguments.ending;
    Ok(Ending::of_findings(examined.is_complete(), &assessment.findings, ending.fail_on, ending.exit_zero))
}
