//! Findings: what the rules flagged, with everything that explains it.
//!
//! A [`Finding`] is how a run holds one, small, for there may be a million. A [`FindingRecord`] is
//! how it is written: one flat record with every field, in `findings.jsonl` exactly, and in
//! `findings.csv` safe for a spreadsheet. Two more forms are those of others: SARIF, and the AWS
//! Security Finding Format.

mod asff;
mod csv;
mod jsonl;
mod sarif;

use std::borrow::Cow;
use std::fmt::Write;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, LazyLock};

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::account::AccountId;
use crate::exemptions::Exempted;
use crate::rules::{Credential, RULES, Rule, RuleId, Severity};
use crate::untrusted::shortened;

pub use asff::{asff_batches, write_asff};
pub use csv::write_csv;
pub use jsonl::{InvalidRecord, read_line, write_jsonl};
pub use sarif::write_sarif;

/// The account of a finding, and when it was judged: what all findings of one report share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assessed {
    /// The account.
    pub account_id: AccountId,
    /// Its name; empty when only the id is known. Untrusted text.
    pub account_name: String,
    /// The time that ages were counted to.
    pub as_of: DateTime<Utc>,
    /// When IAM generated the report.
    pub report_generated: DateTime<Utc>,
}

/// One credential that a rule flagged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Where it was found.
    pub assessed: Arc<Assessed>,
    /// The user's name, `<root_account>` for the root user. Untrusted text.
    pub user: Box<str>,
    /// The user's ARN. Untrusted text.
    pub arn: Box<str>,
    /// Which of the user's credentials.
    pub credential: Credential,
    /// Which rule.
    pub rule: RuleId,
    /// The cell that shows it, as it stands in the report. Untrusted text.
    pub observed: Box<str>,
    /// Its age in whole days, for a rule that looks at one.
    pub age_days: Option<u32>,
    /// The limit it was measured by, for a rule that has one.
    pub limit_days: Option<u32>,
    /// The date of the first run of those without a gap that flagged it.
    pub first_seen: NaiveDate,
    /// Whether the run before had it too.
    pub status: Status,
    /// Whether this run saw it. One that is not verified is kept from the run before, for nobody
    /// could look.
    pub verified: bool,
    /// The exemption that covers it.
    pub exemption: Option<Arc<Exempted>>,
}

/// How a finding compares with the run before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// The run before did not have it, or there is no run before.
    New,
    /// The run before had it.
    Ongoing,
}

impl Status {
    /// The name as it is written everywhere.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Ongoing => "ongoing",
        }
    }
}

impl Finding {
    /// How bad it is.
    pub fn severity(&self) -> Severity {
        Rule::of(self.rule).severity
    }

    /// Whether it is a finding that nobody accepted.
    pub fn is_open(&self) -> bool {
        self.exemption.is_none()
    }

    /// What makes it the same finding in two runs, hashed: account, user, credential and rule.
    pub(crate) fn identity(&self) -> u64 {
        identity(&self.assessed.account_id, &self.user, self.credential, self.rule)
    }

    /// The identity for others to keep: the SHA-256, in hexadecimal, of
    /// `ACCOUNT/CREDENTIAL/RULE/USER`. It is a contract, so it does not depend on how this program is
    /// built. The user stands last, for its name may have a slash.
    fn fingerprint(&self) -> String {
        let account_id = &self.assessed.account_id;
        let identity = format!("{account_id}/{}/{}/{}", self.credential.as_str(), self.rule, self.user);
        Sha256::digest(identity).iter().fold(String::with_capacity(64), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    /// The sentence for those who have nothing but it: on one line, with the user and the account.
    fn headline(&self) -> String {
        let Assessed { account_id, account_name, .. } = &*self.assessed;
        let unverified = if self.verified { "" } else { " (not verified: nobody could look)" };
        let account = account_in_words(account_id, account_name);
        let user = shortened(&self.user, TEXT_LIMIT);
        format!("{user} in {account}: {}{unverified}", self.sentence())
    }

    /// What lists are ordered by: severity, account, user, credential, rule.
    pub(crate) fn order(&self) -> impl Ord + '_ {
        (self.severity(), &self.assessed.account_id, &self.user, self.credential, self.rule)
    }

    /// One sentence for the owner of the account: what was observed, its age and the limit. A cell of any
    /// length is shortened in it.
    pub fn sentence(&self) -> String {
        let observed = shortened(&self.observed, TEXT_LIMIT);
        let days = |days: u32| if days == 1 { "1 day".to_owned() } else { format!("{days} days") };
        let age = self.age_days.map(days).unwrap_or_default();
        let limit = self.limit_days.map(days).unwrap_or_default();
        let credential = match self.credential {
            Credential::AccessKey1 => "access key 1",
            Credential::AccessKey2 => "access key 2",
            Credential::Certificate1 => "certificate 1",
            Credential::Certificate2 => "certificate 2",
            Credential::Password => "the password",
            Credential::Mfa | Credential::Root | Credential::Additional => "",
        };
        match self.rule {
            RuleId::AccessKeyStale => format!("{credential} is {age} old, the limit is {limit}"),
            RuleId::AccessKeyUnused | RuleId::PasswordUnused => {
                format!("{credential} was not used for {age}, the limit is {limit}")
            }
            RuleId::ConsoleWithoutMfa => "has a password and no MFA device".to_owned(),
            RuleId::RootAccessKey => format!("root's {credential} is active"),
            RuleId::RootWithoutMfa => "root has credentials and no MFA device".to_owned(),
            RuleId::RootUsed => format!("root was used {age} ago, at {observed}"),
            RuleId::TwoActiveKeys => "both access keys are active".to_owned(),
            RuleId::KeyNeverUsedSinceSetup => {
                format!("has a password, and {credential} is active and was never used")
            }
            RuleId::CertificateStale => format!("{credential} is {age} old, the limit is {limit}"),
            RuleId::MoreCredentialsThanReported => {
                format!("has more credentials than the report shows: {observed}")
            }
        }
    }
}

/// See [`Finding::identity`]. The hash is the same in every process: its keys are fixed.
pub(crate) fn identity(account_id: &AccountId, user: &str, credential: Credential, rule: RuleId) -> u64 {
    let mut hasher = DefaultHasher::new();
    (account_id.as_str(), user, credential, rule).hash(&mut hasher);
    hasher.finish()
}

/// How many bytes of a name or of a cell stand in a sentence. IAM gives a user's name 64 characters.
const TEXT_LIMIT: usize = 600;

/// An account by its name and id, or by its id alone when it has no name.
fn account_in_words(account_id: &AccountId, name: &str) -> String {
    let name = shortened(name, TEXT_LIMIT);
    if name.trim().is_empty() { account_id.to_string() } else { format!("{name} ({account_id})") }
}

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
    pub report_generated: DateTime<Utc>,
    pub first_seen: NaiveDate,
    pub status: Status,
    pub verified: bool,
    pub exemption: Option<Cow<'f, Exempted>>,
    /// The rule's numbers in the CIS benchmark; empty when it has none.
    pub cis: Cow<'f, str>,
    /// What to do.
    pub remedy: Cow<'f, str>,
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

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::manifest::tests::{id, run};

