//! `rollcall analyze`: flags risks in reports that somebody has.

use rollcall_core::judgement::history::Previous;

use crate::arguments::{AnalyzeArguments, EndingArguments};
use crate::asynchronous;
use crate::ending::Ending;
use crate::error::{CommandError, unless_closed};
use crate::output::{self, Destination, Format, Written};
use crate::reports::{Connection, Examined, Reports};
use crate::table::{self, Style, Words};
use crate::terminal::width;

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
            true => Some(connection.region().await?),
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
    let files = match destination.write(written) {
        Err(error) if error.is_broken_pipe() => vec![],
        files => files?,
    };
    // Quiet is not about what was asked for by its name.
    let is_asked_for = arguments.output.format == [Format::Table] && !destination.is_on_disk();
    if !destination.takes_standard_output() && (is_asked_for || !arguments.output.quiet) {
        let with_findings = !destination.is_on_disk() && !arguments.output.summary;
        unless_closed(table::print(|output| {
            table::write(
                manifest,
                assessment,
                &Style { width: width(), with_findings, words: Words::Analysis },
                output,
            )?;
            output::tell(&files, output)
        }))?;
    }
    examined.tell_problems();
    let EndingArguments { fail_on, exit_zero } = arguments.ending;
    let ending = Ending::of_findings(examined.is_complete(), &assessment.findings, fail_on, exit_zero);
    // The process ends here: the system takes half a million small pieces of memory back faster than they
    // could be given back one by one.
    std::mem::forget(examined);
    Ok(ending)
}
