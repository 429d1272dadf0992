//! What a rule says about a user.

use chrono::{DateTime, Utc};

use super::credential::Credential;
use crate::report::Column;

/// Which ages a rule with a limit flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Boundary {
    /// Those above the limit: "rotated every 90 days or less" is 91 days and up.
    Above,
    /// The limit and those above it: "unused for 45 days or more" is 45 days and up.
    AtLeast,
    /// The limit and those below it: a use of root that is no longer ago than a day.
    AtMost,
}

impl Boundary {
    /// Whether an age in whole days is flagged.
    pub fn flags(self, age_days: u32, limit_days: u32) -> bool {
        match self {
            Self::Above => age_days > limit_days,
            Self::AtLeast => age_days >= limit_days,
            Self::AtMost => age_days <= limit_days,
        }
    }
}

/// What the rules measure against.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Judge {
    /// The time that ages are counted to.
    pub(crate) as_of: DateTime<Utc>,
    /// The rule's limit in days; no rule without a limit looks at it.
    pub(crate) limit_days: u32,
    /// Which ages the rule flags.
    pub(crate) boundary: Option<Boundary>,
    /// When IAM made the last report of the account that was collected before this one, if that is known.
    pub(crate) last_collected: Option<DateTime<Utc>>,
}

impl Judge {
    pub(super) fn flags(&self, age_days: u32) -> bool {
        self.boundary.is_some_and(|boundary| boundary.flags(age_days, self.limit_days))
    }
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
