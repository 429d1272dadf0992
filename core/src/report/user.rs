//! One row of the report: a user, or the root user, and the credentials it has.

use chrono::{DateTime, Utc};

use crate::report::cell::Cell;
use crate::report::columns::{Column, Columns};
use crate::report::record::Record;

/// One row: a principal with long-lived credentials. Text is untrusted and borrowed from the
/// reader's buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User<'r> {
    /// The root user or an IAM user.
    pub kind: UserKind<'r>,
    /// The ARN, as the report has it.
    pub arn: &'r str,
    /// The partition, as the ARN has it.
    pub partition: &'r str,
    /// The account's twelve digits, as the ARN has them.
    pub account_id: &'r str,
    /// When the user was created.
    pub created: Cell<DateTime<Utc>>,
    /// The console password.
    pub password: Password,
    /// Whether an MFA device is active.
    pub mfa_active: Cell<bool>,
    /// The two access key slots. The order of the slots is not the order of age.
    pub access_keys: [AccessKey<'r>; 2],
    /// The two slots for signing certificates.
    pub certificates: [Certificate; 2],
    /// What the report says of credentials beyond two of a kind.
    pub additional_credentials: Cell<&'r str>,
    /// The cells as they stand in the file.
    pub(super) cells: Cells<'r>,
}

impl<'r> User<'r> {
    /// The name, `<root_account>` for the root user.
    pub fn name(&self) -> &'r str {
        match self.kind {
            UserKind::Root => ROOT_USER,
            UserKind::Iam { name } => name,
        }
    }

    /// Whether this is the root user.
    pub fn is_root(&self) -> bool {
        self.kind == UserKind::Root
    }

    /// The text of a cell, as it stands in the file; empty when the report has no such column.
    pub fn cell(&self, column: Column) -> &'r str {
        self.cells.text(column).unwrap_or_default()
    }
}

/// The cells of a row by the names of their columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cells<'r> {
    pub(super) columns: &'r Columns,
    pub(super) record: &'r Record,
    /// All of the record's text, when all of it is text.
    pub(super) text: Option<&'r str>,
}

impl<'r> Cells<'r> {
    /// The bytes of a cell: empty when the report has no such column.
    pub(super) fn bytes(self, column: Column) -> &'r [u8] {
        self.columns.place(column).and_then(|place| self.record.get(place)).unwrap_or_default()
    }

    /// The text of a cell: empty when the report has no such column, `None` when it is not UTF-8.
    pub(super) fn text(self, column: Column) -> Option<&'r str> {
        match self.columns.place(column) {
            Some(place) if place < self.record.len() => self.record.text(self.text, place),
            _ => Some(""),
        }
    }
}

/// The name the root user's row has.
pub const ROOT_USER: &str = "<root_account>";

/// The root user of an account whose report has no row of it. The rules judge it as they judge missing
/// data.
pub fn with_unreported_root<T>(partition: &str, account_id: &str, then: impl FnOnce(&User<'_>) -> T) -> T {
    let (columns, record) = (Columns::default(), Record::default());
    let key = |slot| AccessKey {
        slot,
        active: Cell::NotReported,
        last_rotated: Cell::NotReported,
        last_used: Cell::NotReported,
        last_used_region: Cell::NotReported,
        last_used_service: Cell::NotReported,
    };
    let certificate = |slot| Certificate { slot, active: Cell::NotReported, last_rotated: Cell::NotReported };
    then(&User {
        kind: UserKind::Root,
        arn: "",
        partition,
        account_id,
        created: Cell::NotReported,
        password: Password {
            enabled: Cell::NotReported,
            last_used: Cell::NotReported,
            last_changed: Cell::NotReported,
            next_rotation: Cell::NotReported,
        },
        mfa_active: Cell::NotReported,
        access_keys: [key(1), key(2)],
        certificates: [certificate(1), certificate(2)],
        additional_credentials: Cell::NotReported,
        cells: Cells { columns: &columns, record: &record, text: None },
    })
}

/// Who a row is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserKind<'r> {
    /// The root user of the account.
    Root,
    /// An IAM user.
    Iam {
        /// Its name: one to 64 characters, which may hold commas or start with `=`.
        name: &'r str,
    },
}

/// The console password. Where `enabled` is false, older reports still give the dates of a
/// password that is gone: the boolean decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Password {
    /// Whether there is one.
    pub enabled: Cell<bool>,
    /// When it was last used to sign in; only the first use in five minutes is kept.
    pub last_used: Cell<DateTime<Utc>>,
    /// When it was last changed.
    pub last_changed: Cell<DateTime<Utc>>,
    /// When the account's policy wants it changed.
    pub next_rotation: Cell<DateTime<Utc>>,
}

/// An access key slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccessKey<'r> {
    /// 1 or 2.
    pub slot: u8,
    /// Whether the key is active.
    pub active: Cell<bool>,
    /// When the key was created; an inactive key keeps the time.
    pub last_rotated: Cell<DateTime<Utc>>,
    /// When it was last used; only the first use in 15 minutes is kept.
    pub last_used: Cell<DateTime<Utc>>,
    /// The region of the last use.
    pub last_used_region: Cell<&'r str>,
    /// The service of the last use.
    pub last_used_service: Cell<&'r str>,
}

impl AccessKey<'_> {
    /// Whether there is a key in the slot, active or not.
    pub fn is_occupied(&self) -> bool {
        matches!(self.last_rotated, Cell::Value(_))
    }
}

/// A signing certificate slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// 1 or 2.
    pub slot: u8,
    /// Whether the certificate is active.
    pub active: Cell<bool>,
    /// When it was uploaded; an inactive certificate keeps the time.
    pub last_rotated: Cell<DateTime<Utc>>,
}

impl Certificate {
    /// Whether there is a certificate in the slot, active or not.
    pub fn is_occupied(&self) -> bool {
        matches!(self.last_rotated, Cell::Value(_))
    }
}
