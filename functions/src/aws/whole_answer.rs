//! Refuses half an answer. The SDK reads XML that ends in the middle as if it were complete: a report that
//! lost its last users would pass for the whole one, and half a session token for a token.

use aws_sdk_iam::config::interceptors::AfterDeserializationInterceptorContextRef;
use aws_sdk_iam::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_iam::error::BoxError;

/// Refuses an answer to the action of this name that does not end as it should: it was damaged on the way.
#[derive(Debug)]
pub(crate) struct WholeAnswer(pub(crate) &'static str);

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
        let body = response.body().bytes().unwrap_or_default().trim_ascii_end();
        let end = format!("</{}Response>", self.0);
        match !response.status().is_success() || body.ends_with(end.as_bytes()) {
            true => Ok(()),
            false => Err("the answer lost its end".into()),
        }
    }
}
