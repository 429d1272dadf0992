//! What became of the credentials of one account between two of its reports: which appeared, which
//! went, which were switched on or off, and whose MFA is gone, even where no rule is broken.
//!
//! [`compare`] tells a change only where both reports really say something. What one of them leaves
//! open is neither a change nor its absence: it is listed as [`NotComparable`], with the reason.
//! Nothing here knows when the reports were made; the caller says which of them is the older.

mod change;
mod comparison;
mod slots;
mod users;

pub use change::{
    ChangeKind, CredentialChange, Effect, NotComparable, Obstacle, ReportComparison, UnreadableReport,
};
pub use comparison::compare;

#[cfg(test)]
mod tests;
