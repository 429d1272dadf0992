//! The organization: its accounts, all of them, and where each stands.

use std::collections::HashMap;

use aws_config::SdkConfig;
use aws_sdk_organizations::Client;
use aws_sdk_organizations::config::http::HttpResponse;
use aws_sdk_organizations::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_organizations::types;
use futures_util::future::try_join;
use futures_util::{StreamExt, TryStreamExt, stream};
use rollcall_core::organization::account::AccountState;
use rollcall_core::organization::roll::Account;

use crate::aws::api_error::{ApiError, ApiErrorKind};
use crate::step_error::StepError;

/// The largest page that Organizations gives.
const PAGE: i32 = 20;

/// How many parents are asked at a time.
const PARENTS_AT_A_TIME: usize = 4;

/// AWS Organizations, as the management account or a delegated administrator sees it.
#[derive(Clone, Debug)]
pub struct Organization {
    client: Client,
}

/// What Organizations says of the organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrganizationDescription {
    /// Such as `o-a1b2c3d4e5`.
    pub id: String,
    /// The id of the management account.
    pub management_account_id: String,
}

/// A root or organizational unit that is being walked.
#[derive(Clone)]
struct Parent {
    id: String,
    /// The names from the root down, joined by `/`.
    path: String,
}

impl Organization {
    /// The organization that the account of `config` is in.
    pub fn new(config: &SdkConfig) -> Self {
        Self { client: Client::new(config) }
    }

    /// Its id, and the account that manages it.
    ///
    /// # Errors
    /// `OrganizationsNotInUse`, `OrganizationsDenied` or `ServiceUnavailable`.
    pub async fn describe(&self) -> Result<OrganizationDescription, StepError> {
        let answer = self
            .client
            .describe_organization()
            .send()
            .await
            .map_err(|error| step_error("organizations:DescribeOrganization", error))?;
        let organization = answer.organization.unwrap_or_else(|| types::Organization::builder().build());
        Ok(OrganizationDescription {
            id: organization.id.unwrap_or_default(),
            management_account_id: organization.master_account_id.unwrap_or_default(),
        })
    }

    /// The id of the organization, which must be `expected` if that is given.
    pub(crate) async fn id(&self, expected: Option<&str>) -> Result<String, StepError> {
        let id = self.describe().await?.id;
        match expected {
            Some(expected) if expected != id => {
                Err(StepError::OrganizationMismatch { expected: expected.to_owned(), actual: id })
            }
            _ => Ok(id),
        }
    }

    /// Every account of the organization. `ListAccounts` is the truth about who is on the roll; the
    /// tree is walked as well, for the paths, and an account that is moved meanwhile loses at most
    /// its path.
    ///
    /// # Errors
    /// As [`Self::describe`].
    pub async fn accounts(&self) -> Result<Vec<Account>, StepError> {
        let (mut accounts, in_tree) = try_join(self.listed(), self.in_tree()).await?;
        let paths: HashMap<_, _> =
            in_tree.into_iter().map(|account| (account.account_id, account.path)).collect();
        for account in &mut accounts {
            if let Some(path) = paths.get(&account.account_id) {
                account.path.clone_from(path);
            }
        }
        Ok(accounts)
    }

