//! What is read of each case in `tests/fixtures/cases`: files that were once read wrongly.

use std::path::PathBuf;

use rollcall_core::judgement::history::Previous;

use super::*;
use crate::arguments::aws::AwsArguments;
use crate::arguments::judging::JudgingArguments;
use crate::asynchronous::asynchronous;
use crate::aws_connection::Connection;
use crate::find::find;
use crate::judge::{Criteria, Judge, Judged};

fn case(path: &str, as_of: &str) -> Result<Judged, CommandError> {
    let paths = [PathBuf::from("../tests/fixtures/cases").join(path)];
    let (aws, previous) = (AwsArguments::default(), Previous::default());
    asynchronous(async {
        let mut found = find(&paths, &Connection::new(&aws)).await?;
        let criteria = Criteria::new(&JudgingArguments::default(), &mut found)?;
        let judge = Judge::new(&found, &criteria, as_of.parse().ok(), &previous);
        let reports = read(&found, judge.analyzer(), false).await?;
        Ok(judge.judge(reports))
    })
}

fn judged(path: &str) -> Judged {
    case(path, "2026-11-25T00:00:00Z").unwrap()
}

/// The findings, each with its account, user and rule.
fn findings(judged: &Judged) -> Vec<String> {
    let findings = judged.assessment.findings.iter();
    findings
        .map(|finding| format!("{} {} {}", finding.assessed.account_id, finding.user, finding.rule))
        .collect()
}

/// What is found where everything was looked at and nothing is worth a note.
fn found_in_silence(path: &str) -> Vec<String> {
    let judged = judged(path);
    assert!(judged.is_complete() && judged.notes.is_empty(), "{:?} {:?}", judged.notes, judged.problems);
    findings(&judged)
}

const DEPLOY_AND_MIA: [&str; 2] =
    ["111122223333 deploy access-key-stale", "111122223333 mia console-without-mfa"];

#[test]
fn false_cells_in_a_path_hide_nothing() {
    let [forged, honest] = ["forged-cells/forged.csv", "forged-cells/honest.csv"]
        .map(|path| case(path, "2026-11-21T00:00:00Z").unwrap());
    assert!(forged.is_complete());
    assert_eq!(findings(&forged).len(), 9);
    assert_eq!(findings(&forged), findings(&honest));
}

#[test]
fn a_saved_answer_counts_beside_the_reports_of_a_folder() {
    assert_eq!(
        found_in_silence("a-saved-answer-in-a-folder"),
        found_in_silence("a-saved-answer-in-a-folder/444455556666.json")
    );
    assert_eq!(found_in_silence("a-saved-answer-in-a-folder").len(), 3);
}

#[test]
fn root_is_known_without_its_brackets() {
    assert_eq!(
        found_in_silence("root-without-brackets"),
        ["root-access-key", "root-without-mfa", "access-key-stale", "root-used"]
            .map(|rule| format!("111122223333 <root_account> {rule}"))
    );
}

#[test]
fn a_row_that_is_there_twice_counts_once_and_is_told() {
    let twice = judged("a-user-twice");
    assert_eq!(findings(&twice), ["111122223333 x access-key-stale"]);
    assert!(
        twice.problems[0].contains("line 3, column user: \"x\" has a row already"),
        "{:?}",
        twice.problems
    );
    let appended = judged("appended-to-itself");
    assert_eq!(findings(&appended), DEPLOY_AND_MIA);
    assert!(appended.problems[0].contains("3 of 6 rows can't be read"), "{:?}", appended.problems);
}

#[test]
fn a_header_without_rows_is_not_a_collected_account() {
    let judged = judged("header-only/report.csv");
    assert!(judged.problems[0].contains("has a header and no rows"), "{:?}", judged.problems);
    assert_eq!((judged.manifest.coverage.collected, judged.assessment.findings.len()), (0, 0));
}

#[test]
fn a_table_of_another_tool_is_skipped_with_a_note_whatever_its_name() {
    let judged = judged("a-table-of-another-tool");
    assert_eq!(findings(&judged), DEPLOY_AND_MIA);
    assert!(judged.is_complete(), "{:?}", judged.problems);
    let note = "111122223333-findings.csv: it is another table than a credential report";
    assert!(judged.notes.len() == 1 && judged.notes[0].contains(note), "{:?}", judged.notes);
    let named = case("a-table-of-another-tool/111122223333-findings.csv", "2026-11-25T00:00:00Z").unwrap();
    assert!(named.problems[0].contains("it is another table"), "a file that is named must be a report");
}

#[test]
fn a_report_is_read_whatever_it_was_saved_in() {
    assert_eq!(findings(&judged("cr-line-ends/report.csv")), [] as [&str; 0]);
    assert_eq!(judged("cr-line-ends/report.csv").assessment.statistics.users, 1);
    assert_eq!(found_in_silence("utf-16"), DEPLOY_AND_MIA);
    assert_eq!(found_in_silence("not-decoded/answer.txt"), DEPLOY_AND_MIA);
    assert_eq!(found_in_silence("not-decoded/content.csv"), DEPLOY_AND_MIA);
    // Only the answer says when IAM made the report, and it is the newer of the two or the older.
    assert_eq!(findings(&judged("not-decoded")), DEPLOY_AND_MIA);
}

#[test]
fn an_error_that_was_saved_for_a_report_is_named_with_the_command_that_gets_one() {
    for path in ["a-saved-error", "a-saved-error/error.txt"] {
        let judged = judged(path);
        assert!(!judged.is_complete());
        let problem = &judged.problems[0];
        assert!(problem.contains("it is an error of the AWS CLI, ReportExpired, and no report"), "{problem}");
        assert!(problem.contains("aws iam get-credential-report --output json"), "{problem}");
    }
}
