//! The counts of `run.json`: findings by severity and rule, users and keys.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::judgement::analysis::Assessment;
use crate::judgement::finding::{Finding, Status};
use crate::judgement::rules::{RULES, RuleId, Severity};
use crate::judgement::statistics::{AGE_GROUPS, Statistics};

/// How many findings there are. An exempted one counts as exempted and as nothing else.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FindingCounts {
    /// All of them, as the files of findings have them.
    pub total: u64,
    /// Those that no exemption covers.
    pub open: u64,
    /// Open, and the run before did not have them.
    pub new: u64,
    /// Open, and the run before had them too.
    pub ongoing: u64,
    /// Open and ongoing, but not seen tonight, because the account or the row could not be read.
    pub unverified: u64,
    /// Those that an exemption covers.
    pub exempted: u64,
    /// Those of the run before that are gone.
    pub resolved: u64,
    /// Those of the run before that are no longer followed: their account is skipped or no longer on
    /// the roll, or their rule is off or has another limit.
    pub unfollowed: u64,
    /// The open ones, by severity.
    #[cfg_attr(feature = "schema", schemars(with = "Each<Severity, u64>"))]
    pub by_severity: BTreeMap<Severity, u64>,
    /// By rule.
    #[cfg_attr(feature = "schema", schemars(with = "Each<RuleId, RuleCounts>"))]
    pub by_rule: BTreeMap<RuleId, RuleCounts>,
}

/// How many findings a rule has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RuleCounts {
    /// Those that no exemption covers.
    pub open: u64,
    /// Open, and the run before did not have them.
    pub new: u64,
    /// Those that an exemption covers.
    pub exempted: u64,
    /// Those of the run before that are gone.
    pub resolved: u64,
    /// How many credentials it could not judge, because the report does not say enough.
    pub not_assessable: u64,
}

/// How many users and keys there are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CredentialCounts {
    /// IAM users in readable rows.
    pub users: u64,
    /// Reports without a row of the root user.
    pub accounts_without_root: u64,
    /// Active access keys, root's included.
    pub active_keys: u64,
    /// Active access keys by age, the youngest first.
    pub active_keys_by_age: Vec<AgeGroup>,
    /// Active access keys whose age the report does not say.
    pub active_keys_of_unknown_age: u64,
}

/// The active keys of an age: older than the group before, and at most this old.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AgeGroup {
    /// The group's last day; nothing for all that are older.
    pub up_to_days: Option<i64>,
    /// How many keys.
    pub keys: u64,
}

impl FindingCounts {
    /// Counts what a run found.
    pub fn of(assessment: &Assessment) -> Self {
        let mut counts = Self {
            by_severity: Severity::ALL.iter().map(|&severity| (severity, 0)).collect(),
            by_rule: RULES
                .iter()
                .map(|rule| {
                    let not_assessable = assessment.statistics.not_assessable[rule.id as usize];
                    (rule.id, RuleCounts { not_assessable, ..Default::default() })
                })
                .collect(),
            unfollowed: assessment.unfollowed.len() as u64,
            ..Default::default()
        };
        for finding in &assessment.findings {
            counts.add(finding);
        }
        for finding in &assessment.resolved {
            counts.resolved += 1;
            counts.by_rule.entry(finding.rule).or_default().resolved += 1;
        }
        counts
    }

    fn add(&mut self, finding: &Finding) {
        let rule = self.by_rule.entry(finding.rule).or_default();
        self.total += 1;
        if !finding.is_open() {
            self.exempted += 1;
            rule.exempted += 1;
            return;
        }
        self.open += 1;
        rule.open += 1;
        *self.by_severity.entry(finding.severity()).or_default() += 1;
        match finding.status {
            Status::New => {
                self.new += 1;
                rule.new += 1;
            }
            Status::Ongoing => self.ongoing += 1,
        }
        if !finding.verified {
            self.unverified += 1;
        }
    }

