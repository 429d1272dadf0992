//! The AWS Security Finding Format: the findings for Security Hub, as `BatchImportFindings` takes them.
//! `published_schemas.py` of the tests checks them by the model of the API.
//!
//! What its documentation asks for, and is not seen in the fields:
//! - A finding of the default product is imported by the account it is about, so a call has those of one
//!   account, and at most a hundred: [`asff_batches`].
//! - A finding is updated only when `UpdatedAt` is later than before.
//! - `Workflow` counts when a finding is created; afterwards only the customer changes it. So a
//!   finding that is exempt has an id of its own: when the exemption ends, the finding is a new one to
//!   Security Hub, and not one that stays suppressed.
//! - A string has a character other than white space, and is on one line (the pattern `.*\S.*`).
//! - A finding is deleted 90 days after its last update: so ends what was resolved.

use std::collections::BTreeMap;
use std::io::{self, Write};

use chrono::{DateTime, NaiveTime, Utc};
use serde::{Serialize, Serializer};

use crate::identifiers::account_id::AccountId;
use crate::identifiers::arn::split_arn;
use crate::judgement::finding::Finding;
use crate::judgement::rules::{Cis, Rule, Severity};
use crate::report::ROOT_USER;
use crate::text::time::format_time;
use crate::text::untrusted::one_line;

/// How many findings a call may have.
const FINDINGS_A_CALL: usize = 100;

/// How long texts may be. AWS does not say what a character is. UTF-16 code units are counted, for no
/// other count but that of bytes is higher.
const TITLE_LIMIT: usize = 256;
const DESCRIPTION_LIMIT: usize = 1024;
const RECOMMENDATION_LIMIT: usize = 512;
const ACCOUNT_NAME_LIMIT: usize = 50;
/// A product field may have 2,048, but a call may have no more than 6 MB.
const PRODUCT_FIELD_LIMIT: usize = 1024;
/// The API documents none of these two. An IAM user's ARN has at most 620 and its name 64.
const RESOURCE_ID_LIMIT: usize = 768;
const USER_NAME_LIMIT: usize = 128;

/// The finding types. The namespace must be one of AWS's, the rest is of its taxonomy.
const BEST_PRACTICES: &str = "Software and Configuration Checks/AWS Security Best Practices";
const CIS_BENCHMARK: &str =
    "Software and Configuration Checks/Industry and Regulatory Standards/CIS AWS Foundations Benchmark";

/// The partitions that the API knows by the names ARNs have for them.
const PARTITIONS: [&str; 3] = ["aws", "aws-cn", "aws-us-gov"];

/// Writes `findings` as a JSON array, which `aws securityhub batch-import-findings --findings file://...`
/// takes when they are of one account and at most a hundred, in many small pieces. Text that is too long
/// is shortened; `findings.jsonl` has it all.
///
/// `region` is the Region whose Security Hub is to have them, such as `eu-central-1`. `updated` is when
/// the run was: not the time that ages are counted to, for Security Hub passes over a finding that is no
/// later than what it has.
///
/// # Errors
/// Those of `output`.
pub fn write_asff<'f>(
    findings: impl IntoIterator<Item = &'f Finding>,
    region: &str,
    updated: DateTime<Utc>,
    output: &mut impl Write,
) -> io::Result<()> {
    serde_json::Serializer::new(&mut *output)
        .collect_seq(findings.into_iter().map(|finding| SecurityFinding::of(finding, region, updated)))?;
    output.write_all(b"\n")
}

