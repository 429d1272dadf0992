//! Amazon resource names: how one says which partition and account it belongs to.

use serde::{Deserialize, Serialize};

use super::account_id::{AccountId, is_account_id};

/// The partition, the account id and the resource of an ARN,
/// `arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE`, without copying them; `None` when it has no partition
/// or no account id.
pub fn split_arn(arn: &str) -> Option<(&str, &str, &str)> {
    let mut parts = arn.splitn(6, ':');
    let (Some("arn"), Some(partition), Some(_service), Some(_region), Some(account_id), Some(resource)) =
        (parts.next(), parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return None;
    };
    (!partition.is_empty() && is_account_id(account_id)).then_some((partition, account_id, resource))
}

/// The partition and the account of an ARN. Everything Rollcall builds an ARN for takes its
/// partition from here, so that GovCloud and China need no setting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArnAccount {
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

impl ArnAccount {
    /// Reads the account of any ARN that has one.
    pub fn of_arn(arn: &str) -> Result<Self, InvalidArn> {
        let (partition, account_id, _) = split_arn(arn).ok_or_else(|| InvalidArn { arn: arn.to_owned() })?;
        Ok(Self {
            partition: partition.to_owned(),
            account_id: account_id.parse().map_err(|_| InvalidArn { arn: arn.to_owned() })?,
        })
    }

    /// The ARN of a role in `account_id`, in this partition.
    pub fn role_arn(&self, account_id: &AccountId, role_name: &str) -> String {
        format!("arn:{}:iam::{account_id}:role/{role_name}", self.partition)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_names_its_partition_and_account() {
        for (arn, partition) in [
            ("arn:aws:sts::111122223333:assumed-role/rollcall/session", "aws"),
            ("arn:aws-us-gov:lambda:us-gov-west-1:111122223333:function:rollcall", "aws-us-gov"),
            ("arn:aws-cn:iam::111122223333:root", "aws-cn"),
        ] {
            let account = ArnAccount::of_arn(arn).unwrap();
            assert_eq!(account.partition, partition);
            assert_eq!(account.account_id.as_str(), "111122223333");
            assert_eq!(
                account.role_arn(&"444455556666".parse().unwrap(), "rollcall-member"),
                format!("arn:{partition}:iam::444455556666:role/rollcall-member")
            );
        }
    }

    #[test]
    fn an_arn_without_partition_or_account_has_no_account() {
        for arn in [
            "",
            "arn:aws",
            "arn::iam::111122223333:root",
            "arn:aws:s3:::bucket",
            "nra:aws:iam::111122223333:root",
        ] {
            assert_eq!(ArnAccount::of_arn(arn), Err(InvalidArn { arn: arn.to_owned() }));
        }
    }
}