    /// How many open findings are of this severity.
    pub fn of_severity(&self, severity: Severity) -> u64 {
        self.by_severity.get(&severity).copied().unwrap_or_default()
    }

    /// The worst severity of an open finding.
    pub fn worst(&self) -> Option<Severity> {
        self.by_severity.iter().find(|(_, count)| **count > 0).map(|(severity, _)| *severity)
    }
}

impl From<&Statistics> for CredentialCounts {
    fn from(statistics: &Statistics) -> Self {
        let ends = AGE_GROUPS.into_iter().map(Some).chain([None]);
        Self {
            users: statistics.users,
            accounts_without_root: statistics.accounts_without_root,
            active_keys: statistics.active_keys(),
            active_keys_by_age: ends
                .zip(statistics.active_keys_by_age)
                .map(|(up_to_days, keys)| AgeGroup { up_to_days, keys })
                .collect(),
            active_keys_of_unknown_age: statistics.active_keys_of_unknown_age,
        }
    }
}

/// The schema of an object that has a field for each `K`.
#[cfg(feature = "schema")]
struct Each<K, V>(std::marker::PhantomData<(K, V)>);

#[cfg(feature = "schema")]
impl<K, V> schemars::JsonSchema for Each<K, V>
where
    K: strum::VariantArray + Copy + Into<&'static str>,
    V: schemars::JsonSchema,
{
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Each".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let names: Vec<&'static str> = K::VARIANTS.iter().map(|&name| name.into()).collect();
        let fields: serde_json::Map<_, _> =
            names.iter().map(|&name| (name.to_owned(), generator.subschema_for::<V>().into())).collect();
        schemars::json_schema!({ "type": "object", "properties": fields, "required": names })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::judgement::finding::Exempted;
    use crate::testing::finding;

    #[test]
    fn an_exempted_finding_counts_as_exempted_and_as_nothing_else() {
        let stale = finding(1, "anna", RuleId::AccessKeyStale);
        let exemption = Arc::new(Exempted { reason: "r".into(), expires: "2026-12-31".parse().unwrap() });
        let mut statistics = Statistics::default();
        statistics.not_assessable[RuleId::RootUsed as usize] = 7;
        let counts = FindingCounts::of(&Assessment {
            findings: vec![
                stale.clone(),
                Finding { status: Status::Ongoing, verified: false, ..stale.clone() },
                Finding { exemption: Some(exemption), ..stale.clone() },
                finding(1, "anna", RuleId::TwoActiveKeys),
            ],
            resolved: vec![stale],
            statistics,
            ..Default::default()
        });
        let FindingCounts { total, open, new, ongoing, unverified, exempted, resolved, .. } = counts;
        assert_eq!((total, open, new, ongoing, unverified, exempted, resolved), (4, 3, 2, 1, 1, 1, 1));
        assert_eq!(counts.by_severity[&Severity::High], 2);
        assert_eq!(counts.by_severity[&Severity::Critical], 0, "what there is none of is said");
        assert_eq!(
            counts.by_rule[&RuleId::AccessKeyStale],
            RuleCounts { open: 2, new: 1, exempted: 1, resolved: 1, not_assessable: 0 }
        );
        assert_eq!(counts.by_rule[&RuleId::RootUsed].not_assessable, 7);
        assert_eq!(counts.worst(), Some(Severity::High));
        assert_eq!(FindingCounts::of(&Assessment::default()).worst(), None);
    }

    #[test]
    fn the_age_groups_add_up_to_the_active_keys() {
        let mut statistics = Statistics::default();
        for days in [Some(1), Some(91), Some(9999), None] {
            statistics.active_key(days);
        }
        let counts = CredentialCounts::from(&statistics);
        assert_eq!((counts.active_keys, counts.active_keys_of_unknown_age), (4, 1));
        assert_eq!(counts.active_keys_by_age.last(), Some(&AgeGroup { up_to_days: None, keys: 1 }));
        assert_eq!(counts.active_keys_by_age.iter().map(|group| group.keys).sum::<u64>(), 3);
    }
}
