//! The metrics of a run, in CloudWatch's embedded metric format: a line of the log that CloudWatch
//! makes metrics of, without a call.

use serde_json::{Map, Value, json};

use crate::evidence::manifest::Manifest;
use crate::judgement::rules::Severity;

/// The namespace of the metrics.
pub const NAMESPACE: &str = "Rollcall";
/// The one dimension: the name of the deployment, because an account may have several.
pub const DIMENSION: &str = "Deployment";

/// The metrics that an alarm reads. The others are for the dashboard.
const OF_ALARMS: [&str; 2] = ["Runs", "CoveragePercent"];

/// Which values of the line become metrics. CloudWatch charges for each of those, and for none that is
/// only in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measured {
    /// What the alarms read.
    ForAlarms,
    /// And what the dashboard shows.
    ForDashboard,
}

/// The line for the log, or nothing for a run of some accounts only, or by another day than its own:
/// how the nights are can't be told from those.
pub fn metrics(manifest: &Manifest, deployment: &str, measured: Measured) -> Option<String> {
    if !manifest.is_a_night() {
        return None;
    }
    let coverage = &manifest.coverage;
    let findings = &manifest.findings;
    let of = |severity| json!(findings.of_severity(severity));
    let values = [
        ("Runs", "Count", json!(1)),
        ("AccountsCollected", "Count", json!(coverage.collected)),
        ("AccountsFailed", "Count", json!(coverage.failed)),
        ("AccountsWithoutOutcome", "Count", json!(coverage.no_outcome)),
        ("AccountsSkipped", "Count", json!(coverage.skipped)),
        ("CoveragePercent", "Percent", json!(coverage.percent)),
        ("UnreadableRows", "Count", json!(coverage.bad_rows)),
        ("CriticalFindings", "Count", of(Severity::Critical)),
        ("HighFindings", "Count", of(Severity::High)),
        ("MediumFindings", "Count", of(Severity::Medium)),
        ("LowFindings", "Count", of(Severity::Low)),
        ("NewFindings", "Count", json!(findings.new)),
        ("ResolvedFindings", "Count", json!(findings.resolved)),
    ];
    let definitions: Vec<Value> = values
        .iter()
        .filter(|(name, ..)| measured == Measured::ForDashboard || OF_ALARMS.contains(name))
        .map(|(name, unit, _)| json!({ "Name": name, "Unit": unit }))
        .collect();
    let mut line = Map::new();
    line.insert(
        "_aws".to_owned(),
        json!({
            "Timestamp": manifest.finished.timestamp_millis(),
            "CloudWatchMetrics": [
                { "Namespace": NAMESPACE, "Dimensions": [[DIMENSION]], "Metrics": definitions },
            ],
        }),
    );
    line.insert(DIMENSION.to_owned(), json!(deployment));
    line.insert("execution".to_owned(), json!(manifest.execution));
    line.extend(values.into_iter().map(|(name, _, value)| (name.to_owned(), value)));
    Some(Value::Object(line).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::organization::roll::RollSource;
    use crate::organization::roll_call::Evidence;
    use crate::testing::sorted_json;
    use crate::testing::{account, id, manifest, report};

    fn night() -> Manifest {
        let reports = [(id(1), report(1, 0))].into();
        manifest(vec![account(1), account(2)], Evidence { reports, ..Default::default() })
    }

    #[test]
    fn every_metric_that_is_defined_has_a_value_and_a_unit() {
        let line: Value =
            serde_json::from_str(&metrics(&night(), "rollcall", Measured::ForDashboard).unwrap()).unwrap();
        let defined = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(defined["Dimensions"], json!([["Deployment"]]));
        for metric in defined["Metrics"].as_array().unwrap() {
            assert!(line[metric["Name"].as_str().unwrap()].is_number(), "{metric}");
        }
        insta::assert_snapshot!(sorted_json::pretty(&line));
    }

    #[test]
    fn without_a_dashboard_only_what_the_alarms_read_is_a_metric_and_the_rest_stays_in_the_log() {
        let line: Value =
            serde_json::from_str(&metrics(&night(), "rollcall", Measured::ForAlarms).unwrap()).unwrap();
        let defined = line["_aws"]["CloudWatchMetrics"][0]["Metrics"].as_array().unwrap();
        let names: Vec<_> = defined.iter().map(|metric| metric["Name"].as_str().unwrap()).collect();
        assert_eq!(names, OF_ALARMS);
        assert!(line["NewFindings"].is_number());
    }

    #[test]
    fn it_is_one_line() {
        assert!(!metrics(&night(), "roll\ncall", Measured::ForDashboard).unwrap().contains('\n'));
    }

    #[test]
    fn a_run_of_some_accounts_or_by_another_day_is_no_measure_of_the_nights() {
        let partial = Manifest { source: RollSource::ExecutionInput, ..night() };
        assert_eq!(metrics(&partial, "rollcall", Measured::ForDashboard), None);
        let what_if = Manifest { as_of: "2027-01-31T00:00:00Z".parse().unwrap(), ..night() };
        assert_eq!(metrics(&what_if, "rollcall", Measured::ForDashboard), None);
    }
}
