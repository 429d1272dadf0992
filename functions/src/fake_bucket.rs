//! A report store in the fake AWS, for the unit tests.

use rollcall_testing::fake_aws::FakeAws;

use crate::report_store::ReportStore;

/// Report stores of a fake AWS.
pub(crate) trait FakeBucket {
    /// The bucket of this name.
    fn bucket(&self, name: &str) -> ReportStore;
}

impl FakeBucket for FakeAws {
    fn bucket(&self, name: &str) -> ReportStore {
        ReportStore::new(&self.config(), name.to_owned(), None)
    }
}