/// The findings as calls can have them: each batch of one account and at most a hundred. The accounts are
/// in the order of their ids, the findings of an account in the order of `findings`.
pub fn asff_batches(findings: &[Finding]) -> Vec<(AccountId, Vec<&Finding>)> {
    let mut by_account: BTreeMap<&AccountId, Vec<&Finding>> = BTreeMap::new();
    for finding in findings {
        by_account.entry(&finding.assessed.account_id).or_default().push(finding);
    }
    let mut batches = Vec::new();
    for (account_id, findings) in by_account {
        for batch in findings.chunks(FINDINGS_A_CALL) {
            batches.push((account_id.clone(), batch.to_vec()));
        }
    }
    batches
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct SecurityFinding<'f> {
    schema_version: &'static str,
    id: String,
    product_arn: String,
    product_name: &'static str,
    generator_id: String,
    aws_account_id: &'f AccountId,
    #[serde(skip_serializing_if = "Option::is_none")]
    aws_account_name: Option<String>,
    types: &'static [&'static str],
    first_observed_at: String,
    last_observed_at: String,
    created_at: String,
    updated_at: String,
    severity: SeverityObject,
    title: String,
    description: String,
    remediation: Remediation,
    product_fields: BTreeMap<&'static str, String>,
    resources: [Resource<'f>; 1],
    compliance: Compliance,
    workflow: Workflow,
    record_state: &'static str,
    /// Severity and types once more: here a provider may still change them.
    finding_provider_fields: FindingProviderFields,
}

