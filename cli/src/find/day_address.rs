//! Where the day of a run lies.

use rollcall_functions::report_store::ReportStore;

/// Where the day of a run lies.
#[derive(Clone, Debug)]
pub struct DayAddress {
    /// The store above it.
    pub store: ReportStore,
    /// The name of its folder: its date, or what a copy was named.
    pub name: String,
    /// Where it is, for a person.
    pub address: String,
    /// What a person should know about how it was found.
    pub notes: Vec<String>,
}
