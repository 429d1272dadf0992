//! What is deployed: the stack, and the member roles that its StackSet has put into the accounts.

use std::collections::HashMap;

use aws_config::SdkConfig;
use aws_sdk_cloudformation::Client;
use aws_sdk_cloudformation::types::{CallAs, Stack, StackInstanceStatus, StackInstanceSummary};
use rollcall_core::text::counted::counted;
use rollcall_functions::aws::api_error::ApiError;

use super::check::Check;

/// How many instances that are not as they should be are listed.
const INSTANCES_LISTED: usize = 10;

/// A deployed stack.
#[derive(Debug)]
pub(super) struct Deployment {
    stack_name: String,
    /// The bucket that its nights write to.
    pub report_bucket: Option<String>,
    /// The key they encrypt with, if a parameter names one.
    pub kms_key_arn: Option<String>,
    manages_member_roles: bool,
    is_delegated: bool,
}

impl Deployment {
    /// The stack of this name, and what is to be said of it.
    pub(super) async fn find(config: &SdkConfig, stack_name: &str) -> (Option<Self>, Check) {
        let region = config.region().map(ToString::to_string).unwrap_or_default();
        let fix = "`make deploy` deploys it; --stack-name and --region name another";
        let answer = Client::new(config).describe_stacks().stack_name(stack_name).send().await;
        let stack = match answer {
            Ok(answer) => answer.stacks.and_then(|stacks| stacks.into_iter().next()),
            Err(error) => {
                let ApiError { message, .. } = ApiError::of("cloudformation:DescribeStacks", &error);
                if message.contains("does not exist") {
                    None
                } else {
                    let fix = "allow it to your credentials, or leave it if you look after no deployment";
                    return (None, Check::failed("stack", message, fix));
                }
            }
        };
        let Some(stack) = stack else {
            let text = format!("there is no stack {stack_name} in {region}: nothing is deployed here");
            return (None, Check::skipped("stack", text, fix));
        };
        let deployment = Self::of(&stack, stack_name);
        let status = stack.stack_status.map(|status| status.as_str().to_owned()).unwrap_or_default();
        let is_good =
            status.ends_with("_COMPLETE") && !status.contains("ROLLBACK") && !status.starts_with("DELETE");
        let check = match is_good {
            true => Check::passed("stack", format!("{stack_name} in {region}, {status}")),
            false => Check::failed(
                "stack",
                format!("{stack_name} in {region} is {status}"),
                "look at the events of the stack, and deploy again",
            ),
        };
        (Some(deployment), check)
    }

    fn of(stack: &Stack, stack_name: &str) -> Self {
        let parameters: HashMap<&str, &str> = stack
            .parameters()
            .iter()
            .filter_map(|parameter| Some((parameter.parameter_key()?, parameter.parameter_value()?)))
            .collect();
        let outputs: HashMap<&str, &str> = stack
            .outputs()
            .iter()
            .filter_map(|output| Some((output.output_key()?, output.output_value()?)))
            .collect();
        let given = |value: Option<&&str>| value.filter(|value| !value.is_empty()).map(ToString::to_string);
        Self {
            stack_name: stack_name.to_owned(),
            report_bucket: given(outputs.get("ReportBucketName")),
            kms_key_arn: given(parameters.get("KmsKeyArn")),
            manages_member_roles: parameters.get("ManageMemberRoles") == Some(&"true"),
            is_delegated: parameters.get("DelegatedAdministrator") == Some(&"true"),
        }
    }

