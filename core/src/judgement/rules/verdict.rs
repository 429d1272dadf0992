//! What a rule says about a user.

use chrono::{DateTime, Utc};

use super::credential::Credential;
use crate::report::Column;

/// What the rules measure against.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Judge {
    /// The time that ages are counted to.
    pub(crate) as_of: DateTime<Utc>,
    /// The rule's limit in days; no rule without a limit looks at it.
    pub(crate) limit_days: u32,
}

/// What a rule says of one credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is as it should be, or there is no such credential.
    Pass,
    /// The report does not say enough to tell.
    NotAssessable(Credential),
    /// It is a finding.
    Flagged(Flag),
}

/// Why a credential is a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flag {
    /// Which credential.
    pub credential: Credential,
    /// The column whose cell shows it.
    pub observed: Column,
    /// How old it is in whole days, rounded down, for a rule that looks at an age.
    pub age_days: Option<u32>,
}

/// What a rule says of a user: it looks at two credentials at most.
pub(crate) type Judgement = [Verdict; 2];
