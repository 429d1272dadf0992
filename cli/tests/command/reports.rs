//! Credential reports as IAM writes them, with ages counted to [`AS_OF`].

use chrono::{DateTime, TimeDelta, Utc};
use rollcall_testing::organization::HEADER;

use crate::sandbox::Sandbox;

/// The time that ages are counted to in these tests.
pub const AS_OF: &str = "2026-01-31T00:00:00Z";
/// The account with a key of one day, of which nothing is flagged.
pub const ANNA: &str = "111122223333";
/// The account with a key of 100 days.
pub const BEN: &str = "444455556666";

/// A user, as a row of a report.
#[derive(Clone)]
pub struct User {
    name: &'static str,
    cells: Vec<(&'static str, String)>,
}

impl User {
    /// A user without any credential.
    pub fn new(name: &'static str) -> Self {
        Self { name, cells: vec![("user_creation_time", "2024-01-01T00:00:00Z".to_owned())] }
    }

    /// The same user with `value` in a column.
    pub fn with(mut self, column: &'static str, value: impl Into<String>) -> Self {
        self.cells.push((column, value.into()));
        self
    }

    /// The same user with an active access key that is so many days old, and was used a moment ago.
    pub fn with_key(self, days: i64) -> Self {
        self.with("access_key_1_active", "true")
            .with("access_key_1_last_rotated", days_ago(days))
            .with("access_key_1_last_used_date", days_ago(0))
    }

    /// The same user with a password that was used a moment ago.
    pub fn with_password(self, mfa: bool) -> Self {
        self.with("password_enabled", "true")
            .with("password_last_used", days_ago(0))
            .with("password_last_changed", days_ago(10))
            .with("mfa_active", mfa.to_string())
    }

    fn row(&self, account_id: &str) -> String {
        let cell = |column: &str| match (column, self.cells.iter().rfind(|(name, _)| *name == column)) {
            (_, Some((_, value))) => value.clone(),
            ("user", None) => self.name.to_owned(),
            ("arn", None) => format!("arn:aws:iam::{account_id}:user/{}", self.name),
            (column, None) if column.ends_with("_active") || column.ends_with("_enabled") => {
                "false".to_owned()
            }
            _ => "N/A".to_owned(),
        };
        HEADER.split(',').map(cell).collect::<Vec<_>>().join(",")
    }
}

/// The time so many days before [`AS_OF`].
pub fn days_ago(days: i64) -> String {
    let as_of: DateTime<Utc> = AS_OF.parse().unwrap();
    (as_of - TimeDelta::days(days)).format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The report of an account.
pub fn report(account_id: &str, users: &[User]) -> String {
    let rows = users.iter().map(|user| user.row(account_id));
    [HEADER.to_owned()].into_iter().chain(rows).collect::<Vec<_>>().join("\n")
}

/// A sandbox with a folder `loose` of two reports: one account of which nothing is flagged, and one with a
/// key of 100 days.
pub fn loose() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox
        .write(&format!("loose/{ANNA}.csv"), report(ANNA, &[User::new("anna").with_key(1)]))
        .write(&format!("loose/{BEN}.csv"), report(BEN, &[User::new("ben").with_key(100)]));
    sandbox
}

/// `analyze loose --as-of` [`AS_OF`], and more.
pub fn analyze_loose<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&["analyze", "loose", "--as-of", AS_OF], more].concat()
}
