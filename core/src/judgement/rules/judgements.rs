//! One function a rule. Each says what the report proves, in three-valued logic: a condition is
//! true, false, or not told.

use chrono::{DateTime, Utc};

use crate::judgement::rules::credential::Credential;
use crate::judgement::rules::verdict::{Flag, Judge, Judgement, Verdict};
use crate::report::{AccessKey, Cell, Column, User};

/// The columns of an access key: active, last rotated, last used.
const ACCESS_KEY_COLUMNS: [[Column; 3]; 2] = [
    [Column::AccessKey1Active, Column::AccessKey1LastRotated, Column::AccessKey1LastUsedDate],
    [Column::AccessKey2Active, Column::AccessKey2LastRotated, Column::AccessKey2LastUsedDate],
];
const CERTIFICATE_LAST_ROTATED: [Column; 2] = [Column::Cert1LastRotated, Column::Cert2LastRotated];

/// What a condition is known to be; `None` when the report does not tell.
type Known = Option<bool>;

pub(super) fn access_key_stale(user: &User<'_>, judge: &Judge) -> Judgement {
    user.access_keys.map(|key| {
        let [_, last_rotated, _] = columns(&key);
        let age = aged(key.last_rotated, last_rotated, judge);
        by_age(Credential::access_key(key.slot), key.active.value(), age, judge)
    })
}

pub(super) fn access_key_unused(user: &User<'_>, judge: &Judge) -> Judgement {
    if user.is_root() {
        return PASS;
    }
    user.access_keys.map(|key| {
        let [_, last_rotated, last_used] = columns(&key);
        let age = since_used((key.last_used, last_used), (key.last_rotated, last_rotated), judge);
        by_age(Credential::access_key(key.slot), key.active.value(), age, judge)
    })
}

pub(super) fn password_unused(user: &User<'_>, judge: &Judge) -> Judgement {
    if user.is_root() {
        return PASS;
    }
    let password = &user.password;
    let age = since_used(
        (password.last_used, Column::PasswordLastUsed),
        (password.last_changed, Column::PasswordLastChanged),
        judge,
    );
    one(by_age(Credential::Password, password.enabled.value(), age, judge))
}

pub(super) fn console_without_mfa(user: &User<'_>, _judge: &Judge) -> Judgement {
    if user.is_root() {
        return PASS;
    }
    let flagged = all([user.password.enabled.value(), not(user.mfa_active.value())]);
    one(verdict(flagged, Credential::Mfa, Column::MfaActive))
}

pub(super) fn root_access_key(user: &User<'_>, _judge: &Judge) -> Judgement {
    if !user.is_root() {
        return PASS;
    }
    user.access_keys.map(|key| {
        let [active, _, _] = columns(&key);
        verdict(key.active.value(), Credential::access_key(key.slot), active)
    })
}

pub(super) fn root_without_mfa(user: &User<'_>, _judge: &Judge) -> Judgement {
    // What the report says of root's MFA means nothing in GovCloud, and China has no root row.
    if !user.is_root() || matches!(user.partition, "aws-us-gov" | "aws-cn") {
        return PASS;
    }
    let password = match user.password.enabled {
        // The old dialect does not say whether root has a password; until organizations could
        // remove it, every root user had one.
        Cell::NotSupported => Some(true),
        enabled => enabled.value(),
    };
    let [key_1, key_2] = user.access_keys.map(|key| key.active.value());
    let flagged = all([any([password, key_1, key_2]), not(user.mfa_active.value())]);
    one(verdict(flagged, Credential::Mfa, Column::MfaActive))
}

pub(super) fn root_used(user: &User<'_>, judge: &Judge) -> Judgement {
    if !user.is_root() {
        return PASS;
    }
    let [key_1, key_2] = user.access_keys.map(|key| key.last_used);
    let uses = [
        (user.password.last_used, Column::PasswordLastUsed),
        (key_1, Column::AccessKey1LastUsedDate),
        (key_2, Column::AccessKey2LastUsedDate),
    ];
    let latest = uses
        .iter()
        .filter_map(|&(used, column)| Some((used.value()?, column)))
        // The first of equals, for the order of columns is all that tells them apart.
        .reduce(|latest, use_| if use_.0 > latest.0 { use_ } else { latest });
    if let Some((used, observed)) = latest {
        let age_days = age_days(used, judge);
        // A use is not lost because the account was not collected for some nights.
        let is_unseen = judge.last_collected.is_some_and(|collected| used > collected);
        if judge.flags(age_days) || is_unseen {
            return one(Verdict::Flagged(Flag {
                credential: Credential::Root,
                observed,
                age_days: Some(age_days),
            }));
        }
    }
    let told = uses.iter().all(|(used, _)| used.value().is_some() || is_never(*used));
    one(if told { Verdict::Pass } else { Verdict::NotAssessable(Credential::Root) })
}

