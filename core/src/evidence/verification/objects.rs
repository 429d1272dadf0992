//! The objects of a day against what `run.json` names.

use std::collections::{BTreeMap, BTreeSet};

use super::difference::{Difference, Differences};
use crate::evidence::bucket_layout;
use crate::evidence::manifest::Manifest;
use crate::identifiers::account_id::AccountId;
use crate::organization::failure::{FailureCode, FailureRecord};
use crate::organization::outcome::Outcome;

/// Takes the objects of a day one by one, as they are read.
#[derive(Debug)]
pub struct Objects<'m> {
    manifest: &'m Manifest,
    /// Everything that the manifest names, by key.
    named: BTreeMap<&'m str, Named<'m>>,
    outcomes: BTreeMap<&'m AccountId, &'m Outcome>,
    met: BTreeSet<&'m str>,
    failures: BTreeSet<AccountId>,
    of_other_executions: u64,
    differences: Differences,
}

/// What the manifest has of an object.
#[derive(Debug)]
struct Named<'m> {
    sha256: &'m str,
    version_id: Option<&'m str>,
}

/// The key of an object under the prefix of its day, because a copy may lie under another.
pub fn relative_key(key: &str) -> &str {
    key.split_once('/').map_or(key, |(_, key)| key)
}

impl<'m> Objects<'m> {
    /// Nothing taken yet, of the day that `manifest` vouches for.
    pub fn new(manifest: &'m Manifest) -> Self {
        let outputs = manifest.outputs.iter().map(|output| (&output.key, &output.sha256, &output.version_id));
        let reports = manifest.accounts.iter().filter_map(|account| account.outcome.report());
        let reports = reports.map(|report| (&report.key, &report.sha256, &report.version_id));
        let named = |(key, sha256, version_id): (&'m String, &'m String, &'m Option<String>)| {
            (relative_key(key), Named { sha256, version_id: version_id.as_deref() })
        };
        Self {
            manifest,
            named: outputs.chain(reports).map(named).collect(),
            outcomes: manifest
                .accounts
                .iter()
                .map(|account| (&account.account_id, &account.outcome))
                .collect(),
            met: BTreeSet::new(),
            failures: BTreeSet::new(),
            of_other_executions: 0,
            differences: Differences::default(),
        }
    }

    /// Takes an object: its key under the day's prefix, its SHA-256, and the mark of the execution that wrote
    /// it, where it has one. A copy on a disk has none.
    pub fn object(&mut self, key: &str, sha256: &str, mark: Option<&str>) {
        let own = bucket_layout::execution_mark(&self.manifest.execution);
        match self.named.get_key_value(key) {
            Some((name, recorded)) => {
                self.met.insert(name);
                if recorded.sha256 != sha256 {
                    let (key, sha256) = (key.to_owned(), sha256.to_owned());
                    let run_json = recorded.sha256.to_owned();
                    self.differences.add(Difference::ObjectChanged { key, sha256, run_json });
                }
            }
            None if mark.is_some_and(|mark| mark != own) && is_report(key) => self.of_other_executions += 1,
            None => self.differences.add(Difference::ObjectNotNamed { key: key.to_owned() }),
        }
    }

    /// Takes the latest version of an object whose recorded version was taken: `writer` is the mark of the execution
    /// that wrote it. The same bytes again say nothing new.
    pub fn later_version(&mut self, key: &str, sha256: &str, version_id: &str, writer: Option<&str>) {
        let Some(recorded) = self.named.get(key).filter(|recorded| recorded.sha256 != sha256) else { return };
        self.differences.add(Difference::LaterVersion {
            key: key.to_owned(),
            version_id: version_id.to_owned(),
            writer: writer.map(str::to_owned),
            run_json: recorded.version_id.unwrap_or_default().to_owned(),
        });
    }

