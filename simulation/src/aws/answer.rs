//! What a service answers when it refuses or fails, and the ways in which an answer is damaged on its way.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use aws_sdk_s3::primitives::SdkBody;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use http_body::{Body, Frame, SizeHint};
use rollcall_testing::aws_answers::Answer;

use crate::call::{Call, Service};
use crate::faults::Fault;

/// How the body of an answer ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    Whole,
    /// With an error of the connection.
    Interrupted,
    /// Early, as if that were all.
    CutOff,
    /// Never.
    Stalled,
}

/// The answer to a call above the service's rate.
pub(super) fn throttled(service: Service) -> Answer {
    match service {
        Service::S3 => Answer::s3_error(503, "SlowDown", "Please reduce your request rate."),
        Service::Organizations => {
            Answer::json_error(400, "TooManyRequestsException", "You have sent too many requests")
        }
        Service::StepFunctions => Answer::json_error(400, "ThrottlingException", "Rate exceeded"),
        Service::Iam | Service::Sts | Service::Sns => Answer::query_error(400, "Throttling", "Rate exceeded"),
    }
}

/// The answer to a session that has expired.
pub(super) fn expired() -> Answer {
    Answer::query_error(403, "ExpiredToken", "The security token included in the request is expired")
}

/// The answer to a request that was signed at a time too far from the service's.
pub(super) fn refused_for_its_time(service: Service, is_too_old: bool) -> Answer {
    let signature = if is_too_old {
        "Signature expired: it is now earlier than the signature may be"
    } else {
        "Signature not yet current: it is still later than the signature may be"
    };
    match service {
        Service::S3 => Answer::s3_error(
            403,
            "RequestTimeTooSkewed",
            "The difference between the request time and the current time is too large.",
        ),
        Service::Organizations | Service::StepFunctions => {
            Answer::json_error(400, "InvalidSignatureException", signature)
        }
        Service::Iam | Service::Sts | Service::Sns => {
            Answer::query_error(403, "SignatureDoesNotMatch", signature)
        }
    }
}

fn fault_of_the_service(service: Service) -> Answer {
    match service {
        Service::S3 => {
            Answer::s3_error(500, "InternalError", "We encountered an internal error. Please try again.")
        }
        Service::Organizations => {
            Answer::json_error(500, "ServiceException", "AWS Organizations can't complete your request")
        }
        Service::StepFunctions => Answer::json_error(500, "InternalFailure", "An unknown error"),
        Service::Iam => Answer::query_error(500, "ServiceFailure", "The request processing has failed"),
        Service::Sts | Service::Sns => Answer::query_error(500, "InternalFailure", "An unknown error"),
    }
}

/// The answer that a fault gives in the service's place, if it gives one.
pub(super) fn of_fault(fault: Fault, call: &Call, count: u64) -> Option<Answer> {
    Some(match fault {
        Fault::Throttled => throttled(call.service),
        Fault::ServerError => fault_of_the_service(call.service),
        Fault::BadGateway => {
            let status = [500, 502, 503, 504][(count % 4) as usize];
            Answer::new(status, format!("<html><body><h1>{status}</h1></body></html>"))
        }
        Fault::NoCapacity => Answer::query_error(
            409,
            "LimitExceeded",
            "No more capacity to launch new report generation tasks",
        ),
        _ => return None,
    })
}

/// The answer as HTTP. `cut`, from 0 to 1, is where its body ends unless it is whole.
pub(super) fn response(
    answer: Answer,
    now: DateTime<Utc>,
    ending: Ending,
    cut: f64,
) -> http::Response<SdkBody> {
    let date = now.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let mut response = http::Response::builder().status(answer.status).header("date", date);
    for (name, value) in answer.headers {
        response = response.header(name, value);
    }
    let mut body = answer.body;
    if ending != Ending::Whole {
        body.truncate((body.len() as f64 * cut) as usize);
    }
    let body = match ending {
        Ending::Whole | Ending::CutOff => SdkBody::from(body),
        Ending::Interrupted | Ending::Stalled => {
            SdkBody::from_body_1_x(DamagedBody { rest: Some(Bytes::from(body)), ending })
        }
    };
    response.body(body).expect("the headers are valid")
}

/// A body that does not end as it should.
struct DamagedBody {
    rest: Option<Bytes>,
    ending: Ending,
}

impl Body for DamagedBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match (self.rest.take(), self.ending) {
            (Some(bytes), _) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
            (None, Ending::Stalled) => Poll::Pending,
            (None, _) => Poll::Ready(Some(Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "end of file before message length reached",
            )))),
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}
