//! A call to AWS that failed: which call it was, what the service answered, and what that means. The codes
//! are those of REST, query and JSON services alike, so one table serves IAM, STS, Organizations, S3 and SNS.

use std::error::Error;
use std::fmt::{self, Display, Formatter};
use std::io;
use std::sync::Arc;

use aws_sdk_iam::config::http::HttpResponse;
use aws_sdk_iam::error::{BoxError, ProvideErrorMetadata, SdkError};

/// A call that failed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{call} {failure}{}", CausesOf(failure, source))]
pub struct ApiError {
    /// What was called.
    pub call: Call,
    /// What the failure means.
    pub kind: ApiErrorKind,
    failure: Box<Failure>,
    #[source]
    source: Option<Cause>,
}

/// A call, as the API and its policies name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Such as `sts:AssumeRole`.
    pub operation: &'static str,
    /// What it was called on, such as a role's ARN or the address of an object.
    pub resource: Option<Box<str>>,
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
    /// The caller may not do it.
    Denied(Denial),
    /// What the call required of an object does not hold: it is there already, or has changed.
    ConditionFailed,
    /// Another writer is writing the same object.
    ConditionConflict,
    /// The credentials have run out: a function's next try takes new ones.
    CredentialsExpired,
    /// The service has a fault, does not answer, or the answer was cut off.
    Unavailable,
    /// Anything else.
    Other,
}

/// Why a call is denied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denial {
    /// A policy denies it.
    Explicit,
    /// No policy allows it. Of a role that is assumed it may also be the role that is missing.
    NotAllowed,
    /// The service refuses for a reason of its own.
    OfService,
}

/// How a call failed, in the service's words where it had any.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Failure {
    Refused { code: Option<String>, words: Option<String>, status: Option<u16> },
    Unreadable,
    TimedOut,
    NotSent,
    CutOff,
    Without(&'static str),
    NotCalled,
}

/// What an error comes from. Clones are the same one.
#[derive(Clone, Debug)]
struct Cause(Arc<dyn Error + Send + Sync>);

impl Call {
    /// A call on a resource.
    pub fn of(operation: &'static str, resource: impl Display) -> Self {
        Self { operation, resource: Some(resource.to_string().into()) }
    }
}

impl From<&'static str> for Call {
    fn from(operation: &'static str) -> Self {
        Self { operation, resource: None }
    }
}

impl Display for Call {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match &self.resource {
            Some(resource) => write!(formatter, "{} of {resource}", self.operation),
            None => formatter.write_str(self.operation),
        }
    }
}

