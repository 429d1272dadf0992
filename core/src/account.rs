//! Accounts: who is on the roll, and how an ARN says whose it is.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The id of an AWS account: exactly twelve digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
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

/// The partition and the account id of an ARN, `arn:PARTITION:SERVICE:REGION:ACCOUNT:...`, without
/// copying them; `None` when it has no partition or no account id.
pub fn split_arn(arn: &str) -> Option<(&str, &str)> {
    let mut parts = arn.splitn(6, ':');
    let (Some("arn"), Some(partition), Some(_service), Some(_region), Some(account_id), Some(_resource)) =
        (parts.next(), parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return None;
    };
    (!partition.is_empty() && is_account_id(account_id)).then_some((partition, account_id))
}

fn is_account_id(value: &str) -> bool {
    value.len() == 12 && value.bytes().all(|byte| byte.is_ascii_digit())
}

/// The two parts of an ARN that say whose it is. Everything Rollcall builds an ARN for takes its
/// partition from here, so that GovCloud and China need no setting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// `aws`, `aws-us-gov`, `aws-cn` or whatever partition comes next.
    pub partition: String,
    /// The account the ARN belongs to.
    pub account_id: AccountId,
}

/// An ARN that names no partition or no account.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{arn:?} is not an ARN with a partition and an account id")]
pub struct InvalidArn {
    /// What was given instead.
    pub arn: String,
}

impl Owner {
    /// Reads the owner of any ARN that has one.
    pub fn of_arn(arn: &str) -> Result<Self, InvalidArn> {
        let (partition, account_id) = split_arn(arn).ok_or_else(|| InvalidArn { arn: arn.to_owned() })?;
        Ok(Self { partition: partition.to_owned(), account_id: AccountId(account_id.to_owned()) })
    }

    /// The ARN of a role in `account_id`, in this owner's partition.
    pub fn role_arn(&self, account_id: &AccountId, role_name: &str) -> String {
        format!("arn:{}:iam::{account_id}:role/{role_name}", self.partition)
    }
}

/// Where an account is in its life, in the terms of Organizations' `State`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AccountState {
    /// In use.
    Active,
    /// Created, not yet usable.
    PendingActivation,
    /// Suspended by AWS.
    Suspended,
    /// Being closed.
    PendingClosure,
    /// Closed, on its way out of the organization.
    Closed,
    /// Nobody said: the account was given by its id, without Organizations.
    Unknown,
    /// A state that came after this release.
    #[serde(untagged)]
    Other(String),
}

impl AccountState {
    /// Reads `State`, or `Status` where an older API answers only that one: `Status` has the
    /// values ACTIVE, SUSPENDED and PENDING_CLOSURE, which mean the same there.
    pub fn from_api(state: Option<&str>, status: Option<&str>) -> Self {
        match state.or(status) {
            Some("ACTIVE") => Self::Active,
            Some("PENDING_ACTIVATION") => Self::PendingActivation,
            Some("SUSPENDED") => Self::Suspended,
            Some("PENDING_CLOSURE") => Self::PendingClosure,
            Some("CLOSED") => Self::Closed,
            Some(other) => Self::Other(other.to_owned()),
            None => Self::Unknown,
        }
    }

    /// Why an account in this state is skipped; `None` when it is to be collected. A state that
    /// nobody knows yet is collected: an account that can't answer fails loudly, an account
    /// skipped by mistake would not.
    pub fn skip_reason(&self) -> Option<SkipReason> {
        match self {
            Self::Active | Self::Unknown | Self::Other(_) => None,
            Self::PendingActivation => Some(SkipReason::PendingActivation),
            Self::Suspended => Some(SkipReason::Suspended),
            Self::PendingClosure => Some(SkipReason::PendingClosure),
            Self::Closed => Some(SkipReason::Closed),
        }
    }
}

