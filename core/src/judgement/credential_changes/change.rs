//! What a comparison says: the changes, and what can't be compared.

use serde::Serialize;
use strum::VariantArray;

use crate::identifiers::account_id::AccountId;
use crate::judgement::rules::Credential;
use crate::report::{Tally, Unreadable};

/// What two reports of one account say when they are held together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportComparison {
    /// The changes, by user, credential and kind.
    pub changes: Vec<CredentialChange>,
    /// What can't be compared, by user, credential and reason.
    pub not_comparable: Vec<NotComparable>,
    /// The rows of the old report.
    pub old: Tally,
    /// The rows of the new one.
    pub new: Tally,
}

/// One of the two reports can't be read, and nothing is compared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnreadableReport {
    /// It is the old one, whatever the new one is.
    #[error("the old report can't be read")]
    Old(#[source] Unreadable),
    /// It is the new one.
    #[error("the new report can't be read")]
    New(#[source] Unreadable),
}

/// One thing that is otherwise in the new report than in the old one. As JSON, its fields are its
/// own: no object is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CredentialChange {
    /// The account.
    pub account_id: AccountId,
    /// The user's name, `<root_account>` for the root user. Untrusted text.
    pub user: Box<str>,
    /// The user's ARN in the new report, or in the old one when the user is gone. Untrusted text.
    pub arn: Box<str>,
    /// Which of the user's credentials, by its slot in the new report, or in the old one when it is
    /// gone; `None` for the user itself.
    pub credential: Option<Credential>,
    /// What happened.
    pub kind: ChangeKind,
    /// What that means for the account: the effect of `kind`, except that a lost MFA device is neutral when
    /// the user has no credential left that it could protect.
    pub effect: Effect,
    /// The cell that shows it, as it stands in the old report; `None` when the user is not in there.
    /// Untrusted text.
    pub was: Option<Box<str>>,
    /// The same of the new report.
    pub is: Option<Box<str>>,
    /// Whether what is in a slot of a key or certificate now is active; `None` for all else, and when
    /// the new report does not say.
    pub active: Option<bool>,
    /// What can be signed in with, and MFA: what a user has who was created, or had who was deleted,
    /// as far as the report says. Empty for all else.
    pub credentials: Vec<Credential>,
}

/// What happened to a user or a credential. The names are a contract, and their order is that of
/// lists.
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
    strum::Display,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum ChangeKind {
    /// The old report has no user of this name. A user who was renamed is one created and one deleted.
    UserCreated,
    /// The name is that of another user, created at another time: whatever the old one had is gone.
    UserCreatedAnew,
    /// The new report has no user of this name.
    UserDeleted,
    /// There was no password.
    PasswordSet,
    /// There was a password, and there is none.
    PasswordRemoved,
    /// An MFA device was active, and none is.
    MfaLost,
    /// No MFA device was active, and one is.
    MfaGained,
    /// A key or certificate, active or not, where there was none.
    Appeared,
    /// There was a key or certificate, active or not, and there is none.
    Deleted,
    /// Another key, certificate or password in place of the one before.
    Rotated,
    /// Nothing active was in the slot, and the key or certificate in it now is.
    Activated,
    /// The key or certificate in the slot was active, and what is in it now is not.
    Deactivated,
    /// The root user, its password or a key, was used since any use that the old report knows of.
    RootUsed,
}

/// What a change means for the account. Lists are in this order: first what needs a look
/// first.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, strum::Display, strum::IntoStaticStr,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Effect {
    /// There is more to attack or less to protect it, or a credential was used that never should be.
    Riskier,
    /// One credential took the place of another.
    Neutral,
    /// There is less to attack, or more to protect it.
    Safer,
}

/// Something of a user that can't be compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NotComparable {
    /// The account.
    pub account_id: AccountId,
    /// The user's name, `<root_account>` for the root user. Untrusted text.
    pub user: Box<str>,
    /// Which of the user's credentials; `None` for the user itself, `root` for the root user's row or
    /// its use.
    pub credential: Option<Credential>,
    /// Why not.
    pub obstacle: Obstacle,
}

/// Why something can't be compared. The names are a contract, and their order is that of lists.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, strum::Display, strum::IntoStaticStr,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Obstacle {
    /// One of the reports, or both, does not say it.
    NotTold,
    /// The user is not in one of the reports, but that one has rows that can't be read, or none at
    /// all: the user may be in them.
    RowMayBeMissing,
    /// Two keys or certificates were made in the same second, and which of them changed can't be told.
    Indistinguishable,
}

