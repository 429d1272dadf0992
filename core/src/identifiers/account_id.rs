//! The id of an AWS account.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The id of an AWS account: exactly twelve digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(extend("pattern" = "^[0-9]{12}$")))]
pub struct AccountId(String);

impl AccountId {
    /// The twelve digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An account id that is not one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("account id {value:?} is not twelve digits")]
pub struct InvalidAccountId {
    /// What was given instead.
    pub value: String,
}

impl FromStr for AccountId {
    type Err = InvalidAccountId;

    fn from_str(value: &str) -> Result<Self, Self::Err> {
        if is_account_id(value) {
            Ok(Self(value.to_owned()))
        } else {
            Err(InvalidAccountId { value: value.to_owned() })
        }
    }
}

impl TryFrom<String> for AccountId {
    type Error = InvalidAccountId;

    fn try_from(value: String) -> Result<Self, Self::Error> {
        value.parse()
    }
}

impl From<AccountId> for String {
    fn from(id: AccountId) -> Self {
        id.0
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

pub(super) fn is_account_id(value: &str) -> bool {
    value.len() == 12 && value.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_id_is_twelve_digits_or_it_is_not_one() {
        assert_eq!("012345678901".parse::<AccountId>().unwrap().as_str(), "012345678901");
        for value in ["", "12345678901", "1234567890123", "12345678901a", "１２３４"] {
            let error = value.parse::<AccountId>().unwrap_err();
            assert_eq!(error.to_string(), format!("account id {value:?} is not twelve digits"));
        }
    }

    #[test]
    fn json_refuses_a_malformed_account_id() {
        let error = serde_json::from_str::<AccountId>("\"12\"").unwrap_err();
        assert!(error.to_string().starts_with("account id \"12\" is not twelve digits"));
    }
}
