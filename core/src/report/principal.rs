//! Who a row is about: its name and its ARN say it both, and have to agree.

use crate::identifiers::arn::split_arn;
use crate::report::user::ROOT_USER;

/// The kinds of principals that a report has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Principal {
    /// The root user.
    Root,
    /// An IAM user.
    User,
}

/// Why a name and an ARN are not those of one principal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Disagreement {
    /// The ARN has no partition or no account id.
    WithoutAccount,
    /// The name is the root user's and the ARN is not.
    RootName,
    /// The ARN is not that of an IAM user of this name.
    OtherName,
}

/// The principal of a name and an ARN, and the partition and account id that the ARN has.
///
/// The root user is known by its ARN, because some tools leave the brackets of its name out. The ARN of
/// an IAM user is `user`, a path that starts and ends in a slash, and then the name.
pub(super) fn principal<'r>(name: &str, arn: &'r str) -> Result<(Principal, &'r str, &'r str), Disagreement> {
    let (partition, account_id, resource) = split_arn(arn).ok_or(Disagreement::WithoutAccount)?;
    let kind = if resource == "root" {
        Principal::Root
    } else if name == ROOT_USER {
        return Err(Disagreement::RootName);
    } else {
        let path = resource.strip_prefix("user").and_then(|resource| resource.strip_suffix(name));
        if !path.is_some_and(|path| path.starts_with('/') && path.ends_with('/')) {
            return Err(Disagreement::OtherName);
        }
        Principal::User
    };
    Ok((kind, partition, account_id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_one_whose_arn_ends_in_the_path_and_then_the_name() {
        for resource in ["user/anna", "user/a/b/anna", "user//anna", "user/anna/anna", "user/x,\"/anna"] {
            let arn = format!("arn:aws-cn:iam::123456789012:{resource}");
            assert_eq!(principal("anna", &arn), Ok((Principal::User, "aws-cn", "123456789012")), "{arn}");
        }
        for resource in
            ["user/joanna", "user/anna/", "useranna", "user/ann", "anna", "user", "role/anna", "user/ROOT"]
        {
            let arn = format!("arn:aws:iam::123456789012:{resource}");
            assert_eq!(principal("anna", &arn), Err(Disagreement::OtherName), "{arn}");
        }
        assert_eq!(principal("anna", "anna"), Err(Disagreement::WithoutAccount));
    }

    #[test]
    fn root_is_known_by_its_arn_and_its_name_alone_is_not_enough() {
        for name in [ROOT_USER, "root_account", "root", ""] {
            assert_eq!(
                principal(name, "arn:aws:iam::123456789012:root"),
                Ok((Principal::Root, "aws", "123456789012"))
            );
        }
        assert_eq!(principal("root", "arn:aws:iam::123456789012:user/root").unwrap().0, Principal::User);
        assert_eq!(
            principal(ROOT_USER, "arn:aws:iam::123456789012:user/<root_account>"),
            Err(Disagreement::RootName)
        );
    }
}
