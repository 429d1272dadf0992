//! Answers as the services write them: the query protocol of STS, IAM and SNS, the JSON of
//! Organizations, the XML of S3; and the ways in which an answer comes to harm.

use std::collections::HashMap;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use aws_sdk_s3::primitives::SdkBody;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use http_body::{Body, Frame, SizeHint};

use super::{Call, Service};
use crate::faults::Fault;

/// An answer.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

/// How the body of an answer ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    Whole,
    /// With an error of the connection.
    Interrupted,
    /// As if that were all.
    CutOff,
    /// Not at all.
    Stalled,
}

impl Answer {
    pub(super) fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: vec![], body: body.into() }
    }

    pub(super) fn query(action: &str, result: &str) -> Self {
        Self::new(
            200,
            format!("<{action}Response><{action}Result>{result}</{action}Result></{action}Response>"),
        )
    }

    pub(super) fn query_error(status: u16, code: &str, message: &str) -> Self {
        let error = format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>");
        Self::new(status, format!("<ErrorResponse>{error}</ErrorResponse>"))
    }

    pub(super) fn json(body: serde_json::Value) -> Self {
        Self::new(200, body.to_string())
    }

    pub(super) fn json_error(code: &str, message: &str) -> Self {
        let status = if code == "ServiceException" { 500 } else { 400 };
        let mut answer = Self::new(status, serde_json::json!({ "Message": message }).to_string());
        answer.headers.push(("x-amzn-errortype".to_owned(), code.to_owned()));
        answer
    }

    pub(super) fn s3_error(status: u16, code: &str, message: &str) -> Self {
        Self::new(status, format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>"))
    }

    /// What a service answers that is over its rate.
    pub(super) fn throttled(service: Service) -> Self {
        match service {
            Service::S3 => Self::s3_error(503, "SlowDown", "Please reduce your request rate."),
            Service::Organizations => {
                Self::json_error("TooManyRequestsException", "You have sent too many requests")
            }
            Service::Iam | Service::Sts | Service::Sns => {
                Self::query_error(400, "Throttling", "Rate exceeded")
            }
        }
    }

    /// What STS's sessions come to.
    pub(super) fn expired() -> Self {
        Self::query_error(403, "ExpiredToken", "The security token included in the request is expired")
    }

    fn fault_of_the_service(service: Service) -> Self {
        match service {
            Service::S3 => {
                Self::s3_error(500, "InternalError", "We encountered an internal error. Please try again.")
            }
            Service::Organizations => {
                Self::json_error("ServiceException", "AWS Organizations can't complete your request")
            }
            Service::Iam => Self::query_error(500, "ServiceFailure", "The request processing has failed"),
            Service::Sts | Service::Sns => Self::query_error(500, "InternalFailure", "An unknown error"),
        }
    }

    /// The answer as HTTP; `cut` is where it ends if not at its end, from 0 to 1.
    pub(super) fn into_response(self, now: DateTime<Utc>, ending: Ending, cut: f64) -> HttpResponse {
        let date = now.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
        let mut response = http::Response::builder().status(self.status).header("date", date);
        for (name, value) in self.headers {
            response = response.header(name, value);
        }
        let body = match ending {
            Ending::Whole => SdkBody::from(self.body),
            ending => {
                let mut body = self.body;
                body.truncate((body.len() as f64 * cut) as usize);
                match ending {
                    Ending::CutOff => SdkBody::from(body),
                    _ => SdkBody::from_body_1_x(HarmedBody { rest: Some(Bytes::from(body)), ending }),
                }
            }
        };
        HttpResponse::try_from(response.body(body).expect("the headers are valid")).expect("it is a response")
    }
}

impl Fault {
    /// What is answered in the service's place.
    pub(super) fn answer(self, call: &Call, count: u64) -> Option<Answer> {
        Some(match self {
            Self::Throttled => Answer::throttled(call.service),
            Self::ServerError => Answer::fault_of_the_service(call.service),
            Self::BadGateway => {
                let status = [500, 502, 503, 504][(count % 4) as usize];
                Answer::new(status, format!("<html><body><h1>{status}</h1></body></html>"))
            }
            Self::NoCapacity => Answer::query_error(
                409,
                "LimitExceeded",
                "No more capacity to launch new report generation tasks",
            ),
            _ => return None,
        })
    }
}

/// A body that does not end as it should.
struct HarmedBody {
    rest: Option<Bytes>,
    ending: Ending,
}

impl Body for HarmedBody {
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

/// The fields of a form.
pub(super) fn form(body: &[u8]) -> HashMap<String, String> {
    String::from_utf8_lossy(body)
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.to_owned(), decode(value)))
        .collect()
}

/// A part of a form or of a query, decoded.
pub(super) fn decode(value: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => {
                let digits = [rest.next().unwrap_or(b'0'), rest.next().unwrap_or(b'0')];
                let digits = String::from_utf8_lossy(&digits).into_owned();
                bytes.push(u8::from_str_radix(&digits, 16).unwrap_or(b'?'));
            }
            b'+' => bytes.push(b' '),
            byte => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
