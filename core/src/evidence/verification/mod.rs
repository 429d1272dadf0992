//! Whether the day of a run holds together: what `rollcall verify` checks, without reading anything itself.
//!
//! A day proves itself. `accounts.json` is the roll, each account on it has exactly one outcome in
//! `run.json`, everything that `run.json` names lies there with its SHA-256, nothing else does, its numbers
//! add up, and the findings are what the reports give. [`roll`] compares the two lists of accounts,
//! [`Objects`] takes every object of the day as it is read, [`counts`] adds up, and [`findings`] compares what
//! was written with what the reports give now. Each answers [`Differences`]; none means that it holds.

mod counts;
mod difference;
mod findings;
mod objects;
mod roll;

pub use counts::{coverage, credentials, finding_counts};
pub use difference::{Difference, Differences, FindingName};
pub use findings::findings;
pub use objects::{Objects, relative_key};
pub use roll::roll;
