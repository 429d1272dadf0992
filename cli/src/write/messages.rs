//! What is printed on standard error beside the findings.

use crate::judge::Judged;
use crate::terminal::{error, note};

/// How many problems are listed one by one.
const PROBLEMS_LISTED: usize = 20;

/// Prints what a person should know.
pub fn write_notes(judged: &Judged) {
    judged.notes.iter().for_each(note);
}

/// Prints what could not be looked at.
pub fn write_problems(judged: &Judged) {
    judged.problems.iter().take(PROBLEMS_LISTED).for_each(error);
    if let Some(more) = judged.problems.len().checked_sub(PROBLEMS_LISTED + 1) {
        error(&format!("{} more reports could not be read", more + 1));
    }
}
