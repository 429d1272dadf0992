//! `rollcall run`: the nightly run with a person's own credentials. It calls the steps that the
//! functions serve, and does itself only what the state machine does: hands the accounts out, waits, and
//! calls again.

mod collection;
mod progress;
mod start;
mod step_error_remedies;

use std::io::Write;
use std::pin::pin;

use aws_config::SdkConfig;
use rollcall_core::evidence::bucket_layout;
use rollcall_core::identifiers::arn::ArnAccount;
use rollcall_core::judgement::exemptions::ExemptionOutcome;
use rollcall_core::judgement::settings::RuleSettings;
use rollcall_core::organization::roll::Account;
use rollcall_core::organization::roll::Roll;
use rollcall_core::organization::run::Run;
use rollcall_core::text::counted::counted;
use rollcall_functions::aws::connection;
use rollcall_functions::clock::Clock;
use rollcall_functions::nightly_run::analyze_reports::{AnalyzeReports, Analyzed, ExemptionsFile};
use rollcall_functions::nightly_run::collect_report::{CALL_LIMIT, CollectReport, CollectReportInput};
use rollcall_functions::report_store::ReportStore;
use tokio::time::Duration;

use crate::arguments::exit_status::ExitStatusArguments;
use crate::arguments::run::RunArguments;
use crate::asynchronous::asynchronous;
use crate::aws_connection::{Caller, HOW_TO_GET_CREDENTIALS, caller, connect};
use crate::error::CommandError;
use crate::exit_status::ExitStatus;
use crate::judge::without_report;
use crate::report_store::report_store;
use crate::terminal::{error, note, print, width};
use crate::write::table::{Remedies, TableStyle, write_table};
use collection::Collection;
use progress::Progress;
use start::Start;

/// How long the collector polls before a wait, where it is called for many accounts.
const POLL: Duration = Duration::from_secs(8);
/// The same for one account alone: there is nothing else to do meanwhile.
const POLL_OF_ONE: Duration = Duration::from_secs(40);

/// Runs.
pub fn run(arguments: &RunArguments) -> Result<ExitStatus, CommandError> {
    asynchronous(run_to_its_end(arguments))
}

async fn run_to_its_end(arguments: &RunArguments) -> Result<ExitStatus, CommandError> {
    let mut listening = pin!(stopped());
    let prepared = tokio::select! {
        prepared = prepare(arguments) => prepared?,
        signal = &mut listening => {
            let stopped = "stopped before anything was collected; what is there is as it was";
            return Err(CommandError::new(stopped).of_signal(signal));
        }
    };
    let progress = Progress::new(arguments.quiet, names(&prepared.roll.accounts), prepared.to_collect.len());
    let (prefix, accounts, done) = (prepared.prefix.clone(), prepared.accounts, prepared.done);
    // Until the last file is written: once the signal is listened for, it no longer ends the process.
    let ended = tokio::select! {
        ended = collect_and_analyze(arguments, prepared, &progress) => Ok(ended),
        signal = &mut listening => Err(signal),
    };
    progress.end();
    let complete = done + progress.complete();
    let (store, run, analyzed) = match ended {
        Ok(Ok(Some(ended))) => ended,
        Ok(Ok(None)) => {
            let stopped = stopped_early(arguments, &prefix, complete, accounts);
            return Err(CommandError::new(format!(
                "the AWS credentials have expired: {HOW_TO_GET_CREDENTIALS}; {stopped}"
            )));
        }
        Ok(Err(error)) => return Err(error),
        Err(signal) => {
            return Err(stopped_early(arguments, &prefix, complete, accounts).of_signal(signal));
        }
    };
    finish(arguments, &store, &run, &analyzed)
}

/// A run that is about to collect.
struct Prepared {
    config: SdkConfig,
    clock: Clock,
    owner: ArnAccount,
    store: ReportStore,
    exemptions: Option<ExemptionsFile>,
    run: Run,
    roll: Roll,
    to_collect: Vec<CollectReportInput>,
    /// Where the run writes, for a person.
    prefix: String,
    /// How many accounts are to have a report in the end.
    accounts: usize,
    /// How many of them have one already.
    done: usize,
}

async fn prepare(arguments: &RunArguments) -> Result<Prepared, CommandError> {
    let exemptions = exemptions(arguments)?;
    let clock = Clock::of_system();
    let config = connect(&arguments.aws).await?;
    let store = report_store(&arguments.output, arguments.kms_key_arn.as_deref(), &config)?;
    let caller = caller(&config, &arguments.aws).await?;
    let Start { run, roll, to_collect, done } = match arguments.resume {
        true => Start::again(arguments, &store, clock.now()).await?,
        false => Start::anew(arguments, &config, &caller, &store, &clock).await?,
    };
    let prefix = store.address(&bucket_layout::day(run.date()));
    let accounts = roll.accounts.iter().filter(|account| account.skip.is_none()).count();
    if !arguments.quiet {
        tell_start(&caller, arguments, &prefix, accounts, done);
    }
    let owner = caller.owner;
    Ok(Prepared { config, clock, owner, store, exemptions, run, roll, to_collect, prefix, accounts, done })
}

