//! The organization of the caller's account, and what the account is in it. Calls
//! organizations:DescribeOrganization.

use rollcall_functions::aws::organization::{Organization, OrganizationDescription};

use crate::aws_connection::Caller;
use crate::check::Check;
use crate::commands::doctor::refusal::refused;

const NAME: &str = "organization";

/// Describes the organization; returns a failed check when it can't be described.
pub async fn describe(organization: &Organization) -> Result<OrganizationDescription, Check> {
    organization.describe().await.map_err(|error| refused(NAME, &error))
}

/// The check of an organization that was described. Only its management account and a delegated
/// administrator may list the accounts: `lists_accounts` says whether the caller's account could.
pub fn check(description: &OrganizationDescription, caller: &Caller, lists_accounts: bool) -> Check {
    let OrganizationDescription { id, management_account_id, .. } = description;
    let is_management = *management_account_id == caller.owner.account_id.as_str();
    let text = match (is_management, lists_accounts) {
        (true, _) => format!("{id}, and this is its management account"),
        (false, true) => format!("{id}, and this is a delegated administrator of it"),
        (false, false) => format!("{id}; its management account is {management_account_id}"),
    };
    Check::passed(NAME, text)
}
