//! Any bytes as a credential report: every row is either read or counted as bad.

use rollcall_core::report::{Unreadable, read};

/// Checks `bytes` as the report of an account.
pub fn check(bytes: &[u8]) {
    let account_id = "123456789012".parse().unwrap();
    let mut users = 0;
    match read(bytes, &account_id, |_| users += 1) {
        Ok(tally) => assert_eq!(tally.rows, users + tally.bad_rows),
        Err(Unreadable::NoReadableRow { .. }) => assert_eq!(users, 0),
        Err(_) => assert_eq!(users, 0),
    }
}