pub(super) fn two_active_keys(user: &User<'_>, _judge: &Judge) -> Judgement {
    let active = user.access_keys.map(|key| key.active.value());
    // The second key is the one there should not be; which of them is older is another matter.
    one(verdict(all(active), Credential::AccessKey2, Column::AccessKey2Active))
}

pub(super) fn key_never_used_since_setup(user: &User<'_>, _judge: &Judge) -> Judgement {
    user.access_keys.map(|key| {
        let [_, _, last_used] = columns(&key);
        let never_used = match key.last_used {
            Cell::Value(_) => Some(false),
            used if is_never(used) => Some(true),
            _ => None,
        };
        let flagged = all([user.password.enabled.value(), key.active.value(), never_used]);
        verdict(flagged, Credential::access_key(key.slot), last_used)
    })
}

pub(super) fn certificate_stale(user: &User<'_>, judge: &Judge) -> Judgement {
    user.certificates.map(|certificate| {
        let column = CERTIFICATE_LAST_ROTATED[usize::from(certificate.slot) - 1];
        let age = aged(certificate.last_rotated, column, judge);
        let credential = Credential::certificate(certificate.slot);
        by_age(credential, certificate.active.value(), age, judge)
    })
}

pub(super) fn more_credentials_than_reported(user: &User<'_>, _judge: &Judge) -> Judgement {
    let flagged = match user.additional_credentials {
        Cell::Value(more) => Some(more != "0"),
        Cell::NotApplicable => Some(false),
        _ => None,
    };
    one(verdict(flagged, Credential::Additional, Column::AdditionalCredentialsInfo))
}

const PASS: Judgement = [Verdict::Pass; 2];

fn one(verdict: Verdict) -> Judgement {
    [verdict, Verdict::Pass]
}

fn columns(key: &AccessKey<'_>) -> [Column; 3] {
    ACCESS_KEY_COLUMNS[usize::from(key.slot) - 1]
}

/// A time's age in days and the column it stands in.
type Age = Option<(u32, Column)>;

/// The age of a time; `None` when there is none.
fn aged(time: Cell<DateTime<Utc>>, column: Column, judge: &Judge) -> Age {
    time.value().map(|time| (age_days(time, judge), column))
}

/// The age of the last use; of the beginning when there was none.
fn since_used(
    (used, used_column): (Cell<DateTime<Utc>>, Column),
    (begun, begun_column): (Cell<DateTime<Utc>>, Column),
    judge: &Judge,
) -> Age {
    if is_never(used) { aged(begun, begun_column, judge) } else { aged(used, used_column, judge) }
}

/// Whether a use is told to have never been, or not since tracking began.
fn is_never(used: Cell<DateTime<Utc>>) -> bool {
    matches!(used, Cell::NotApplicable | Cell::NoInformation)
}

/// Whole days, rounded down. What happened after `as_of`, for the report is minutes younger than
/// the run, or the caller looks back, is no day old.
fn age_days(time: DateTime<Utc>, judge: &Judge) -> u32 {
    u32::try_from((judge.as_of - time).num_days()).unwrap_or(0)
}

fn by_age(credential: Credential, active: Known, age: Age, judge: &Judge) -> Verdict {
    match (active, age) {
        (Some(false), _) => Verdict::Pass,
        (_, Some((age_days, _))) if !judge.flags(age_days) => Verdict::Pass,
        (Some(true), Some((age_days, observed))) => {
            Verdict::Flagged(Flag { credential, observed, age_days: Some(age_days) })
        }
        (None, _) | (_, None) => Verdict::NotAssessable(credential),
    }
}

fn verdict(flagged: Known, credential: Credential, observed: Column) -> Verdict {
    match flagged {
        Some(true) => Verdict::Flagged(Flag { credential, observed, age_days: None }),
        Some(false) => Verdict::Pass,
        None => Verdict::NotAssessable(credential),
    }
}

fn not(condition: Known) -> Known {
    condition.map(|condition| !condition)
}

/// False if one is false, whatever the others are; true if all are true; else not told.
fn all<const N: usize>(conditions: [Known; N]) -> Known {
    if conditions.contains(&Some(false)) {
        Some(false)
    } else if conditions.contains(&None) {
        None
    } else {
        Some(true)
    }
}

/// True if one is true, whatever the others are; false if all are false; else not told.
fn any<const N: usize>(conditions: [Known; N]) -> Known {
    not(all(conditions.map(not)))
}
