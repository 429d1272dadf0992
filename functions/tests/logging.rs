//! What the steps write into their logs. One test has this process to itself, because tracing remembers for
//! the whole process that a line is not wanted, when a thread without a subscriber met it first.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use rollcall_core::evidence::bucket_layout;
use rollcall_core::identifiers::account_id::AccountId;
use rollcall_core::identifiers::arn::ArnAccount;
use rollcall_core::judgement::settings::RuleSettings;
use rollcall_core::organization::roll::{Account, Roll, RollSource};
use rollcall_core::organization::run::Run;
use rollcall_functions::clock::Clock;
use rollcall_functions::lambda;
use rollcall_functions::nightly_run::analyze_reports::{AnalyzeReports, AnalyzeReportsInput};
use rollcall_functions::nightly_run::notify::{Notify, NotifyInput, Topics};
use rollcall_functions::report_store::ReportStore;
use rollcall_functions::report_store::object::Checksum;
use rollcall_testing::fake_aws::{FakeAws, query};

/// A log in memory.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Text of a report, which no log may have.
const TEXT: &str = "hunter2";
const STARTED: &str = "2026-01-31T01:00:00Z";
const HEADER: &str = "user,arn,password_enabled,mfa_active";

#[tokio::test]
async fn no_text_of_a_report_gets_into_a_log_at_any_level() {
    let arn = format!("arn:aws:iam::{}:user", id(2));
    for (report, is_readable) in [
        // A table of something else, rows that can't be read, one that can.
        (format!("{TEXT},{TEXT}\n"), false),
        (format!("{HEADER}\n{TEXT},{arn}/{TEXT},{TEXT},{TEXT}\n"), false),
        (format!("{HEADER}\n{TEXT},{arn}/x{TEXT},true,true\n"), false),
        (format!("{HEADER}\n{TEXT},{TEXT}\n"), false),
        (format!("{HEADER}\n{TEXT},{arn}/{TEXT},true,false\n{TEXT},{arn}/{TEXT},{TEXT},true\n"), true),
    ] {
        for is_alone in [true, false] {
            let log = Log::default();
            let writer = log.clone();
            let subscriber = lambda::subscriber(Some("TRACE"), move || writer.clone());
            let logging = tracing::subscriber::set_default(subscriber);
            let manifest = night(&report, is_alone).await;
            drop(logging);

            let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
            for line in ["the roll is called", "the findings can't be read", "the message is sent"] {
                assert!(log.contains(line), "{line}: {log}");
            }
            assert!(!log.contains(TEXT), "{report}\n{log}");
            if !is_readable {
                assert!(log.contains("an earlier report can't be read"), "{log}");
                assert!(manifest.contains(TEXT), "run.json is for people, and says it");
            }
        }
    }
}

/// A night with this report, after a day of AWS's sample with the same, alone or beside one that can be
/// read. Its findings are damaged before they are told. Answers `run.json`.
async fn night(report: &str, is_alone: bool) -> String {
    let run = Run {
        execution: "night-1".into(),
        execution_arn: "arn:aws:states:eu-central-1:999988887777:execution:rollcall:night-1".into(),
        started: STARTED.parse().unwrap(),
        as_of: STARTED.parse().unwrap(),
    };
    let roll = Roll {
        execution: run.execution.clone(),
        started: run.started,
        as_of: run.started,
        taken: run.started,
        source: RollSource::AccountList,
        organization_id: None,
        accounts: [1, 2].map(|digit| Account::of_id(id(digit))).into(),
    };
    let good = format!("{HEADER}\nanna,arn:aws:iam::{}:user/anna,true,false\n", id(1));
    let sample = |digit| format!("reports/2026-01-30/credentialReport_{}.csv", id(digit));
    let of_run = [("execution", "night-1")];
    let mut aws = FakeAws::default()
        .with_object("reports/2026-01-31/accounts.json", &serde_json::to_string(&roll).unwrap(), &of_run)
        .with_object(&sample(2), report, &[])
        .on("Publish", [query("Publish", "<MessageId>1</MessageId>")]);
    if !is_alone {
        aws = aws.with_object(&sample(1), &good, &[]);
    }
    for (digit, content) in [(1, good.as_str()), (2, report)] {
        let sha256 = Checksum::of(content.as_bytes()).hex();
        let metadata = [
            ("execution", "night-1"),
            ("generated-time", STARTED),
            ("collected-time", STARTED),
            ("sha256", &*sha256),
        ];
        let key = format!("reports/{}", bucket_layout::report(run.date(), &id(digit)));
        aws = aws.with_object(&key, content, &metadata);
    }
    let store = ReportStore::new(&aws.config(), "reports".to_owned(), None);
    let step = AnalyzeReports::new(store.clone(), RuleSettings::default(), Clock::of_system());
    step.run(AnalyzeReportsInput { run: run.clone() }).await.unwrap();

    let damaged = format!("{{\"account_id\": \"{TEXT}\"}}\n");
    let aws = aws.with_object("reports/2026-01-31/findings.jsonl", &damaged, &of_run);
    let topic = |name: &str| format!("arn:aws:sns:eu-central-1:999988887777:{name}");
    let topics = Topics { error_arn: topic("errors"), findings_arn: topic("findings"), chat_arn: None };
    let owner = ArnAccount { partition: "aws".into(), account_id: id(9) };
    Notify::new(&aws.config(), store, topics).run(&owner, NotifyInput { run }).await.unwrap();
    aws.object("reports/2026-01-31/run.json").unwrap().body
}

fn id(digit: u8) -> AccountId {
    digit.to_string().repeat(12).parse().unwrap()
}
