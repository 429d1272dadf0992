//! The role in the other accounts. Calls sts:AssumeRole in each of them, or in a sample: no report is
//! made, and nothing is written.

use aws_config::SdkConfig;
use futures_util::{StreamExt, stream};
use rollcall_core::organization::failure::FailureCode;
use rollcall_core::organization::roll::{Account, SkipReason};
use rollcall_functions::aws::connection;
use rollcall_functions::clock::Clock;
use rollcall_functions::nightly_run::collect_report::{CALL_LIMIT, CollectReport};
use rollcall_functions::report_store::ReportStore;
use tokio::time::Duration;

use crate::arguments::doctor::DoctorArguments;
use crate::aws_connection::Caller;
use crate::check::Check;
use crate::terminal::escaping::safe;

const NAME: &str = "role";

/// How many accounts that refuse are listed.
const REFUSALS_LISTED: usize = 3;

/// The check when it is not known which accounts there are.
pub fn skipped() -> Check {
    Check::skipped(NAME, "which accounts there are is not known", "mend what is above first")
}

/// Whether the role can be assumed in the accounts, or in a sample of them.
pub async fn check(
    config: &SdkConfig,
    caller: &Caller,
    arguments: &DoctorArguments,
    accounts: &[Account],
) -> Check {
    let role_name = &arguments.member_role_name;
    let others: Vec<&Account> = accounts
        .iter()
        .filter(|account| account.account_id != caller.owner.account_id)
        .filter(|account| SkipReason::of_state(&account.state).is_none())
        .collect();
    let all = others.len();
    let tried = sample(others, arguments.sample.map(|sample| sample.get()));
    let asked = tried.len();
    if asked == 0 {
        return Check::skipped(NAME, "there is no other account", "nothing needs to be done");
    }
    // The step is asked for its role only, and writes nothing.
    let nowhere = ReportStore::folder(std::env::temp_dir());
    let step = CollectReport::new(
        &connection::with_call_limit(config, CALL_LIMIT),
        nowhere,
        role_name.clone(),
        Duration::ZERO,
        Clock::of_system(),
    );
    let mut refusals: Vec<(&Account, FailureCode, String)> = stream::iter(tried)
        .map(|account| {
            let (step, owner) = (&step, &caller.owner);
            async move {
                let (code, message) = step.try_role(owner, &account.account_id).await.err()?;
                Some((account, code, message))
            }
        })
        .buffer_unordered(arguments.concurrency.get())
        .filter_map(|refusal| async { refusal })
        .collect()
        .await;
    let of = if asked < all { format!("{asked} (of {all})") } else { format!("{asked}") };
    if refusals.is_empty() {
        return Check::passed(NAME, format!("{role_name} can be assumed in {of} other accounts"));
    }
    refusals.sort_by(|(one, ..), (other, ..)| one.account_id.cmp(&other.account_id));
    let details = refusals.iter().map(|(account, code, message)| {
        format!("{} {}: {code}: {message}", account.account_id, safe(&account.name))
    });
    Check::failed(
        NAME,
        format!("{role_name} can't be assumed in {} of {of} other accounts", refusals.len()),
        "name a role that your credentials may assume with --member-role-name; the role of templates/member-role.yml trusts the deployed collector alone, so for that one look at member-roles below",
    )
    .with_details(details, REFUSALS_LISTED)
}

/// Some of the accounts, from the first to the last of them at equal steps, so that asking again asks
/// the same.
fn sample(accounts: Vec<&Account>, size: Option<usize>) -> Vec<&Account> {
    match size {
        Some(size) if size < accounts.len() => {
            (0..size).map(|place| accounts[place * accounts.len() / size]).collect()
        }
        _ => accounts,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_spread_over_all_accounts_and_always_the_same() {
        let accounts: Vec<Account> =
            (0..10).map(|number| Account::of_id(format!("{number:012}").parse().unwrap())).collect();
        let ids = |size| -> Vec<u32> {
            let accounts = sample(accounts.iter().collect(), size);
            accounts.iter().map(|account| account.account_id.as_str().parse().unwrap()).collect()
        };
        assert_eq!(ids(Some(3)), [0, 3, 6]);
        assert_eq!(ids(Some(10)).len(), 10);
        assert_eq!(ids(Some(99)).len(), 10);
        assert_eq!(ids(None).len(), 10);
    }
}
