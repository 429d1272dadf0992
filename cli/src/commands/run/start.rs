//! How a run starts: anew, by taking the roll, or again, where one that was stopped has left off.

use aws_config::SdkConfig;
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::{StreamExt, TryStreamExt, stream};
use rollcall_core::evidence::bucket_layout;
use rollcall_core::organization::roll::Roll;
use rollcall_core::organization::run::Run;
use rollcall_core::text::time::format_time;
use rollcall_functions::aws::connection;
use rollcall_functions::clock::Clock;
use rollcall_functions::nightly_run::collect_report::CollectReportInput;
use rollcall_functions::nightly_run::list_accounts::{ListAccounts, Settings, items};
use rollcall_functions::report_store::ReportStore;

use super::step_error_remedies::command_error;
use crate::arguments::run::RunArguments;
use crate::aws_connection::Caller;
use crate::error::CommandError;
use crate::terminal::note;

/// What the names of the command's runs begin with. No execution of a state machine is resumed.
const COMMAND: &str = "command-";
/// How often a call to Organizations is tried: its rate is low.
const ATTEMPTS: u32 = 10;
/// How old a run may be that is resumed: its reports are evidence of one day.
const RESUMED_HOURS: i64 = 24;
/// How many reports are looked at a time.
const READ_AT_A_TIME: usize = 64;

/// A run that is about to collect.
pub(super) struct Start {
    /// The run.
    pub run: Run,
    /// Its roll.
    pub roll: Roll,
    /// The accounts without a report of this run.
    pub to_collect: Vec<CollectReportInput>,
    /// How many have one already.
    pub done: usize,
}

impl Start {
    /// Takes the roll.
    pub(super) async fn anew(
        arguments: &RunArguments,
        config: &SdkConfig,
        caller: &Caller,
        store: &ReportStore,
        clock: &Clock,
    ) -> Result<Self, CommandError> {
        let now = clock.now();
        let run = Run {
            execution: format!("{COMMAND}{}-{}", now.format("%Y%m%dT%H%M%SZ"), std::process::id()),
            execution_arn: String::new(),
            started: now,
            as_of: arguments.judging.as_of.unwrap_or(now),
        };
        let selection = &arguments.selection;
        let mut account_ids = selection.account_ids.clone();
        if selection.this_account {
            account_ids.push(caller.owner.account_id.clone());
        }
        let settings = Settings {
            organization_id: selection.organization_id.clone(),
            organizational_unit_ids: selection.organizational_unit_ids.clone(),
            account_ids: account_ids.into_iter().collect(),
            include: selection.include_account_ids.iter().cloned().collect(),
            exclude: selection.exclude_account_ids.iter().cloned().collect(),
        };
        let step = ListAccounts::new(
            &connection::with_attempts(config, ATTEMPTS),
            store.clone(),
            settings,
            clock.clone(),
        );
        let (roll, to_collect) = step.take_roll(&run, Default::default()).await.map_err(command_error)?;
        // Only now: a run that may not even list the accounts leaves everything where it is.
        if let Some(aside) = store.make_room(&bucket_layout::day(run.date()))?
            && !arguments.quiet
        {
            note(&format!("what an earlier run of {} left is kept in {}", run.date(), aside.display()));
        }
        step.write_roll(&run, &roll).await.map_err(command_error)?;
        Ok(Self { run, roll, to_collect, done: 0 })
    }

    /// Finds the latest run that did not finish, and which of its accounts are complete.
    pub(super) async fn again(
        arguments: &RunArguments,
        store: &ReportStore,
        now: DateTime<Utc>,
    ) -> Result<Self, CommandError> {
        let unfinished = || {
            CommandError::new(format!(
                "there is no unfinished run in {}: leave --resume out to start one",
                arguments.output
            ))
        };
        let prefixes = store.prefixes().await?;
        let latest = prefixes.iter().filter_map(|prefix| bucket_layout::date_of_prefix(prefix)).max();
        let date = latest.ok_or_else(unfinished)?;
        let key = bucket_layout::accounts(date);
        let object = store.read(&key).await?.ok_or_else(unfinished)?;
        let address = store.address(&key);
        let roll: Roll = serde_json::from_slice(&object.bytes).map_err(|error| {
            CommandError::new(format!("{address} can't be read: {error}: leave --resume out to start again"))
        })?;
        if !object.is_of(&roll.execution) {
            return Err(CommandError::new(format!(
                "{address} is not as its run wrote it: leave --resume out to start again"
            )));
        }
        if !roll.execution.starts_with(COMMAND) {
            return Err(CommandError::new(format!(
                "{address} is of {}, which no command started: leave --resume out to start a run",
                roll.execution
            )));
        }
        // A run.json of an earlier run of the day does not finish this one.
        let key = bucket_layout::run(date);
        if store.has(&key).await?
            && store.read(&key).await?.is_some_and(|finished| finished.is_of(&roll.execution))
        {
            return Err(unfinished());
        }
        if now - roll.started > TimeDelta::hours(RESUMED_HOURS) {
            return Err(CommandError::new(format!(
                "the unfinished run in {} started at {}, more than {RESUMED_HOURS} hours ago: leave --resume out to start one of today",
                arguments.output,
                format_time(roll.started)
            )));
        }
        let run = Run {
            execution: roll.execution.clone(),
            execution_arn: String::new(),
            started: roll.started,
            as_of: roll.as_of,
        };
        let all: Vec<CollectReportInput> = items(&run, &roll).collect();
        let accounts = all.len();
        let to_collect: Vec<CollectReportInput> = stream::iter(all)
            .map(|item| async {
                let report = store.read(&bucket_layout::report(date, &item.account_id)).await?;
                let is_done = report.is_some_and(|object| object.is_of(&run.execution) && object.is_whole());
                Ok::<_, CommandError>((!is_done).then_some(item))
            })
            .buffered(READ_AT_A_TIME)
            .try_filter_map(|item| async { Ok(item) })
            .try_collect()
            .await?;
        Ok(Self { done: accounts - to_collect.len(), run, roll, to_collect })
    }
}
