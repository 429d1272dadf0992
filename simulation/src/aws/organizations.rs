//! Organizations: a root, units under it, accounts under those, twenty a page.

use rollcall_core::identifiers::account_id::AccountId;
use rollcall_testing::aws_answers::Answer;
use serde_json::{Value, json};

use crate::call::Call;
use crate::organization::{Organization, Trouble};

/// How many entries a page has.
pub(super) const PAGE: usize = 20;
const ROOT: &str = "r-root";
const UNIT: &str = "ou-root-";
/// The id of the organization.
pub const ORGANIZATION: &str = "o-simulation";

pub(super) fn answer(
    call: &Call,
    organization: &Organization,
    suspended_since: &[bool],
    page_size: usize,
) -> Answer {
    let input: Value = serde_json::from_str(&call.subject).unwrap_or_default();
    let parent = input["ParentId"].as_str().unwrap_or_default();
    let from: usize = input["NextToken"].as_str().and_then(|token| token.parse().ok()).unwrap_or(0);
    let described = |account| describe(organization, account, suspended_since);
    let unit = |unit| json!({ "Id": unit_id(unit), "Name": format!("Unit {unit}") });
    let accounts = 0..organization.accounts();
    match call.action {
        "DescribeOrganization" => Answer::json(&json!({
            "Organization": { "Id": ORGANIZATION, "MasterAccountId": organization.id(0).as_str() }
        })),
        "DescribeAccount" => match call.account {
            Some(account) => Answer::json(&json!({ "Account": described(account) })),
            None => Answer::json_error(400, "AccountNotFoundException", "There is no such account"),
        },
        "ListRoots" => Answer::json(&json!({ "Roots": [{ "Id": ROOT, "Name": "Root" }] })),
        "ListAccounts" => page("Accounts", from, page_size, accounts, described),
        "ListAccountsForParent" => {
            let parent = parent.strip_prefix(UNIT).and_then(|number| number.parse().ok());
            let under = accounts.filter(|account| organization.unit(*account) == parent);
            page("Accounts", from, page_size, under, described)
        }
        "ListOrganizationalUnitsForParent" => {
            let units = if parent == ROOT { organization.units() } else { 0 };
            page("OrganizationalUnits", from, page_size, 0..units, unit)
        }
        action => panic!("the simulation does not know {action} of Organizations"),
    }
}

fn page(
    name: &str,
    from: usize,
    page_size: usize,
    all: impl Iterator<Item = usize>,
    described: impl Fn(usize) -> Value,
) -> Answer {
    let mut numbers: Vec<usize> = all.skip(from).take(page_size + 1).collect();
    let more = numbers.len() > page_size;
    numbers.truncate(page_size);
    let values: Vec<Value> = numbers.into_iter().map(described).collect();
    let mut answer = json!({ name: values });
    if more {
        answer["NextToken"] = json!((from + page_size).to_string());
    }
    Answer::json(&answer)
}

fn unit_id(unit: usize) -> String {
    format!("{UNIT}{unit:08}")
}

fn describe(organization: &Organization, account: usize, suspended_since: &[bool]) -> Value {
    let id: AccountId = organization.id(account);
    let suspended = organization.trouble(account) == Trouble::Suspended || suspended_since[account];
    let state = if suspended { "SUSPENDED" } else { "ACTIVE" };
    json!({
        "Id": id.as_str(),
        "Name": format!("Account {account}"),
        "Email": format!("account-{account}@example.com"),
        "State": state,
        "Status": state,
    })
}
