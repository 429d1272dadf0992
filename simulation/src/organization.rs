//! The organization of a night: its accounts, their troubles and their reports. All of it is drawn from a
//! seed, and drawn again whenever it is needed.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use rollcall_core::identifiers::account_id::AccountId;
use rollcall_testing::organization as reports;
use rollcall_testing::random::Random;

/// How many of a hundred users a rule flags.
const CARELESS: u64 = 5;
/// Seeds this far apart have the same account ids, because an id has only twelve digits.
const SEEDS: u64 = 9_000;
/// Every organization has fewer accounts than this.
const MOST_ACCOUNTS: u64 = 12_000;

/// The accounts of a seed. The first is the management account, in which the functions run.
#[derive(Clone, Debug)]
pub struct Organization {
    seed: u64,
    accounts: usize,
    is_troubled: bool,
    users: Option<u64>,
    units: Option<usize>,
    by_id: HashMap<AccountId, usize>,
}

/// The trouble of an account, which lasts all night.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trouble {
    /// Nothing.
    None,
    /// It was suspended before the night.
    Suspended,
    /// It is suspended when it is collected, and was not when the roll was taken.
    SuspendedSince,
    /// The role is not there.
    RoleMissing,
    /// A service control policy denies.
    Denied,
    /// IAM never finishes its report.
    NeverReady,
    /// What IAM serves is not a report.
    NoReport,
}

/// The time at which nights start.
pub fn start_of_night() -> DateTime<Utc> {
    reports::as_of()
}

impl Organization {
    /// An organization of so many accounts. With `is_troubled`, a few of them have a trouble.
    pub fn new(seed: u64, accounts: usize, is_troubled: bool) -> Self {
        assert!((accounts as u64) < MOST_ACCOUNTS, "an organization has fewer than {MOST_ACCOUNTS} accounts");
        let mut organization =
            Self { seed, accounts, is_troubled, users: None, units: None, by_id: HashMap::new() };
        organization.by_id = (0..accounts).map(|account| (organization.id(account), account)).collect();
        organization
    }

    /// The same with this many users in every account.
    pub fn with_users(self, users: u64) -> Self {
        Self { users: Some(users), ..self }
    }

    /// The same with this many organizational units.
    pub fn with_units(self, units: usize) -> Self {
        Self { units: Some(units), ..self }
    }

    /// How many accounts it has.
    pub fn accounts(&self) -> usize {
        self.accounts
    }

    fn number(&self, account: usize) -> u64 {
        (self.seed % SEEDS) * MOST_ACCOUNTS + account as u64
    }

    /// The id of an account.
    pub fn id(&self, account: usize) -> AccountId {
        reports::account_id(self.number(account))
    }

    /// The account of an id.
    pub fn account(&self, id: &str) -> Option<usize> {
        self.by_id.get(&id.parse().ok()?).copied()
    }

    /// How many organizational units there are.
    pub fn units(&self) -> usize {
        self.units.unwrap_or((self.accounts / 40).clamp(1, 100))
    }

    /// The unit of an account; the management account is directly under the root.
    pub fn unit(&self, account: usize) -> Option<usize> {
        account.checked_sub(1).map(|member| member % self.units())
    }

    /// How many users an account has: most have a few, some hundreds, one in a thousand 5,000.
    pub fn users(&self, account: usize) -> u64 {
        if let Some(users) = self.users {
            return users;
        }
        let mut random = self.about(account, 1);
        match random.below(1000) {
            0 => 5000,
            1..20 => 200 + random.below(800),
            _ => 5 + random.below(56),
        }
    }

    /// The trouble of an account.
    pub fn trouble(&self, account: usize) -> Trouble {
        // The management account needs no role and can't be suspended.
        if !self.is_troubled || account == 0 {
            return Trouble::None;
        }
        match self.about(account, 2).below(40) {
            0 => Trouble::Suspended,
            1 => Trouble::SuspendedSince,
            2 => Trouble::RoleMissing,
            3 => Trouble::Denied,
            4 => Trouble::NeverReady,
            5 => Trouble::NoReport,
            _ => Trouble::None,
        }
    }

    /// The report of an account as IAM serves it. Each version has one user more than the one before.
    pub fn report(&self, account: usize, version: u64) -> Vec<u8> {
        match self.trouble(account) {
            Trouble::NoReport => format!("<html>We are sorry, {version}</html>").into_bytes(),
            _ => reports::report(self.number(account), self.users(account) + version, CARELESS).into_bytes(),
        }
    }

    /// How long IAM takes to make it: two seconds for fifty users, minutes for thousands.
    pub fn making(&self, account: usize) -> Duration {
        Duration::from_millis(500 + 30 * self.users(account))
    }

    fn about(&self, account: usize, question: u64) -> Random {
        Random::about(&[self.seed, account as u64, question])
    }
}
