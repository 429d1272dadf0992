//! `rollcall analyze`: flags risks in reports from anywhere.

use rollcall_core::judgement::history::Previous;

use crate::arguments::analyze::AnalyzeArguments;
use crate::arguments::exit_status::ExitStatusArguments;
use crate::arguments::format::Format;
use crate::asynchronous::asynchronous;
use crate::aws_connection::Connection;
use crate::error::CommandError;
use crate::exit_status::ExitStatus;
use crate::find::find;
use crate::judge::{Criteria, Judge, Judged};
use crate::read::read;
use crate::terminal::{print, width};
use crate::write::table::{Remedies, TableStyle, write_table};
use crate::write::{Destination, Written, write_file_names, write_notes, write_problems};

/// Analyzes.
pub fn run(arguments: &AnalyzeArguments) -> Result<ExitStatus, CommandError> {
    let AnalyzeArguments { paths, output, judging, exit_status, aws } = arguments;
    let destination = Destination::new(output)?;
    let connection = Connection::new(aws);
    let (judged, region) = asynchronous(async {
        let mut found = find(paths, &connection).await?;
        let criteria = Criteria::new(judging, &mut found)?;
        // Before anything is read: a Region that is missing must not show after it.
        let region = match destination.needs_region() {
            true => Some(connection.region().await?),
            false => None,
        };
        let previous = Previous::default().with_last_collected(found.last_collected());
        let judge = Judge::new(&found, &criteria, judging.as_of, &previous);
        let reports = read(&found, judge.analyzer(), destination.needs_checksums()).await?;
        Ok((judge.judge(reports), region))
    })?;
    let Judged { manifest, assessment, .. } = &judged;
    if !output.quiet {
        write_notes(&judged);
    }
    let written = Written { manifest, assessment, region: region.as_deref() };
    let files = match destination.write(written) {
        Err(error) if error.is_broken_pipe() => vec![],
        files => files?,
    };
    // --quiet does not silence a table that --format asks for.
    let is_asked_for = output.format == [Format::Table] && !destination.is_on_disk();
    if !destination.takes_standard_output() && (is_asked_for || !output.quiet) {
        let with_findings = !destination.is_on_disk() && !output.summary;
        let style = TableStyle { width: width(), with_findings, remedies: Remedies::ForReports };
        print(|output| {
            write_table(manifest, assessment, &style, output)?;
            write_file_names(&files, output)
        })?;
    }
    write_problems(&judged);
    let ExitStatusArguments { fail_on, exit_zero } = *exit_status;
    let status = ExitStatus::of_findings(judged.is_complete(), &assessment.findings, fail_on, exit_zero);
    // The process ends here: the system takes half a million small pieces of memory back faster than they
    // could be given back one by one.
    std::mem::forget(judged);
    Ok(status)
}
