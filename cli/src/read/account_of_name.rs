//! The account of a report whose rows do not say it.

use rollcall_core::identifiers::account_id::AccountId;

/// The account that a file is named for: the only twelve digits in its name.
pub(super) fn account_of_name(name: &str) -> Option<AccountId> {
    let mut numbers = name
        .split(|character: char| !character.is_ascii_digit())
        .filter_map(|digits| digits.parse::<AccountId>().ok());
    let only = numbers.next()?;
    numbers.next().is_none().then_some(only)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_gives_an_account_only_when_it_has_exactly_one() {
        for (name, account_id) in [
            ("credentialReport_111122223333.csv", Some("111122223333")),
            ("111122223333-2026-01-31.csv", Some("111122223333")),
            ("status_reports.csv", None),
            ("1111222233334.csv", None),
            ("111122223333-444455556666.csv", None),
        ] {
            assert_eq!(account_of_name(name).as_ref().map(AccountId::as_str), account_id, "{name}");
        }
    }
}