    async fn listed(&self) -> Result<Vec<Account>, StepError> {
        let mut accounts = Vec::new();
        let mut pages = self.client.list_accounts().max_results(PAGE).into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| step_error("organizations:ListAccounts", error))?;
            for account in page.accounts() {
                accounts.push(read(account, "")?);
            }
        }
        Ok(accounts)
    }

    async fn in_tree(&self) -> Result<Vec<Account>, StepError> {
        self.walk(self.roots().await?).await
    }

    /// Every account under the given roots and organizational units, at any depth.
    ///
    /// The tree is walked twice. An account that is moved from a unit not walked yet into one already walked is met
    /// by the second walk, and one that leaves the units meanwhile by the first: it was under them when the run
    /// began. An account met twice comes twice, last as it was last.
    pub(crate) async fn accounts_under(&self, ids: &[String]) -> Result<Vec<Account>, StepError> {
        let mut parents = Vec::new();
        let mut roots = None;
        for id in ids {
            if id.starts_with("r-") {
                let roots = match &roots {
                    Some(roots) => roots,
                    None => roots.insert(self.roots().await?),
                };
                let root = roots.iter().find(|root| root.id == *id).ok_or_else(|| unknown(id))?;
                parents.push(Parent { id: root.id.clone(), path: root.path.clone() });
            } else {
                parents.push(self.organizational_unit(id).await?);
            }
        }
        let mut accounts = self.walk(parents.clone()).await?;
        accounts.extend(self.walk(parents).await?);
        Ok(accounts)
    }

    async fn roots(&self) -> Result<Vec<Parent>, StepError> {
        let mut roots = Vec::new();
        let mut pages = self.client.list_roots().into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| step_error("organizations:ListRoots", error))?;
            roots.extend(
                page.roots.unwrap_or_default().into_iter().map(|root| Parent {
                    id: root.id.unwrap_or_default(),
                    path: root.name.unwrap_or_default(),
                }),
            );
        }
        Ok(roots)
    }

    async fn organizational_unit(&self, id: &str) -> Result<Parent, StepError> {
        let answer = self.client.describe_organizational_unit().organizational_unit_id(id).send().await;
        match answer {
            Ok(answer) => {
                let name = answer.organizational_unit.and_then(|unit| unit.name).unwrap_or_default();
                Ok(Parent { id: id.to_owned(), path: name })
            }
            // A malformed id is refused as invalid input, an unknown one as not found.
            Err(error)
                if matches!(
                    error.code(),
                    Some("OrganizationalUnitNotFoundException" | "InvalidInputException")
                ) =>
            {
                Err(unknown(id))
            }
            Err(error) => Err(step_error("organizations:DescribeOrganizationalUnit", error)),
        }
    }

    /// The accounts under `parents`, at any depth; an account met twice, under a unit and again
    /// under one above it, comes twice.
    async fn walk(&self, mut parents: Vec<Parent>) -> Result<Vec<Account>, StepError> {
        let mut accounts = Vec::new();
        // Level by level, a few parents at a time: the rate of Organizations is low.
        while !parents.is_empty() {
            let level: Vec<(Vec<Account>, Vec<Parent>)> = stream::iter(&parents)
                .map(|parent| try_join(self.accounts_of(parent), self.units_of(parent)))
                .buffered(PARENTS_AT_A_TIME)
                .try_collect()
                .await?;
            parents = Vec::new();
            for (of_parent, units) in level {
                accounts.extend(of_parent);
                parents.extend(units);
            }
        }
        Ok(accounts)
    }

    /// The accounts right under a parent.
    async fn accounts_of(&self, parent: &Parent) -> Result<Vec<Account>, StepError> {
        let mut accounts = Vec::new();
        let request = self.client.list_accounts_for_parent().parent_id(&parent.id).max_results(PAGE);
        let mut pages = request.into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| step_error("organizations:ListAccountsForParent", error))?;
            for account in page.accounts() {
                accounts.push(read(account, &parent.path)?);
            }
        }
        Ok(accounts)
    }

    /// The organizational units right under a parent.
    async fn units_of(&self, parent: &Parent) -> Result<Vec<Parent>, StepError> {
        let mut units = Vec::new();
        let request =
            self.client.list_organizational_units_for_parent().parent_id(&parent.id).max_results(PAGE);
        let mut pages = request.into_paginator().send();
        while let Some(page) = pages.next().await {
            let page =
                page.map_err(|error| step_error("organizations:ListOrganizationalUnitsForParent", error))?;
            units.extend(page.organizational_units.unwrap_or_default().into_iter().map(|unit| Parent {
                id: unit.id.unwrap_or_default(),
                path: format!("{}/{}", parent.path, unit.name.unwrap_or_default()),
            }));
        }
        Ok(units)
    }
}

/// Where the account is in its life: by `State`, or by `Status`, which it replaced, where a service
/// still answers only that.
pub fn account_state(account: &types::Account) -> AccountState {
    AccountState::from_api(
        account.state().map(|state| state.as_str()),
        account.status().map(|status| status.as_str()),
    )
}

fn read(account: &types::Account, path: &str) -> Result<Account, StepError> {
    let account_id = account.id().unwrap_or_default().parse().map_err(StepError::ListedAccount)?;
    Ok(Account {
        account_id,
        name: account.name().unwrap_or_default().to_owned(),
        email: account.email().unwrap_or_default().to_owned(),
        state: account_state(account),
        path: path.to_owned(),
        skip: None,
    })
}

fn unknown(id: &str) -> StepError {
    StepError::UnknownOrganizationalUnit { id: id.to_owned() }
}

fn step_error<E>(operation: &'static str, error: SdkError<E, HttpResponse>) -> StepError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let error = ApiError::of(operation, error);
    match error.kind {
        _ if error.code() == Some("AWSOrganizationsNotInUseException") => {
            StepError::OrganizationsNotInUse(error)
        }
        ApiErrorKind::Denied(_) => StepError::OrganizationsDenied(error),
        _ => StepError::OrganizationsFailed(error),
    }
}
