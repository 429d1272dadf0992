//! The deployed stack. Calls cloudformation:DescribeStacks.

use aws_config::SdkConfig;
use aws_sdk_cloudformation::Client;
use aws_sdk_cloudformation::types::StackStatus;
use rollcall_functions::aws::api_error::ApiError;

use crate::check::Check;
use crate::commands::doctor::deployment::Deployment;

const NAME: &str = "stack";

/// The check of the stack of this name, and what the stack says of itself.
pub async fn check(config: &SdkConfig, stack_name: &str) -> (Option<Deployment>, Check) {
    let region = config.region().map(ToString::to_string).unwrap_or_default();
    let fix = "`make deploy` deploys it; --stack-name and --region name another";
    let answer = Client::new(config).describe_stacks().stack_name(stack_name).send().await;
    let stack = match answer {
        Ok(answer) => answer.stacks.and_then(|stacks| stacks.into_iter().next()),
        Err(error) => {
            let error = ApiError::of("cloudformation:DescribeStacks", error);
            // Only the name can be invalid about the call: no stack has it.
            if error.code() != Some("ValidationError") {
                let fix = "allow it to your credentials, or leave it if you look after no deployment";
                return (None, Check::failed(NAME, error.to_string(), fix));
            }
            None
        }
    };
    let Some(stack) = stack else {
        let text = format!("there is no stack {stack_name} in {region}: nothing is deployed here");
        return (None, Check::skipped(NAME, text, fix));
    };
    let deployment = Deployment::of(&stack, stack_name);
    let status = stack.stack_status.as_ref().map_or("of no status", StackStatus::as_str);
    let place = format!("{stack_name} in {region}");
    let check = match stack.stack_status {
        Some(StackStatus::CreateComplete | StackStatus::UpdateComplete | StackStatus::ImportComplete) => {
            Check::passed(NAME, format!("{place}, {status}"))
        }
        _ => Check::failed(
            NAME,
            format!("{place} is {status}"),
            "look at the events of the stack, and deploy again",
        ),
    };
    (Some(deployment), check)
}
