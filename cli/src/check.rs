//! A check: how it ended, in a line, and what to do when it failed.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use crate::terminal::escaping::{safe, wrapped_beside};
use crate::terminal::style::{BAD, BOLD, DIM};

/// How wide the column of names is.
const NAME_WIDTH: usize = 13;
/// Where the text of a check begins.
const INDENT: usize = 6 + NAME_WIDTH + 1;

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It is as it should be.
    Passed,
    /// It is not.
    Failed,
    /// There is nothing to check.
    Skipped,
}

/// A check that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// How it ended.
    pub state: State,
    /// What was checked.
    pub name: &'static str,
    /// What was found.
    pub text: String,
    /// More of it, a line each.
    pub details: Vec<String>,
    /// What to do.
    pub fix: String,
}

impl Check {
    /// It is as it should be.
    pub fn passed(name: &'static str, text: impl Into<String>) -> Self {
        Self { state: State::Passed, name, text: text.into(), details: vec![], fix: String::new() }
    }

    /// It is not as it should be, and `fix` says what to do.
    pub fn failed(name: &'static str, text: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { state: State::Failed, fix: fix.into(), ..Self::passed(name, text) }
    }

    /// There is nothing to check, and `fix` says how there would be.
    pub fn skipped(name: &'static str, text: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { state: State::Skipped, fix: fix.into(), ..Self::passed(name, text) }
    }

    /// The same check with a line for each of `details`, of which at most `listed` are named.
    pub fn with_details(self, details: impl ExactSizeIterator<Item = String>, listed: usize) -> Self {
        let more = details.len().saturating_sub(listed);
        let mut details: Vec<String> = details.take(listed).collect();
        if more > 0 {
            details.push(format!("and {more} more"));
        }
        Self { details, ..self }
    }

    /// Writes it in lines of at most `width` columns.
    pub fn write(&self, width: Option<usize>, output: &mut impl Write) -> io::Result<()> {
        let (word, style) = match self.state {
            State::Passed => ("ok", AnsiColor::Green.on_default()),
            State::Failed => ("FAIL", BAD),
            State::Skipped => ("-", DIM),
        };
        write!(output, "{style}{word:4}{style:#}  {BOLD}{:NAME_WIDTH$}{BOLD:#} ", self.name)?;
        let mut first = true;
        let mut paragraph = |text: &str, style: Style| {
            let text = safe(text);
            for line in wrapped_beside(&text, width, INDENT) {
                let indent = if std::mem::take(&mut first) { 0 } else { INDENT };
                writeln!(output, "{:indent$}{style}{line}{style:#}", "")?;
            }
            io::Result::Ok(())
        };
        paragraph(&self.text, Style::new())?;
        for detail in &self.details {
            paragraph(detail, Style::new())?;
        }
        if !self.fix.is_empty() {
            paragraph(&format!("What to do: {}.", self.fix), DIM)?;
        }
        Ok(())
    }
}
