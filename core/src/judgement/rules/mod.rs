//! The rules: what makes a credential a finding. One table says everything about a rule that a
//! person may ask, and [`judgements`] has one function for each.
//!
//! A rule never guesses. A credential passes because the report says so, is flagged because the
//! report says so, or is not assessable because the report does not say: three outcomes, and the
//! third is counted and shown.

mod credential;
mod judgements;
mod verdict;

use std::fmt;

use serde::{Deserialize, Serialize};
use strum::VariantArray;

use crate::report::User;

pub use credential::Credential;
pub use verdict::{Boundary, Flag, Verdict};
pub(crate) use verdict::{Judge, Judgement};

/// The name of a rule. The names are a contract: findings, parameters, flags and exemptions use
/// them.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    strum::Display,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case", parse_err_ty = UnknownRule, parse_err_fn = unknown_rule)]
#[allow(missing_docs, reason = "the table has a sentence for each")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum RuleId {
    AccessKeyStale,
    AccessKeyUnused,
    PasswordUnused,
    ConsoleWithoutMfa,
    RootAccessKey,
    RootWithoutMfa,
    RootUsed,
    TwoActiveKeys,
    KeyNeverUsedSinceSetup,
    CertificateStale,
    MoreCredentialsThanReported,
}

/// How bad a finding is. The order is that of lists: worst first.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    strum::Display,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
#[allow(missing_docs, reason = "each is the severity of its name")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Severity {
    Critical,
    High,
    Medium,
    Low,
}

/// How a rule is set: off, on, or with a limit in days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    /// The rule is not applied.
    Off,
    /// The rule is applied; it has no limit.
    On,
    /// The rule is applied with this limit, in whole days.
    Days(u32),
}

/// The numbers of a rule in the CIS AWS Foundations Benchmark, by the benchmark's version; empty
/// where it has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cis {
    /// Versions 1.4 to 4.0.
    pub v1_4_to_v4_0: &'static str,
    /// Version 5.0.
    pub v5_0: &'static str,
    /// Version 6.0.
    pub v6_0: &'static str,
    /// Version 7.0.
    pub v7_0: &'static str,
}

