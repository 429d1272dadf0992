//! The roll: which accounts a run has to account for, and which of them it skips and why.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::identifiers::account_id::AccountId;
use crate::organization::account::AccountState;

/// `accounts.json`: every account of a run, taken before anything is collected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Roll {
    /// The name of the execution that took the roll.
    pub execution: String,
    /// When that execution started.
    pub started: DateTime<Utc>,
    /// The time that its ages are counted to.
    pub as_of: DateTime<Utc>,
    /// When it was taken.
    pub taken: DateTime<Utc>,
    /// Where the accounts come from.
    pub source: RollSource,
    /// The organization's id; `None` for a plain list of account ids.
    pub organization_id: Option<String>,
    /// Every account once, in the order of ids.
    pub accounts: Vec<Account>,
}

/// Why an account is on the roll but not collected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum SkipReason {
    /// Its state is PENDING_ACTIVATION.
    PendingActivation,
    /// Its state is SUSPENDED.
    Suspended,
    /// Its state is PENDING_CLOSURE.
    PendingClosure,
    /// Its state is CLOSED.
    Closed,
    /// It is on the exclude list.
    Excluded,
    /// There is an include list and it is not on it.
    NotIncluded,
}

/// Who told us that an account exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ListedBy {
    /// AWS Organizations, which also knows its name and state.
    Organizations,
    /// A plain list of account ids, which knows nothing else.
    AccountList,
}

/// One account on the roll, as `accounts.json` has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Its id.
    pub account_id: AccountId,
    /// Its name in the organization; empty when only the id is known. Untrusted text.
    pub name: String,
    /// The address of its root user; empty when only the id is known. Untrusted text.
    pub email: String,
    /// Where it is in its life.
    pub state: AccountState,
    /// The names of the organizational units above it, from the root down, joined by `/`; empty
    /// when unknown. Untrusted text.
    pub path: String,
    /// Why it is skipped; `None` when it is to be collected.
    pub skip: Option<SkipReason>,
}

impl SkipReason {
    /// Why an account in `state` is skipped; `None` when it is to be collected. An unknown state is
    /// collected, because an account that can't answer fails loudly and an account skipped by mistake
    /// does not.
    pub fn of_state(state: &AccountState) -> Option<Self> {
        match state {
            AccountState::Active | AccountState::Unknown | AccountState::Other(_) => None,
            AccountState::PendingActivation => Some(Self::PendingActivation),
            AccountState::Suspended => Some(Self::Suspended),
            AccountState::PendingClosure => Some(Self::PendingClosure),
            AccountState::Closed => Some(Self::Closed),
        }
    }
}

/// Where the accounts of a roll come from. Only `organization` covers all accounts there are, so
/// an auditor wants to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum RollSource {
    /// The whole organization.
    Organization,
    /// The roots or organizational units that the deployment names.
    OrganizationalUnits,
    /// The plain list of account ids that the deployment has.
    AccountList,
    /// The accounts that the execution's input named.
    ExecutionInput,
    /// The accounts whose reports the command was given. There may be others.
    Reports,
}

impl RollSource {
    /// Whether the roll was meant to have every account of the deployment, and not some that the
    /// execution's input named, or whose reports the command was given.
    pub fn is_of_whole_roll(self) -> bool {
        !matches!(self, Self::ExecutionInput | Self::Reports)
    }
}

/// Which of the listed accounts to collect.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// The accounts the execution's input named: the roll is cut down to these. Empty for all.
    pub only: BTreeSet<AccountId>,
    /// The include list: every other account is skipped. Empty for all.
    pub include: BTreeSet<AccountId>,
    /// The exclude list.
    pub exclude: BTreeSet<AccountId>,
}

/// Accounts that were asked for and are not listed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the organization, or the part of it that this deployment covers, has no account {}", join(.0))]
pub struct UnknownAccounts(pub Vec<AccountId>);

fn join(ids: &[AccountId]) -> String {
    ids.iter().map(AccountId::as_str).collect::<Vec<_>>().join(", ")
}

