//! Findings: what the rules flagged, with everything that explains it.
//!
//! A [`Finding`] is how a run holds one, small, for there may be a million. A [`FindingRecord`] is
//! how it is written: one flat record with every field, in `findings.jsonl` exactly, and in
//! `findings.csv` safe for a spreadsheet. Two more forms are those of others: SARIF, and the AWS
//! Security Finding Format.

use std::fmt::Write;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::identifiers::account_id::AccountId;
use crate::judgement::rules::{Credential, Rule, RuleId, Severity};
use crate::text::untrusted::{cut, one_line, shortened};

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

/// What a finding says of the exemption that covers it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exempted {
    /// Why. Text of the organization's own.
    pub reason: String,
    /// The last day it holds.
    pub expires: NaiveDate,
}

/// How a finding compares with the run before.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, strum::IntoStaticStr,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Status {
    /// The run before did not have it, or there is no run before.
    New,
    /// The run before had it.
    Ongoing,
}

impl Status {
    /// The name as it is written everywhere.
    pub fn as_str(self) -> &'static str {
        self.into()
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
    pub(crate) fn fingerprint(&self) -> String {
        let account_id = &self.assessed.account_id;
        let identity = format!("{account_id}/{}/{}/{}", self.credential.as_str(), self.rule, self.user);
        Sha256::digest(identity).iter().fold(String::with_capacity(64), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    /// The sentence for those who have nothing but it: on one line, with the user and the account.
    pub(crate) fn headline(&self) -> String {
        let Assessed { account_id, account_name, .. } = &*self.assessed;
        let unverified = if self.verified { "" } else { " (not verified: nobody could look)" };
        let account = account_in_words(account_id, account_name);
        let user = shortened(&self.user, TEXT_LIMIT);
        format!("{user} in {account}: {}{unverified}", one_line(&self.sentence()))
    }

    /// What lists are ordered by: severity, account, user, credential, rule.
    pub(crate) fn order(&self) -> impl Ord + '_ {
        (self.severity(), &self.assessed.account_id, &self.user, self.credential, self.rule)
    }

    /// One sentence for the owner of the account: what was observed, its age and the limit. Untrusted text,
    /// because a cell may stand in it, of which only the length is limited.
    pub fn sentence(&self) -> String {
        let observed = cut(&self.observed, TEXT_LIMIT);
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
pub(crate) fn account_in_words(account_id: &AccountId, name: &str) -> String {
    let name = shortened(name, TEXT_LIMIT);
    if name.trim().is_empty() { account_id.to_string() } else { format!("{name} ({account_id})") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judgement::rules::RULES;
    use crate::testing::finding;

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
