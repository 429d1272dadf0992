//! `rollcall run`.

use std::num::NonZeroUsize;

use clap::Args;
use rollcall_core::identifiers::account_id::AccountId;

use super::aws::AwsArguments;
use super::exit_status::ExitStatusArguments;
use super::judging::JudgingArguments;
use super::values::concurrency;

/// Does the whole nightly run with your own credentials, without deploying anything
///
/// Lists the accounts, has the credential report of each generated, stores and analyzes them, and writes
/// what a deployed night writes, into a folder or a bucket: reports as evidence, findings, a page for an
/// auditor, and run.json, which has every account with its outcome.
///
/// A run takes the place of an earlier one of the day, also when it is of fewer accounts. A folder keeps the
/// earlier one aside, a bucket its versions.
#[derive(Debug, Args)]
#[command(after_long_help = RUN_PERMISSIONS)]
pub struct RunArguments {
    /// Where to write: a folder, or s3://BUCKET. Each run writes under its date. exemptions.toml is read
    /// from there, unless --exemptions names another.
    #[arg(long, short, value_name = "DIR|s3://BUCKET", default_value = "rollcall-reports")]
    pub output: String,
    /// Go on with the latest run there, which was stopped: what is complete is not collected again. Its
    /// accounts and the time that ages are counted to stay as they were.
    #[arg(long)]
    pub resume: bool,
    #[command(flatten)]
    pub selection: SelectionArguments,
    /// How many accounts are asked at a time.
    #[arg(long, value_name = "NUMBER", default_value = "10", value_parser = concurrency, help_heading = "Collecting")]
    pub concurrency: NonZeroUsize,
    /// The role to assume in every account but your own. A session of it may do no more here than have the
    /// report generated and get it, whatever the role allows.
    #[arg(
        long,
        value_name = "NAME",
        default_value = "OrganizationAccountAccessRole",
        help_heading = "Collecting"
    )]
    pub member_role_name: String,
    /// How long to wait before an account is asked again whose report is not ready.
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = clap::value_parser!(u64).range(0..=3600), help_heading = "Collecting")]
    pub wait_seconds: u64,
    /// How many such waits there may be.
    #[arg(long, value_name = "NUMBER", default_value = "45", value_parser = clap::value_parser!(u32).range(0..=1000), help_heading = "Collecting")]
    pub max_waits: u32,
    /// The key to encrypt with in a bucket; by default what the bucket has.
    #[arg(long, value_name = "ARN", help_heading = "Collecting")]
    pub kms_key_arn: Option<String>,
    /// Leave the findings out of the table: totals and coverage only.
    #[arg(long, help_heading = "Output")]
    pub summary: bool,
    /// Print nothing but errors.
    #[arg(long, short, help_heading = "Output")]
    pub quiet: bool,
    #[command(flatten)]
    pub judging: JudgingArguments,
    #[command(flatten)]
    pub exit_status: ExitStatusArguments,
    #[command(flatten)]
    pub aws: AwsArguments,
}

/// Which accounts. Without any of these, all accounts of the organization.
#[derive(Debug, Args)]
#[command(next_help_heading = "Accounts")]
pub struct SelectionArguments {
    /// Only the account of your credentials: no organization and no role is needed.
    #[arg(long, conflicts_with_all = ["account_ids", "organizational_unit_ids", "organization_id", "include_account_ids", "exclude_account_ids"])]
    pub this_account: bool,
    /// These accounts, without asking Organizations.
    #[arg(long, value_name = "ID,...", value_delimiter = ',', conflicts_with_all = ["organizational_unit_ids", "organization_id"])]
    pub account_ids: Vec<AccountId>,
    /// Only the accounts under these roots or organizational units, at any depth.
    #[arg(long, value_name = "ID,...", value_delimiter = ',')]
    pub organizational_unit_ids: Vec<String>,
    /// Collect only these; the others are listed as skipped.
    #[arg(long, value_name = "ID,...", value_delimiter = ',')]
    pub include_account_ids: Vec<AccountId>,
    /// Do not collect these; they are listed as skipped.
    #[arg(long, value_name = "ID,...", value_delimiter = ',')]
    pub exclude_account_ids: Vec<AccountId>,
    /// Refuse to run in another organization than this.
    #[arg(long, value_name = "ID")]
    pub organization_id: Option<String>,
}

impl SelectionArguments {
    /// Whether any of them is given.
    pub fn is_given(&self) -> bool {
        let Self {
            this_account,
            account_ids,
            organizational_unit_ids,
            include_account_ids,
            exclude_account_ids,
            organization_id,
        } = self;
        *this_account
            || organization_id.is_some()
            || ![account_ids, include_account_ids, exclude_account_ids].iter().all(|ids| ids.is_empty())
            || !organizational_unit_ids.is_empty()
    }
}

const RUN_PERMISSIONS: &str = "\
Permissions of your credentials, and nothing else:
  in your own account      iam:GenerateCredentialReport
                           iam:GetCredentialReport
  for the other accounts   sts:AssumeRole (on the role of --member-role-name)
  for the organization     organizations:DescribeOrganization
                           organizations:ListAccounts
                           organizations:ListRoots
                           organizations:ListAccountsForParent
                           organizations:ListOrganizationalUnitsForParent
                           organizations:DescribeOrganizationalUnit (for --organizational-unit-ids)
                           organizations:DescribeAccount (to tell a suspended account from a missing role)
  for --output s3://       s3:PutObject
                           s3:GetObject
                           s3:ListBucket
                           kms:GenerateDataKey (on the bucket's key)
                           kms:Decrypt (on the bucket's key)
With --this-account the first two are all.";
