//! What the steps read of an account as Organizations describes it.

use aws_sdk_organizations::types::Account;
use rollcall_core::organization::account::AccountState;

/// Where the account is in its life: by `State`, or by `Status`, which it replaced, where a service
/// still answers only that.
pub fn account_state(account: &Account) -> AccountState {
    AccountState::from_api(
        account.state().map(|state| state.as_str()),
        account.status().map(|status| status.as_str()),
    )
}
