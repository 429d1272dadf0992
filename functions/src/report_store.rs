//! Where reports and findings lie: a bucket, or a folder of the same layout on a disk. Reading and
//! writing with what every object of Rollcall carries.

mod bucket;
pub mod conditional_writes;
mod folder;
pub mod object;
mod revision;
mod store;
pub mod store_error;

pub use store::{LinesError, LinesRead, ReportStore};
