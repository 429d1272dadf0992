//! `rollcall doctor`.

use std::num::NonZeroUsize;

use clap::Args;

use super::aws::AwsArguments;
use super::values::concurrency;

/// Checks that the next run can work: credentials, organization, role, bucket, and what is deployed
///
/// One line a check, and what to do about each that fails. Nothing is changed, and no report is made. It
/// asks with your own credentials, which are not those of the deployed functions.
///
/// Exits with 1 when a check fails.
#[derive(Debug, Args)]
#[command(after_long_help = DOCTOR_PERMISSIONS)]
pub struct DoctorArguments {
    /// Where runs write: a folder, or s3://BUCKET; by default the bucket of the deployed stack.
    #[arg(long, short, value_name = "DIR|s3://BUCKET")]
    pub output: Option<String>,
    /// The role to assume in every account but your own.
    #[arg(long, value_name = "NAME", default_value = "OrganizationAccountAccessRole")]
    pub member_role_name: String,
    /// Try the role in this many accounts, spread over the organization, and not in all.
    #[arg(long, value_name = "NUMBER")]
    pub sample: Option<NonZeroUsize>,
    /// How many accounts are asked at a time.
    #[arg(long, value_name = "NUMBER", default_value = "10", value_parser = concurrency)]
    pub concurrency: NonZeroUsize,
    /// The deployed stack.
    #[arg(long, value_name = "NAME", default_value = "rollcall")]
    pub stack_name: String,
    /// The key to encrypt with in the bucket of --output; by default what the bucket has.
    #[arg(long, value_name = "ARN")]
    pub kms_key_arn: Option<String>,
    #[command(flatten)]
    pub aws: AwsArguments,
}

const DOCTOR_PERMISSIONS: &str = "\
Permissions of your credentials:
  sts:AssumeRole (on the role of --member-role-name)
  organizations:DescribeOrganization, ListAccounts, ListRoots, ListAccountsForParent,
                ListOrganizationalUnitsForParent
  s3:PutObject, s3:AbortMultipartUpload, and kms:GenerateDataKey on the bucket's key
  cloudformation:DescribeStacks, cloudformation:ListStackInstances
  scheduler:GetSchedule
A check without its permission fails and says so.";