    /// Takes the recorded failure of an account.
    pub fn failure(&mut self, key: &str, account_id: &AccountId, failure: &FailureRecord) {
        if failure.execution != self.manifest.execution {
            self.of_other_executions += 1;
            return;
        }
        let outcome = self.outcomes.get(account_id).copied();
        let told = |code: FailureCode, message: &str| format!("{code}: {message}");
        let difference = |run_json: String| Difference::Failure {
            account_id: account_id.clone(),
            key: key.to_owned(),
            recorded: told(failure.code, &failure.message),
            run_json,
        };
        match outcome {
            _ if failure.account_id != *account_id => {
                self.differences.add(difference(format!("account {account_id}")));
            }
            Some(Outcome::Failed { code, message, report: None }) => {
                self.failures.insert(account_id.clone());
                if (*code, message) != (failure.code, &failure.message) {
                    self.differences.add(difference(told(*code, message)));
                }
            }
            // A failure may have been recorded of a write that did reach the bucket.
            Some(Outcome::Collected { .. } | Outcome::Failed { report: Some(_), .. }) => {}
            Some(Outcome::NoOutcome) => self.differences.add(difference("no-outcome".to_owned())),
            Some(Outcome::Skipped { .. }) | None => {
                self.differences.add(Difference::ObjectNotNamed { key: key.to_owned() });
            }
        }
    }

    /// Takes the failure of an account that can't be read. The run said so of an account whose failure it
    /// could not read itself.
    pub fn unreadable_failure(&mut self, key: &str, account_id: &AccountId, problem: String) {
        match self.outcomes.get(account_id) {
            Some(Outcome::Failed { code: FailureCode::StorageFailed, report: None, .. }) => {
                self.failures.insert(account_id.clone());
            }
            _ => self.differences.add(Difference::ObjectUnreadable { key: key.to_owned(), problem }),
        }
    }

    /// What does not hold, when every object was taken.
    pub fn finish(mut self) -> Differences {
        for key in self.named.keys().filter(|key| !self.met.contains(*key)) {
            self.differences.add(Difference::ObjectMissing { key: (*key).to_owned() });
        }
        for account in &self.manifest.accounts {
            if let Outcome::Failed { code, report: None, .. } = &account.outcome
                && !self.failures.contains(&account.account_id)
            {
                self.differences.add(Difference::FailureMissing {
                    account_id: account.account_id.clone(),
                    key: relative_key(&bucket_layout::failure(self.manifest.date, &account.account_id))
                        .to_owned(),
                    code: code.to_string(),
                });
            }
        }
        let (found, run_json) = (self.of_other_executions, self.manifest.of_other_executions);
        if found != run_json {
            self.differences.add(Difference::OfOtherExecutions { found, run_json });
        }
        self.differences
    }
}