/// All there is to say about a rule.
#[derive(Debug)]
pub struct Rule {
    /// Its name.
    pub id: RuleId,
    /// How bad a finding of it is.
    pub severity: Severity,
    /// How it is set unless the deployment says otherwise.
    pub default: Setting,
    /// Which ages it flags, for a rule that looks at one.
    pub boundary: Option<Boundary>,
    /// Its numbers in the CIS benchmark.
    pub cis: Cis,
    /// When a credential is a finding: a clause. "The limit" is the setting's days, and an age is in whole
    /// days, rounded down.
    pub condition: &'static str,
    /// Why it is a rule: one sentence.
    pub reason: &'static str,
    /// What to do about a finding: one sentence or two, for the owner of the account.
    pub remedy: &'static str,
    judge: fn(&User<'_>, &Judge) -> Judgement,
}

const fn cis(v1_4_to_v4_0: &'static str, v5_0: &'static str, v6_0: &'static str, v7_0: &'static str) -> Cis {
    Cis { v1_4_to_v4_0, v5_0, v6_0, v7_0 }
}

/// Every rule, in the order of [`RuleId`].
pub static RULES: [Rule; 11] = [
    Rule {
        id: RuleId::AccessKeyStale,
        severity: Severity::High,
        default: Setting::Days(90),
        boundary: Some(Boundary::Above),
        cis: cis("1.14", "1.13", "2.13", "2.12"),
        condition: "a key is active and older than the limit",
        reason: "An access key that is never rotated stays good for whoever copied it, however long ago.",
        remedy: "Make a new access key, move what uses the old one to it, then deactivate and delete the old one; better, use a role and no key at all.",
        judge: judgements::access_key_stale,
    },
    Rule {
        id: RuleId::AccessKeyUnused,
        severity: Severity::Medium,
        default: Setting::Days(45),
        boundary: Some(Boundary::AtLeast),
        cis: cis("1.12", "1.11", "2.11", "2.11"),
        condition: "a key is active and was not used for the limit or longer; not root's",
        reason: "A key that nobody uses is missed by nobody when it is stolen.",
        remedy: "Deactivate the access key, and delete it when nothing has failed for some days.",
        judge: judgements::access_key_unused,
    },
    Rule {
        id: RuleId::PasswordUnused,
        severity: Severity::Medium,
        default: Setting::Days(45),
        boundary: Some(Boundary::AtLeast),
        cis: cis("1.12", "1.11", "2.11", "2.11"),
        condition: "there is a password and it was not used for the limit or longer; not root's",
        reason: "A console password that nobody uses often belongs to somebody who has left.",
        remedy: "Delete the user's login profile, and the user if nobody needs it.",
        judge: judgements::password_unused,
    },
    Rule {
        id: RuleId::ConsoleWithoutMfa,
        severity: Severity::High,
        default: Setting::On,
        boundary: None,
        cis: cis("1.10", "1.9", "2.9", "2.10"),
        condition: "there is a password and no MFA device; not root's",
        reason: "A password alone opens the console to whoever guesses, phishes or finds it.",
        remedy: "Have the user register an MFA device, or delete the login profile.",
        judge: judgements::console_without_mfa,
    },
    Rule {
        id: RuleId::RootAccessKey,
        severity: Severity::Critical,
        default: Setting::On,
        boundary: None,
        cis: cis("1.4", "1.3", "2.3", "2.4"),
        condition: "the root user has an active key",
        reason: "A root access key may do everything in the account, and no policy in it can hold it back.",
        remedy: "Find what uses the key, give that a role, then delete the root user's access key.",
        judge: judgements::root_access_key,
    },
    Rule {
        id: RuleId::RootWithoutMfa,
        severity: Severity::Critical,
        default: Setting::On,
        boundary: None,
        cis: cis("1.5", "1.4", "2.4", "2.5"),
        condition: "the root user has a password or an active key, and no MFA device; not in GovCloud or China",
        reason: "The root user may do everything in the account, and one secret alone guards it.",
        remedy: "Register an MFA device for the root user, or remove its credentials from the organization's management account.",
        judge: judgements::root_without_mfa,
    },
    Rule {
        id: RuleId::RootUsed,
        severity: Severity::High,
        default: Setting::Days(1),
        boundary: Some(Boundary::AtMost),
        cis: cis("1.7", "1.6", "2.6", "2.7"),
        condition: "the root user was last used at most this many days ago, or since the account's last collected report",
        reason: "The root user is for the few tasks that nobody else can do, so each use should be known to somebody.",
        remedy: "Ask who used the root user and what for; look at CloudTrail for the time if nobody knows.",
        judge: judgements::root_used,
    },
    Rule {
        id: RuleId::TwoActiveKeys,
        severity: Severity::Low,
        default: Setting::On,
        boundary: None,
        cis: cis("1.13", "1.12", "2.12", ""),
        condition: "both keys of a user are active",
        reason: "Two active keys are meant for the minutes of a rotation; afterwards one of them is forgotten.",
        remedy: "Finish the rotation: deactivate the access key that is no longer used, then delete it.",
        judge: judgements::two_active_keys,
    },
    Rule {
        id: RuleId::KeyNeverUsedSinceSetup,
        severity: Severity::Low,
        default: Setting::On,
        boundary: None,
        cis: cis("1.11", "1.10", "2.10", ""),
        condition: "there is a password, and an active key was never used",
        reason: "A key made along with a console user and never used was made for no reason.",
        remedy: "Delete the access key; a user who needs one can make it when the need comes.",
        judge: judgements::key_never_used_since_setup,
    },
    Rule {
        id: RuleId::CertificateStale,
        severity: Severity::Medium,
        default: Setting::Days(90),
        boundary: Some(Boundary::Above),
        cis: cis("", "", "", ""),
        condition: "a signing certificate is active and older than the limit",
        reason: "A signing certificate is as good as an access key, and forgotten more easily.",
        remedy: "Replace the signing certificate if something still uses it, then deactivate and delete the old one.",
        judge: judgements::certificate_stale,
    },
    Rule {
        id: RuleId::MoreCredentialsThanReported,
        severity: Severity::Medium,
        default: Setting::On,
        boundary: None,
        cis: cis("", "", "", ""),
        condition: "the report says that there are keys or certificates it has no columns for",
        reason: "The report has room for two keys and two certificates, and what a user has beyond them no rule has looked at.",
        remedy: "List the user's access keys and certificates in the account, and delete all but the one that is needed.",
        judge: judgements::more_credentials_than_reported,
    },
];

impl Rule {
    /// The rule of this name.
    pub fn of(id: RuleId) -> &'static Self {
        &RULES[id as usize]
    }

    pub(crate) fn judge(&self, user: &User<'_>, judge: &Judge) -> Judgement {
        (self.judge)(user, judge)
    }
}

