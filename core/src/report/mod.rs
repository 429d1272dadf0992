//! The IAM credential report: bytes to typed users.
//!
//! AWS has written this file in several dialects since 2014, people have put it through
//! spreadsheets, and a transfer may have cut it off. So columns are found by name, a column that is
//! missing reads as "not reported" (which is not "no"), a row that can't be read is named and
//! passed over, and only a file whose users can't be told at all is refused as a whole. Nothing
//! here panics, whatever the bytes.
//!
//! [`read`] goes through a whole report row by row and reuses one buffer. A [`User`] borrows from that
//! buffer, so a cell that is not kept is never copied.

mod cell;
mod columns;
mod file;
mod line;
mod principal;
mod reader;
mod record;
mod user;

pub use cell::{Cell, is_same_value, time_of};
pub use columns::Column;
pub use file::{NotAReport, ReportFile, open};
pub use reader::{BadRow, Tally, Unreadable, account_of, read};
pub use user::{AccessKey, Certificate, Password, ROOT_USER, User, UserKind, with_unreported_root};
