//! The credentials that a finding is about.

use serde::{Deserialize, Serialize};

/// What a finding is about.
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
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
#[allow(missing_docs, reason = "each is the credential of its name")]
pub enum Credential {
    #[serde(rename = "access_key_1")]
    #[strum(serialize = "access_key_1")]
    AccessKey1,
    #[serde(rename = "access_key_2")]
    #[strum(serialize = "access_key_2")]
    AccessKey2,
    Password,
    Mfa,
    #[serde(rename = "certificate_1")]
    #[strum(serialize = "certificate_1")]
    Certificate1,
    #[serde(rename = "certificate_2")]
    #[strum(serialize = "certificate_2")]
    Certificate2,
    Root,
    /// Credentials beyond the two of a kind that the report has columns for.
    Additional,
}

impl Credential {
    /// The access key in slot 1 or 2.
    pub fn access_key(slot: u8) -> Self {
        if slot == 1 { Self::AccessKey1 } else { Self::AccessKey2 }
    }

    /// The signing certificate in slot 1 or 2.
    pub fn certificate(slot: u8) -> Self {
        if slot == 1 { Self::Certificate1 } else { Self::Certificate2 }
    }

    /// The name as it is written everywhere.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}
