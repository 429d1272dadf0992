//! The users of one report, held while another is read: a user borrows from a buffer that the next
//! row uses again.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::identifiers::account_id::AccountId;
use crate::judgement::credential_changes::slots::Slot;
use crate::report;
use crate::report::{Cell, Column, Tally, Unreadable, User};

/// All users of one report by name, the root user among them.
pub(super) struct Users {
    by_name: BTreeMap<Box<str>, HeldUser>,
    pub(super) tally: Tally,
}

/// A user, as far as two reports are compared.
pub(super) struct HeldUser {
    pub(super) arn: Box<str>,
    pub(super) created: Stated<DateTime<Utc>>,
    pub(super) password_enabled: Stated<bool>,
    pub(super) password_changed: Stated<DateTime<Utc>>,
    /// `None` where what the report says of MFA means nothing.
    pub(super) mfa_active: Option<Stated<bool>>,
    pub(super) access_keys: [HeldSlot; 2],
    pub(super) certificates: [HeldSlot; 2],
    /// Whether there are more credentials than the report has columns for.
    pub(super) has_more: Stated<bool>,
    /// The last use of the password and of each access key.
    pub(super) uses: [Stated<DateTime<Utc>>; 3],
}

/// A cell and how it stands in the file.
pub(super) struct Stated<T> {
    pub(super) cell: Cell<T>,
    pub(super) text: Box<str>,
}

/// The cells of a slot for an access key or a certificate.
pub(super) struct HeldSlot {
    pub(super) active: Stated<bool>,
    pub(super) last_rotated: Stated<DateTime<Utc>>,
}

impl Users {
    /// Reads the report of `account_id`.
    ///
    /// # Errors
    /// [`Unreadable`], as [`report::read`].
    pub(super) fn read(account_id: &AccountId, bytes: &[u8]) -> Result<Self, Unreadable> {
        let mut by_name = BTreeMap::new();
        let read = report::read(bytes, account_id, |user| {
            by_name.insert(user.name().into(), HeldUser::of(&user));
        });
        let tally = match read {
            Err(Unreadable::NoRows) => Tally::default(),
            read => read?,
        };
        Ok(Self { by_name, tally })
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(AsRef::as_ref)
    }

    pub(super) fn get(&self, name: &str) -> Option<&HeldUser> {
        self.by_name.get(name)
    }

    /// Whether a user whose name is not in it does not exist. A report without a single row has lost at
    /// least the row of the root user; in China, which has no such row, it is not known.
    pub(super) fn are_complete(&self) -> bool {
        self.tally.rows > 0 && self.tally.bad_rows == 0
    }
}

impl HeldUser {
    fn of(user: &User<'_>) -> Self {
        // What the report says of root's MFA means nothing in GovCloud, and China has no root row.
        let mfa_means_nothing = user.is_root() && matches!(user.partition, "aws-us-gov" | "aws-cn");
        let has_more = match user.additional_credentials {
            Cell::Value(more) => Cell::Value(more != "0"),
            Cell::NotApplicable => Cell::Value(false),
            Cell::NoInformation => Cell::NoInformation,
            Cell::NotSupported => Cell::NotSupported,
            Cell::NotReported => Cell::NotReported,
        };
        let [key_1, key_2] = user.access_keys;
        let [certificate_1, certificate_2] = user.certificates;
        Self {
            arn: user.arn.into(),
            created: stated(user, user.created, Column::UserCreationTime),
            password_enabled: stated(user, user.password.enabled, Column::PasswordEnabled),
            password_changed: stated(user, user.password.last_changed, Column::PasswordLastChanged),
            mfa_active: (!mfa_means_nothing).then(|| stated(user, user.mfa_active, Column::MfaActive)),
            access_keys: [
                HeldSlot {
                    active: stated(user, key_1.active, Column::AccessKey1Active),
                    last_rotated: stated(user, key_1.last_rotated, Column::AccessKey1LastRotated),
                },
                HeldSlot {
                    active: stated(user, key_2.active, Column::AccessKey2Active),
                    last_rotated: stated(user, key_2.last_rotated, Column::AccessKey2LastRotated),
                },
            ],
            certificates: [
                HeldSlot {
                    active: stated(user, certificate_1.active, Column::Cert1Active),
                    last_rotated: stated(user, certificate_1.last_rotated, Column::Cert1LastRotated),
                },
                HeldSlot {
                    active: stated(user, certificate_2.active, Column::Cert2Active),
                    last_rotated: stated(user, certificate_2.last_rotated, Column::Cert2LastRotated),
                },
            ],
            has_more: stated(user, has_more, Column::AdditionalCredentialsInfo),
            uses: [
                stated(user, user.password.last_used, Column::PasswordLastUsed),
                stated(user, key_1.last_used, Column::AccessKey1LastUsedDate),
                stated(user, key_2.last_used, Column::AccessKey2LastUsedDate),
            ],
        }
    }
}

impl HeldUser {
    /// Whether the report says that there is no password, and shows nothing else that is active.
    pub(super) fn has_lost_every_credential(&self) -> bool {
        let mut slots = self.access_keys.iter().chain(&self.certificates);
        self.password_enabled.value() == Some(false)
            && self.has_more.value() != Some(true)
            && !slots.any(|slot| slot.slot().is_active == Some(true))
    }
}

fn stated<T>(user: &User<'_>, cell: Cell<T>, column: Column) -> Stated<T> {
    Stated { cell, text: user.cell(column).into() }
}

impl<T: Copy> Stated<T> {
    pub(super) fn value(&self) -> Option<T> {
        self.cell.value()
    }
}

impl HeldSlot {
    pub(super) fn slot(&self) -> Slot {
        Slot::of(self.active.cell, self.last_rotated.cell)
    }
}
