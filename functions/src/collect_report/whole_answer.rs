//! Half a report is no report. The SDK reads XML that ends in the middle as if that were its end, and a
//! report that lost its last users would pass for the whole one.

use aws_sdk_iam::config::interceptors::AfterDeserializationInterceptorContextRef;
use aws_sdk_iam::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_iam::error::BoxError;

/// What the answer to GetCredentialReport ends with.
const END: &[u8] = b"</GetCredentialReportResponse>";

/// Refuses an answer to GetCredentialReport that does not end as it should: it is then one that came to
/// harm on the way.
#[derive(Debug)]
pub(super) struct WholeAnswer;

impl Intercept for WholeAnswer {
    fn name(&self) -> &'static str {
        "WholeAnswer"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response = context.response();
        let body = response.body().bytes().unwrap_or_default();
        match !response.status().is_success() || body.trim_ascii_end().ends_with(END) {
            true => Ok(()),
            false => Err("the answer lost its end".into()),
        }
    }
}
