use std::path::PathBuf;

use rollcall_core::judgement::finding::Finding;
use rollcall_core::judgement::history::Previous;
use rollcall_core::judgement::rules::RuleId;
use rollcall_core::organization::outcome::Outcome;

use super::*;
use crate::arguments::aws::AwsArguments;
use crate::arguments::judging::JudgingArguments;
use crate::asynchronous::asynchronous;
use crate::aws_connection::Connection;
use crate::find::find;
use crate::judge::{Criteria, Judge, Judged};
use crate::read::read;
use crate::terminal::escaping::columns;
use rollcall_testing::hostile_texts::TEXTS;

/// The reports of a folder of fixtures, judged, with the times of its files made ones that stay.
fn judged(folder: &str, as_of: &str, previous: &Previous) -> Judged {
    let paths = [PathBuf::from("../tests/fixtures").join(folder)];
    let aws = AwsArguments::default();
    let mut judged = asynchronous(async {
        let mut found = find(&paths, &Connection::new(&aws)).await?;
        let criteria = Criteria::new(&JudgingArguments::default(), &mut found)?;
        let judge = Judge::new(&found, &criteria, as_of.parse().ok(), previous);
        let reports = read(&found, judge.analyzer(), false).await?;
        Ok(judge.judge(reports))
    })
    .unwrap();
    for account in &mut judged.manifest.accounts {
        if let Outcome::Collected { report } = &mut account.outcome {
            report.file_modified = "2026-11-20T23:50:00Z".parse().ok();
        }
    }
    judged
}

fn organization() -> Judged {
    judged("organization", "2026-11-21T00:00:00Z", &Previous::default())
}

fn written(judged: &Judged, width: Option<usize>) -> String {
    let mut output = Vec::new();
    let style = TableStyle { width, with_findings: true, remedies: Remedies::ForReports };
    write_table(&judged.manifest, &judged.assessment, &style, &mut output).unwrap();
    let plain = anstream::adapter::strip_bytes(&output).into_vec();
    let text = String::from_utf8(plain).unwrap();
    if let Some(width) = width {
        for line in text.lines() {
            assert!(columns(line) <= width, "{} columns: {line}", columns(line));
        }
    }
    text
}

#[test]
fn names_are_whole_in_a_file_or_a_pipe_and_cut_off_at_a_terminal() {
    let judged = judged("cases/long-names", "2026-11-25T00:00:00Z", &Previous::default());
    let names = ["a", "b", "c"]
        .map(|zone| format!("terraform-eks-cluster-autoscaler-production-eu-central-1-{zone}"));
    let [whole, cut_off] = [written(&judged, None), written(&judged, Some(80))];
    for name in &names {
        assert!(whole.contains(name), "{whole}");
        assert!(!cut_off.contains(name), "{cut_off}");
    }
}

#[test]
fn an_organization_at_eighty_columns() {
    insta::assert_snapshot!(written(&organization(), Some(80)));
}

#[test]
fn an_organization_at_sixty_columns() {
    insta::assert_snapshot!(written(&organization(), Some(60)));
}

#[test]
fn an_organization_in_a_file() {
    insta::assert_snapshot!(written(&organization(), None));
}

#[test]
fn what_could_not_be_looked_at_is_listed_before_the_totals() {
    insta::assert_snapshot!(written(
        &judged("organization-with-a-cut-off-report", "2026-11-21T00:00:00Z", &Previous::default()),
        Some(80)
    ));
}

#[test]
fn nothing_flagged_is_said_in_words() {
    let mut judged = organization();
    judged.assessment = Assessment::default();
    judged.manifest.findings = Default::default();
    let text = written(&judged, Some(80));
    assert!(text.starts_with("Nothing is flagged."), "{text}");
}

#[test]
fn names_and_cells_can_do_nothing_to_the_terminal_and_are_shown_in_one_way() {
    let mut judged = organization();
    let hostile = "\u{1b}]0;owned\u{7}\r\u{202e}";
    for finding in &mut judged.assessment.findings {
        let assessed = std::sync::Arc::make_mut(&mut finding.assessed);
        assessed.account_name = hostile.to_owned();
        let rule = RuleId::MoreCredentialsThanReported;
        *finding = Finding { user: hostile.into(), observed: hostile.into(), rule, ..finding.clone() };
    }
    let text = written(&judged, None);
    assert!(!text.contains(['\u{1b}', '\u{7}', '\r', '\u{202e}', '\u{fffd}']), "{text}");
    let shown = r"\u{1b}]0;owned\u{7}\r\u{202e}";
    let line = format!("    {shown}  has more credentials than the report shows: {shown}\n");
    assert!(text.contains(&line), "{text}");
}

#[test]
fn hostile_text_neither_begins_a_line_nor_makes_an_endless_one() {
    let plain = written(&hostile("x"), None).lines().count();
    for text in TEXTS {
        let table = written(&hostile(text), None);
        assert_eq!(table.lines().count(), plain, "{text:?}: {table}");
        assert!(!table.contains(|character: char| character.is_control() && character != '\n'), "{table}");
    }
    let huge = written(&hostile(&"u".repeat(1_000_000)), None);
    assert!(huge.len() < 1_000_000, "{}", huge.len());
}

/// An organization in which every text that Rollcall does not choose is `text`.
fn hostile(text: &str) -> Judged {
    let mut judged =
        judged("organization-with-a-cut-off-report", "2026-11-21T00:00:00Z", &Previous::default());
    for finding in &mut judged.assessment.findings {
        let assessed = std::sync::Arc::make_mut(&mut finding.assessed);
        // An account without a name has no place for one.
        assessed.account_name = format!("a{text}");
        *finding = Finding { user: text.into(), arn: text.into(), observed: text.into(), ..finding.clone() };
    }
    for account in &mut judged.manifest.accounts {
        account.name = format!("a{text}");
        if let Outcome::Failed { message, .. } = &mut account.outcome {
            *message = text.to_owned();
        }
    }
    judged.manifest.execution = text.to_owned();
    judged
}

#[test]
fn a_finding_of_two_days_says_since_when_and_an_exempt_one_until_when() {
    let before = organization();
    let previous = Previous::new(before.assessment.findings.clone());
    let mut after = judged("organization", "2026-11-22T00:00:00Z", &previous);
    let exempted = rollcall_core::judgement::finding::Exempted {
        reason: "vendor appliance".into(),
        expires: "2026-12-31".parse().unwrap(),
    };
    after.assessment.findings[0].exemption = Some(std::sync::Arc::new(exempted));
    let text = written(&after, None);
    assert!(text.contains("(since 2026-11-21)"), "{text}");
    assert!(text.contains("(exempt until 2026-12-31: vendor appliance)"), "{text}");
}
