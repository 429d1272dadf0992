//! What makes a finding the same one in two runs: the credential it is about.
//!
//! The report has no ids. A key or certificate is known by the second it was made in, because it may be
//! listed in the other slot once its neighbour is deleted; a user by name and creation time, because a
//! name may be given again; a use of root by its time. Identities are compared whole: a person who chooses
//! names can make a hash collide.

use std::fmt::Write;

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use crate::judgement::finding::{Creation, Finding};
use crate::judgement::rules::{Credential, RuleId};
use crate::report::{User, is_same_value, time_of};
use crate::text::time::format_time;

/// What a rule looked at, and what tells it from the rest.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject<'f> {
    rule: RuleId,
    credential: Credential,
    pub(crate) creation: Creation,
    /// When the key or certificate in the other slot was made.
    other: Option<DateTime<Utc>>,
    observed: &'f str,
}

/// How sure it is that an earlier finding is the same: the order is that of preference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Likeness {
    /// By its slot, because one of the two does not say when it was made.
    Slot,
    /// By the time it was made, in another slot.
    Time,
    /// By both.
    TimeAndSlot,
}

impl<'f> Subject<'f> {
    /// What `rule` looks at in a credential of `user`. `observed` is the cell that shows it.
    pub(crate) fn of(rule: RuleId, credential: Credential, user: &User<'_>, observed: &'f str) -> Self {
        let [own, other] = match slot_of(rule, credential) {
            Some((Kind::AccessKey, slot)) => {
                [slot, 1 - slot].map(|place| user.access_keys[place].last_rotated.value())
            }
            Some((Kind::Certificate, slot)) => {
                [slot, 1 - slot].map(|place| user.certificates[place].last_rotated.value())
            }
            None => [None, None],
        };
        let is_ambiguous = own.is_some() && own == other;
        let creation = Creation { user: user.created.value(), credential: own, is_ambiguous };
        Self { rule, credential, creation, other, observed }
    }

    /// What a finding is about.
    pub(crate) fn of_finding(finding: &'f Finding) -> Self {
        let Finding { rule, credential, creation, observed, .. } = finding;
        Self { rule: *rule, credential: *credential, creation: *creation, other: None, observed }
    }

    /// The place of the finding that is about the same, among those of the same account and user name.
    pub(crate) fn place_in(&self, earlier: &[Finding]) -> Option<usize> {
        let places = earlier.iter().enumerate();
        let alike = places.filter_map(|(place, finding)| Some((self.likeness(finding)?, place)));
        // The first of equals.
        alike.reduce(|best, one| if one.0 > best.0 { one } else { best }).map(|(_, place)| place)
    }

    /// Whether a finding of the same account and user name may be about the same, as far as anything
    /// says.
    pub(crate) fn may_be(&self, earlier: &Finding) -> bool {
        let slots = [self.slot(), slot_of(earlier.rule, earlier.credential)];
        match slots {
            _ if earlier.rule != self.rule || !self.may_be_of_user(earlier) => false,
            [Some((kind, _)), Some((earlier_kind, _))]
                if kind == earlier_kind
                    && self.is_of_unknown_time()
                    && earlier.creation.credential.is_some() =>
            {
                // Not the one that is seen in the other slot.
                earlier.creation.credential != self.other
            }
            [None, None] => true,
            _ => self.likeness(earlier).is_some(),
        }
    }

    /// Whether it is a key or certificate that the report does not say the time of.
    pub(crate) fn is_of_unknown_time(&self) -> bool {
        self.slot().is_some() && self.creation.credential.is_none()
    }

    fn likeness(&self, earlier: &Finding) -> Option<Likeness> {
        if earlier.rule != self.rule || !self.may_be_of_user(earlier) {
            return None;
        }
        let is_in_slot = earlier.credential == self.credential;
        let (Some((kind, _)), Some((earlier_kind, _))) =
            (self.slot(), slot_of(earlier.rule, earlier.credential))
        else {
            let is_same = self.rule != RuleId::RootUsed || is_same_value(self.observed, &earlier.observed);
            return (is_in_slot && is_same).then_some(Likeness::TimeAndSlot);
        };
        match (self.creation.credential, earlier.creation.credential) {
            _ if kind != earlier_kind => None,
            (Some(made), Some(before)) if made != before => None,
            (Some(_), Some(_)) if is_in_slot => Some(Likeness::TimeAndSlot),
            (Some(_), Some(_)) => (!self.creation.is_ambiguous).then_some(Likeness::Time),
            (None, Some(before)) if Some(before) == self.other => None,
            _ => is_in_slot.then_some(Likeness::Slot),
        }
    }