impl RuleId {
    /// The name as it is written everywhere.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// The name of the template's parameter that sets it, such as `AccessKeyStale`.
    pub fn parameter(self) -> String {
        let capitalized = |word: &str| word[..1].to_uppercase() + &word[1..];
        self.as_str().split('-').map(capitalized).collect()
    }
}

/// A rule that does not exist.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no rule {name:?}: the rules are {}", RULES.each_ref().map(|rule| rule.id.as_str()).join(", "))]
pub struct UnknownRule {
    /// What was given instead.
    pub name: String,
}

fn unknown_rule(name: &str) -> UnknownRule {
    UnknownRule { name: name.to_owned() }
}

impl Severity {
    /// Every severity, worst first.
    pub const ALL: &'static [Self] = Self::VARIANTS;

    /// The name as it is written everywhere.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

impl fmt::Display for Cis {
    /// Such as `1.14 (v1.4-4.0), 1.13 (v5.0)`; nothing when the benchmark has no such control.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers =
            [(self.v1_4_to_v4_0, "v1.4-4.0"), (self.v5_0, "v5.0"), (self.v6_0, "v6.0"), (self.v7_0, "v7.0")];
        let mut separator = "";
        for (number, version) in numbers.into_iter().filter(|(number, _)| !number.is_empty()) {
            write!(formatter, "{separator}{number} ({version})")?;
            separator = ", ";
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_every_rule_at_its_place() {
        for (place, rule) in RULES.iter().enumerate() {
            assert_eq!(rule.id as usize, place);
            assert_eq!(rule.id.as_str().parse(), Ok(rule.id));
            assert_eq!(serde_json::to_string(&rule.id).unwrap(), format!("\"{}\"", rule.id));
        }
    }

    #[test]
    fn the_table_is_the_one_that_was_agreed_on() {
        let table: Vec<String> = RULES
            .iter()
            .map(|rule| {
                format!(
                    "{} | {} | {:?} {:?} | {}",
                    rule.id, rule.severity, rule.default, rule.boundary, rule.cis
                )
            })
            .collect();
        insta::assert_snapshot!(table.join("\n"));
    }

    #[test]
    fn a_rule_has_a_boundary_when_it_has_a_limit() {
        for rule in &RULES {
            assert_eq!(rule.boundary.is_some(), matches!(rule.default, Setting::Days(_)), "{}", rule.id);
        }
        let flagged = |boundary: Boundary| [44, 45, 46].map(|age_days| boundary.flags(age_days, 45));
        assert_eq!(flagged(Boundary::Above), [false, false, true]);
        assert_eq!(flagged(Boundary::AtLeast), [false, true, true]);
        assert_eq!(flagged(Boundary::AtMost), [true, true, false]);
    }

    #[test]
    fn the_table_in_the_docs_is_the_same() {
        const DOCS: &str = include_str!("../../../../docs/findings.md");
        for rule in &RULES {
            let start = format!("| `{}` | {} | {} | ", rule.id, rule.severity, rule.condition);
            let end = format!(" | {} | {} |", rule.default, rule.cis);
            let line = DOCS.lines().find(|line| line.starts_with(&start)).expect(&start);
            assert!(line.ends_with(&end), "{line} does not end in {end}");
        }
    }

    #[test]
    fn a_reason_is_one_sentence_and_a_remedy_says_what_to_do() {
        for rule in &RULES {
            assert_eq!(rule.reason.matches(". ").count(), 0, "{}", rule.id);
            assert!(rule.reason.ends_with('.') && rule.remedy.ends_with('.'), "{}", rule.id);
        }
    }

    #[test]
    fn an_unknown_rule_is_refused_with_the_ones_there_are() {
        let message = "access-key-old".parse::<RuleId>().unwrap_err().to_string();
        assert!(message.starts_with("there is no rule \"access-key-old\": the rules are access-key-stale,"));
        assert!(message.ends_with("more-credentials-than-reported"));
    }

    #[test]
    fn every_credential_has_one_name() {
        for (credential, name) in [
            (Credential::AccessKey1, "access_key_1"),
            (Credential::AccessKey2, "access_key_2"),
            (Credential::Password, "password"),
            (Credential::Mfa, "mfa"),
            (Credential::Certificate1, "certificate_1"),
            (Credential::Certificate2, "certificate_2"),
            (Credential::Root, "root"),
            (Credential::Additional, "additional"),
        ] {
            assert_eq!(credential.as_str(), name);
            assert_eq!(serde_json::to_string(&credential).unwrap(), format!("\"{name}\""));
        }
    }
}
