//! What a person may type.

mod rules;

use std::num::NonZeroUsize;
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use clap::builder::PossibleValuesParser;
use clap::builder::TypedValueParser;
use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};
use rollcall_core::identifiers::account_id::AccountId;
use rollcall_core::judgement::rules::{RULES, RuleId, Severity};
use rollcall_core::text::time::parse_as_of;

pub use rules::RuleFlags;

use crate::output::Format;

/// Calls the roll of every IAM credential in an AWS organization.
///
/// Collects the IAM credential report of every account, flags stale keys and other risks, and proves
/// that no account is missing. Deployed, it does so every night; this command does the same by hand, and
/// analyzes reports that somebody already has.
#[derive(Debug, Parser)]
#[command(version, arg_required_else_help = true, disable_help_subcommand = true, max_term_width = 100, after_help = AFTER_HELP)]
pub struct Arguments {
    /// When output has colour; auto is on a terminal, unless NO_COLOR is set.
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", help_heading = "Output")]
    pub color: Color,
    #[command(subcommand)]
    pub command: Command,
}

const AFTER_HELP: &str = "\
Exit status:
  0  everything was looked at, and nothing is flagged
  1  something is flagged
  2  an error, or something could not be looked at

Examples:
  rollcall analyze reports/                  what is wrong in a folder of credential reports
  rollcall run --this-account                the report of the account you are in, judged
  rollcall explain access-key-stale          why it is a rule, and what to do about it";

/// When output has colour.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Color {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    Analyze(AnalyzeArguments),
    Run(Box<RunArguments>),
    Diff(Box<DiffArguments>),
    Doctor(DoctorArguments),
    Rules(RulesArguments),
    Explain(ExplainArguments),
    Completions(CompletionsArguments),
    Man(ManArguments),
}

/// Flags risks in credential reports that you have, offline
///
/// Reads reports as IAM writes them. The account of a report is that of its ARNs; the name of its file
/// counts only when no row can be read.
///
/// The folder of a day, as a run wrote it, is more than its reports: it has the roll, so accounts without
/// a report are named. Unless flags say otherwise, its ages are counted to the day of the run, and its
/// rules are set as they were.
#[derive(Debug, Args)]
pub struct AnalyzeArguments {
    /// Files, folders, - for standard input, or s3://BUCKET/DATE/.
    #[arg(required = true, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub paths: Vec<PathBuf>,
    #[command(flatten)]
    pub output: OutputArguments,
    #[command(flatten)]
    pub judging: JudgingArguments,
    #[command(flatten)]
    pub ending: EndingArguments,
    #[command(flatten)]
    pub aws: AwsArguments,
}

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
    pub ending: EndingArguments,
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

fn concurrency(value: &str) -> Result<NonZeroUsize, String> {
    match value.parse::<NonZeroUsize>() {
        Ok(number) if number.get() <= 1000 => Ok(number),
        _ => Err("it takes a whole number from 1 to 1000".to_owned()),
    }
}

/// How findings are written.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub struct OutputArguments {
    /// How to write the findings; by default as the ending of --output says, or else a table. Several are
    /// separated by commas, and go to a folder.
    #[arg(long, value_name = "FORMAT", value_delimiter = ',')]
    pub format: Vec<Format>,
    /// Where to write them: a file, or a folder (with a / at its end, unless it is there). The summary is
    /// still printed.
    #[arg(long, short, value_name = "FILE|DIR", value_hint = ValueHint::AnyPath)]
    pub output: Option<PathBuf>,
    /// Leave the findings out of the table: totals and coverage only.
    #[arg(long)]
    pub summary: bool,
    /// Print nothing but errors, and what --format asks for.
    #[arg(long, short)]
    pub quiet: bool,
}

/// How findings are judged.
#[derive(Debug, Default, Args)]
pub struct JudgingArguments {
    /// The time that ages are counted to, such as 2026-01-31 or 2026-01-31T06:00:00Z.
    #[arg(long, value_name = "TIME", value_parser = as_of, help_heading = "Rules")]
    pub as_of: Option<DateTime<Utc>>,
    /// The exemptions: a file like exemptions.toml in the report bucket.
    #[arg(long, value_name = "FILE", help_heading = "Rules", value_hint = ValueHint::FilePath)]
    pub exemptions: Option<PathBuf>,
    #[command(flatten)]
    pub rules: RuleFlags,
}