    /// A finding of a stale key, and the same as another rule has it.
    pub(crate) fn finding(account: u64, user: &str, rule: RuleId) -> Finding {
        let limit_days = match Rule::of(rule).default {
            crate::rules::Setting::Days(days) => Some(days),
            _ => None,
        };
        Finding {
            assessed: Arc::new(Assessed {
                account_id: id(account),
                account_name: format!("account {account}"),
                as_of: run().as_of,
                report_generated: run().started,
            }),
            user: user.into(),
            arn: format!("arn:aws:iam::{account:012}:user/{user}").into(),
            credential: Credential::AccessKey1,
            rule,
            observed: "2025-01-31T01:00:00Z".into(),
            age_days: limit_days.map(|_| 365),
            limit_days,
            first_seen: run().date(),
            status: Status::New,
            verified: true,
            exemption: None,
        }
    }

    #[test]
    fn a_finding_is_one_and_the_same_by_account_user_credential_and_rule() {
        let one = finding(1, "anna", RuleId::AccessKeyStale);
        let later = Finding { age_days: Some(366), status: Status::Ongoing, ..one.clone() };
        assert_eq!(one.identity(), later.identity());
        let others = [
            finding(2, "anna", RuleId::AccessKeyStale),
            finding(1, "ben", RuleId::AccessKeyStale),
            finding(1, "anna", RuleId::AccessKeyUnused),
            Finding { credential: Credential::AccessKey2, ..one.clone() },
        ];
        for other in others {
            assert_ne!(one.identity(), other.identity());
        }
    }

    #[test]
    fn a_fingerprint_is_the_same_in_every_build() {
        let one = finding(1, "anna", RuleId::AccessKeyStale);
        // printf 000000000001/access_key_1/access-key-stale/anna | sha256sum
        assert_eq!(one.fingerprint(), "8b44a89245c1dd99c99b2a92db7d6f4cd44df82f9f592fef922c4ca52cf6bfe5");
        let later = Finding { age_days: Some(366), status: Status::Ongoing, ..one.clone() };
        assert_eq!(one.fingerprint(), later.fingerprint());
        for other in [
            finding(2, "anna", RuleId::AccessKeyStale),
            finding(1, "ben", RuleId::AccessKeyStale),
            finding(1, "anna", RuleId::AccessKeyUnused),
            Finding { credential: Credential::AccessKey2, ..one.clone() },
        ] {
            assert_ne!(one.fingerprint(), other.fingerprint());
        }
    }

    #[test]
    fn a_headline_is_one_line_with_the_user_and_the_account() {
        let known = finding(1, "a\nb\u{2028}", RuleId::TwoActiveKeys);
        assert_eq!(
            known.headline(),
            "a\u{fffd}b\u{fffd} in account 1 (000000000001): both access keys are active"
        );
        let assessed = Assessed { account_name: " ".into(), ..(*known.assessed).clone() };
        let unverified = Finding { assessed: Arc::new(assessed), verified: false, ..known };
        assert_eq!(
            unverified.headline(),
            "a\u{fffd}b\u{fffd} in 000000000001: both access keys are active \
             (not verified: nobody could look)"
        );
    }

    #[test]
    fn every_rule_has_a_sentence_for_the_owner() {
        let sentences: Vec<String> = RULES
            .iter()
            .map(|rule| format!("{}: {}", rule.id, finding(1, "anna", rule.id).sentence()))
            .collect();
        insta::assert_snapshot!(sentences.join("\n"));
    }
}