/// Why an account is on the roll but not collected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SkipReason {
    /// Its state is PENDING_ACTIVATION.
    PendingActivation,
    /// Its state is SUSPENDED.
    Suspended,
    /// Its state is PENDING_CLOSURE.
    PendingClosure,
    /// Its state is CLOSED.
    Closed,
    /// It is on the exclude list.
    Excluded,
    /// There is an include list and it is not on it.
    NotIncluded,
}

/// Who told us that an account exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ListedBy {
    /// AWS Organizations, which also knows its name and state.
    Organizations,
    /// A plain list of account ids, which knows nothing else.
    AccountList,
}

/// One account on the roll, as `accounts.json` has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Its id.
    pub account_id: AccountId,
    /// Its name in the organization; empty when only the id is known. Untrusted text.
    pub name: String,
    /// The address of its root user; empty when only the id is known. Untrusted text.
    pub email: String,
    /// Where it is in its life.
    pub state: AccountState,
    /// The names of the organizational units above it, from the root down, joined by `/`; empty
    /// when unknown. Untrusted text.
    pub path: String,
    /// Why it is skipped; `None` when it is to be collected.
    pub skip: Option<SkipReason>,
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

    #[test]
    fn the_owner_of_an_arn_is_its_partition_and_account() {
        for (arn, partition) in [
            ("arn:aws:sts::111122223333:assumed-role/rollcall/session", "aws"),
            ("arn:aws-us-gov:lambda:us-gov-west-1:111122223333:function:rollcall", "aws-us-gov"),
            ("arn:aws-cn:iam::111122223333:root", "aws-cn"),
        ] {
            let owner = Owner::of_arn(arn).unwrap();
            assert_eq!(owner.partition, partition);
            assert_eq!(owner.account_id.as_str(), "111122223333");
            assert_eq!(
                owner.role_arn(&"444455556666".parse().unwrap(), "rollcall-member"),
                format!("arn:{partition}:iam::444455556666:role/rollcall-member")
            );
        }
    }

    #[test]
    fn an_arn_without_partition_or_account_has_no_owner() {
        for arn in [
            "",
            "arn:aws",
            "arn::iam::111122223333:root",
            "arn:aws:s3:::bucket",
            "nra:aws:iam::111122223333:root",
        ] {
            assert_eq!(Owner::of_arn(arn), Err(InvalidArn { arn: arn.to_owned() }));
        }
    }

    #[test]
    fn state_wins_over_status_and_status_serves_where_state_is_missing() {
        assert_eq!(AccountState::from_api(Some("CLOSED"), Some("SUSPENDED")), AccountState::Closed);
        assert_eq!(AccountState::from_api(None, Some("SUSPENDED")), AccountState::Suspended);
        assert_eq!(AccountState::from_api(None, None), AccountState::Unknown);
    }

    #[test]
    fn only_a_state_known_to_be_unusable_skips_an_account() {
        for (state, reason) in [
            ("ACTIVE", None),
            ("PENDING_ACTIVATION", Some(SkipReason::PendingActivation)),
            ("SUSPENDED", Some(SkipReason::Suspended)),
            ("PENDING_CLOSURE", Some(SkipReason::PendingClosure)),
            ("CLOSED", Some(SkipReason::Closed)),
            ("A_STATE_OF_NEXT_YEAR", None),
        ] {
            assert_eq!(AccountState::from_api(Some(state), None).skip_reason(), reason, "{state}");
        }
    }

    #[test]
    fn a_state_survives_json_also_when_nobody_knows_it() {
        for state in ["ACTIVE", "PENDING_CLOSURE", "A_STATE_OF_NEXT_YEAR"] {
            let json = serde_json::to_string(&AccountState::from_api(Some(state), None)).unwrap();
            assert_eq!(json, format!("{state:?}"));
            assert_eq!(
                serde_json::from_str::<AccountState>(&json).unwrap(),
                AccountState::from_api(Some(state), None)
            );
        }
    }
}