    /// Whether the member roles in the accounts are those of this deployment.
    pub(super) async fn member_roles(&self, config: &SdkConfig) -> Check {
        let name = "member-roles";
        let stack_set = format!("{}-member-role", self.stack_name);
        if !self.manages_member_roles {
            let text = "the stack does not deploy them (ManageMemberRoles is not true)";
            return Check::skipped(
                name,
                text,
                "deploy templates/member-role.yml into every account yourself",
            );
        }
        let mut instances = Vec::new();
        let call_as = match self.is_delegated {
            true => CallAs::DelegatedAdmin,
            false => CallAs::SelfValue,
        };
        let request = Client::new(config).list_stack_instances().stack_set_name(&stack_set).call_as(call_as);
        let mut pages = request.into_paginator().send();
        while let Some(page) = pages.next().await {
            match page {
                Ok(page) => instances.extend(page.summaries.unwrap_or_default()),
                Err(error) => {
                    let ApiError { message, .. } =
                        ApiError::of(&format!("cloudformation:ListStackInstances of {stack_set}"), &error);
                    return Check::failed(
                        name,
                        message,
                        "check that the StackSet exists, and your permissions",
                    );
                }
            }
        }
        judge(name, &stack_set, &instances)
    }
}

fn judge(name: &'static str, stack_set: &str, instances: &[StackInstanceSummary]) -> Check {
    let bad: Vec<&StackInstanceSummary> =
        instances.iter().filter(|instance| instance.status != Some(StackInstanceStatus::Current)).collect();
    let all = counted(instances.len() as u64, "instance");
    if instances.is_empty() {
        return Check::failed(
            name,
            format!("the StackSet {stack_set} has no instance: no account has the role"),
            "check the parameter OrganizationalUnitIds, and that trusted access of StackSets is on in the organization",
        );
    }
    if bad.is_empty() {
        return Check::passed(name, format!("the StackSet {stack_set} is current in all of its {all}"));
    }
    let mut check = Check::failed(
        name,
        format!("the StackSet {stack_set} is not current in {} of its {all}", bad.len()),
        "open the StackSet in the console, mend what the reason says, and update it",
    );
    check.details = bad
        .iter()
        .take(INSTANCES_LISTED)
        .map(|instance| {
            let status = instance.status.as_ref().map_or("of no status", StackInstanceStatus::as_str);
            let reason = instance.status_reason().map(|reason| format!(": {reason}")).unwrap_or_default();
            format!("{} {status}{reason}", instance.account().unwrap_or_default())
        })
        .collect();
    if bad.len() > INSTANCES_LISTED {
        check.details.push(format!("and {} more", bad.len() - INSTANCES_LISTED));
    }
    check
}

#[cfg(test)]
mod tests {
    use aws_sdk_cloudformation::types::{Output, Parameter};

    use super::super::check::State;
    use super::*;

    fn instance(account: &str, status: StackInstanceStatus) -> StackInstanceSummary {
        StackInstanceSummary::builder().account(account).status(status).status_reason("why").build()
    }

    #[test]
    fn an_instance_that_is_not_current_is_named_with_its_reason() {
        let current = instance("111122223333", StackInstanceStatus::Current);
        let outdated = instance("444455556666", StackInstanceStatus::Outdated);
        assert_eq!(judge("member-roles", "set", std::slice::from_ref(&current)).state, State::Passed);
        let check = judge("member-roles", "set", &[current, outdated]);
        assert_eq!(check.state, State::Failed);
        assert_eq!(check.details, ["444455556666 OUTDATED: why"]);
        assert!(check.text.contains("in 1 of its 2 instances"), "{}", check.text);
    }

    #[test]
    fn a_stack_set_without_instances_is_no_good_sign() {
        assert_eq!(judge("member-roles", "set", &[]).state, State::Failed);
    }

    #[test]
    fn bucket_and_key_are_those_of_the_stack() {
        let parameter =
            |key: &str, value: &str| Parameter::builder().parameter_key(key).parameter_value(value).build();
        let output = Output::builder().output_key("ReportBucketName").output_value("reports").build();
        let stack = Stack::builder()
            .outputs(output)
            .parameters(parameter("KmsKeyArn", ""))
            .parameters(parameter("ManageMemberRoles", "true"))
            .build();
        let deployment = Deployment::of(&stack, "rollcall");
        assert_eq!(deployment.report_bucket.as_deref(), Some("reports"));
        assert_eq!(deployment.kms_key_arn, None);
        assert!(deployment.manages_member_roles);
    }
}
