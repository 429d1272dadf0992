use std::sync::Arc;

use crate::evidence::manifest::{JudgedBy, WrittenFile};
use crate::formats::page::style_and_script::{SCRIPT, STYLE, content_security_policy};
use crate::formats::page::*;
use crate::judgement::analysis::Assessment;
use crate::judgement::exemptions::Exemptions;
use crate::judgement::finding::{Assessed, Status};
use crate::judgement::history::{Earlier, EarlierRun, History};
use crate::judgement::rules::RuleId;
use crate::judgement::settings::RuleSettings;
use crate::organization::failure::FailureCode;
use crate::organization::roll::{Account, RollSource, SkipReason};
use crate::organization::roll_call::{Evidence, StoredReport};
use crate::report::BadRow;
use crate::testing::finding;
use crate::testing::{account, failure, id, judged, manifest, report, run};

const HOSTILE: &str = "</script><script>alert(1)</script><img src=x onerror=alert(1)>\"'&";

fn html(manifest: &Manifest, findings: &[Finding], resolved: &[Finding]) -> String {
    // A night writes the page beside other files.
    let findings_csv = WrittenFile {
        key: "2026-01-31/findings.csv".into(),
        sha256: String::new(),
        bytes: 0,
        version_id: None,
    };
    alone(&Manifest { outputs: vec![findings_csv], ..manifest.clone() }, findings, resolved)
}

fn alone(manifest: &Manifest, findings: &[Finding], resolved: &[Finding]) -> String {
    let mut output = Vec::new();
    write_html(manifest, findings, resolved, &mut output).unwrap();
    String::from_utf8(output).unwrap()
}

#[test]
fn a_page_of_reports_that_somebody_had_claims_no_more_than_that() {
    let (night, findings) = night(vec![finding(1, "anna", RuleId::AccessKeyStale)]);
    let manifest = Manifest {
        source: RollSource::Reports,
        execution: String::new(),
        execution_arn: String::new(),
        ..night
    };
    let html = words(&alone(&manifest, &findings, &[]));
    assert!(html.contains("<h2 id=\"coverage-title\">All 2 reports can be read</h2>"), "{html}");
    assert!(html.contains("Whether they are of all accounts, only a roll could tell."));
    for claim in [
        "findings.csv",
        "run.json beside",
        "tonight",
        "Execution",
        "its input named",
        "covered</h2>",
        "percent",
    ] {
        assert!(!html.contains(claim), "{claim}");
    }
}

/// A night in which the accounts 1 and 2 were collected, and nothing else.
fn night(findings: Vec<Finding>) -> (Manifest, Vec<Finding>) {
    let assessment = Assessment { findings, ..Default::default() };
    (night_of(JudgedBy::default(), &assessment), assessment.findings)
}

fn night_of(judged_by: JudgedBy, assessment: &Assessment) -> Manifest {
    let reports = [1, 2].map(|number| (id(number), report(number, 0))).into();
    let evidence = Evidence { reports, ..Default::default() };
    judged(vec![account(1), account(2)], evidence, judged_by, assessment)
}

/// The text of the page, without its style, script and data.
fn words(html: &str) -> String {
    let mut html = html.to_owned();
    for element in ["style", "script"] {
        while let Some(start) = html.find(&format!("<{element}")) {
            let end = start + html[start..].find(&format!("</{element}>")).unwrap();
            html.replace_range(start..end + element.len() + 3, "");
        }
    }
    html
}

#[test]
fn what_was_not_covered_stands_first() {
    let reports = [(id(1), report(1, 0))].into();
    let failures =
        [(id(2), failure(2, FailureCode::RoleMissingOrDenied, "AssumeRole answered AccessDenied"))].into();
    let skipped = Account { skip: Some(SkipReason::Suspended), ..account(4) };
    let manifest = manifest(
        vec![account(1), account(2), account(3), skipped],
        Evidence { reports, failures, ..Default::default() },
    );
    let html = html(&manifest, &[], &[]);
    let main = &html[html.find("<main>").unwrap()..];
    let first = &main[main.find("<h2").unwrap()..];
    assert!(first.starts_with("<h2 id=\"coverage-title\">2 of 3 accounts not covered</h2>"), "{first:.100}");
    assert!(html.contains("<title>Rollcall 2026-01-31: 2 of 3 accounts not covered</title>"));
    let before_findings = &main[..main.find("id=\"findings\"").unwrap()];
    for words in [
        "RoleMissingOrDenied",
        "NoOutcome",
        "AssumeRole answered AccessDenied",
        FailureCode::RoleMissingOrDenied.remedy(),
        "it is suspended",
    ] {
        assert!(before_findings.contains(words), "{words}");
    }
    assert!(main.contains("class=\"coverage bad\""));
}

