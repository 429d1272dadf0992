//! `rollcall rules` and `rollcall explain`.

use clap::Args;
use rollcall_core::judgement::rules::RuleId;

use super::values::rule;

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
