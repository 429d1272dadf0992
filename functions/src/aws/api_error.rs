//! What the failure of a call to AWS, or of a disk in its place, means. The codes are those of REST, query
//! and JSON services alike, so one table serves IAM, STS, Organizations, S3 and SNS.

use std::io;
use std::path::Path;

use aws_sdk_iam::config::http::HttpResponse;
use aws_sdk_iam::error::{ProvideErrorMetadata, SdkError};

/// The codes of credentials that have run out.
pub const EXPIRED: [&str; 3] = ["ExpiredToken", "ExpiredTokenException", "RequestExpired"];

/// The codes of a refusal; the last two are those of SNS, for the topic and for its key.
const DENIED: [&str; 5] = [
    "AccessDenied",
    "AccessDeniedException",
    "UnauthorizedOperation",
    "AuthorizationError",
    "KMSAccessDenied",
];

/// What IAM says when no policy allows the caller the call. A service that refuses for a reason of its own
/// says something else.
const MISSING_PERMISSION: &str = "is not authorized to perform";

/// What a service says of a signature that is wrong. Of one that is right and was made by a wrong clock it
/// says something else, and the SDK corrects its clock by that answer: the next try is right.
const WRONG_SIGNATURE: &str = "does not match";

/// A failed call in the terms a step decides by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    /// What it means.
    pub kind: ApiErrorKind,
    /// One sentence with the call, the code and the service's own words.
    pub message: String,
}

/// What a failed call means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApiErrorKind {
    /// Over the service's rate.
    Throttled,
    /// IAM has no capacity to launch a report; transient, not a quota.
    NoCapacity,
    /// A report is being made.
    ReportInProgress,
    /// There is no report, or it is older than four hours.
    ReportMissing,
    /// A policy that allows is missing, or the thing itself is; AWS does not say which.
    Denied,
    /// A policy denies.
    DeniedExplicitly,
    /// The service has a fault, does not answer, or the answer was cut off.
    Unavailable,
    /// Anything else.
    Other,
}

impl ApiError {
    /// Reads the failure of `call`, which is named as the API does, such as `sts:AssumeRole`.
    pub fn of<E>(call: &str, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let status = error.raw_response().map(|response| response.status().as_u16());
        match error {
            // The service did what it was asked, and its answer came to harm on the way.
            SdkError::ServiceError(_) if status.is_some_and(|status| status < 300) => {
                Self::new(call, None, Some("answered something unreadable"), None)
            }
            SdkError::ServiceError(context) => {
                let service = context.err();
                Self::new(call, service.code(), service.message(), status)
            }
            SdkError::TimeoutError(_) => Self::new(call, None, Some("timed out"), None),
            SdkError::DispatchFailure(failure) => {
                let text = failure.as_connector_error().map_or_else(
                    || "could not be sent".to_owned(),
                    |error| format!("could not be sent: {}", causes(error)),
                );
                Self::new(call, None, Some(&text), None)
            }
            SdkError::ResponseError(_) => Self::new(call, None, Some("answered something unreadable"), None),
            other => {
                let message = format!("{call} could not be called: {}", causes(other));
                Self { kind: ApiErrorKind::Other, message }
            }
        }
    }

    /// Whether it passes by itself, and the same call may work in a moment.
    pub fn is_passing(&self) -> bool {
        matches!(self.kind, ApiErrorKind::Unavailable | ApiErrorKind::Throttled)
    }

    /// Whether a policy has to allow the call, and doing it elsewhere or otherwise would not help.
    pub fn is_missing_permission(&self) -> bool {
        self.kind == ApiErrorKind::Denied && self.message.contains(MISSING_PERMISSION)
    }

    /// The answer to `call` ended too early.
    pub fn cut_off(call: &str, error: &dyn std::error::Error) -> Self {
        Self { kind: ApiErrorKind::Unavailable, message: format!("{call} was cut off: {error}") }
    }

    /// The answer to `call` lacks `what` it always has: the rest of it was lost on the way, which the SDK
    /// does not notice in XML.
    pub fn incomplete(call: &str, what: &str) -> Self {
        Self { kind: ApiErrorKind::Unavailable, message: format!("{call} answered without {what}") }
    }

    /// The disk failed at `doing` something, such as `writing`, with `path`.
    pub fn of_disk(doing: &str, path: &Path, error: &io::Error) -> Self {
        let kind = match error.kind() {
            io::ErrorKind::PermissionDenied => ApiErrorKind::Denied,
            _ => ApiErrorKind::Other,
        };
        Self { kind, message: format!("{doing} {} failed: {error}", path.display()) }
    }