impl CredentialChange {
    /// What lists of one account are ordered by: user, credential, kind.
    pub(super) fn order(&self) -> impl Ord + '_ {
        (&self.user, self.credential, self.kind)
    }

    /// One sentence on the user, without the user's name and without text that is not trusted.
    pub fn sentence(&self) -> String {
        let credential = self.credential.map(spoken).unwrap_or_default();
        let [was, is] = [&self.was, &self.is].map(|cell| cell.as_deref().unwrap_or_default());
        let state = match self.active {
            Some(true) => ", and active",
            Some(false) => ", and inactive",
            None => "",
        };
        match (self.kind, self.credential) {
            (ChangeKind::UserCreated, _) => format!("is a new user, {}", self.with_credentials()),
            (ChangeKind::UserCreatedAnew, _) => format!(
                "is another user of the same name, created {is} and not {was}, {}",
                self.with_credentials()
            ),
            (ChangeKind::UserDeleted, _) => format!("is gone, {}", self.with_credentials()),
            (ChangeKind::PasswordSet, _) => "has a password now".to_owned(),
            (ChangeKind::PasswordRemoved, _) => "has no password any more".to_owned(),
            (ChangeKind::MfaLost, _) => "has no MFA device any more".to_owned(),
            (ChangeKind::MfaGained, _) => "has an MFA device now".to_owned(),
            // Their cells are text of any kind.
            (ChangeKind::Appeared, Some(Credential::Additional)) => format!("now has {credential}"),
            (ChangeKind::Deleted, Some(Credential::Additional)) => format!("no longer has {credential}"),
            (ChangeKind::Appeared, _) => format!("{credential} is new{}{state}", made(is)),
            (ChangeKind::Deleted, _) => format!("{credential} is gone{}", made(was)),
            (ChangeKind::Rotated, Some(Credential::Password)) => format!("{credential} was changed at {is}"),
            (ChangeKind::Rotated, _) => {
                format!("{credential} is another one, made {is} and not {was}{state}")
            }
            (ChangeKind::Activated, _) => format!("{credential} is active now"),
            (ChangeKind::Deactivated, _) => format!("{credential} is no longer active"),
            (ChangeKind::RootUsed, _) => format!("root was used at {is}"),
        }
    }

    /// What the user came or went with. That the report shows nothing does not say there is nothing.
    fn with_credentials(&self) -> String {
        match self.credentials.as_slice() {
            [] => "with no active credential that the report shows".to_owned(),
            [only] => format!("with {}", spoken(*only)),
            [first @ .., last] => {
                let first: Vec<&str> = first.iter().copied().map(spoken).collect();
                format!("with {} and {}", first.join(", "), spoken(*last))
            }
        }
    }
}

/// When a key or certificate was made, if the cell is a time: none of the words starts with a digit.
fn made(cell: &str) -> String {
    if cell.starts_with(|first: char| first.is_ascii_digit()) {
        format!(", made {cell}")
    } else {
        String::new()
    }
}

fn spoken(credential: Credential) -> &'static str {
    match credential {
        Credential::AccessKey1 => "access key 1",
        Credential::AccessKey2 => "access key 2",
        Credential::Password => "the password",
        Credential::Mfa => "MFA",
        Credential::Certificate1 => "certificate 1",
        Credential::Certificate2 => "certificate 2",
        Credential::Root => "root",
        Credential::Additional => "more credentials than the report shows",
    }
}

impl ChangeKind {
    /// Every kind, in the order of lists.
    pub const ALL: &'static [Self] = Self::VARIANTS;

    /// The name as it is written everywhere.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// What a change of this kind means for the account.
    pub fn effect(self) -> Effect {
        match self {
            // Also a user who shows no credential, because the report does not cover every kind, and a key that
            // is inactive: keys begin active, so it may have been used since the old report.
            Self::UserCreated | Self::UserCreatedAnew | Self::Appeared => Effect::Riskier,
            Self::PasswordSet | Self::Activated | Self::MfaLost | Self::RootUsed => Effect::Riskier,
            Self::Rotated => Effect::Neutral,
            Self::UserDeleted | Self::PasswordRemoved | Self::MfaGained => Effect::Safer,
            Self::Deleted | Self::Deactivated => Effect::Safer,
        }
    }
}

impl Effect {
    /// The name as it is written everywhere.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

impl NotComparable {
    /// What lists of one account are ordered by: user, credential, reason.
    pub(super) fn order(&self) -> impl Ord + '_ {
        (&self.user, self.credential, self.obstacle)
    }
}

impl Obstacle {
    /// The name as it is written everywhere.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}