#[test]
fn a_night_that_covered_everything_says_so() {
    let (manifest, findings) = night(vec![]);
    let html = html(&manifest, &findings, &[]);
    assert!(html.contains("All 2 accounts are covered</h2>") && html.contains("class=\"coverage good\""));
    assert!(!html.contains("Not covered</h3>"));
}

#[test]
fn a_night_that_covered_nothing_is_not_a_good_one() {
    let skipped = Account { skip: Some(SkipReason::Excluded), ..account(1) };
    let html = html(&manifest(vec![skipped], Evidence::default()), &[], &[]);
    assert!(html.contains("No account was covered</h2>") && html.contains("class=\"coverage bad\""));
}

#[test]
fn rows_that_can_not_be_read_are_named_by_line() {
    let mut stored = report(1, 1);
    stored.entry.first_bad_rows = vec![BadRow {
        record: 3,
        line: 4,
        column: "mfa_active".into(),
        value: HOSTILE.into(),
        problem: "is not true or false".into(),
    }];
    let evidence = Evidence { reports: [(id(1), stored)].into(), ..Default::default() };
    let html = html(&manifest(vec![account(1)], evidence), &[], &[]);
    assert!(
        html.contains("The one account is covered, but for 1 row that can&#39;t be read</h2>")
            && html.contains("class=\"coverage bad\"")
    );
    assert!(html.contains("line 4, <bdi>mfa_active</bdi>"));
}

#[test]
fn no_value_is_anything_but_text() {
    let hostile = |finding: Finding| Finding {
        assessed: Arc::new(Assessed { account_name: HOSTILE.into(), ..(*finding.assessed).clone() }),
        user: HOSTILE.into(),
        arn: HOSTILE.into(),
        observed: HOSTILE.into(),
        ..finding
    };
    let named = |number| Account { name: HOSTILE.into(), path: HOSTILE.into(), ..account(number) };
    let unreadable =
        StoredReport { fault: Some((FailureCode::ReportUnreadable, HOSTILE.into())), ..report(1, 0) };
    let evidence =
        Evidence { reports: [(id(1), unreadable), (id(2), report(2, 0))].into(), ..Default::default() };
    let toml =
        format!("[[exemption]]\nuser = '''{HOSTILE}'''\nreason = '''{HOSTILE}'''\nexpires = 2026-12-31\n");
    let mut findings =
        vec![hostile(finding(2, "", RuleId::AccessKeyStale)), hostile(finding(2, "", RuleId::RootUsed))];
    let exemptions = Exemptions::parse("f", toml.as_bytes()).unwrap().apply(&mut findings[..1], run().date());
    let resolved = vec![hostile(finding(2, "", RuleId::RootUsed))];
    let assessment = Assessment { findings, resolved, exemptions, ..Default::default() };
    let accounts = vec![named(1), named(2), Account { skip: Some(SkipReason::Closed), ..named(3) }];
    let manifest = Manifest {
        execution: HOSTILE.into(),
        execution_arn: HOSTILE.into(),
        ..judged(accounts, evidence, JudgedBy::default(), &assessment)
    };
    let html = html(&manifest, &assessment.findings, &assessment.resolved);
    assert_eq!(html.matches("<script").count(), 2, "the data and the page's own");
    assert_eq!(html.matches("</script>").count(), 2);
    assert_eq!(html.matches("<img").count(), 0);
    assert!(
        html.matches("&#60;img src=x onerror=alert(1)&#62;").count() > 10,
        "the names are there, as text"
    );
}

