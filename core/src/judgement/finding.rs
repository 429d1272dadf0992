//! Findings: what the rules flagged, with everything that explains it.
//!
//! A [`Finding`] is how a run holds one, small, for there may be a million. A [`FindingRecord`] is
//! how it is written: one flat record with every field, in `findings.jsonl` exactly, and in
//! `findings.csv` safe for a spreadsheet. Two more forms are those of others: SARIF, and the AWS
//! Security Finding Format.

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

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
    /// When IAM generated the report; `None` when only the time of a file is known.
    pub report_generated: Option<DateTime<Utc>>,
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
    /// Which of the user's credentials, by the slot that the report shows it in.
    pub credential: Credential,
    /// When user and credential were created: what makes it the same finding in two runs.
    pub creation: Creation,
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

/// When what a finding is about was created.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Creation {
    /// The user; `None` when the report does not say.
    pub user: Option<DateTime<Utc>>,
    /// The access key or certificate; `None` when the report does not say, and for all else.
    pub credential: Option<DateTime<Utc>>,
    /// Whether the other key or certificate of the user was made in the same second, so that only their
    /// slots tell them apart.
    pub is_ambiguous: bool,
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

    /// The sentence for those who have nothing but it: on one line, with the user and the account.
    pub(crate) fn headline(&self) -> String {
        let Assessed { account_id, account_name, .. } = &*self.assessed;
        let unverified = if self.verified { "" } else { " (not verified: nobody could look)" };
        let account = account_in_words(account_id, account_name);
        let user = shortened(&self.user, TEXT_LIMIT);
        format!("{user} in {account}: {}{unverified}", one_line(&self.sentence()))
    }

    /// What lists are ordered by: severity, account, user, credential, rule. The rest only brings what
    /// was kept from the run before into one order with what stands in the same slot now.
    pub(crate) fn order(&self) -> impl Ord + '_ {
        (self.severity(), &self.assessed.account_id, &self.user, self.credential, self.rule, self.creation)
    }

    /// One sentence for the owner of the account: what was observed, its age and the limit, and whether
    /// the credential can be told from the user's other one. Untrusted text, because a cell may stand in
    /// it, of which only the length is limited.
    pub fn sentence(&self) -> String {
        let mut sentence = self.observation();
        if self.creation.is_ambiguous {
            sentence.push_str("; the other one was made in the same second");
        }
        sentence
    }

    fn observation(&self) -> String {
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