#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "PascalCase")]
struct SeverityObject {
    label: &'static str,
    original: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct FindingProviderFields {
    severity: SeverityObject,
    types: &'static [&'static str],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Remediation {
    recommendation: Recommendation,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Recommendation {
    text: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Resource<'f> {
    #[serde(rename = "Type")]
    kind: &'static str,
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    partition: Option<&'f str>,
    region: &'f str,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<Details>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Details {
    aws_iam_user: AwsIamUser,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct AwsIamUser {
    user_name: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Compliance {
    status: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    related_requirements: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Workflow {
    status: &'static str,
}

impl<'f> SecurityFinding<'f> {
    fn of(finding: &'f Finding, region: &'f str, updated: DateTime<Utc>) -> Self {
        let assessed = &*finding.assessed;
        let account_id = &assessed.account_id;
        let rule = Rule::of(finding.rule);
        let partition = partition(finding);
        let severity = severity(rule.severity);
        let related_requirements = requirements(&rule.cis);
        let types: &[&str] = if related_requirements.is_empty() {
            &[BEST_PRACTICES]
        } else {
            &[CIS_BENCHMARK, BEST_PRACTICES]
        };
        // A run may count ages to a day that is not its own: no time comes after a later one.
        let last_observed = assessed.as_of.min(updated);
        let first_observed = finding.first_seen.and_time(NaiveTime::MIN).and_utc().min(last_observed);
        let user = shortened(&finding.user, USER_NAME_LIMIT);
        Self {
            schema_version: "2018-10-08",
            id: id(finding),
            product_arn: format!(
                "arn:{partition}:securityhub:{region}:{account_id}:product/{account_id}/default"
            ),
            product_name: "Rollcall",
            generator_id: format!("rollcall/{}", finding.rule),
            aws_account_id: account_id,
            aws_account_name: unless_blank(shortened(&assessed.account_name, ACCOUNT_NAME_LIMIT)),
            types,
            first_observed_at: format_time(first_observed),
            last_observed_at: format_time(last_observed),
            created_at: format_time(first_observed),
            updated_at: format_time(updated),
            severity,
            title: shortened(&format!("{user}: {}", finding.sentence()), TITLE_LIMIT),
            description: shortened(&format!("{}. {}", finding.headline(), rule.reason), DESCRIPTION_LIMIT),
            remediation: Remediation {
                recommendation: Recommendation { text: shortened(rule.remedy, RECOMMENDATION_LIMIT) },
            },
            product_fields: product_fields(finding),
            resources: [resource(finding, partition, region, user)],
            compliance: Compliance { status: "FAILED", related_requirements },
            workflow: Workflow { status: if finding.is_open() { "NEW" } else { "SUPPRESSED" } },
            record_state: "ACTIVE",
            finding_provider_fields: FindingProviderFields { severity, types },
        }
    }
}

/// The same in every run, unless an exemption begins or ends: the module says why.
fn id(finding: &Finding) -> String {
    let account_id = &finding.assessed.account_id;
    let rule = finding.rule;
    let exempted = if finding.is_open() { "" } else { "/exempted" };
    format!("rollcall/{account_id}/{rule}/{}{exempted}", finding.fingerprint())
}

/// The partition that the ARN names. An ARN that can't be read, or names an impossible partition, is taken for
/// one of the largest.
fn partition(finding: &Finding) -> &str {
    let is_name = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    split_arn(&finding.arn).map(|(partition, ..)| partition).filter(|text| is_name(text)).unwrap_or("aws")
}

/// The user; for the root user, and for one whose ARN is blank, the account.
fn resource<'f>(finding: &'f Finding, partition: &'f str, region: &'f str, user: String) -> Resource<'f> {
    let partition = Some(partition).filter(|partition| PARTITIONS.contains(partition));
    let arn = unless_blank(shortened(&finding.arn, RESOURCE_ID_LIMIT));
    match arn.filter(|_| &*finding.user != ROOT_USER) {
        Some(id) => {
            let details =
                unless_blank(user).map(|user_name| Details { aws_iam_user: AwsIamUser { user_name } });
            Resource { kind: "AwsIamUser", id, partition, region, details }
        }
        None => {
            let id = format!("AWS::::Account:{}", finding.assessed.account_id);
            Resource { kind: "AwsAccount", id, partition, region, details: None }
        }
    }
}

/// What has no field of its own, by the names it has everywhere.
fn product_fields(finding: &Finding) -> BTreeMap<&'static str, String> {
    let exemption = finding.exemption.as_deref();
    let time = |time: Option<DateTime<Utc>>| time.map(format_time).unwrap_or_default();
    let days = |days: Option<u32>| days.map(|days| days.to_string()).unwrap_or_default();
    let fields = [
        ("rollcall/rule", finding.rule.to_string()),
        ("rollcall/credential", finding.credential.as_str().to_owned()),
        ("rollcall/user", finding.user.to_string()),
        ("rollcall/observed", finding.observed.to_string()),
        ("rollcall/age_days", days(finding.age_days)),
        ("rollcall/limit_days", days(finding.limit_days)),
        ("rollcall/as_of", format_time(finding.assessed.as_of)),
        ("rollcall/report_generated", time(finding.assessed.report_generated)),
        ("rollcall/first_seen", finding.first_seen.to_string()),
        ("rollcall/status", finding.status.as_str().to_owned()),
        ("rollcall/verified", finding.verified.to_string()),
        ("rollcall/user_created", time(finding.creation.user)),
        ("rollcall/credential_created", time(finding.creation.credential)),
        ("rollcall/ambiguous", finding.creation.is_ambiguous.to_string()),
        (
            "rollcall/exemption_reason",
            exemption.map(|exemption| exemption.reason.clone()).unwrap_or_default(),
        ),
        (
            "rollcall/exemption_expires",
            exemption.map(|exemption| exemption.expires.to_string()).unwrap_or_default(),
        ),
    ];
    let fields = fields
        .into_iter()
        .filter_map(|(name, value)| Some((name, unless_blank(shortened(&value, PRODUCT_FIELD_LIMIT))?)));
    fields.collect()
}

/// The numbers of the benchmark as Security Hub writes them.
fn requirements(cis: &Cis) -> Vec<String> {
    let numbers = [("1.4-4.0", cis.v1_4_to_v4_0), ("5.0", cis.v5_0), ("6.0", cis.v6_0), ("7.0", cis.v7_0)];
    let numbers = numbers.iter().filter(|(_, number)| !number.is_empty());
    numbers.map(|(version, number)| format!("CIS AWS Foundations Benchmark v{version}/{number}")).collect()
}

fn severity(severity: Severity) -> SeverityObject {
    let label = match severity {
        Severity::Critical => "CRITICAL",
        Severity::High => "HIGH",
        Severity::Medium => "MEDIUM",
        Severity::Low => "LOW",
    };
    SeverityObject { label, original: severity.as_str() }
}

fn unless_blank(text: String) -> Option<String> {
    (!text.trim().is_empty()).then_some(text)
}

/// The text on one line, of at most `limit` UTF-16 code units: an ellipsis stands for what is left out.
fn shortened(text: &str, limit: usize) -> String {
    // A unit is at most three bytes; the rest of a huge text is not looked at.
    let looked_at = text.floor_char_boundary(limit.saturating_mul(3) + 4);
    let mut line = one_line(&text[..looked_at]).into_owned();
    let (mut units, mut kept) = (0, 0);
    for (start, character) in line.char_indices() {
        units += character.len_utf16();
        if units < limit {
            kept = start + character.len_utf8();
        }
        if units > limit {
            line.truncate(kept);
            line.push('…');
            break;
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::Value;

    use super::*;
    use crate::judgement::finding::Exempted;
    use crate::judgement::finding::{Assessed, Status};
    use crate::judgement::rules::{Credential, RULES, RuleId};
    use crate::testing::finding;
    use crate::testing::run;
    use crate::testing::sorted_json::pretty;
    use crate::text::time::parse_as_of;

    fn bytes(findings: &[Finding]) -> Vec<u8> {
        let mut bytes = Vec::new();
        write_asff(findings, "eu-central-1", run().started, &mut bytes).unwrap();
        bytes
    }

    fn written(findings: &[Finding]) -> Value {
        serde_json::from_slice(&bytes(findings)).unwrap()
    }

    fn one(finding: Finding) -> Value {
        written(&[finding])[0].take()
    }

    fn exempted(finding: Finding) -> Finding {
        let exemption = Exempted { reason: "vendor".into(), expires: "2026-12-31".parse().unwrap() };
        Finding { exemption: Some(Arc::new(exemption)), ..finding }
    }

    fn root(rule: RuleId) -> Finding {
        Finding { arn: "arn:aws-us-gov:iam::000000000001:root".into(), ..finding(1, ROOT_USER, rule) }
    }

    /// Every text that others choose is `text`.
    fn made_of(text: &str) -> Finding {
        let finding = finding(1, text, RuleId::MoreCredentialsThanReported);
        let assessed = Assessed { account_name: text.into(), ..(*finding.assessed).clone() };
        let exemption = Exempted { reason: text.into(), expires: "2026-12-31".parse().unwrap() };
        Finding {
            assessed: Arc::new(assessed),
            observed: text.into(),
            exemption: Some(Arc::new(exemption)),
            ..finding
        }
    }

    /// Every string of a value.
    fn strings(value: &Value) -> Vec<&str> {
        match value {
            Value::String(text) => vec![text],
            Value::Array(items) => items.iter().flat_map(strings).collect(),
            Value::Object(fields) => fields.values().flat_map(strings).collect(),
            _ => vec![],
        }
    }

    #[test]
    fn findings_are_what_security_hub_takes() {
        let ongoing = Finding {
            status: Status::Ongoing,
            first_seen: "2026-01-02".parse().unwrap(),
            ..finding(1, "anna", RuleId::AccessKeyStale)
        };
        let certificate =
            Finding { credential: Credential::Certificate1, ..finding(1, "ben", RuleId::CertificateStale) };
        let findings = [root(RuleId::RootAccessKey), ongoing, exempted(certificate)];
        insta::assert_snapshot!(pretty(&written(&findings)));
    }

    #[test]
    fn no_findings_are_an_empty_array() {
        assert_eq!(bytes(&[]), b"[]\n");
        assert_eq!(asff_batches(&[]), []);
    }

    #[test]
    fn an_id_is_the_same_in_every_run_until_the_finding_is_exempt() {
        let first = finding(1, "anna", RuleId::AccessKeyStale);
        let later =
            Finding { age_days: Some(366), status: Status::Ongoing, verified: false, ..first.clone() };
        assert_eq!(id(&first), id(&later));
        assert_ne!(id(&first), id(&finding(1, "ben", RuleId::AccessKeyStale)));
        assert_eq!(format!("{}/exempted", id(&first)), id(&exempted(first.clone())));
        for rule in &RULES {
            assert!(id(&exempted(finding(1, &"u".repeat(900), rule.id))).len() <= 512);
        }
    }

    #[test]
    fn what_is_exempt_is_suppressed_with_its_reason() {
        let open = one(finding(1, "anna", RuleId::AccessKeyStale));
        assert_eq!(open["Workflow"]["Status"], "NEW");
        assert_eq!(open["ProductFields"]["rollcall/exemption_reason"], Value::Null);
        let exempted = one(exempted(finding(1, "anna", RuleId::AccessKeyStale)));
        assert_eq!(exempted["Workflow"]["Status"], "SUPPRESSED");
        assert_eq!(exempted["ProductFields"]["rollcall/exemption_reason"], "vendor");
        assert_eq!(exempted["ProductFields"]["rollcall/exemption_expires"], "2026-12-31");
    }

    #[test]
    fn a_finding_that_could_not_be_verified_is_updated_and_says_so() {
        let flagged = finding(1, "anna", RuleId::AccessKeyStale);
        let before = parse_as_of("2026-01-20T01:00:00Z").unwrap();
        let assessed = Assessed { as_of: before, ..(*flagged.assessed).clone() };
        let first_seen = "2026-01-20".parse().unwrap();
        let kept = one(Finding { assessed: Arc::new(assessed), first_seen, verified: false, ..flagged });
        assert_eq!(kept["UpdatedAt"], "2026-01-31T01:00:00Z");
        assert_eq!(kept["LastObservedAt"], "2026-01-20T01:00:00Z");
        assert_eq!(kept["ProductFields"]["rollcall/verified"], "false");
        assert!(kept["Description"].as_str().unwrap().contains("(not verified: nobody could look)"));
    }

    #[test]
    fn no_time_comes_after_a_later_one() {
        for as_of in ["2025-06-01", "2026-01-31T01:00:00Z", "2027-01-01"] {
            let flagged = finding(1, "anna", RuleId::AccessKeyStale);
            let assessed = Assessed { as_of: parse_as_of(as_of).unwrap(), ..(*flagged.assessed).clone() };
            let finding = one(Finding { assessed: Arc::new(assessed), ..flagged });
            let times = ["CreatedAt", "FirstObservedAt", "LastObservedAt", "UpdatedAt"]
                .map(|name| finding[name].as_str().unwrap());
            assert!(times.is_sorted(), "{times:?}");
        }
    }

    #[test]
    fn the_partition_is_that_of_the_arn() {
        for (arn, product, partition) in [
            ("arn:aws-cn:iam::000000000001:user/anna", "arn:aws-cn:", Some("aws-cn")),
            ("arn:aws-us-gov:iam::000000000001:user/anna", "arn:aws-us-gov:", Some("aws-us-gov")),
            // The API has another name for this one.
            ("arn:aws-iso:iam::000000000001:user/anna", "arn:aws-iso:", None),
            ("arn:\"\n:iam::000000000001:user/anna", "arn:aws:", Some("aws")),
            ("anna", "arn:aws:", Some("aws")),
        ] {
            let finding = one(Finding { arn: arn.into(), ..finding(1, "anna", RuleId::AccessKeyStale) });
            assert!(finding["ProductArn"].as_str().unwrap().starts_with(product), "{arn}");
            assert_eq!(finding["Resources"][0]["Partition"].as_str(), partition, "{arn}");
        }
    }

    #[test]
    fn a_user_without_an_arn_is_found_at_its_account() {
        let finding = one(Finding { arn: " ".into(), ..finding(1, "anna", RuleId::AccessKeyStale) });
        assert_eq!(finding["Resources"][0]["Id"], "AWS::::Account:000000000001");
        assert_eq!(finding["Resources"][0]["Type"], "AwsAccount");
    }

    #[test]
    fn a_batch_is_of_one_account_and_of_at_most_a_hundred() {
        let mut findings = vec![finding(2, "z", RuleId::RootUsed)];
        findings.extend((0..201).map(|number| finding(1, &format!("user {number}"), RuleId::AccessKeyStale)));
        findings.push(finding(2, "a", RuleId::TwoActiveKeys));
        let batches = asff_batches(&findings);
        let sizes: Vec<(&str, usize)> =
            batches.iter().map(|(account_id, batch)| (account_id.as_str(), batch.len())).collect();
        assert_eq!(
            sizes,
            [("000000000001", 100), ("000000000001", 100), ("000000000001", 1), ("000000000002", 2)]
        );
        for (account_id, batch) in &batches {
            assert!(batch.iter().all(|finding| finding.assessed.account_id == *account_id));
        }
        assert_eq!([&*batches[3].1[0].user, &batches[3].1[1].user], ["z", "a"]);
        let of_first = batches[..3].iter().flat_map(|(_, batch)| batch.iter().map(|finding| &finding.user));
        assert!(of_first.eq(findings[1..202].iter().map(|finding| &finding.user)));
    }

    #[test]
    fn every_text_keeps_to_its_limit() {
        for text in ["u", "é", "…", "😀"] {
            let finding = one(made_of(&text.repeat(5000)));
            let units = |value: &Value| value.as_str().unwrap().encode_utf16().count();
            for (value, limit) in [
                (&finding["Id"], 512),
                (&finding["Title"], TITLE_LIMIT),
                (&finding["Description"], DESCRIPTION_LIMIT),
                (&finding["AwsAccountName"], ACCOUNT_NAME_LIMIT),
                (&finding["Resources"][0]["Id"], RESOURCE_ID_LIMIT),
                (&finding["Resources"][0]["Details"]["AwsIamUser"]["UserName"], USER_NAME_LIMIT),
            ] {
                assert!(units(value) <= limit, "{value}");
            }
            for value in finding["ProductFields"].as_object().unwrap().values() {
                assert!(units(value) <= PRODUCT_FIELD_LIMIT, "{value}");
            }
        }
    }

    #[test]
    fn no_remedy_has_to_be_shortened() {
        for rule in &RULES {
            assert_eq!(shortened(rule.remedy, RECOMMENDATION_LIMIT), rule.remedy);
        }
    }

    #[test]
    fn a_full_call_is_within_the_limits_of_the_api() {
        let findings = vec![made_of(&"😀".repeat(5000)); FINDINGS_A_CALL];
        assert!(bytes(&findings[..1]).len() <= 240_000);
        assert!(bytes(&findings).len() <= 6_000_000);
    }

    #[test]
    fn text_is_shortened_between_characters() {
        for (text, limit, expected) in [
            ("abc", 3, "abc"),
            ("abcd", 3, "ab…"),
            ("éééé", 3, "éé…"),
            ("a😀b", 4, "a😀b"),
            ("a😀bc", 4, "a😀…"),
            ("😀😀", 3, "😀…"),
            ("😀😀", 2, "…"),
            ("", 3, ""),
        ] {
            assert_eq!(shortened(text, limit), expected, "{text} {limit}");
        }
    }

    #[test]
    fn hostile_names_are_one_line_of_valid_json() {
        for text in
            ["\u{0}\u{7}\"\\", "a\r\nb", "a\u{2028}b\u{85}c", "</script>", "\u{1b}[31m", "{0}", "\u{ffff}"]
        {
            let finding = one(made_of(text));
            for text in strings(&finding) {
                assert!(!text.contains(|it: char| it.is_control() || it == '\u{2028}'), "{text:?}");
            }
        }
    }

    #[test]
    fn no_string_is_blank() {
        for text in ["", " ", "\u{3000}"] {
            let finding = one(Finding { arn: text.into(), ..made_of(text) });
            assert!(strings(&finding).iter().all(|text| !text.trim().is_empty()), "{finding}");
        }
    }
}
