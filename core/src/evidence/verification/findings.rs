//! The findings that were written against those that the reports give.

use std::cmp::Ordering;

use chrono::NaiveDate;
use serde_json::Value;

use super::difference::{Difference, Differences, FindingName};
use crate::evidence::manifest::SCHEMA_VERSION;
use crate::formats::finding_record::FindingRecord;
use crate::judgement::finding::{Creation, Finding, Status};

/// Compares `written`, the findings of the day, with `given`, what its reports give under the settings and
/// exemptions of the day without a look at any other day. Both are in the order of lists.
///
/// Whether a finding is new and when it was first seen only the day before can tell; that the two agree with
/// `date`, the day's own, is checked. A finding that was kept because the run could not look is written, and
/// no report gives it.
///
/// A day of version 1 of the manifest does not say when anything was created, so that is not compared in it.
pub fn findings(written: &[Finding], given: &[Finding], date: NaiveDate, schema_version: u32) -> Differences {
    if schema_version == 1 {
        let untold = |finding: &Finding| Finding { creation: Creation::default(), ..finding.clone() };
        let given: Vec<Finding> = given.iter().map(untold).collect();
        return findings(written, &given, date, SCHEMA_VERSION);
    }
    let mut differences = Differences::default();
    let (mut written, mut given) = (written.iter().peekable(), given.iter().peekable());
    loop {
        let order = match (written.peek(), given.peek()) {
            (None, None) => return differences,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(written), Some(given)) => written.order().cmp(&given.order()),
        };
        match order {
            Ordering::Less => {
                if let Some(written) = written.next().filter(|written| written.verified) {
                    differences.add(Difference::FindingUnfounded { finding: name(written) });
                }
            }
            Ordering::Greater => {
                if let Some(given) = given.next() {
                    differences.add(Difference::FindingMissing { finding: name(given) });
                }
            }
            Ordering::Equal => {
                if let (Some(written), Some(given)) = (written.next(), given.next()) {
                    compare(written, given, date, &mut differences);
                }
            }
        }
    }
}

fn compare(written: &Finding, given: &Finding, date: NaiveDate, differences: &mut Differences) {
    let given = Finding { first_seen: written.first_seen, status: written.status, ..given.clone() };
    if *written != given {
        let record = |finding: &Finding| match serde_json::to_value(FindingRecord::from(finding)) {
            Ok(Value::Object(fields)) => fields,
            _ => serde_json::Map::new(),
        };
        let (of_written, of_given) = (record(written), record(&given));
        for (field, value) in of_written.iter().filter(|(field, value)| of_given.get(*field) != Some(value)) {
            differences.add(Difference::Finding {
                finding: name(written),
                field: field.clone(),
                found: of_given.get(field).cloned().unwrap_or_default().to_string(),
                written: value.to_string(),
            });
        }
    }
    let agrees = match written.status {
        Status::New => written.first_seen == date,
        Status::Ongoing => written.first_seen <= date,
    };
    if !agrees {
        differences.add(Difference::Finding {
            finding: name(written),
            field: "first_seen".to_owned(),
            found: format!("{} on {date}", written.status.as_str()),
            written: written.first_seen.to_string(),
        });
    }
}

fn name(finding: &Finding) -> FindingName {
    FindingName {
        account_id: finding.assessed.account_id.clone(),
        user: finding.user.to_string(),
        credential: finding.credential,
        rule: finding.rule,
        first_seen: finding.first_seen,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judgement::rules::RuleId;
    use crate::testing::{finding, run};

    fn verified(written: &[Finding], given: &[Finding]) -> Differences {
        findings(written, given, run().date(), SCHEMA_VERSION)
    }

    fn stale(user: &str) -> Finding {
        finding(1, user, RuleId::AccessKeyStale)
    }

    fn users(differences: &Differences) -> Vec<String> {
        let named = |difference: &Difference| match difference {
            Difference::FindingMissing { finding } => format!("missing {}", finding.user),
            Difference::FindingUnfounded { finding } => format!("unfounded {}", finding.user),
            Difference::Finding { finding, field, .. } => format!("{field} of {}", finding.user),
            other => panic!("{other:?}"),
        };
        differences.first.iter().map(named).collect()
    }

    #[test]
    fn what_the_reports_give_is_what_was_written() {
        let both = [stale("anna"), stale("ben")];
        assert!(verified(&both, &both).is_empty());
    }

    #[test]
    fn a_day_of_an_earlier_version_is_verified_for_what_it_wrote() {
        let earlier = |user| Finding { creation: Creation::default(), ..stale(user) };
        let both = [stale("anna"), stale("ben")];
        let of_version_1 = |written: &[Finding]| findings(written, &both, run().date(), 1);
        assert!(of_version_1(&[earlier("anna"), earlier("ben")]).is_empty());
        assert_eq!(users(&of_version_1(&[earlier("anna")])), ["missing ben"]);
        assert_eq!(users(&verified(&[earlier("anna"), earlier("ben")], &both)).len(), 4, "it was taken away");
        let other = Creation { credential: None, ..stale("ben").creation };
        let edited = [stale("anna"), Finding { creation: other, ..stale("ben") }];
        assert_eq!(users(&verified(&edited, &both)).len(), 2, "this version wrote it, and it was edited");
    }

    #[test]
    fn a_finding_that_was_left_out_or_made_up_is_named() {
        let differences = verified(&[stale("anna"), stale("carl")], &[stale("ben"), stale("carl")]);
        assert_eq!(users(&differences), ["unfounded anna", "missing ben"]);
    }

    #[test]
    fn a_finding_that_was_changed_is_named_with_the_field() {
        let written = Finding { age_days: Some(91), ..stale("anna") };
        assert_eq!(users(&verified(&[written], &[stale("anna")])), ["age_days of anna"]);
    }

    #[test]
    fn what_the_night_before_decides_may_differ() {
        let first_seen = "2025-12-24".parse().unwrap();
        let written = Finding { first_seen, status: Status::Ongoing, ..stale("anna") };
        assert!(verified(&[written], &[stale("anna")]).is_empty());
    }

    #[test]
    fn a_finding_that_was_kept_is_in_no_report_and_one_that_is_was_not_kept() {
        let kept = Finding { verified: false, status: Status::Ongoing, ..stale("anna") };
        assert!(verified(std::slice::from_ref(&kept), &[]).is_empty());
        assert_eq!(users(&verified(&[kept], &[stale("anna")])), ["verified of anna"]);
    }

    #[test]
    fn a_finding_that_is_new_was_first_seen_tonight() {
        let written = Finding { first_seen: "2026-01-01".parse().unwrap(), ..stale("anna") };
        assert_eq!(users(&verified(&[written], &[stale("anna")])), ["first_seen of anna"]);
    }
}