impl Selection {
    /// Puts the listed accounts on the roll, each once and in the order of ids, and marks those to
    /// skip.
    ///
    /// An account of the include list that is not listed goes on the roll all the same and fails there:
    /// it was asked for, so it must not be missing silently.
    ///
    /// # Errors
    /// [`UnknownAccounts`] when `only` names accounts that are not listed.
    pub fn call(&self, listed: Vec<Account>) -> Result<Vec<Account>, UnknownAccounts> {
        let mut roll: BTreeMap<AccountId, Account> =
            listed.into_iter().map(|account| (account.account_id.clone(), account)).collect();
        let unknown: Vec<AccountId> =
            self.only.iter().filter(|id| !roll.contains_key(*id)).cloned().collect();
        if !unknown.is_empty() {
            return Err(UnknownAccounts(unknown));
        }
        for account_id in &self.include {
            roll.entry(account_id.clone()).or_insert_with(|| Account::of_id(account_id.clone()));
        }
        Ok(roll
            .into_values()
            .filter(|account| self.only.is_empty() || self.only.contains(&account.account_id))
            .map(|account| Account { skip: self.skip_reason(&account), ..account })
            .collect())
    }

    fn skip_reason(&self, account: &Account) -> Option<SkipReason> {
        if self.exclude.contains(&account.account_id) {
            Some(SkipReason::Excluded)
        } else if !self.include.is_empty() && !self.include.contains(&account.account_id) {
            Some(SkipReason::NotIncluded)
        } else {
            SkipReason::of_state(&account.state)
        }
    }
}

impl Account {
    /// An account of which only the id is known.
    pub fn of_id(account_id: AccountId) -> Self {
        Self {
            account_id,
            name: String::new(),
            email: String::new(),
            state: AccountState::Unknown,
            path: String::new(),
            skip: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(digit: char) -> AccountId {
        digit.to_string().repeat(12).parse().unwrap()
    }

    fn active(digit: char) -> Account {
        Account { state: AccountState::Active, ..Account::of_id(id(digit)) }
    }

    fn skips(roll: &[Account]) -> Vec<(char, Option<SkipReason>)> {
        roll.iter()
            .map(|account| (account.account_id.as_str().chars().next().unwrap(), account.skip))
            .collect()
    }

    #[test]
    fn every_account_is_on_the_roll_once_and_in_order() {
        let roll = Selection::default().call(vec![active('3'), active('1'), active('3')]).unwrap();
        assert_eq!(skips(&roll), [('1', None), ('3', None)]);
    }

    #[test]
    fn a_suspended_account_is_on_the_roll_with_its_reason() {
        let suspended = Account { state: AccountState::Suspended, ..active('2') };
        let roll = Selection::default().call(vec![active('1'), suspended]).unwrap();
        assert_eq!(skips(&roll), [('1', None), ('2', Some(SkipReason::Suspended))]);
    }

    #[test]
    fn excluded_and_not_included_accounts_stay_on_the_roll() {
        let selection =
            Selection { include: [id('1'), id('2')].into(), exclude: [id('2')].into(), ..Default::default() };
        let roll = selection.call(vec![active('1'), active('2'), active('3')]).unwrap();
        assert_eq!(
            skips(&roll),
            [('1', None), ('2', Some(SkipReason::Excluded)), ('3', Some(SkipReason::NotIncluded))]
        );
    }

    #[test]
    fn an_included_account_that_is_not_listed_is_not_missing_silently() {
        let selection = Selection { include: [id('1'), id('9')].into(), ..Default::default() };
        let roll = selection.call(vec![active('1')]).unwrap();
        assert_eq!(skips(&roll), [('1', None), ('9', None)]);
        assert_eq!(roll[1].state, AccountState::Unknown);
    }

    #[test]
    fn the_execution_input_cuts_the_roll_down() {
        let selection = Selection { only: [id('2')].into(), ..Default::default() };
        assert_eq!(skips(&selection.call(vec![active('1'), active('2')]).unwrap()), [('2', None)]);
    }

    #[test]
    fn an_account_of_the_input_that_is_not_listed_is_refused_by_name() {
        let selection = Selection { only: [id('2'), id('8'), id('9')].into(), ..Default::default() };
        assert_eq!(
            selection.call(vec![active('2')]).unwrap_err().to_string(),
            "the organization, or the part of it that this deployment covers, has no account 888888888888, 999999999999"
        );
    }

    #[test]
    fn only_a_state_known_to_be_unusable_skips_an_account() {
        for (state, reason) in [
            ("ACTIVE", None),
            ("PENDING_ACTIVATION", Some(SkipReason::PendingActivation)),
            ("SUSPENDED", Some(SkipReason::Suspended)),
            ("PENDING_CLOSURE", Some(SkipReason::PendingClosure)),
            ("CLOSED", Some(SkipReason::Closed)),
            ("A_STATE_OF_NEXT_YEAR", None),
        ] {
            assert_eq!(SkipReason::of_state(&AccountState::from_api(Some(state), None)), reason, "{state}");
        }
    }
}