    fn slot(&self) -> Option<(Kind, usize)> {
        slot_of(self.rule, self.credential)
    }

    fn may_be_of_user(&self, earlier: &Finding) -> bool {
        let created = [self.creation.user, earlier.creation.user];
        created.contains(&None) || created[0] == created[1]
    }

    /// The identity for other programs to keep: the SHA-256, in hexadecimal, of
    /// `ACCOUNT/RULE/CREDENTIAL/USER-CREATED/USER`. It is a contract, so it does not depend on how this
    /// program is built. `CREDENTIAL` is that of [`Self::name`]. The user stands last, because its name
    /// may have a slash.
    fn fingerprint(&self, account_id: &str, user: &str) -> String {
        let created = self.creation.user.map(format_time).unwrap_or_default();
        let identity = format!("{account_id}/{}/{}/{created}/{user}", self.rule, self.name());
        Sha256::digest(identity).iter().fold(String::with_capacity(64), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    /// A key by its kind and creation time, as `access_key@2026-01-31T01:00:00Z`; with its slot, as
    /// `access_key_1@2026-01-31T01:00:00Z`, when the other was made in the same second, or when it is not
    /// told when. A use of root by its time, `root@2026-01-31T01:00:00Z`; all else by its name.
    fn name(&self) -> String {
        let credential = self.credential.as_str();
        let Some((kind, _)) = self.slot() else {
            return match self.rule {
                RuleId::RootUsed => {
                    let used = time_of(self.observed).map(format_time);
                    format!("{credential}@{}", used.as_deref().unwrap_or(self.observed))
                }
                _ => credential.to_owned(),
            };
        };
        match self.creation.credential.map(format_time) {
            Some(made) if !self.creation.is_ambiguous => format!("{}@{made}", kind.as_str()),
            made => format!("{credential}@{}", made.unwrap_or_default()),
        }
    }
}

impl Finding {
    /// The identity for other programs to keep; `docs/findings.md` says what it is made of.
    pub(crate) fn fingerprint(&self) -> String {
        Subject::of_finding(self).fingerprint(self.assessed.account_id.as_str(), &self.user)
    }
}

/// What there are two slots for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    AccessKey,
    Certificate,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Self::AccessKey => "access_key",
            Self::Certificate => "certificate",
        }
    }
}

