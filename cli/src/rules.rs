//! `rollcall rules` and `rollcall explain`: the table of rules, for a person.

use std::io::Write;

use rollcall_core::rules::{RULES, Rule, RuleId, Setting};
use serde_json::json;

use crate::arguments::{ExplainArguments, RulesArguments};
use crate::ending::Ending;
use crate::error::CommandError;
use crate::table::{BOLD, severity_style};
use crate::terminal::{width, wrapped};

/// The width of prose where there is no terminal to say one.
const PROSE_WIDTH: usize = 80;

/// Prints every rule.
pub fn list(arguments: &RulesArguments) -> Result<Ending, CommandError> {
    let mut output = anstream::stdout();
    if arguments.json {
        let rules: Vec<_> = RULES.iter().map(as_json).collect();
        let json = serde_json::to_string_pretty(&rules).expect("text and numbers are JSON");
        writeln!(output, "{json}")?;
        return Ok(Ending::Clean);
    }
    let longest = RULES.iter().map(|rule| rule.id.as_str().len()).max().unwrap_or_default();
    let narrow = width().is_some_and(|width| width < 100);
    writeln!(output, "{BOLD}{:longest$}  severity  default  flagged when{BOLD:#}", "rule")?;
    for rule in &RULES {
        let style = severity_style(rule.severity);
        let default = rule.default.to_string();
        write!(
            output,
            "{:longest$}  {style}{:8}{style:#}  {default:>7}",
            rule.id.as_str(),
            rule.severity.as_str()
        )?;
        match narrow {
            true => {
                writeln!(output)?;
                for line in wrapped(rule.condition, width().unwrap_or(PROSE_WIDTH) - 4) {
                    writeln!(output, "    {line}")?;
                }
            }
            false => writeln!(output, "  {}", rule.condition)?,
        }
    }
    writeln!(output, "\nAll about one: rollcall explain RULE")?;
    Ok(Ending::Clean)
}

/// Prints all there is to say about one rule.
pub fn explain(arguments: &ExplainArguments) -> Result<Ending, CommandError> {
    let rule = Rule::of(arguments.rule);
    let mut output = anstream::stdout();
    let width = width().unwrap_or(PROSE_WIDTH).min(100);
    let style = severity_style(rule.severity);
    writeln!(output, "{BOLD}{}{BOLD:#}  {style}{}{style:#}", rule.id, rule.severity)?;
    let cis = match rule.cis.to_string() {
        none if none.is_empty() => "no control of its own".to_owned(),
        numbers => numbers,
    };
    for (title, text) in [
        ("Why", rule.reason.to_owned()),
        ("Flagged when", sentence(rule.condition)),
        ("Limit", limit(rule)),
        ("What to do", rule.remedy.to_owned()),
        ("CIS AWS Foundations Benchmark", cis),
        ("Set it", set_by(rule)),
    ] {
        writeln!(output, "\n{BOLD}{title}{BOLD:#}")?;
        for line in wrapped(&text, width - 2) {
            writeln!(output, "  {line}")?;
        }
    }
    Ok(Ending::Clean)
}

fn sentence(clause: &str) -> String {
    let (first, rest) = clause.split_at(1);
    format!("{}{rest}.", first.to_uppercase())
}

fn limit(rule: &Rule) -> String {
    match rule.default {
        // The one rule that looks for what is recent.
        Setting::Days(days) if rule.id == RuleId::RootUsed => {
            format!("{days}: a use is flagged up to that many whole days later, rounded down.")
        }
        Setting::Days(days) => format!(
            "{days} days. An age is whole days, rounded down, and passes the limit from day {} on.",
            days + 1
        ),
        Setting::On | Setting::Off => "None: it is on or off.".to_owned(),
    }
}

fn set_by(rule: &Rule) -> String {
    let parameter: String = rule
        .id
        .as_str()
        .split('-')
        .map(|word| format!("{}{}", word[..1].to_uppercase(), &word[1..]))
        .collect();
    let value = match rule.default {
        Setting::Days(_) => "DAYS or off",
        Setting::On | Setting::Off => "on or off",
    };
    format!("--{} on the command line, the parameter {parameter} of the template: {value}.", rule.id)
}

fn as_json(rule: &Rule) -> serde_json::Value {
    json!({
        "rule": rule.id,
        "severity": rule.severity,
        "default": rule.default.to_string(),
        "condition": rule.condition,
        "reason": rule.reason,
        "remedy": rule.remedy,
        "cis": {
            "1.4-4.0": rule.cis.v1_4_to_v4_0,
            "5.0": rule.cis.v5_0,
            "6.0": rule.cis.v6_0,
            "7.0": rule.cis.v7_0,
        },
    })
}
