//! Answers as the services of AWS write them: the query protocol of STS, IAM and SNS, the JSON of
//! Organizations, the XML of S3.

use serde_json::{Value, json};

/// An answer: status, headers, body.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// An answer without headers.
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: vec![], body: body.into() }
    }

    /// The result of an action of STS, IAM or SNS.
    pub fn query(action: &str, result: &str) -> Self {
        Self::new(
            200,
            format!("<{action}Response><{action}Result>{result}</{action}Result></{action}Response>"),
        )
    }

    /// An error of STS, IAM or SNS.
    pub fn query_error(status: u16, code: &str, message: &str) -> Self {
        let error = format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>");
        Self::new(status, format!("<ErrorResponse>{error}</ErrorResponse>"))
    }

    /// The result of an action of Organizations.
    pub fn json(body: &Value) -> Self {
        Self::new(200, body.to_string())
    }

    /// An error of Organizations.
    pub fn json_error(status: u16, code: &str, message: &str) -> Self {
        let mut answer = Self::new(status, json!({ "Message": message }).to_string());
        answer.headers.push(("x-amzn-errortype".to_owned(), code.to_owned()));
        answer
    }

    /// An error of S3.
    pub fn s3_error(status: u16, code: &str, message: &str) -> Self {
        Self::new(status, format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>"))
    }

    /// A page of a listing of S3. Keys that end with a slash are common prefixes. `is_last` says that no page
    /// follows.
    pub fn listing(page: &[&str], is_last: bool) -> Self {
        let contents: String = page
            .iter()
            .map(|key| match key.ends_with('/') {
                true => format!("<CommonPrefixes><Prefix>{key}</Prefix></CommonPrefixes>"),
                false => format!("<Contents><Key>{key}</Key><Size>1</Size></Contents>"),
            })
            .collect();
        let next = match page.last() {
            Some(last) if !is_last => {
                format!(
                    "<IsTruncated>true</IsTruncated><NextContinuationToken>{last}</NextContinuationToken>"
                )
            }
            _ => "<IsTruncated>false</IsTruncated>".to_owned(),
        };
        let count = page.len();
        Self::new(
            200,
            format!("<ListBucketResult><KeyCount>{count}</KeyCount>{next}{contents}</ListBucketResult>"),
        )
    }
}
