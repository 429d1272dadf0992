//! `ListAccounts`: takes the roll. Writes `accounts.json`, with every account and the reason of each
//! that is skipped, and the items of the map, one for each account to collect.

use std::collections::BTreeSet;
use std::sync::Arc;

use aws_config::SdkConfig;
use chrono::{DateTime, NaiveDate, Utc};
use rollcall_core::evidence::bucket_layout;
use rollcall_core::identifiers::account_id::AccountId;
use rollcall_core::organization::roll::{Account, ListedBy};
use rollcall_core::organization::roll::{Roll, RollSource, Selection};
use rollcall_core::organization::run::Run;
use rollcall_core::text::time::parse_as_of;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::aws::connection;
use crate::aws::organization::Organization;
use crate::clock::Clock;
use crate::nightly_run::collect_report::CollectReportInput;
use crate::parameter::Parameter;
use crate::report_store::ReportStore;
use crate::run_lock::RunLock;
use crate::settings;
use crate::step_error::{InvalidExecutionInput, StepError};

/// How often a call to Organizations is tried: its rate is low, and an organization of ten thousand
/// accounts takes a thousand calls.
pub const ATTEMPTS: u32 = 10;

/// The step: its clients and settings.
#[derive(Debug)]
pub struct ListAccounts {
    organization: Organization,
    report_store: ReportStore,
    /// The work bucket, and the lock there; none for a caller that collects by itself.
    work: Option<(ReportStore, RunLock)>,
    settings: Settings,
    clock: Clock,
}

/// What a deployment sets.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The organization this deployment is for; `None` leaves it unchecked.
    pub organization_id: Option<String>,
    /// The roots or organizational units to cover; empty for the whole organization.
    pub organizational_unit_ids: Vec<String>,
    /// The account ids of a deployment without Organizations; empty to ask Organizations.
    pub account_ids: BTreeSet<AccountId>,
    /// Only these are collected; empty for all.
    pub include: BTreeSet<AccountId>,
    /// These are not collected.
    pub exclude: BTreeSet<AccountId>,
}

impl Settings {
    /// Reads the settings that `template.yml` gives the function.
    ///
    /// # Errors
    /// `InvalidSettings` with the value and the parameter.
    pub fn from_environment() -> Result<Self, StepError> {
        Ok(Self {
            organization_id: settings::optional(Parameter::OrganizationId.variable()),
            organizational_unit_ids: settings::list(Parameter::OrganizationalUnitIds.variable()),
            account_ids: settings::account_ids(Parameter::AccountIds)?,
            include: settings::account_ids(Parameter::IncludeAccountIds)?,
            exclude: settings::account_ids(Parameter::ExcludeAccountIds)?,
        })
    }
}

/// What the state machine gives the step.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ListAccountsInput {
    /// The execution's name.
    pub execution: String,
    /// The execution's ARN.
    pub execution_arn: String,
    /// When the execution started.
    pub started: DateTime<Utc>,
    /// The execution's own input, which a person may have written by hand.
    pub input: Value,
}

impl ListAccountsInput {
    /// The run, and the accounts that its roll is cut down to; none for all.
    ///
    /// # Errors
    /// `InvalidInput` when the execution's own input is not what it may be.
    pub fn read(self) -> Result<(Run, BTreeSet<AccountId>), StepError> {
        let execution_input = ExecutionInput::read(self.input)?;
        let run = Run {
            execution: self.execution,
            execution_arn: self.execution_arn,
            started: self.started,
            as_of: match &execution_input.as_of {
                None => self.started,
                Some(as_of) => parse_as_of(as_of).map_err(StepError::AsOf)?,
            },
        };
        Ok((run, execution_input.accounts.unwrap_or_default().into_iter().collect()))
    }
}

/// What a person may give an execution. Nothing is needed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ExecutionInput {
    /// Only these accounts.
    #[serde(default)]
    accounts: Option<Vec<AccountId>>,
    /// The time that ages are counted to.
    #[serde(default, rename = "asOf")]
    as_of: Option<String>,
    /// What the Step Functions console fills in when a person starts an execution.
    #[serde(default, rename = "Comment")]
    _comment: Option<Value>,
}

/// What the step answers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ListAccountsOutput {
    /// The run, for every later step.
    pub run: Run,
    /// The run's date, which is also the prefix of its keys.
    pub date: NaiveDate,
    /// How many accounts are on the roll.
    pub accounts: usize,
    /// How many of them are to be collected.
    pub to_collect: usize,
    /// The key of the map's items in the work bucket.
    pub to_collect_key: String,
}

impl ListAccounts {
    /// The step with the settings of the environment.
    ///
    /// # Errors
    /// `InvalidSettings`.
    pub fn from_environment(config: &SdkConfig) -> Result<Self, StepError> {
        let config = connection::with_attempts(config, ATTEMPTS);
        let report_store = ReportStore::from_environment(&config)?;
        let work_store = ReportStore::new(&config, settings::required("WORK_BUCKET")?, None);
        let settings = Settings::from_environment()?;
        let step = Self::new(&config, report_store, settings, Clock::of_system());
        Ok(step.with_work_store(&config, work_store))
    }