/// What makes the command exit with 1.
#[derive(Clone, Copy, Debug, Args)]
#[command(next_help_heading = "Exit status")]
pub struct EndingArguments {
    /// Exit with 1 only for findings of this severity or worse.
    #[arg(long, value_name = "SEVERITY", default_value = "low", value_parser = severity())]
    pub fail_on: Severity,
    /// Exit with 0 also when something is flagged. Errors still exit with 2.
    #[arg(long)]
    pub exit_zero: bool,
}

/// Whose credentials are used.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "AWS")]
pub struct AwsArguments {
    /// The profile of ~/.aws/config; by default AWS_PROFILE, or what the environment has.
    #[arg(long)]
    pub profile: Option<String>,
    /// The Region; by default that of the environment or the profile.
    #[arg(long)]
    pub region: Option<String>,
}

/// Tells what changed between two days
///
/// New, resolved and changed findings, and credentials that appeared, were switched on or off, or lost
/// MFA, also where no rule is broken. Both sides are judged by the same rules. What one side does not say
/// is no change: it is counted.
///
/// Exits with 1 when there is any difference.
#[derive(Debug, Args)]
pub struct DiffArguments {
    /// The earlier day: the folder of a day, a folder of reports, a report, or s3://BUCKET/DATE/.
    #[arg(value_hint = ValueHint::AnyPath)]
    pub old: PathBuf,
    /// The later one.
    #[arg(value_hint = ValueHint::AnyPath)]
    pub new: PathBuf,
    /// How to write the changes.
    #[arg(long, value_name = "FORMAT", default_value = "table", help_heading = "Output")]
    pub format: DiffFormat,
    /// The time that ages of OLD are counted to; by default the day of its run, or now.
    #[arg(long, value_name = "TIME", value_parser = as_of, help_heading = "Rules")]
    pub old_as_of: Option<DateTime<Utc>>,
    #[command(flatten)]
    pub judging: JudgingArguments,
    /// Exit with 1 only for new findings of this severity or worse, and not for every difference.
    #[arg(long, value_name = "SEVERITY", value_parser = severity(), help_heading = "Exit status")]
    pub fail_on: Option<Severity>,
    /// Exit with 0 also when there is a difference. Errors still exit with 2.
    #[arg(long, help_heading = "Exit status")]
    pub exit_zero: bool,
    #[command(flatten)]
    pub aws: AwsArguments,
}

/// A form of changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DiffFormat {
    /// By account, for a person.
    Table,
    /// One document.
    Json,
}

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

/// Lists the rules
#[derive(Debug, Args)]
pub struct RulesArguments {
    /// Print JSON, with all there is to say about each.
    #[arg(long)]
    pub json: bool,
}

/// Explains a rule: why it is one, when a credential is flagged, and what to do
#[derive(Debug, Args)]
pub struct ExplainArguments {
    /// The rule.
    #[arg(value_parser = rule())]
    pub rule: RuleId,
}

/// Prints what a shell needs to complete this command
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rollcall completions bash > ~/.local/share/bash-completion/completions/rollcall
  rollcall completions zsh > ~/.zfunc/_rollcall        (a folder of fpath)
  rollcall completions fish > ~/.config/fish/completions/rollcall.fish")]
pub struct CompletionsArguments {
    /// The shell.
    pub shell: clap_complete::Shell,
}

/// Prints the manual page, or writes that of every command into a folder
#[derive(Debug, Args)]
pub struct ManArguments {
    /// The folder, such as ~/.local/share/man/man1.
    #[arg(long, short, value_name = "DIR")]
    pub output: Option<PathBuf>,
}

fn as_of(value: &str) -> Result<DateTime<Utc>, &'static str> {
    parse_as_of(value)
        .map_err(|_| "write a date such as 2026-01-31 (midnight UTC) or a time such as 2026-01-31T06:00:00Z")
}

fn severity() -> impl TypedValueParser<Value = Severity> {
    PossibleValuesParser::new(Severity::ALL.map(Severity::as_str)).map(|name| {
        Severity::ALL.into_iter().find(|severity| severity.as_str() == name).expect("it is one of them")
    })
}

fn rule() -> impl TypedValueParser<Value = RuleId> {
    PossibleValuesParser::new(RULES.each_ref().map(|rule| rule.id.as_str()))
        .map(|name| name.parse().expect("it is one of them"))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_are_without_contradiction() {
        Arguments::command().debug_assert();
    }
}
