//! `rollcall rules` and `rollcall explain`: the table of rules, for a person.

use std::io::{self, Write};

use rollcall_core::judgement::rules::{Boundary, RULES, Rule, Setting};
use serde_json::json;

use crate::arguments::rules::{ExplainArguments, RulesArguments};
use crate::error::CommandError;
use crate::exit_status::ExitStatus;
use crate::terminal::escaping::wrapped;
use crate::terminal::style::{BOLD, severity_style};
use crate::terminal::width;

/// The width of prose without a terminal.
const PROSE_WIDTH: usize = 80;

/// Prints every rule.
pub fn list(arguments: &RulesArguments) -> Result<ExitStatus, CommandError> {
    let mut output = anstream::stdout();
    match arguments.json {
        true => write_json(&mut output)?,
        false => write_list(width(), &mut output)?,
    }
    Ok(ExitStatus::Clean)
}

/// Prints all there is to say about one rule.
pub fn explain(arguments: &ExplainArguments) -> Result<ExitStatus, CommandError> {
    let width = width().unwrap_or(PROSE_WIDTH).min(100);
    write_explanation(Rule::of(arguments.rule), width, &mut anstream::stdout())?;
    Ok(ExitStatus::Clean)
}

fn write_json(output: &mut impl Write) -> io::Result<()> {
    let rules: Vec<_> = RULES.iter().map(as_json).collect();
    serde_json::to_writer_pretty(&mut *output, &rules)?;
    writeln!(output)
}

fn write_list(width: Option<usize>, output: &mut impl Write) -> io::Result<()> {
    let longest = RULES.iter().map(|rule| rule.id.as_str().len()).max().unwrap_or_default();
    // The longest condition needs as much beside the other columns.
    let narrow = width.filter(|width| *width < 150);
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
            Some(width) => {
                writeln!(output)?;
                for line in wrapped(rule.condition, width - 4) {
                    writeln!(output, "    {line}")?;
                }
            }
            None => writeln!(output, "  {}", rule.condition)?,
        }
    }
    writeln!(output, "\nAll about one: rollcall explain RULE")
}

fn write_explanation(rule: &Rule, width: usize, output: &mut impl Write) -> io::Result<()> {
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
    Ok(())
}

fn sentence(clause: &str) -> String {
    let (first, rest) = clause.split_at(1);
    format!("{}{rest}.", first.to_uppercase())
}

fn limit(rule: &Rule) -> String {
    let (Setting::Days(days), Some(boundary)) = (rule.default, rule.boundary) else {
        return "None: it is on or off.".to_owned();
    };
    let flagged_from = match boundary {
        Boundary::Above => days + 1,
        Boundary::AtLeast => days,
        Boundary::AtMost => {
            return format!("{days}: a use is flagged up to that many whole days later, rounded down.");
        }
    };
    format!("{days} days. An age is whole days, rounded down, and is flagged from day {flagged_from} on.")
}

fn set_by(rule: &Rule) -> String {
    let parameter = rule.id.parameter();
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

#[cfg(test)]
mod tests {
    use rollcall_core::judgement::rules::RuleId;

    use super::*;

    fn plain(write: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> String {
        let mut output = Vec::new();
        write(&mut output).unwrap();
        String::from_utf8(anstream::adapter::strip_bytes(&output).into_vec()).unwrap()
    }

    #[test]
    fn the_rules_are_listed_with_their_defaults() {
        insta::assert_snapshot!(plain(|output| write_list(Some(80), output)));
    }

    #[test]
    fn a_rule_is_explained_with_its_boundary() {
        insta::assert_snapshot!(plain(|output| {
            write_explanation(Rule::of(RuleId::AccessKeyStale), 80, output)
        }));
    }

    #[test]
    fn the_day_from_which_an_age_is_flagged_is_that_of_the_rule() {
        let of = |id: RuleId| limit(Rule::of(id));
        assert!(of(RuleId::AccessKeyStale).ends_with("is flagged from day 91 on."));
        assert!(of(RuleId::CertificateStale).ends_with("is flagged from day 91 on."));
        assert!(of(RuleId::AccessKeyUnused).ends_with("is flagged from day 45 on."));
        assert!(of(RuleId::PasswordUnused).ends_with("is flagged from day 45 on."));
    }

    #[test]
    fn every_rule_is_explained_in_whole_sentences_within_the_width() {
        for rule in &RULES {
            let text = plain(|output| write_explanation(rule, 80, output));
            assert!(text.contains(rule.id.as_str()) && text.contains(&format!("--{}", rule.id)));
            assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        }
    }

    #[test]
    fn json_has_every_rule() {
        let rules: serde_json::Value = serde_json::from_str(&plain(write_json)).unwrap();
        assert_eq!(rules.as_array().unwrap().len(), RULES.len());
        assert_eq!(rules[0]["cis"]["5.0"], "1.13");
    }
}
