//! The organization, and the role in its accounts.

use aws_config::SdkConfig;
use futures_util::{StreamExt, stream};
use rollcall_core::organization::failure::FailureCode;
use rollcall_core::organization::roll::{Account, SkipReason};
use rollcall_core::text::counted::counted;
use rollcall_functions::aws::connection;
use rollcall_functions::aws::organization::Organization;
use rollcall_functions::nightly_run::collect_report::{CALL_LIMIT, CollectReport};
use rollcall_functions::report_store::ReportStore;
use rollcall_functions::step_error::{StepError, StepErrorName};
use tokio::time::Duration;

use super::check::Check;
use crate::arguments::DoctorArguments;
use crate::aws_connection::Caller;
use crate::terminal::safe;

/// How many accounts that refuse are listed.
const REFUSALS_LISTED: usize = 3;

/// What the account is in the organization, and which accounts there are, when that can be told.
pub(super) async fn organization(config: &SdkConfig, caller: &Caller) -> (Vec<Check>, Option<Vec<Account>>) {
    let organization = Organization::new(config);
    let description = match organization.describe().await {
        Ok(description) => description,
        Err(error) => return (vec![refused("organization", &error)], None),
    };
    let is_management = description.management_account_id == caller.owner.account_id.as_str();
    let id = &description.id;
    let accounts = match organization.accounts().await {
        Ok(accounts) => accounts,
        Err(error) => {
            let manages = &description.management_account_id;
            let text = match is_management {
                true => format!("{id}, and this is its management account"),
                false => format!("{id}; its management account is {manages}"),
            };
            return (vec![Check::passed("organization", text), refused("accounts", &error)], None);
        }
    };
    // Only these two kinds of accounts may list the others.
    let what = if is_management { "its management account" } else { "a delegated administrator of it" };
    let skipped = accounts.iter().filter(|account| SkipReason::of_state(&account.state).is_some()).count();
    let checks = vec![
        Check::passed("organization", format!("{id}, and this is {what}")),
        Check::passed(
            "accounts",
            match skipped {
                0 => counted(accounts.len() as u64, "account"),
                some => format!(
                    "{}, {some} of them suspended, closed or not active yet",
                    counted(accounts.len() as u64, "account")
                ),
            },
        ),
    ];
    (checks, Some(accounts))
}

fn refused(name: &'static str, error: &StepError) -> Check {
    match error.name {
        StepErrorName::OrganizationsNotInUse => Check::failed(
            name,
            "this account is in no organization",
            "use `rollcall run --this-account` or --account-ids, and deploy with the parameter AccountIds",
        ),
        StepErrorName::OrganizationsDenied => {
            // The step's words end in what to do about a deployment.
            if let Some((text, fix)) = error.message.split_once(": allow ") {
                let fix = fix.split(", or set the parameter").next().unwrap_or_default();
                return Check::failed(name, text, format!("allow {fix}"));
            }
            let text = error.message.split(": deploy in ").next().unwrap_or_default();
            Check::failed(
                name,
                text,
                "use credentials of the organization's management account, or of a delegated administrator account",
            )
        }
        _ => Check::failed(name, &error.message, "try again in a minute"),
    }
}

/// Whether the role can be assumed in the accounts, or in some of them.
pub(super) async fn role(
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
        return Check::skipped("role", "there is no other account", "nothing needs to be done");
    }
    // The step is asked for its role only, and writes nothing.
    let nowhere = ReportStore::folder(std::env::temp_dir());
    let step = CollectReport::new(
        &connection::with_call_limit(config, CALL_LIMIT),
        nowhere,
        role_name.clone(),
        Duration::ZERO,
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
        return Check::passed("role", format!("{role_name} can be assumed in {of} other accounts"));
    }
    refusals.sort_by(|(one, ..), (other, ..)| one.account_id.cmp(&other.account_id));
    let mut check = Check::failed(
        "role",
        format!("{role_name} can't be assumed in {} of {of} other accounts", refusals.len()),
        "name a role that your credentials may assume with --member-role-name; the role of templates/member-role.yml trusts the deployed collector alone, so for that one look at member-roles below",
    );
    check.details = refusals
        .iter()
        .take(REFUSALS_LISTED)
        .map(|(account, code, message)| {
            format!("{} {}: {code}: {message}", account.account_id, safe(&account.name))
        })
        .collect();
    if refusals.len() > REFUSALS_LISTED {
        check.details.push(format!("and {} more", refusals.len() - REFUSALS_LISTED));
    }
    check
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