/// The kind and the place of the slot that a rule looks at; `None` when it looks at the whole user.
fn slot_of(rule: RuleId, credential: Credential) -> Option<(Kind, usize)> {
    match credential {
        // It is about both keys.
        _ if rule == RuleId::TwoActiveKeys => None,
        Credential::AccessKey1 => Some((Kind::AccessKey, 0)),
        Credential::AccessKey2 => Some((Kind::AccessKey, 1)),
        Credential::Certificate1 => Some((Kind::Certificate, 0)),
        Credential::Certificate2 => Some((Kind::Certificate, 1)),
        Credential::Password | Credential::Mfa | Credential::Root | Credential::Additional => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judgement::finding::Status;
    use crate::testing::finding;
    use crate::text::time::parse_as_of;

    const ALL_KINDS: [RuleId; 5] = [
        RuleId::AccessKeyStale,
        RuleId::CertificateStale,
        RuleId::ConsoleWithoutMfa,
        RuleId::TwoActiveKeys,
        RuleId::RootUsed,
    ];

    fn about(rule: RuleId) -> Finding {
        let credential = match rule {
            RuleId::CertificateStale => Credential::Certificate1,
            RuleId::ConsoleWithoutMfa => Credential::Mfa,
            RuleId::TwoActiveKeys => Credential::AccessKey2,
            RuleId::RootUsed => Credential::Root,
            _ => Credential::AccessKey1,
        };
        let flagged = finding(1, "anna", rule);
        let made = flagged.creation.credential.filter(|_| slot_of(rule, credential).is_some());
        Finding { credential, creation: Creation { credential: made, ..flagged.creation }, ..flagged }
    }

    fn is_same(one: &Finding, other: &Finding) -> bool {
        Subject::of_finding(one).place_in(std::slice::from_ref(other)).is_some()
    }

    #[test]
    fn a_fingerprint_is_the_same_in_every_build() {
        let one = about(RuleId::AccessKeyStale);
        // printf '000000000001/access-key-stale/access_key@2025-01-31T01:00:00Z/2015-02-18T01:00:00Z/anna' | sha256sum
        assert_eq!(one.fingerprint(), "e988bfaf2bea6183b25addcaf357980d176417aa444c6afca90ca757121fc6c7");
        // printf '000000000001/root-used/root@2025-01-31T01:00:00Z/2015-02-18T01:00:00Z/anna' | sha256sum
        assert_eq!(
            about(RuleId::RootUsed).fingerprint(),
            "92997dae69fca8aaebbfde3441db2484d954d631110957c7c029909066e7304e"
        );
        // printf '000000000001/console-without-mfa/mfa/2015-02-18T01:00:00Z/anna' | sha256sum
        assert_eq!(
            about(RuleId::ConsoleWithoutMfa).fingerprint(),
            "5833253aafa67290d1f6a1b1c9a2f9e31173cd3c4b67a79245710deabe5e33a5"
        );
    }

    #[test]
    fn what_a_later_night_says_of_the_same_credential_is_the_same_finding() {
        for rule in ALL_KINDS {
            let one = about(rule);
            let later = Finding { age_days: Some(366), status: Status::Ongoing, ..one.clone() };
            assert!(is_same(&one, &later), "{rule}");
            assert_eq!(one.fingerprint(), later.fingerprint(), "{rule}");
        }
    }

    #[test]
    fn another_account_user_rule_or_creation_is_another_fingerprint() {
        for rule in ALL_KINDS {
            let one = about(rule);
            let later = Some(parse_as_of("2026-01-01").unwrap());
            let mut others = vec![
                Finding { assessed: finding(2, "anna", rule).assessed, ..one.clone() },
                Finding { user: "ben".into(), ..one.clone() },
                Finding { rule: RuleId::KeyNeverUsedSinceSetup, ..one.clone() },
                Finding { creation: Creation { user: later, ..one.creation }, ..one.clone() },
            ];
            if one.creation.credential.is_some() {
                others.push(Finding {
                    creation: Creation { credential: later, ..one.creation },
                    ..one.clone()
                });
            }
            if rule == RuleId::RootUsed {
                others.push(Finding { observed: "2026-01-01T00:00:00Z".into(), ..one.clone() });
            }
            for other in others {
                assert_ne!(one.fingerprint(), other.fingerprint(), "{rule}");
            }
        }
    }

    #[test]
    fn a_slot_counts_only_where_nothing_better_is_told() {
        let one = about(RuleId::AccessKeyStale);
        let moved = Finding { credential: Credential::AccessKey2, ..one.clone() };
        assert!(is_same(&moved, &one));
        assert_eq!(moved.fingerprint(), one.fingerprint());
        let untold = |finding: &Finding| Finding { creation: Creation::default(), ..finding.clone() };
        assert!(is_same(&untold(&one), &one) && is_same(&one, &untold(&one)));
        assert!(!is_same(&untold(&moved), &one) && !is_same(&moved, &untold(&one)));
        let ambiguous = |finding: &Finding| Finding {
            creation: Creation { is_ambiguous: true, ..finding.creation },
            ..finding.clone()
        };
        assert!(is_same(&ambiguous(&one), &one) && !is_same(&ambiguous(&moved), &one));
        assert_ne!(ambiguous(&moved).fingerprint(), ambiguous(&one).fingerprint());
        let certificate = Finding { credential: Credential::Certificate1, ..one.clone() };
        assert!(!is_same(&certificate, &one), "made in the same second, and no key");
    }

    #[test]
    fn of_several_that_may_be_the_same_the_surest_counts() {
        let one = about(RuleId::AccessKeyStale);
        let untold = Finding { creation: Creation::default(), ..one.clone() };
        let moved = Finding { credential: Credential::AccessKey2, ..one.clone() };
        let subject = Subject::of_finding(&one);
        assert_eq!(subject.place_in(&[untold.clone(), moved.clone(), one.clone()]), Some(2));
        assert_eq!(subject.place_in(&[untold.clone(), moved]), Some(1));
        assert_eq!(subject.place_in(&[untold]), Some(0));
    }
}
