//! Links into the AWS console, for messages. Each partition has a console of its own.

use chrono::NaiveDate;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

/// The console of one partition and Region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Console {
    domain: &'static str,
    region: String,
}

impl Console {
    /// The console of `partition`, opened in `region`.
    pub fn new(partition: &str, region: &str) -> Self {
        let domain = match partition {
            "aws-us-gov" => "console.amazonaws-us-gov.com",
            "aws-cn" => "console.amazonaws.cn",
            "aws-eusc" => "console.amazonaws-eusc.eu",
            _ => "console.aws.amazon.com",
        };
        Self { domain, region: region.to_owned() }
    }

    /// The page of an execution.
    pub fn execution(&self, execution_arn: &str) -> String {
        let Self { domain, region } = self;
        let execution_arn = in_link(execution_arn);
        format!(
            "https://{region}.{domain}/states/home?region={region}#/v2/executions/details/{execution_arn}"
        )
    }

    /// The page of a day's prefix in the report bucket.
    pub fn day(&self, bucket: &str, date: NaiveDate) -> String {
        let Self { domain, region } = self;
        format!("https://{region}.{domain}/s3/buckets/{bucket}?region={region}&prefix={date}/")
    }
}

/// How many bytes of an ARN stand in a link. An execution's has at most some four hundred.
const ARN_LIMIT: usize = 2_000;

/// What is encoded of an ARN in a link: everything but what ARNs are made of.
const NOT_OF_AN_ARN: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b':')
    .remove(b'/')
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'=')
    .remove(b'+')
    .remove(b'@');

/// An ARN in a link. Step Functions takes names of executions in any script, and a mail client ends a
/// link where it does not know the character.
fn in_link(arn: &str) -> String {
    let arn = arn.as_bytes();
    percent_encode(&arn[..arn.len().min(ARN_LIMIT)], NOT_OF_AN_ARN).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_execution_of_any_name_has_a_link() {
        let link = Console::new("aws", "eu-central-1")
            .execution("arn:aws:states:eu-central-1:1:execution:a:née\n<b>");
        assert!(link.ends_with("/arn:aws:states:eu-central-1:1:execution:a:n%C3%A9e%0A%3Cb%3E"), "{link}");
    }

    #[test]
    fn each_partition_has_a_console_of_its_own() {
        for (partition, region, start) in [
            ("aws", "eu-central-1", "https://eu-central-1.console.aws.amazon.com/"),
            ("aws-us-gov", "us-gov-west-1", "https://us-gov-west-1.console.amazonaws-us-gov.com/"),
            ("aws-cn", "cn-north-1", "https://cn-north-1.console.amazonaws.cn/"),
            ("aws-eusc", "eusc-de-east-1", "https://eusc-de-east-1.console.amazonaws-eusc.eu/"),
        ] {
            let console = Console::new(partition, region);
            let date = NaiveDate::from_ymd_opt(2026, 1, 31).unwrap();
            assert!(console.execution("arn:aws:states:::execution:a:b").starts_with(start));
            assert_eq!(
                console.day("reports", date),
                format!("{start}s3/buckets/reports?region={region}&prefix=2026-01-31/")
            );
        }
    }
}
