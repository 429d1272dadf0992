//! `rollcall run`: the nightly run with a person's own credentials. It calls the steps that the
//! functions serve, and does itself only what the state machine does: hands the accounts out, waits, and
//! calls again.

mod collection;
mod progress;
mod start;

use std::io::{BufWriter, Write};
use std::path::PathBuf;

use rollcall_core::account::Account;
use rollcall_core::bucket_layout;
use rollcall_core::manifest::AccountOutcome;
use rollcall_core::outcome::FailureCode;
use rollcall_core::policy::Policy;
use rollcall_functions::analyze_reports::{AnalyzeReports, Analyzed, ExemptionsFile};
use rollcall_functions::collect_report::{CALL_LIMIT, CollectReport};
use rollcall_functions::report_store::ReportStore;
use rollcall_functions::{aws, clock};
use tokio::time::Duration;

use crate::arguments::RunArguments;
use crate::aws_connection::{Caller, caller, connect};
use crate::ending::Ending;
use crate::error::CommandError;
use crate::terminal::{error, note, width};
use crate::{asynchronous, table};
use collection::{Collected, Collection};
use progress::Progress;
use start::Start;

/// How long the collector polls before a wait, where it is called for many accounts.
const POLL: Duration = Duration::from_secs(8);
/// The same for one account alone: nothing else is to be done meanwhile.
const POLL_OF_ONE: Duration = Duration::from_secs(40);

/// Runs.
pub fn run(arguments: &RunArguments) -> Result<Ending, CommandError> {
    asynchronous(run_to_its_end(arguments))
}

async fn run_to_its_end(arguments: &RunArguments) -> Result<Ending, CommandError> {
    let exemptions = exemptions(arguments)?;
    let config = connect(&arguments.aws).await?;
    let store = store(arguments, &config)?;
    let caller = caller(&config, &arguments.aws).await?;
    let Start { run, roll, to_collect, done } = match arguments.resume {
        true => Start::again(arguments, &store).await?,
        false => Start::anew(arguments, &config, &caller, &store, clock::now()).await?,
    };
    let prefix = store.address(&format!("{}/", run.date()));
    let accounts = roll.accounts.iter().filter(|account| account.skip.is_none()).count();
    if !arguments.quiet {
        tell_start(&caller, arguments, &prefix, accounts, done);
    }

    let brisk = aws::brisk(&config, CALL_LIMIT);
    let poll = if to_collect.len() == 1 { POLL_OF_ONE } else { POLL };
    let collection = Collection {
        step: CollectReport::new(&brisk, store.clone(), arguments.member_role_name.clone(), poll),
        owner: caller.owner,
        concurrency: arguments.concurrency,
        wait: Duration::from_secs(arguments.wait_seconds),
        max_waits: arguments.max_waits,
    };
    let progress = Progress::new(arguments.quiet, names(&roll.accounts), to_collect.len());
    let collected = tokio::select! {
        collected = collection.run(to_collect, &progress) => collected,
        () = stopped() => {
            progress.end();
            return Err(stopped_early(arguments, &prefix, done + progress.complete(), accounts));
        }
    };
    progress.end();
    let Collected { not_recorded } = collected;
    not_recorded.iter().for_each(error);

    let policy = arguments.judging.rules.over(Policy::default());
    let mut step = AnalyzeReports::new(store.clone(), policy);
    if let Some(file) = exemptions {
        step = step.with_exemptions(file);
    }
    let Analyzed { manifest, assessment } = step.analyze(&run).await?;
    if !arguments.quiet {
        let mut output = anstream::AutoStream::auto(std::io::stdout().lock());
        let mut output = BufWriter::new(&mut output);
        table::write(&manifest, &assessment, width(), !arguments.summary, &mut output)?;
        let page = store.address(&bucket_layout::summary(run.date()));
        writeln!(output, "The page for an auditor: {page}")?;
        output.flush()?;
    }
    let missing = manifest.coverage.missing();
    let refused = |account: &&AccountOutcome| account.code == Some(FailureCode::RoleMissingOrDenied);
    if manifest.accounts.iter().any(|account| refused(&account)) && !arguments.quiet {
        note(&format!(
            "the role that was tried is {}: --member-role-name names another, and --this-account needs none",
            arguments.member_role_name
        ));
    }
    if missing > 0 {
        error(&format!(
            "{missing} of {} accounts have no report: {} says why of each",
            manifest.coverage.to_collect(),
            store.address(&bucket_layout::run(run.date()))
        ));
    }
    let is_complete = missing == 0 && manifest.coverage.bad_rows == 0;
    let ending = &arguments.ending;
    Ok(Ending::of_findings(is_complete, &assessment.findings, ending.fail_on, ending.exit_zero))
}

/// The file of exemptions that a flag names. It is read before anything is collected: a slip in it must
/// not show after an hour.
fn exemptions(arguments: &RunArguments) -> Result<Option<ExemptionsFile>, CommandError> {
    let Some(path) = &arguments.judging.exemptions else { return Ok(None) };
    let bytes = std::fs::read(path).map_err(|error| CommandError::of_disk("reading", path, &error))?;
    let name = path.display().to_string();
    rollcall_core::exemptions::Exemptions::parse(&name, &bytes)
        .map_err(|error| CommandError::new(error.to_string()))?;
    Ok(Some(ExemptionsFile { name, bytes }))
}

/// Where the run writes.
fn store(arguments: &RunArguments, config: &aws_config::SdkConfig) -> Result<ReportStore, CommandError> {
    let output = &arguments.output;
    let Some(bucket) = output.strip_prefix("s3://") else {
        return match &arguments.kms_key_arn {
            None => Ok(ReportStore::folder(PathBuf::from(output))),
            Some(_) => Err(CommandError::new(format!(
                "--kms-key-arn encrypts what is written to a bucket, and --output {output} is a folder: leave it out, or give s3://BUCKET"
            ))),
        };
    };
    match bucket.trim_end_matches('/') {
        "" => Err(CommandError::new(format!("--output {output:?} names no bucket: write s3://BUCKET"))),
        bucket if bucket.contains('/') => Err(CommandError::new(format!(
            "--output {output} has a prefix, and the days of runs lie at the root of a bucket: write s3://{}",
            bucket.split('/').next().unwrap_or_default()
        ))),
        bucket => Ok(ReportStore::new(config, bucket.to_owned(), arguments.kms_key_arn.clone())),
    }
}

fn names(accounts: &[Account]) -> impl Iterator<Item = (String, String)> {
    accounts.iter().map(|account| (account.account_id.to_string(), account.name.clone()))
}

fn tell_start(caller: &Caller, arguments: &RunArguments, prefix: &str, accounts: usize, done: usize) {
    let plural = if accounts == 1 { "" } else { "s" };
    note(&format!("{accounts} account{plural} to collect as {}, into {prefix}", caller.arn));
    if done > 0 {
        note(&format!("{done} of them are complete already"));
    }
    if arguments.judging.as_of.is_some() && arguments.resume {
        note(&"--as-of does not count here: a run that is gone on with keeps its own");
    }
}

fn stopped_early(arguments: &RunArguments, prefix: &str, complete: usize, accounts: usize) -> CommandError {
    CommandError::new(format!(
        "stopped: {complete} of {accounts} accounts are complete in {prefix}, nothing is analyzed yet; the same command with --resume goes on{}",
        if arguments.resume { " again" } else { "" }
    ))
}

/// Ends when somebody wants the command to stop.
async fn stopped() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}
