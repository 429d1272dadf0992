//! A finding as it is written: one flat record with every field, exactly in `findings.jsonl` and safe for
//! a spreadsheet in `findings.csv`.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use crate::identifiers::account_id::AccountId;
use crate::judgement::finding::Creation;
use crate::judgement::finding::{Assessed, Exempted, Finding, Status};
use crate::judgement::rules::{Credential, RULES, Rule, RuleId, Severity};

/// A finding as it is written. The order of the fields is that of the columns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "each is the field of `Finding`, `Assessed` or `Rule` of its name")]
pub struct FindingRecord<'f> {
    pub account_id: Cow<'f, AccountId>,
    pub account_name: Cow<'f, str>,
    pub user: Cow<'f, str>,
    pub arn: Cow<'f, str>,
    pub credential: Credential,
    pub rule: RuleId,
    pub severity: Severity,
    pub observed: Cow<'f, str>,
    pub age_days: Option<u32>,
    pub limit_days: Option<u32>,
    pub as_of: DateTime<Utc>,
    pub report_generated: Option<DateTime<Utc>>,
    pub first_seen: NaiveDate,
    pub status: Status,
    pub verified: bool,
    pub exemption: Option<Cow<'f, Exempted>>,
    /// The rule's numbers in the CIS benchmark; empty when it has none.
    pub cis: Cow<'f, str>,
    /// What to do.
    pub remedy: Cow<'f, str>,
    /// When the user was created. The findings of earlier versions do not have the last three fields.
    #[serde(default)]
    pub user_created: Option<DateTime<Utc>>,
    /// When the access key or certificate was made.
    #[serde(default)]
    pub credential_created: Option<DateTime<Utc>>,
    /// Whether the user's other key or certificate was made in the same second.
    #[serde(default)]
    pub ambiguous: bool,
}

/// The CIS numbers of each rule, as text.
static CIS: LazyLock<[String; RULES.len()]> =
    LazyLock::new(|| RULES.each_ref().map(|rule| rule.cis.to_string()));

impl<'f> From<&'f Finding> for FindingRecord<'f> {
    fn from(finding: &'f Finding) -> Self {
        let Assessed { account_id, account_name, as_of, report_generated } = &*finding.assessed;
        let rule = Rule::of(finding.rule);
        Self {
            account_id: Cow::Borrowed(account_id),
            account_name: account_name.into(),
            user: Cow::Borrowed(&finding.user),
            arn: Cow::Borrowed(&finding.arn),
            credential: finding.credential,
            rule: finding.rule,
            severity: rule.severity,
            observed: Cow::Borrowed(&finding.observed),
            age_days: finding.age_days,
            limit_days: finding.limit_days,
            as_of: *as_of,
            report_generated: *report_generated,
            first_seen: finding.first_seen,
            status: finding.status,
            verified: finding.verified,
            exemption: finding.exemption.as_deref().map(Cow::Borrowed),
            cis: CIS[finding.rule as usize].as_str().into(),
            remedy: rule.remedy.into(),
            user_created: finding.creation.user,
            credential_created: finding.creation.credential,
            ambiguous: finding.creation.is_ambiguous,
        }
    }
}

impl From<FindingRecord<'_>> for Finding {
    /// The finding that was written: what the table of rules says of its rule is read there again.
    fn from(record: FindingRecord<'_>) -> Self {
        Self {
            assessed: Arc::new(Assessed {
                account_id: record.account_id.into_owned(),
                account_name: record.account_name.into_owned(),
                as_of: record.as_of,
                report_generated: record.report_generated,
            }),
            user: record.user.into(),
            arn: record.arn.into(),
            credential: record.credential,
            creation: Creation {
                user: record.user_created,
                credential: record.credential_created,
                is_ambiguous: record.ambiguous,
            },
            rule: record.rule,
            observed: record.observed.into(),
            age_days: record.age_days,
            limit_days: record.limit_days,
            first_seen: record.first_seen,
            status: record.status,
            verified: record.verified,
            exemption: record.exemption.map(|exemption| Arc::new(exemption.into_owned())),
        }
    }
}
