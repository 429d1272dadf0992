//! The roles that the deployment puts into the accounts. Calls cloudformation:ListStackInstances of its
//! StackSet.

use aws_config::SdkConfig;
use aws_sdk_cloudformation::Client;
use aws_sdk_cloudformation::types::{CallAs, StackInstanceStatus, StackInstanceSummary};
use rollcall_core::text::counted::counted;
use rollcall_functions::aws::api_error::{ApiError, Call};

use crate::check::Check;
use crate::commands::doctor::deployment::Deployment;

const NAME: &str = "member-roles";

/// How many instances that are not as they should be are listed.
const INSTANCES_LISTED: usize = 10;

/// The check when the stack is not known.
pub fn skipped() -> Check {
    Check::skipped(NAME, "the stack is not known", "mend what is above first")
}

/// Whether the member roles in the accounts are those of the deployment.
pub async fn check(config: &SdkConfig, deployment: &Deployment) -> Check {
    let stack_set = format!("{}-member-role", deployment.stack_name);
    if !deployment.manages_member_roles {
        let text = "the stack does not deploy them (ManageMemberRoles is not true)";
        return Check::skipped(NAME, text, "deploy templates/member-role.yml into every account yourself");
    }
    let mut instances = Vec::new();
    let call_as = match deployment.is_delegated {
        true => CallAs::DelegatedAdmin,
        false => CallAs::SelfValue,
    };
    let request = Client::new(config).list_stack_instances().stack_set_name(&stack_set).call_as(call_as);
    let mut pages = request.into_paginator().send();
    while let Some(page) = pages.next().await {
        match page {
            Ok(page) => instances.extend(page.summaries.unwrap_or_default()),
            Err(error) => {
                let error = ApiError::of(Call::of("cloudformation:ListStackInstances", &stack_set), error);
                let fix = "check that the StackSet exists, and your permissions";
                return Check::failed(NAME, error.to_string(), fix);
            }
        }
    }
    judge(&stack_set, &instances)
}

fn judge(stack_set: &str, instances: &[StackInstanceSummary]) -> Check {
    let bad: Vec<&StackInstanceSummary> =
        instances.iter().filter(|instance| instance.status != Some(StackInstanceStatus::Current)).collect();
    let all = counted(instances.len() as u64, "instance");
    if instances.is_empty() {
        return Check::failed(
            NAME,
            format!("the StackSet {stack_set} has no instance: no account has the role"),
            "check the parameter OrganizationalUnitIds, and that trusted access of StackSets is on in the organization",
        );
    }
    if bad.is_empty() {
        return Check::passed(NAME, format!("the StackSet {stack_set} is current in all of its {all}"));
    }
    let details = bad.iter().map(|instance| {
        let status = instance.status.as_ref().map_or("of no status", StackInstanceStatus::as_str);
        let reason = instance.status_reason().map(|reason| format!(": {reason}")).unwrap_or_default();
        format!("{} {status}{reason}", instance.account().unwrap_or_default())
    });
    Check::failed(
        NAME,
        format!("the StackSet {stack_set} is not current in {} of its {all}", bad.len()),
        "open the StackSet in the console, mend what the reason says, and update it",
    )
    .with_details(details, INSTANCES_LISTED)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::State;

    fn instance(account: &str, status: StackInstanceStatus) -> StackInstanceSummary {
        StackInstanceSummary::builder().account(account).status(status).status_reason("why").build()
    }

    #[test]
    fn an_instance_that_is_not_current_is_named_with_its_reason() {
        let current = instance("111122223333", StackInstanceStatus::Current);
        let outdated = instance("444455556666", StackInstanceStatus::Outdated);
        assert_eq!(judge("set", std::slice::from_ref(&current)).state, State::Passed);
        let check = judge("set", &[current, outdated]);
        assert_eq!(check.state, State::Failed);
        assert_eq!(check.details, ["444455556666 OUTDATED: why"]);
        assert!(check.text.contains("in 1 of its 2 instances"), "{}", check.text);
    }

    #[test]
    fn a_stack_set_without_instances_fails_the_check() {
        assert_eq!(judge("set", &[]).state, State::Failed);
    }
}
