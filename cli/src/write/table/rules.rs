//! How many findings each rule has.

use std::collections::{BTreeMap, HashSet};
use std::io::{self, Write};

use rollcall_core::judgement::finding::Finding;
use rollcall_core::judgement::rules::{Rule, RuleId, Severity};

use crate::terminal::style::{DIM, severity_style};

/// Writes a line for each rule that has findings; nothing when none has.
pub(super) fn write(findings: &[Finding], output: &mut impl Write) -> io::Result<()> {
    let rules = by_rule(findings);
    if rules.is_empty() {
        return Ok(());
    }
    let longest = rules.iter().map(|(rule, _)| rule.as_str().len()).max().unwrap_or_default();
    writeln!(output, "{DIM}{:8}  {:longest$}  findings  accounts{DIM:#}", "severity", "rule")?;
    for (rule, findings) in &rules {
        let severity = Rule::of(*rule).severity;
        let style = severity_style(severity);
        let accounts: HashSet<_> = findings.iter().map(|finding| &finding.assessed.account_id).collect();
        writeln!(
            output,
            "{style}{:8}{style:#}  {:longest$}  {:8}  {:8}",
            severity.as_str(),
            rule.as_str(),
            findings.len(),
            accounts.len()
        )?;
    }
    writeln!(output)
}

/// The findings of each rule that has some, worst rule first.
fn by_rule(findings: &[Finding]) -> Vec<(RuleId, Vec<&Finding>)> {
    let mut rules: BTreeMap<(Severity, RuleId), Vec<&Finding>> = BTreeMap::new();
    for finding in findings.iter().filter(|finding| finding.is_open()) {
        rules.entry((finding.severity(), finding.rule)).or_default().push(finding);
    }
    rules.into_iter().map(|((_, rule), findings)| (rule, findings)).collect()
}
