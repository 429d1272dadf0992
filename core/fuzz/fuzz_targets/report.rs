//! Any bytes as a credential report: it never panics, and every row is either given or counted bad.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rollcall_core::report::{Unreadable, read};

fuzz_target!(|bytes: &[u8]| {
    let account_id = "123456789012".parse().unwrap();
    let mut users = 0;
    match read(bytes, &account_id, |_| users += 1) {
        Ok(tally) => assert_eq!(tally.rows, users + tally.bad_rows),
        Err(Unreadable::NoReadableRow { .. }) => assert_eq!(users, 0),
        Err(_) => assert_eq!(users, 0),
    }
});