#[test]
fn the_page_needs_nothing_but_itself() {
    let (manifest, findings) = night(vec![finding(1, "anna", RuleId::AccessKeyStale)]);
    let html = html(&manifest, &findings, &[]);
    let policy = content_security_policy();
    assert!(policy.starts_with("default-src 'none';"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    assert!(html.contains(&policy.replace('\'', "&#39;")));
    for outside in ["http:", "https:", "src=", "@import", "url("] {
        assert!(!words(&html).contains(outside), "{outside}");
        assert!(!STYLE.contains(outside) && !SCRIPT.contains(outside), "{outside}");
    }
    assert!(!words(&html).contains("style="), "the policy forbids it");
    assert!(!SCRIPT.contains("innerHTML") && !SCRIPT.contains("</"));
}

#[test]
fn past_the_limit_it_says_so_and_points_to_the_file() {
    let findings = vec![finding(1, "anna", RuleId::AccessKeyStale); FINDINGS_SHOWN + 1];
    let (manifest, findings) = night(findings);
    let html = html(&manifest, &findings, &[]);
    assert!(html.contains("The worst 50,000 of 50,001 findings are in this page; <a href=\"findings.csv\">"));
    assert_eq!(html.matches("[0,\"anna\",").count(), FINDINGS_SHOWN);
}

#[test]
fn a_run_of_some_accounts_says_that_it_is_no_more() {
    let (mut manifest, findings) = night(vec![]);
    manifest.source = RollSource::ExecutionInput;
    assert!(html(&manifest, &findings, &[]).contains("This run was of the accounts that its input named"));
}

#[test]
fn the_page_reads_as_its_snapshot_says() {
    let toml = "[[exemption]]\nuser = \"vendor\"\nreason = \"until March\"\nexpires = 2026-02-10\n\n[[exemption]]\nrule = \"root-used\"\nreason = \"drill\"\nexpires = 2026-01-01\n";
    let mut findings = vec![
        finding(1, "<root_account>", RuleId::RootAccessKey),
        finding(1, "anna", RuleId::AccessKeyStale),
        Finding { status: Status::Ongoing, verified: false, ..finding(2, "ben", RuleId::AccessKeyStale) },
        Finding { status: Status::Ongoing, ..finding(2, "vendor", RuleId::AccessKeyStale) },
    ];
    let exemptions = Exemptions::parse("f", toml.as_bytes()).unwrap().apply(&mut findings, run().date());
    let assessment = Assessment {
        findings,
        resolved: vec![finding(2, "carl", RuleId::TwoActiveKeys)],
        exemptions,
        ..Default::default()
    };
    let mut settings = RuleSettings::default();
    settings.set(RuleId::CertificateStale, "off").unwrap();
    let compared_with = EarlierRun { date: "2026-01-30".parse().unwrap(), execution: "e".into() };
    let history = History { compared_with: Some(Earlier::Run(compared_with)), passed_over: vec![] };
    let judged_by = JudgedBy { settings, history, exemptions_sha256: Some("0".repeat(64)) };
    let manifest = night_of(judged_by, &assessment);
    insta::assert_snapshot!(words(&html(&manifest, &assessment.findings, &assessment.resolved)));
}

#[test]
fn reports_that_are_older_than_the_start_are_listed_with_how_much() {
    let mut older = report(2, 0);
    older.entry.generated = Some(run().started - chrono::TimeDelta::minutes(130));
    let reports = [(id(1), report(1, 0)), (id(2), older)].into();
    let evidence = Evidence { reports, ..Default::default() };
    let manifest = manifest(vec![account(1), account(2)], evidence);
    let html = words(&html(&manifest, &[], &[]));
    assert!(html.contains("Made before the run started: 1 report</summary>"), "{html}");
    assert!(html.contains("<td>2026-01-30T22:50:00Z</td><td>2 h 10 min</td>"), "{html}");
    assert!(!words(&alone(&night(vec![]).0, &[], &[])).contains("Made before the run started"));
    let of_reports = Manifest { source: RollSource::Reports, ..manifest };
    assert!(!words(&alone(&of_reports, &[], &[])).contains("Made before the run started"));
}

#[test]
fn no_time_of_writing_is_in_the_page() {
    let (night, findings) = night(vec![finding(1, "anna", RuleId::AccessKeyStale)]);
    let later = Manifest { finished: night.finished + chrono::TimeDelta::hours(1), ..night.clone() };
    assert_eq!(html(&night, &findings, &[]), html(&later, &findings, &[]));
}
