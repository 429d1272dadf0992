//! Where an account of an organization is in its life.

use serde::{Deserialize, Serialize};

/// Where an account is in its life, in the terms of Organizations' `State`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum AccountState {
    /// In use.
    Active,
    /// Created, not yet usable.
    PendingActivation,
    /// Suspended by AWS.
    Suspended,
    /// Being closed.
    PendingClosure,
    /// Closed, on its way out of the organization.
    Closed,
    /// Not known: the account was given by its id, without Organizations.
    Unknown,
    /// A state that came after this release.
    #[serde(untagged)]
    Other(String),
}

impl AccountState {
    /// Reads `State`, or `Status` where an older API answers only that one: `Status` has the
    /// values ACTIVE, SUSPENDED and PENDING_CLOSURE, which mean the same there.
    pub fn from_api(state: Option<&str>, status: Option<&str>) -> Self {
        match state.or(status) {
            Some("ACTIVE") => Self::Active,
            Some("PENDING_ACTIVATION") => Self::PendingActivation,
            Some("SUSPENDED") => Self::Suspended,
            Some("PENDING_CLOSURE") => Self::PendingClosure,
            Some("CLOSED") => Self::Closed,
            Some(other) => Self::Other(other.to_owned()),
            None => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_wins_over_status_and_status_serves_where_state_is_missing() {
        assert_eq!(AccountState::from_api(Some("CLOSED"), Some("SUSPENDED")), AccountState::Closed);
        assert_eq!(AccountState::from_api(None, Some("SUSPENDED")), AccountState::Suspended);
        assert_eq!(AccountState::from_api(None, None), AccountState::Unknown);
    }

    #[test]
    fn an_unknown_state_survives_json() {
        for state in ["ACTIVE", "PENDING_CLOSURE", "A_STATE_OF_NEXT_YEAR"] {
            let json = serde_json::to_string(&AccountState::from_api(Some(state), None)).unwrap();
            assert_eq!(json, format!("{state:?}"));
            assert_eq!(
                serde_json::from_str::<AccountState>(&json).unwrap(),
                AccountState::from_api(Some(state), None)
            );
        }
    }
}
