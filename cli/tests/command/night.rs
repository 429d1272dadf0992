//! A night as it lies in a folder: the roll, reports and failures as the collector leaves them, and the
//! findings and `run.json` that the analysis itself writes.

use std::path::Path;

use rollcall_core::evidence::bucket_layout;
use rollcall_core::identifiers::account_id::AccountId;
use rollcall_core::judgement::rules::RuleId;
use rollcall_core::judgement::settings::RuleSettings;
use rollcall_core::organization::failure::{FailureCode, FailureRecord};
use rollcall_core::organization::roll::{Account, Roll, RollSource};
use rollcall_core::organization::run::Run;
use rollcall_functions::clock::Clock;
use rollcall_functions::nightly_run::analyze_reports::AnalyzeReports;
use rollcall_functions::report_store::ReportStore;

use crate::reports::{AS_OF, User, days_ago, report};
use crate::sandbox::Sandbox;

/// What the collector left of an account.
#[derive(Clone)]
pub enum Collected {
    /// Its report.
    Report(String),
    /// That it failed.
    Failure(FailureCode),
    /// Nothing.
    Nothing,
}

/// A night over some accounts.
#[derive(Clone)]
pub struct Night {
    /// Each account: its id, its name, and what the collector left of it.
    pub accounts: Vec<(&'static str, &'static str, Collected)>,
    pub started: &'static str,
    pub as_of: &'static str,
    pub settings: RuleSettings,
}

/// The account whose report the tests take away or change.
pub const AUDIT: &str = "222233334444";
/// An account with a root user and three other users.
pub const NETWORK: &str = "333344445555";
/// How many accounts of [`Night::usual`] have a report, and how many have none.
pub const COLLECTED: usize = 2;
pub const FAILING: usize = 2;

impl Night {
    /// A night in which two accounts were collected, one failed and one was lost.
    pub fn usual() -> Self {
        let root = User::new("<root_account>")
            .with("arn", format!("arn:aws:iam::{NETWORK}:root"))
            .with("password_enabled", "not_supported")
            .with("password_last_used", days_ago(300))
            .with("password_last_changed", "not_supported")
            .with("mfa_active", "true");
        let network = [
            root,
            User::new("carla").with_key(200),
            User::new("deniz").with_password(false),
            User::new("emeka").with_password(true),
        ];
        Self {
            accounts: vec![
                (AUDIT, "Audit", Collected::Report(report(AUDIT, &[User::new("anna").with_key(120)]))),
                (NETWORK, "Network", Collected::Report(report(NETWORK, &network))),
                ("777788889999", "Sandbox Ben", Collected::Failure(FailureCode::RoleMissingOrDenied)),
                ("888899990000", "Legacy", Collected::Nothing),
            ],
            started: "2026-01-31T01:00:00Z",
            as_of: AS_OF,
            settings: RuleSettings::default(),
        }
    }

    /// The same night, with a rule set otherwise.
    pub fn with_rule(mut self, rule: RuleId, setting: &str) -> Self {
        self.settings.set(rule, setting).unwrap();
        self
    }

    /// Writes the night into `runs`, a folder of days.
    pub fn write(&self, runs: &Path) {
        let run = Run {
            execution: format!("night-of-{}", self.started),
            execution_arn: String::new(),
            started: self.started.parse().unwrap(),
            as_of: self.as_of.parse().unwrap(),
        };
        let store = ReportStore::folder(runs.to_owned());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            self.collect(&run, &store).await;
            AnalyzeReports::new(store, self.settings.clone(), Clock::of_system())
                .analyze(&run)
                .await
                .unwrap();
        });
    }

    /// The roll, the reports and the failures.
    async fn collect(&self, run: &Run, store: &ReportStore) {
        let date = run.date();
        let named = |(id, name, _): &(&str, &str, Collected)| Account {
            name: (*name).to_owned(),
            ..Account::of_id(id.parse().unwrap())
        };
        let roll = Roll {
            execution: run.execution.clone(),
            started: run.started,
            as_of: run.as_of,
            taken: run.started,
            source: RollSource::Organization,
            organization_id: Some("o-exampleorg".to_owned()),
            accounts: self.accounts.iter().map(named).collect(),
        };
        store.write_json(&bucket_layout::accounts(date), &roll, &run.execution).await.unwrap();
        for (id, _, collected) in &self.accounts {
            let account_id: AccountId = id.parse().unwrap();
            match collected {
                Collected::Report(content) => {
                    let metadata = [
                        (bucket_layout::ACCOUNT_ID, account_id.to_string()),
                        (bucket_layout::GENERATED_TIME, "2026-01-31T00:58:00Z".to_owned()),
                        (bucket_layout::COLLECTED_TIME, "2026-01-31T01:01:00Z".to_owned()),
                    ];
                    let (key, bytes) =
                        (bucket_layout::report(date, &account_id), content.clone().into_bytes());
                    store.write(&key, "text/csv", bytes, &run.execution, &metadata).await.unwrap();
                }
                Collected::Failure(code) => {
                    let failure = FailureRecord {
                        account_id: account_id.clone(),
                        execution: run.execution.clone(),
                        code: *code,
                        message: "sts:AssumeRole answered AccessDenied".to_owned(),
                        remedy: code.remedy().to_owned(),
                        waits: 0,
                        failed_at: run.started,
                    };
                    let key = bucket_layout::failure(date, &account_id);
                    store.write_json(&key, &failure, &run.execution).await.unwrap();
                }
                Collected::Nothing => {}
            }
        }
    }
}

/// A sandbox with the usual night in `runs/2026-01-31`.
pub fn night() -> Sandbox {
    let sandbox = Sandbox::new();
    Night::usual().write(&sandbox.path("runs"));
    sandbox
}

/// The folder of that night.
pub const DAY: &str = "runs/2026-01-31";