fn is_report(key: &str) -> bool {
    key.rsplit_once('/').is_some_and(|(_, name)| bucket_layout::account_of_report(name).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::manifest::WrittenFile;
    use crate::organization::roll::{Account, SkipReason};
    use crate::organization::roll_call::Evidence;
    use crate::testing::{account, failure, id, manifest, report};

    const REPORT: &str = "reports/credentialReport_000000000001.csv";
    const FAILURE: &str = "failures/000000000002.json";

    fn night() -> Manifest {
        let skipped = Account { skip: Some(SkipReason::Excluded), ..account(3) };
        let evidence = Evidence {
            reports: [(id(1), report(1, 0))].into(),
            failures: [(id(2), failure(2, FailureCode::RoleMissingOrDenied, "no role"))].into(),
            ..Default::default()
        };
        let key = "2026-01-31/findings.csv".into();
        manifest(vec![account(1), account(2), skipped, account(4)], evidence).vouching_for([WrittenFile {
            key,
            sha256: "1".repeat(64),
            bytes: 1,
            version_id: None,
        }])
    }

    /// Takes the objects that the night left, and then whatever `more` does.
    fn verified(manifest: &Manifest, more: impl FnOnce(&mut Objects<'_>)) -> Vec<Difference> {
        let mut objects = Objects::new(manifest);
        objects.object(REPORT, &"0".repeat(64), Some("night-1"));
        objects.object("findings.csv", &"1".repeat(64), None);
        objects.failure(FAILURE, &id(2), &failure(2, FailureCode::RoleMissingOrDenied, "no role"));
        more(&mut objects);
        objects.finish().first
    }

    #[test]
    fn what_a_night_left_is_what_its_manifest_names() {
        assert_eq!(verified(&night(), |_| ()), []);
    }

    #[test]
    fn an_object_that_is_gone_or_changed_is_named() {
        let night = night();
        let mut objects = Objects::new(&night);
        objects.object(REPORT, &"f".repeat(64), None);
        let key = REPORT.to_owned();
        assert_eq!(
            objects.finish().first,
            [
                Difference::ObjectChanged { key, sha256: "f".repeat(64), run_json: "0".repeat(64) },
                Difference::ObjectMissing { key: "findings.csv".into() },
                Difference::FailureMissing {
                    account_id: id(2),
                    key: FAILURE.into(),
                    code: "RoleMissingOrDenied".into()
                },
            ]
        );
    }

    #[test]
    fn an_object_that_no_one_vouches_for_is_named() {
        let more = |objects: &mut Objects<'_>| {
            objects.object("reports/credentialReport_000000000003.csv", "", Some("night-1"));
            objects.object("reports/credentialReport_000000000009.csv", "", None);
            objects.object("notes.txt", "", None);
            objects.failure("failures/000000000003.json", &id(3), &failure(3, FailureCode::Internal, "m"));
        };
        let named: Vec<String> = verified(&night(), more)
            .into_iter()
            .map(|difference| match difference {
                Difference::ObjectNotNamed { key } => key,
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(
            named,
            [
                "reports/credentialReport_000000000003.csv",
                "reports/credentialReport_000000000009.csv",
                "notes.txt",
                "failures/000000000003.json"
            ]
        );
    }

    #[test]
    fn what_an_earlier_run_of_the_day_left_counts_as_run_json_says() {
        let mut night = night();
        let more = |objects: &mut Objects<'_>| {
            objects.object("reports/credentialReport_000000000008.csv", "", Some("night-0"));
            let of_another =
                FailureRecord { execution: "night-0".into(), ..failure(1, FailureCode::Internal, "m") };
            objects.failure("failures/000000000001.json", &id(1), &of_another);
        };
        assert_eq!(
            verified(&night, more),
            [Difference::OfOtherExecutions { found: 2, run_json: 0 }],
            "an added account shows in the number"
        );
        night.of_other_executions = 2;
        assert_eq!(verified(&night, more), []);
    }

    #[test]
    fn a_later_version_with_other_bytes_is_named_with_its_writer_and_one_with_the_same_is_not() {
        let mut night = night();
        night.outputs[0].version_id = Some("first".into());
        let verified = verified(&night, |objects| {
            objects.later_version("findings.csv", &"1".repeat(64), "second", Some("night-1"));
            objects.later_version("findings.csv", &"2".repeat(64), "third", Some("night-2"));
        });
        let later = Difference::LaterVersion {
            key: "findings.csv".into(),
            version_id: "third".into(),
            writer: Some("night-2".into()),
            run_json: "first".into(),
        };
        assert_eq!(verified, [later]);
    }

    #[test]
    fn a_failure_that_run_json_tells_differently_is_named() {
        let told = |difference: &Difference| match difference {
            Difference::Failure { recorded, run_json, .. } => (recorded.clone(), run_json.clone()),
            other => panic!("{other:?}"),
        };
        let night = night();
        let of_4 = failure(4, FailureCode::Internal, "m");
        let differences = verified(&night, |objects| {
            objects.failure(FAILURE, &id(2), &failure(2, FailureCode::Throttled, "busy"));
            objects.failure("failures/000000000004.json", &id(4), &of_4);
        });
        assert_eq!(
            differences.iter().map(told).collect::<Vec<_>>(),
            [
                ("Throttled: busy".into(), "RoleMissingOrDenied: no role".into()),
                ("Internal: m".into(), "no-outcome".into()),
            ]
        );
    }

    #[test]
    fn a_failure_file_is_of_the_account_that_its_name_says() {
        let of_another = failure(1, FailureCode::RoleMissingOrDenied, "no role");
        let differences = verified(&night(), |objects| objects.failure(FAILURE, &id(2), &of_another));
        assert!(matches!(&differences[..], [Difference::Failure { .. }]), "{differences:?}");
    }
}
