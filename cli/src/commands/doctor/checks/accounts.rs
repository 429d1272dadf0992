//! The accounts of the organization. Calls organizations:ListAccounts and the tree of organizational
//! units.

use rollcall_core::organization::roll::{Account, SkipReason};
use rollcall_core::text::counted::counted;
use rollcall_functions::aws::organization::Organization;

use crate::check::Check;
use crate::commands::doctor::refusal::refused;

const NAME: &str = "accounts";

/// Lists the accounts; returns a failed check when they can't be listed.
pub async fn list(organization: &Organization) -> Result<Vec<Account>, Check> {
    organization.accounts().await.map_err(|error| refused(NAME, &error))
}

/// The check of accounts that were listed.
pub fn check(accounts: &[Account]) -> Check {
    let skipped = accounts.iter().filter(|account| SkipReason::of_state(&account.state).is_some()).count();
    let all = counted(accounts.len() as u64, "account");
    Check::passed(
        NAME,
        match skipped {
            0 => all,
            some => format!("{all}, {some} of them suspended, closed or not active yet"),
        },
    )
}