/// Returns `None` when the credentials ran out on the way.
async fn collect_and_analyze(
    arguments: &RunArguments,
    prepared: Prepared,
    progress: &Progress,
) -> Result<Option<(ReportStore, Run, Analyzed)>, CommandError> {
    let Prepared { config, owner, store, exemptions, run, to_collect, clock, .. } = prepared;
    let config = connection::with_call_limit(&config, CALL_LIMIT);
    let partition = owner.partition.clone();
    let poll = if to_collect.len() == 1 { POLL_OF_ONE } else { POLL };
    let collection = Collection {
        step: CollectReport::new(
            &config,
            store.clone(),
            arguments.member_role_name.clone(),
            poll,
            clock.clone(),
        ),
        owner,
        concurrency: arguments.concurrency,
        wait: Duration::from_secs(arguments.wait_seconds),
        max_waits: arguments.max_waits,
        sts: aws_sdk_sts::Client::new(&config),
    };
    let Ok(not_recorded) = collection.run(to_collect, progress).await else {
        return Ok(None);
    };
    progress.end();
    not_recorded.iter().for_each(error);

    let settings = arguments.judging.rules.over(RuleSettings::default());
    let mut step = AnalyzeReports::new(store.clone(), settings, clock).in_partition(partition);
    if let Some(file) = exemptions {
        step = step.with_exemptions(file);
    }
    let analyzed = step.analyze(&run).await.map_err(step_error_remedies::command_error)?;
    Ok(Some((store, run, analyzed)))
}

/// Shows the outcome of the run.
fn finish(
    arguments: &RunArguments,
    store: &ReportStore,
    run: &Run,
    analyzed: &Analyzed,
) -> Result<ExitStatus, CommandError> {
    let Analyzed { manifest, assessment } = analyzed;
    if !arguments.quiet {
        let style =
            TableStyle { width: width(), with_findings: !arguments.summary, remedies: Remedies::ForRun };
        print(|output| {
            write_table(manifest, assessment, &style, output)?;
            let page = store.address(&bucket_layout::summary(run.date()));
            writeln!(output, "The page for an auditor: {page}")
        })?;
        manifest.exemptions.outcomes.iter().filter_map(ExemptionOutcome::complaint).for_each(|it| note(&it));
    }
    let missing = manifest.coverage.missing();
    if missing > 0 {
        error(&format!(
            "{}: {} says why of each",
            without_report(missing, manifest.coverage.to_collect()),
            store.address(&bucket_layout::run(run.date()))
        ));
    }
    for account in &manifest.accounts {
        if let Some(report) = account.report_with_bad_rows() {
            let address = store.address(&report.key);
            error(&format!("{address}: {} of {} rows can't be read", report.bad_rows, report.rows));
        }
    }
    let is_complete = missing == 0 && manifest.coverage.bad_rows == 0;
    let ExitStatusArguments { fail_on, exit_zero } = arguments.exit_status;
    Ok(ExitStatus::of_findings(is_complete, &assessment.findings, fail_on, exit_zero))
}

/// The file of exemptions that a flag names. It is read before anything is collected, so that a mistake in
/// it shows at once and not after an hour.
fn exemptions(arguments: &RunArguments) -> Result<Option<ExemptionsFile>, CommandError> {
    let Some(path) = &arguments.judging.exemptions else { return Ok(None) };
    let bytes = std::fs::read(path).map_err(|error| CommandError::of_disk("reading", path, &error))?;
    let name = path.display().to_string();
    rollcall_core::judgement::exemptions::Exemptions::parse(&name, &bytes)
        .map_err(|error| CommandError::new(error.to_string()))?;
    Ok(Some(ExemptionsFile { name, bytes }))
}

fn names(accounts: &[Account]) -> impl Iterator<Item = (String, String)> {
    accounts.iter().map(|account| (account.account_id.to_string(), account.name.clone()))
}

fn tell_start(caller: &Caller, arguments: &RunArguments, prefix: &str, accounts: usize, done: usize) {
    note(&format!("{} to collect as {}, into {prefix}", counted(accounts as u64, "account"), caller.arn));
    if done > 0 {
        note(&format!("{done} of them are complete already"));
    }
    if arguments.resume && (arguments.judging.as_of.is_some() || arguments.selection.is_given()) {
        note(&"a resumed run keeps its accounts, and the time that its ages are counted to");
    }
}

fn stopped_early(arguments: &RunArguments, prefix: &str, complete: usize, accounts: usize) -> CommandError {
    CommandError::new(format!(
        "stopped: {complete} of {accounts} accounts are complete in {prefix}, and no findings are written yet; the same command with --resume goes on{}",
        if arguments.resume { " again" } else { "" }
    ))
}

/// The numbers of the signals that stop a run.
const INTERRUPT: u8 = 2;
const TERMINATE: u8 = 15;

/// Ends when the command is told to stop, with the number of the signal.
async fn stopped() -> u8 {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            return tokio::select! {
                _ = tokio::signal::ctrl_c() => INTERRUPT,
                _ = terminate.recv() => TERMINATE,
            };
        }
    }
    let _ = tokio::signal::ctrl_c().await;
    INTERRUPT
}
