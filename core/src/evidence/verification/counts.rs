//! The numbers of `run.json` against what they count.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

use super::difference::{Difference, Differences};
use crate::evidence::counts::{CredentialCounts, FindingCounts};
use crate::evidence::manifest::Manifest;
use crate::judgement::analysis::Assessment;
use crate::judgement::statistics::Statistics;
use crate::organization::coverage::Coverage;

/// Whether the coverage is what the accounts of the manifest add up to.
pub fn coverage(manifest: &Manifest) -> Differences {
    compare("coverage", &manifest.coverage, &Coverage::of(&manifest.accounts))
}

/// Whether the counts of findings are what `assessment` adds up to: the findings that were written, and what
/// the reports don't say. What became of findings of the night before stands in no file of this day.
pub fn finding_counts(manifest: &Manifest, assessment: &Assessment) -> Differences {
    let recorded = &manifest.findings;
    let mut found = FindingCounts::of(assessment);
    found.resolved = recorded.resolved;
    found.unfollowed = recorded.unfollowed;
    for (rule, counts) in &mut found.by_rule {
        counts.resolved = recorded.by_rule.get(rule).map_or(0, |recorded| recorded.resolved);
    }
    let mut differences = compare("findings", recorded, &found);
    let resolved: u64 = recorded.by_rule.values().map(|counts| counts.resolved).sum();
    if resolved != recorded.resolved {
        differences.add(Difference::Count {
            count: "findings.resolved".to_owned(),
            found: resolved.to_string(),
            run_json: recorded.resolved.to_string(),
        });
    }
    differences
}

/// Whether the counts of users and keys are what the reports add up to.
pub fn credentials(manifest: &Manifest, statistics: &Statistics) -> Differences {
    compare("credentials", &manifest.credentials, &CredentialCounts::from(statistics))
}

fn compare<T: Serialize>(name: &str, recorded: &T, found: &T) -> Differences {
    let mut differences = Differences::default();
    if let (Ok(recorded), Ok(found)) = (serde_json::to_value(recorded), serde_json::to_value(found)) {
        walk(name, &recorded, &found, &mut differences);
    }
    differences
}

/// Names each number of two equal forms that differs, by the fields that lead to it.
fn walk(path: &str, recorded: &Value, found: &Value, differences: &mut Differences) {
    match (recorded, found) {
        (Value::Object(recorded), Value::Object(found)) => {
            let names: BTreeSet<&String> = recorded.keys().chain(found.keys()).collect();
            for name in names {
                let of =
                    |object: &serde_json::Map<String, Value>| object.get(name).cloned().unwrap_or_default();
                walk(&format!("{path}.{name}"), &of(recorded), &of(found), differences);
            }
        }
        (Value::Array(recorded), Value::Array(found)) if recorded.len() == found.len() => {
            for (place, (recorded, found)) in recorded.iter().zip(found).enumerate() {
                walk(&format!("{path}[{place}]"), recorded, found, differences);
            }
        }
        (recorded, found) if recorded != found => differences.add(Difference::Count {
            count: path.to_owned(),
            found: found.to_string(),
            run_json: recorded.to_string(),
        }),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::manifest::JudgedBy;
    use crate::judgement::rules::RuleId;
    use crate::organization::roll_call::Evidence;
    use crate::testing::{account, finding, id, judged, report};

    fn night() -> (Manifest, Assessment) {
        let mut assessment = Assessment {
            findings: vec![finding(1, "anna", RuleId::AccessKeyStale)],
            resolved: vec![finding(1, "ben", RuleId::AccessKeyStale)],
            ..Assessment::default()
        };
        assessment.statistics.users = 2;
        assessment.statistics.not_assessable[RuleId::RootUsed as usize] = 1;
        let evidence = Evidence { reports: [(id(1), report(1, 0))].into(), ..Default::default() };
        (judged(vec![account(1)], evidence, JudgedBy::default(), &assessment), assessment)
    }

    fn all(manifest: &Manifest, assessment: &Assessment) -> Vec<Difference> {
        let mut all = coverage(manifest);
        all.extend(finding_counts(manifest, assessment));
        all.extend(credentials(manifest, &assessment.statistics));
        all.first
    }

    fn count(count: &str, found: &str, run_json: &str) -> Difference {
        Difference::Count { count: count.into(), found: found.into(), run_json: run_json.into() }
    }

    #[test]
    fn what_a_run_counted_adds_up() {
        let (manifest, assessment) = night();
        assert_eq!(all(&manifest, &assessment), []);
    }

    #[test]
    fn each_number_that_does_not_add_up_is_named_by_its_field() {
        let (mut manifest, assessment) = night();
        manifest.coverage.collected = 3;
        manifest.findings.open = 0;
        manifest.findings.by_rule.get_mut(&RuleId::RootUsed).unwrap().not_assessable = 0;
        manifest.findings.resolved = 5;
        manifest.credentials.users = 0;
        assert_eq!(
            all(&manifest, &assessment),
            [
                count("coverage.collected", "1", "3"),
                count("findings.by_rule.root-used.not_assessable", "1", "0"),
                count("findings.open", "1", "0"),
                count("findings.resolved", "1", "5"),
                count("credentials.users", "2", "0"),
            ]
        );
    }

    #[test]
    fn a_percentage_of_another_day_is_named() {
        let (mut manifest, assessment) = night();
        manifest.coverage.percent = 99.0;
        assert_eq!(all(&manifest, &assessment), [count("coverage.percent", "100.0", "99.0")]);
    }
}
