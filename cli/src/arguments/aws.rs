//! Which credentials and which Region of AWS are used.

use clap::Args;

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