impl Error for Cause {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

impl Display for Cause {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl ApiError {
    /// The failure of `call`.
    ///
    /// The SDK's error also holds the whole answer, which may have a session's credentials or a report in it:
    /// only what the error comes from is kept.
    pub fn of<E>(call: impl Into<Call>, error: SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    {
        let status = error.raw_response().map(|response| response.status().as_u16());
        let (kind, failure) = match &error {
            // The service did what it was asked, and its answer was damaged on the way.
            SdkError::ServiceError(_) if status.is_some_and(|status| status < 300) => {
                (ApiErrorKind::Unavailable, Failure::Unreadable)
            }
            SdkError::ServiceError(context) => {
                let (code, words) = (context.err().code(), context.err().message());
                let failure = Failure::Refused {
                    code: code.map(str::to_owned),
                    words: words.map(str::to_owned),
                    status,
                };
                (ApiErrorKind::of_answer(code, words, status), failure)
            }
            SdkError::TimeoutError(_) => (ApiErrorKind::Unavailable, Failure::TimedOut),
            SdkError::DispatchFailure(_) => (ApiErrorKind::Unavailable, Failure::NotSent),
            SdkError::ResponseError(_) => (ApiErrorKind::Unavailable, Failure::Unreadable),
            _ => (ApiErrorKind::Other, Failure::NotCalled),
        };
        let source = error.into_source().ok().map(|source| Cause(source.into()));
        Self { call: call.into(), kind, failure: Box::new(failure), source }
    }

    /// The answer to `call` ended too early.
    pub fn cut_off(call: impl Into<Call>, error: impl Into<BoxError>) -> Self {
        let (failure, source) = (Box::new(Failure::CutOff), Some(Cause(error.into().into())));
        Self { call: call.into(), kind: ApiErrorKind::Unavailable, failure, source }
    }

    /// The answer to `call` lacks `what` it always has: the rest of it was lost on the way, which the SDK
    /// does not notice in XML.
    pub fn incomplete(call: impl Into<Call>, what: &'static str) -> Self {
        let failure = Box::new(Failure::Without(what));
        Self { call: call.into(), kind: ApiErrorKind::Unavailable, failure, source: None }
    }

    /// What a service refused in these words.
    #[cfg(test)]
    pub(crate) fn refused(call: Call, code: Option<&str>, words: Option<&str>, status: u16) -> Self {
        let failure = Failure::Refused {
            code: code.map(str::to_owned),
            words: words.map(str::to_owned),
            status: Some(status),
        };
        let kind = ApiErrorKind::of_answer(code, words, Some(status));
        Self { call, kind, failure: Box::new(failure), source: None }
    }

    /// The service's code, such as `AccessDenied`, where it gave one.
    pub fn code(&self) -> Option<&str> {
        match &*self.failure {
            Failure::Refused { code, .. } => code.as_deref(),
            _ => None,
        }
    }

    /// Whether it passes by itself, and the same call may work in a moment.
    pub fn is_passing(&self) -> bool {
        use ApiErrorKind::{ConditionConflict, CredentialsExpired, Throttled, Unavailable};
        matches!(self.kind, ConditionConflict | CredentialsExpired | Throttled | Unavailable)
    }

    /// Whether the certificate of the server that answered is not one that is trusted here.
    pub fn is_of_certificate(&self) -> bool {
        self.source.as_ref().is_some_and(|cause| is_of_certificate(&*cause.0))
    }
}

impl Display for Failure {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { code: Some(code), words: Some(words), .. } => {
                write!(formatter, "answered {code}: {words}")
            }
            Self::Refused { code: Some(code), words: None, .. } => write!(formatter, "answered {code}"),
            Self::Refused { code: None, words: Some(words), .. } => formatter.write_str(words),
            Self::Refused { status: Some(status), .. } => write!(formatter, "answered HTTP status {status}"),
            Self::Refused { .. } => formatter.write_str("had no answer"),
            Self::Unreadable => formatter.write_str("answered something unreadable"),
            Self::TimedOut => formatter.write_str("timed out"),
            Self::NotSent => formatter.write_str("could not be sent"),
            Self::CutOff => formatter.write_str("was cut off"),
            Self::Without(what) => write!(formatter, "answered without {what}"),
            Self::NotCalled => formatter.write_str("could not be called"),
        }
    }
}

impl ApiErrorKind {
    /// What an answer of this code, these words and this HTTP status means.
    fn of_answer(code: Option<&str>, words: Option<&str>, status: Option<u16>) -> Self {
        match code {
            Some(
                "Throttling"
                | "ThrottlingException"
                | "ThrottledException"
                | "RequestLimitExceeded"
                | "TooManyRequestsException"
                | "SlowDown",
            ) => Self::Throttled,
            Some("LimitExceeded" | "LimitExceededException") => Self::NoCapacity,
            Some("ReportInProgress") => Self::ReportInProgress,
            Some("ReportNotPresent" | "ReportExpired") => Self::ReportMissing,
            // SNS says AuthorizationError of a topic, and KMSAccessDenied of its key.
            Some(
                "AccessDenied"
                | "AccessDeniedException"
                | "UnauthorizedOperation"
                | "AuthorizationError"
                | "KMSAccessDenied",
            ) => match words {
                Some(words) if !words.is_empty() => Self::Denied(Denial::of_words(words)),
                _ => Self::Denied(Denial::OfService),
            },
            Some("PreconditionFailed") => Self::ConditionFailed,
            Some("ConditionalRequestConflict") => Self::ConditionConflict,
            Some("ExpiredToken" | "ExpiredTokenException" | "RequestExpired") => Self::CredentialsExpired,
            Some("RequestTimeTooSkewed") => Self::Unavailable,
            Some("SignatureDoesNotMatch" | "InvalidSignatureException") if !words.is_some_and(is_wrong) => {
                Self::Unavailable
            }
            // The last is S3's, which gave up on an upload.
            Some(
                "ServiceFailure" | "InternalFailure" | "InternalError" | "ServiceException"
                | "ServiceUnavailable" | "RequestTimeout",
            ) => Self::Unavailable,
            // Every refusal of AWS has a code and words: one without lost them on the way, and what there is
            // of its code may be the half of another.
            None => Self::Unavailable,
            _ if words.is_none_or(str::is_empty) => Self::Unavailable,
            _ if status.is_none_or(|status| status >= 500) => Self::Unavailable,
            _ => Self::Other,
        }
    }
}

// AWS gives one code to refusals of different kinds, and tells them apart in its words alone. The words are
// read here, where the answer comes in, and nowhere else.

impl Denial {
    /// Reads the words of IAM, or of a service that asks IAM.
    fn of_words(words: &str) -> Self {
        match words {
            words if words.contains("explicit deny") => Self::Explicit,
            words if words.contains("is not authorized to perform") => Self::NotAllowed,
            _ => Self::OfService,
        }
    }
}

/// Whether the words say that a signature is wrong. Of one that is right and was made by a wrong clock a
/// service says something else, and the SDK corrects its clock by that answer: the next try is right.
fn is_wrong(words: &str) -> bool {
    words.contains("does not match")
}

/// What a failure comes from, where the failure alone does not say it.
struct CausesOf<'a>(&'a Failure, &'a Option<Cause>);

impl Display for CausesOf<'_> {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self(Failure::NotSent | Failure::NotCalled | Failure::CutOff, Some(cause)) => {
                write!(formatter, ": {}", causes(cause))
            }
            _ => Ok(()),
        }
    }
}

