//! What standard error is told beside the findings.

use crate::judge::Judged;
use crate::terminal::{error, note};

/// How many problems are told one by one.
const PROBLEMS_TOLD: usize = 20;

/// Tells what a person should know.
pub fn write_notes(judged: &Judged) {
    judged.notes.iter().for_each(note);
}

/// Tells what could not be looked at.
pub fn write_problems(judged: &Judged) {
    judged.problems.iter().take(PROBLEMS_TOLD).for_each(error);
    if let Some(more) = judged.problems.len().checked_sub(PROBLEMS_TOLD + 1) {
        error(&format!("{} more reports could not be read", more + 1));
    }
}
