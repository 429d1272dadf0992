//! The accounts of `accounts.json` against those of `run.json`.

use std::collections::BTreeMap;

use super::difference::{Difference, Differences};
use crate::evidence::bucket_layout;
use crate::evidence::manifest::Manifest;
use crate::identifiers::account_id::AccountId;
use crate::organization::outcome::AccountOutcome;
use crate::organization::roll::{Account, Roll};
use crate::text::time::format_time;

/// Whether the roll and the manifest tell of the same run and the same accounts, each once. An
/// account that is only on the roll was never looked at; one that is only in the manifest was never asked for.
pub fn roll(roll: &Roll, manifest: &Manifest) -> Differences {
    let mut differences = Differences::default();
    for (field, accounts_json, run_json) in [
        ("execution", roll.execution.clone(), manifest.execution.clone()),
        ("started", format_time(roll.started), format_time(manifest.started)),
        ("as_of", format_time(roll.as_of), format_time(manifest.as_of)),
        ("source", json(&roll.source), json(&manifest.source)),
        ("organization_id", json(&roll.organization_id), json(&manifest.organization_id)),
    ] {
        if accounts_json != run_json {
            differences.add(Difference::Run { field, accounts_json, run_json });
        }
    }
    let listed =
        by_id(bucket_layout::ACCOUNTS, &roll.accounts, |account| &account.account_id, &mut differences);
    let called =
        by_id(bucket_layout::RUN, &manifest.accounts, |account| &account.account_id, &mut differences);
    for (account_id, account) in &listed {
        match called.get(account_id) {
            Some(outcome) => compare(account, outcome, &mut differences),
            None => differences.add(Difference::AccountWithoutOutcome {
                account_id: (*account_id).clone(),
                name: account.name.clone(),
            }),
        }
    }
    for (account_id, account) in called.iter().filter(|(account_id, _)| !listed.contains_key(*account_id)) {
        differences.add(Difference::AccountNotOnRoll {
            account_id: (*account_id).clone(),
            name: account.name.clone(),
        });
    }
    differences
}

fn by_id<'a, A>(
    file: &'static str,
    accounts: &'a [A],
    id: impl Fn(&'a A) -> &'a AccountId,
    differences: &mut Differences,
) -> BTreeMap<&'a AccountId, &'a A> {
    let mut all = BTreeMap::new();
    for account in accounts {
        if all.insert(id(account), account).is_some() {
            differences.add(Difference::AccountTwice { file, account_id: id(account).clone() });
        }
    }
    all
}

fn compare(account: &Account, outcome: &AccountOutcome, differences: &mut Differences) {
    for (field, accounts_json, run_json) in [
        ("name", account.name.clone(), outcome.name.clone()),
        ("path", account.path.clone(), outcome.path.clone()),
        ("state", json(&account.state), json(&outcome.state)),
        ("skip", json(&account.skip), json(&outcome.outcome.skip_reason())),
    ] {
        if accounts_json != run_json {
            let account_id = account.account_id.clone();
            differences.add(Difference::Account { account_id, field, accounts_json, run_json });
        }
    }
}

/// A value as the two files write it.
fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::organization::roll::SkipReason;
    use crate::organization::roll_call::Evidence;
    use crate::testing::{self, account, id, manifest, report};

    fn night() -> (Roll, Manifest) {
        let accounts = vec![account(1), account(2)];
        let reports = [(id(1), report(1, 0))].into();
        (testing::roll(accounts.clone()), manifest(accounts, Evidence { reports, ..Default::default() }))
    }

    #[test]
    fn the_two_lists_of_one_run_hold() {
        let (accounts, run) = night();
        assert_eq!(roll(&accounts, &run), Differences::default());
    }

    #[test]
    fn an_account_that_one_of_the_two_lists_lacks_is_named() {
        let (accounts, mut run) = night();
        run.accounts.pop();
        let name = "account 2".to_owned();
        assert_eq!(
            roll(&accounts, &run).first,
            [Difference::AccountWithoutOutcome { account_id: id(2), name: name.clone() }]
        );
        let (mut accounts, run) = night();
        accounts.accounts.pop();
        assert_eq!(roll(&accounts, &run).first, [Difference::AccountNotOnRoll { account_id: id(2), name }]);
    }

    #[test]
    fn an_account_that_stands_twice_is_named_with_its_file() {
        let (mut accounts, mut run) = night();
        accounts.accounts.push(account(1));
        run.accounts.push(run.accounts[1].clone());
        assert_eq!(
            roll(&accounts, &run).first,
            [
                Difference::AccountTwice { file: "accounts.json", account_id: id(1) },
                Difference::AccountTwice { file: "run.json", account_id: id(2) },
            ]
        );
    }

    #[test]
    fn an_account_that_is_skipped_in_one_list_alone_is_named() {
        let (mut accounts, run) = night();
        accounts.accounts[0].skip = Some(SkipReason::Excluded);
        let (accounts_json, run_json) = ("\"excluded\"".to_owned(), "null".to_owned());
        assert_eq!(
            roll(&accounts, &run).first,
            [Difference::Account { account_id: id(1), field: "skip", accounts_json, run_json }]
        );
    }

    #[test]
    fn the_roll_of_another_run_is_not_this_ones() {
        let (mut accounts, run) = night();
        accounts.execution = "night-0".into();
        let (accounts_json, run_json) = ("night-0".to_owned(), "night-1".to_owned());
        assert_eq!(
            roll(&accounts, &run).first,
            [Difference::Run { field: "execution", accounts_json, run_json }]
        );
    }
}