    /// The step with the given store and settings. It writes no items for a map: a caller that collects
    /// by itself has them from [`Self::take_roll`].
    pub fn new(config: &SdkConfig, report_store: ReportStore, settings: Settings, clock: Clock) -> Self {
        Self { organization: Organization::new(config), report_store, work: None, settings, clock }
    }

    /// The same step as the first of a state machine: it runs while no other run does, and writes the items of
    /// the map to `work_store`.
    pub fn with_work_store(self, config: &SdkConfig, work_store: ReportStore) -> Self {
        let lock = RunLock::new(config, work_store.clone(), self.clock.clone());
        Self { work: Some((work_store, lock)), ..self }
    }

    /// Takes the roll of a run.
    ///
    /// # Errors
    /// Any [`StepError`] that concerns input, settings, other runs, Organizations or storage.
    pub async fn run(&self, input: ListAccountsInput) -> Result<ListAccountsOutput, StepError> {
        let (run, only) = input.read()?;
        if let Some((_, lock)) = &self.work {
            lock.take(&run).await?;
        }
        let (roll, items) = self.take_roll(&run, only).await?;
        self.write_roll(&run, &roll).await?;
        let date = run.date();
        let to_collect_key = bucket_layout::to_collect(date, &run.execution);
        if let Some((work_store, _)) = &self.work {
            work_store.write_json(&to_collect_key, &items, &run.execution).await?;
        }
        Ok(ListAccountsOutput {
            run,
            date,
            accounts: roll.accounts.len(),
            to_collect: items.len(),
            to_collect_key,
        })
    }

    /// Takes the roll and writes nothing; answers it, and what to give the collector for each account of
    /// it that is to be collected. With `only`, the roll is cut down to those.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub async fn take_roll(
        &self,
        run: &Run,
        only: BTreeSet<AccountId>,
    ) -> Result<(Roll, Vec<CollectReportInput>), StepError> {
        let roll = self.call_roll(run, only).await?;
        let items: Vec<CollectReportInput> = items(run, &roll).collect();
        if items.is_empty() {
            return Err(StepError::NoAccountToCollect { accounts: roll.accounts.len() });
        }
        tracing::info!(accounts = roll.accounts.len(), to_collect = items.len(), "the roll is taken");
        Ok((roll, items))
    }

    /// Writes `accounts.json`.
    ///
    /// # Errors
    /// `ServiceUnavailable` or `StorageFailed`.
    pub async fn write_roll(&self, run: &Run, roll: &Roll) -> Result<(), StepError> {
        let key = bucket_layout::accounts(run.date());
        Ok(self.report_store.write_json(&key, roll, &run.execution).await?)
    }

    async fn call_roll(&self, run: &Run, only: BTreeSet<AccountId>) -> Result<Roll, StepError> {
        let Settings { organization_id, organizational_unit_ids, account_ids, include, exclude } =
            &self.settings;
        let (mut source, organization_id, listed) = if account_ids.is_empty() {
            let id = self.organization.id(organization_id.as_deref()).await?;
            if organizational_unit_ids.is_empty() {
                (RollSource::Organization, Some(id), self.organization.accounts().await?)
            } else {
                let accounts = self.organization.accounts_under(organizational_unit_ids).await?;
                (RollSource::OrganizationalUnits, Some(id), accounts)
            }
        } else {
            (RollSource::AccountList, None, account_ids.iter().cloned().map(Account::of_id).collect())
        };
        if !only.is_empty() {
            source = RollSource::ExecutionInput;
        }
        let accounts = Selection { only, include: include.clone(), exclude: exclude.clone() }
            .call(listed)
            .map_err(StepError::UnknownAccounts)?;
        Ok(Roll {
            execution: run.execution.clone(),
            started: run.started,
            as_of: run.as_of,
            taken: self.clock.now(),
            source,
            organization_id,
            accounts,
        })
    }
}

impl ExecutionInput {
    fn read(input: Value) -> Result<Self, StepError> {
        if input.is_null() {
            return Ok(Self::default());
        }
        if input.is_array() {
            return Err(StepError::ExecutionInput(InvalidExecutionInput::List));
        }
        let input: Self = serde_json::from_value(input)
            .map_err(|error| StepError::ExecutionInput(InvalidExecutionInput::Form(Arc::new(error))))?;
        match &input.accounts {
            Some(accounts) if accounts.is_empty() => {
                Err(StepError::ExecutionInput(InvalidExecutionInput::NoAccounts))
            }
            _ => Ok(input),
        }
    }
}

/// What to give the collector for each account of `roll` that is to be collected.
pub fn items<'r>(run: &'r Run, roll: &'r Roll) -> impl Iterator<Item = CollectReportInput> + 'r {
    let listed_by =
        if roll.organization_id.is_some() { ListedBy::Organizations } else { ListedBy::AccountList };
    roll.accounts.iter().filter(|account| account.skip.is_none()).map(move |account| CollectReportInput {
        account_id: account.account_id.clone(),
        listed_by,
        execution: run.execution.clone(),
        date: run.date(),
        waits: 0,
        max_waits: 0,
        lambda_error: None,
    })
}

#[cfg(test)]
mod tests;