    fn new(call: &str, code: Option<&str>, text: Option<&str>, status: Option<u16>) -> Self {
        let explicit = text.is_some_and(|text| text.contains("explicit deny"));
        let wrong_signature = text.is_some_and(|text| text.contains(WRONG_SIGNATURE));
        let kind = match code {
            Some(
                "Throttling"
                | "ThrottlingException"
                | "ThrottledException"
                | "RequestLimitExceeded"
                | "TooManyRequestsException"
                | "SlowDown",
            ) => ApiErrorKind::Throttled,
            Some("LimitExceeded" | "LimitExceededException") => ApiErrorKind::NoCapacity,
            Some("ReportInProgress") => ApiErrorKind::ReportInProgress,
            Some("ReportNotPresent" | "ReportExpired") => ApiErrorKind::ReportMissing,
            Some(code) if DENIED.contains(&code) && explicit => ApiErrorKind::DeniedExplicitly,
            Some(code) if DENIED.contains(&code) => ApiErrorKind::Denied,
            // The next try takes new credentials.
            Some(code) if EXPIRED.contains(&code) => ApiErrorKind::Unavailable,
            Some("RequestTimeTooSkewed") => ApiErrorKind::Unavailable,
            Some("SignatureDoesNotMatch" | "InvalidSignatureException") if !wrong_signature => {
                ApiErrorKind::Unavailable
            }
            // The last is S3's, which gave up on an upload.
            Some(
                "ServiceFailure" | "InternalFailure" | "InternalError" | "ServiceException"
                | "ServiceUnavailable" | "RequestTimeout",
            ) => ApiErrorKind::Unavailable,
            // Every refusal of AWS has a code and words: one without lost them on the way, and what there is
            // of its code may be the half of another.
            None => ApiErrorKind::Unavailable,
            _ if text.is_none_or(str::is_empty) => ApiErrorKind::Unavailable,
            _ if status.is_none_or(|status| status >= 500) => ApiErrorKind::Unavailable,
            _ => ApiErrorKind::Other,
        };
        let message = match (code, text) {
            (Some(code), Some(text)) => format!("{call} answered {code}: {text}"),
            (Some(code), None) => format!("{call} answered {code}"),
            (None, Some(text)) => format!("{call} {text}"),
            (None, None) => match status {
                Some(status) => format!("{call} answered HTTP status {status}"),
                None => format!("{call} had no answer"),
            },
        };
        Self { kind, message }
    }
}

/// An error and what it comes from, in one line; the last cause is the one that helps.
pub fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let cause = error.to_string();
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
        source = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(code: &str, text: &str, status: u16) -> ApiErrorKind {
        ApiError::new("iam:GetCredentialReport", Some(code), Some(text), Some(status)).kind
    }

    #[test]
    fn every_code_of_the_credential_report_has_its_meaning() {
        for (code, status, expected) in [
            ("Throttling", 400, ApiErrorKind::Throttled),
            ("LimitExceeded", 409, ApiErrorKind::NoCapacity),
            ("ReportNotPresent", 410, ApiErrorKind::ReportMissing),
            ("ReportExpired", 410, ApiErrorKind::ReportMissing),
            ("ReportInProgress", 404, ApiErrorKind::ReportInProgress),
            ("ServiceFailure", 500, ApiErrorKind::Unavailable),
            ("AccessDenied", 403, ApiErrorKind::Denied),
            ("AuthorizationError", 403, ApiErrorKind::Denied),
            ("KMSAccessDenied", 400, ApiErrorKind::Denied),
            ("ExpiredToken", 403, ApiErrorKind::Unavailable),
            ("RequestTimeout", 400, ApiErrorKind::Unavailable),
            ("SomethingNew", 503, ApiErrorKind::Unavailable),
            ("SomethingNew", 400, ApiErrorKind::Other),
        ] {
            assert_eq!(kind(code, "words", status), expected, "{code} {status}");
        }
    }

    #[test]
    fn a_refusal_that_lost_its_code_on_the_way_is_no_answer() {
        for status in [400, 403, 404, 500] {
            let error = ApiError::new("iam:GetCredentialReport", None, None, Some(status));
            assert_eq!(error.kind, ApiErrorKind::Unavailable, "{status}");
        }
        for text in [None, Some("")] {
            let error = ApiError::new("iam:GetCredentialReport", Some("AccessDen"), text, Some(403));
            assert_eq!(error.kind, ApiErrorKind::Unavailable);
        }
    }

    #[test]
    fn a_clock_that_is_wrong_is_told_from_a_signature_that_is() {
        let expired = "Signature expired: 20260131T004900Z is now earlier than 20260131T005500Z";
        let early = "Signature not yet current: 20260131T010600Z is still later than 20260131T010500Z";
        for (code, text) in [
            ("SignatureDoesNotMatch", expired),
            ("SignatureDoesNotMatch", early),
            ("InvalidSignatureException", expired),
            (
                "RequestTimeTooSkewed",
                "The difference between the request time and the current time is too large.",
            ),
        ] {
            assert_eq!(kind(code, text, 403), ApiErrorKind::Unavailable, "{code} {text}");
        }
        let wrong = "The request signature we calculated does not match the signature you provided.";
        assert_eq!(kind("SignatureDoesNotMatch", wrong, 403), ApiErrorKind::Other);
    }

    #[test]
    fn an_explicit_deny_is_told_from_a_missing_allow() {
        let text = "User: x is not authorized to perform: iam:GetCredentialReport with an explicit deny in a service control policy";
        assert_eq!(kind("AccessDenied", text, 403), ApiErrorKind::DeniedExplicitly);
        let text = "User: x is not authorized to perform: sts:AssumeRole on resource: y";
        assert_eq!(kind("AccessDenied", text, 403), ApiErrorKind::Denied);
    }

    #[test]
    fn a_missing_permission_is_told_from_a_refusal_of_the_services_own() {
        let denied = |text| {
            ApiError::new("organizations:ListRoots", Some("AccessDeniedException"), Some(text), Some(400))
                .is_missing_permission()
        };
        assert!(denied("User: x is not authorized to perform: organizations:ListRoots on resource: *"));
        assert!(!denied("You don't have permissions to access this resource."));
        assert!(!denied(
            "User: x is not authorized to perform: y with an explicit deny in a service control policy"
        ));
    }

    #[test]
    fn the_message_names_the_call_the_code_and_the_words() {
        let error = ApiError::new("sts:AssumeRole", Some("AccessDenied"), Some("no"), Some(403));
        assert_eq!(error.message, "sts:AssumeRole answered AccessDenied: no");
        assert_eq!(
            ApiError::new("sts:AssumeRole", None, None, Some(502)).message,
            "sts:AssumeRole answered HTTP status 502"
        );
    }
}
