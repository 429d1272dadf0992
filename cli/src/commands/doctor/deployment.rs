//! What a deployed stack says of itself.

use std::collections::HashMap;

use aws_sdk_cloudformation::types::Stack;

/// A deployed stack.
#[derive(Debug)]
pub struct Deployment {
    /// The name of the stack.
    pub stack_name: String,
    /// The bucket that its nights write to.
    pub report_bucket: Option<String>,
    /// The key they encrypt with, if a parameter names one.
    pub kms_key_arn: Option<String>,
    /// Whether it puts the member roles into the accounts.
    pub manages_member_roles: bool,
    /// Whether it is deployed in a delegated administrator's account.
    pub is_delegated: bool,
}

impl Deployment {
    /// What the outputs and parameters of the stack say.
    pub fn of(stack: &Stack, stack_name: &str) -> Self {
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
}

#[cfg(test)]
mod tests {
    use aws_sdk_cloudformation::types::{Output, Parameter};

    use super::*;

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
