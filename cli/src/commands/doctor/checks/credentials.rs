//! Who calls AWS. Reads the answer of sts:GetCallerIdentity, which the connection has asked for: without
//! credentials that are valid there is nothing to check.

use crate::aws_connection::Caller;
use crate::check::Check;

/// The check of the caller.
pub fn check(caller: &Caller) -> Check {
    let root = match caller.arn.ends_with(":root") {
        true => " (the root user: AWS lets it assume no role; use another)",
        false => "",
    };
    Check::passed("credentials", format!("{}{root}", caller.arn))
}
