//! The colours of the command. No colour says anything that a word does not say too.

use anstyle::{AnsiColor, Style};
use rollcall_core::judgement::rules::Severity;

/// What stands out.
pub const BOLD: Style = Style::new().bold();
/// What matters less.
pub const DIM: Style = Style::new().dimmed();
/// Everything is as it should be.
pub const GOOD: Style = AnsiColor::Green.on_default().bold();
/// Something is not as it should be.
pub const BAD: Style = AnsiColor::Red.on_default().bold();
/// The word `error`.
pub const ERROR: Style = BAD;
/// The word `note`.
pub const NOTE: Style = AnsiColor::Cyan.on_default().bold();

/// The colour of a severity.
pub fn severity_style(severity: Severity) -> Style {
    match severity {
        Severity::Critical => AnsiColor::Red.on_default().bold(),
        Severity::High => AnsiColor::Red.on_default(),
        Severity::Medium => AnsiColor::Yellow.on_default(),
        Severity::Low => AnsiColor::Cyan.on_default(),
    }
}