/// Whether `error` comes from a certificate that is not trusted. The errors of a connection are wrapped in
/// those of input and output, which leave themselves out when they are asked what they come from.
fn is_of_certificate(error: &(dyn Error + 'static)) -> bool {
    if let Some(error) = error.downcast_ref::<rustls::Error>() {
        return matches!(error, rustls::Error::InvalidCertificate(_));
    }
    let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    inner.is_some_and(|inner| is_of_certificate(inner)) || error.source().is_some_and(is_of_certificate)
}

/// An error and what it comes from, in one line; the last cause is the one that helps.
pub fn causes(error: &dyn Error) -> String {
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

    fn kind(code: &str, words: &str, status: u16) -> ApiErrorKind {
        ApiErrorKind::of_answer(Some(code), Some(words), Some(status))
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
            ("AccessDenied", 403, ApiErrorKind::Denied(Denial::OfService)),
            ("AuthorizationError", 403, ApiErrorKind::Denied(Denial::OfService)),
            ("KMSAccessDenied", 400, ApiErrorKind::Denied(Denial::OfService)),
            ("ExpiredToken", 403, ApiErrorKind::CredentialsExpired),
            ("PreconditionFailed", 412, ApiErrorKind::ConditionFailed),
            ("ConditionalRequestConflict", 409, ApiErrorKind::ConditionConflict),
            ("RequestTimeout", 400, ApiErrorKind::Unavailable),
            ("SomethingNew", 503, ApiErrorKind::Unavailable),
            ("SomethingNew", 400, ApiErrorKind::Other),
        ] {
            assert_eq!(kind(code, "words", status), expected, "{code} {status}");
        }
    }

    #[test]
    fn a_refusal_that_lost_its_code_on_the_way_counts_as_no_answer() {
        for status in [400, 403, 404, 500] {
            assert_eq!(
                ApiErrorKind::of_answer(None, None, Some(status)),
                ApiErrorKind::Unavailable,
                "{status}"
            );
        }
        for words in [None, Some("")] {
            let kind = ApiErrorKind::of_answer(Some("AccessDen"), words, Some(403));
            assert_eq!(kind, ApiErrorKind::Unavailable);
        }
    }

    #[test]
    fn a_wrong_clock_is_told_from_a_wrong_signature() {
        let expired = "Signature expired: 20260131T004900Z is now earlier than 20260131T005500Z";
        let early = "Signature not yet current: 20260131T010600Z is still later than 20260131T010500Z";
        for (code, words) in [
            ("SignatureDoesNotMatch", expired),
            ("SignatureDoesNotMatch", early),
            ("InvalidSignatureException", expired),
            (
                "RequestTimeTooSkewed",
                "The difference between the request time and the current time is too large.",
            ),
        ] {
            assert_eq!(kind(code, words, 403), ApiErrorKind::Unavailable, "{code} {words}");
        }
        let wrong = "The request signature we calculated does not match the signature you provided.";
        assert_eq!(kind("SignatureDoesNotMatch", wrong, 403), ApiErrorKind::Other);
    }

    #[test]
    fn an_explicit_deny_is_told_from_a_missing_permission_and_both_from_a_refusal_of_the_service() {
        for (words, denial) in [
            (
                "User: x is not authorized to perform: y with an explicit deny in a service control policy",
                Denial::Explicit,
            ),
            ("User: x is not authorized to perform: sts:AssumeRole on resource: y", Denial::NotAllowed),
            ("You don't have permissions to access this resource.", Denial::OfService),
        ] {
            assert_eq!(kind("AccessDenied", words, 403), ApiErrorKind::Denied(denial), "{words}");
        }
    }

    #[test]
    fn the_message_names_the_call_its_resource_the_code_and_the_words() {
        let call = || Call::from("sts:AssumeRole");
        for (error, message) in [
            (
                ApiError::refused(call(), Some("AccessDenied"), Some("no"), 403),
                "sts:AssumeRole answered AccessDenied: no",
            ),
            (
                ApiError::refused(Call::of("sts:AssumeRole", "arn"), Some("AccessDenied"), None, 403),
                "sts:AssumeRole of arn answered AccessDenied",
            ),
            (ApiError::refused(call(), None, None, 502), "sts:AssumeRole answered HTTP status 502"),
            (ApiError::incomplete(call(), "credentials"), "sts:AssumeRole answered without credentials"),
            (
                ApiError::cut_off(call(), io::Error::other("the connection was closed")),
                "sts:AssumeRole was cut off: the connection was closed",
            ),
        ] {
            assert_eq!(error.to_string(), message);
        }
    }

    #[test]
    fn a_certificate_that_is_not_trusted_is_found_under_what_it_is_wrapped_in() {
        let untrusted = rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
        let wrapped = io::Error::other(io::Error::other(untrusted));
        assert!(ApiError::cut_off("sts:GetCallerIdentity", wrapped).is_of_certificate());
        let other = io::Error::other(rustls::Error::DecryptError);
        assert!(!ApiError::cut_off("sts:GetCallerIdentity", other).is_of_certificate());
    }
}
