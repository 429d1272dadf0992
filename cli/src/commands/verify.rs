//! `rollcall verify`: whether the day of a run holds together, a line a check.

mod day;
mod objects;
mod verdict;
mod words;

use std::io::Write;

use rollcall_core::evidence::bucket_layout;
use rollcall_core::evidence::verification::{self, Difference};
use rollcall_core::judgement::analysis::Assessment;

use crate::arguments::verify::{VerifyArguments, VerifyFormat};
use crate::asynchronous::asynchronous;
use crate::aws_connection::Connection;
use crate::error::CommandError;
use crate::exit_status::ExitStatus;
use crate::find::{self, find_day};
use crate::terminal::{note, print, width};
use day::{Day, DayExemptions};
use objects::ObjectsRead;
use verdict::{Verdict, Verdicts};

/// Verifies.
pub fn run(arguments: &VerifyArguments) -> Result<ExitStatus, CommandError> {
    let connection = Connection::new(&arguments.aws);
    let verdicts = asynchronous(async {
        let address = find_day(&arguments.day, &connection).await?;
        address.notes.iter().for_each(note);
        verify(Day::read(address, arguments.exemptions.as_deref()).await?).await
    })?;
    print(|output| match arguments.format {
        VerifyFormat::Table => verdicts.write(width(), output),
        VerifyFormat::Json => {
            serde_json::to_writer_pretty(&mut *output, &verdicts)?;
            writeln!(output)
        }
    })?;
    Ok(if verdicts.hold() { ExitStatus::Clean } else { ExitStatus::Error })
}

/// Makes every check of a day.
async fn verify(day: Day) -> Result<Verdicts, CommandError> {
    let Day { roll, manifest, .. } = &day;
    let accounts = manifest.accounts.len() as u64;
    let mut verdicts = Verdicts::of(&day);
    verdicts.add(Verdict::of("roll", verification::roll(roll, manifest), words::roll(accounts)));
    verdicts.add(Verdict::of("coverage", verification::coverage(manifest), words::coverage(manifest)));

    let ObjectsRead { objects, differences, written, analysis } = objects::read(&day).await?;
    // What is not the run's own evidence gives findings that say nothing of the run.
    let is_evidence = differences.more == 0 && !differences.first.iter().any(is_about_evidence);
    verdicts.add(Verdict::of("objects", differences, words::objects(objects)));

    let exemptions = match &day.exemptions {
        DayExemptions::AsRecorded(exemptions) => Ok(exemptions),
        DayExemptions::Unknown { sha256 } => Err(words::exemptions_unknown(sha256)),
    };
    let (Ok(exemptions), true) = (&exemptions, is_evidence) else {
        let reason = exemptions.err().unwrap_or_else(words::not_the_evidence);
        verdicts.add(Verdict::not_checked("findings", reason));
        return Ok(verdicts);
    };
    let Assessment { findings: given, statistics, .. } = analysis.settle(&day.roll_call(), exemptions);
    let mut differences = verification::findings(&written, &given, manifest.date, manifest.schema_version);
    let written = Assessment { findings: written, statistics, ..Assessment::default() };
    differences.extend(verification::finding_counts(manifest, &written));
    differences.extend(verification::credentials(manifest, &written.statistics));
    verdicts.add(Verdict::of("findings", differences, words::findings(manifest, &written.findings)));
    Ok(verdicts)
}

/// Whether a difference is about what the findings come from, or are written in.
fn is_about_evidence(difference: &Difference) -> bool {
    match difference {
        Difference::ObjectChanged { key, .. }
        | Difference::ObjectMissing { key }
        | Difference::ObjectUnreadable { key, .. } => {
            find::Day::account_of_report(key).is_some() || key == bucket_layout::FINDINGS_JSONL
        }
        _ => false,
    }
}
