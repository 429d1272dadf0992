//! What must never be, noticed where it happens: a secret in a log or in anything that is written, a
//! report that nobody served.

use std::io;
use std::sync::{Arc, Mutex};

use tracing_subscriber::fmt::MakeWriter;

use crate::aws::COLLECTOR;

/// What every secret that is handed out has in it, again and again, and the access key of the functions.
const SECRET: [&str; 4] = ["ASIASIM", "SimulatedSecret", "SimulatedToken", COLLECTOR];
/// What every row of a report has in it; and what a report begins with, in base64 and byte for byte.
const REPORT: [&str; 5] = [":user/", "<root_account>", "N/A,N/A", "dXNlcixhcm4", "117, 115, 101, 114, 44"];
/// More than this is not kept: one is enough to fail a night.
const KEPT: usize = 10;

/// The watch over a night. Clones are the same one.
#[derive(Clone, Debug, Default)]
pub struct Watch(Arc<Mutex<Seen>>);

#[derive(Debug, Default)]
struct Seen {
    violations: Vec<String>,
    lines: u64,
}

impl Watch {
    /// The access key id of a session in an account.
    pub fn access_key_id(account: usize, session: u64) -> String {
        format!("{}{account:05}{:08}", SECRET[0], session % 100_000_000)
    }

    /// The account of a session, by its access key id and its token.
    pub fn account_of_session(access_key_id: &str, token: &str) -> Option<usize> {
        let (account, session) = access_key_id.strip_prefix(SECRET[0])?.split_at_checked(5)?;
        let account = account.parse().ok()?;
        let session = session.parse().ok()?;
        let is_whole =
            access_key_id == Self::access_key_id(account, session) && token == Self::session_token(session);
        is_whole.then_some(account)
    }

    /// The secret of a session.
    pub fn secret_access_key(session: u64) -> String {
        format!("{}{session:08}", SECRET[1]).repeat(2)
    }

    /// The token of a session.
    pub fn session_token(session: u64) -> String {
        format!("{}{session:08}", SECRET[2]).repeat(12)
    }

    /// Notes that something was that must not be.
    pub fn violated(&self, what: String) {
        let mut seen = self.0.lock().expect("nobody panics with the watch in hand");
        if seen.violations.len() < KEPT {
            seen.violations.push(what);
        }
    }

    /// Sees to it that no secret is in `text`.
    pub fn must_hold_no_secret(&self, what: &str, text: &str) {
        if let Some(secret) = SECRET.iter().find(|secret| text.contains(*secret)) {
            self.violated(format!("{what} holds a secret ({secret}...)"));
        }
    }

    /// Sees to it that neither a secret nor a row of a report is in `text`, a line of a log or what a
    /// step says to the state machine.
    pub fn must_be_fit_for_a_log(&self, what: &str, text: &str) {
        self.must_hold_no_secret(what, text);
        if let Some(part) = REPORT.iter().find(|part| text.contains(*part)) {
            self.violated(format!("{what} holds a part of a report ({part}): {text}"));
        }
    }

    /// What was seen that must not be.
    pub fn violations(&self) -> Vec<String> {
        self.0.lock().expect("nobody panics with the watch in hand").violations.clone()
    }

    /// How many lines were logged.
    pub fn lines(&self) -> u64 {
        self.0.lock().expect("nobody panics with the watch in hand").lines
    }
}

impl io::Write for Watch {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("nobody panics with the watch in hand").lines += 1;
        self.must_be_fit_for_a_log("a line of the log", &String::from_utf8_lossy(line));
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Watch {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use base64::Engine;
    use base64::prelude::BASE64_STANDARD;

    use super::*;

    #[test]
    fn a_secret_or_a_row_in_a_log_is_noticed() {
        for line in [
            Watch::access_key_id(3, 1),
            Watch::secret_access_key(1),
            Watch::session_token(1),
            Watch::session_token(1)[20..].to_owned(),
            COLLECTOR.to_owned(),
            BASE64_STANDARD.encode("user,arn,user_creation_time"),
            format!("{:?}", b"user,arn,user_creation_time"),
            "anna,arn:aws:iam::111122223333:user/anna".to_owned(),
        ] {
            let mut watch = Watch::default();
            writeln!(watch, "a line with {line} in it").unwrap();
            assert!(!watch.violations().is_empty(), "{line}");
        }
        let mut watch = Watch::default();
        watch.write_all(b"the report is collected").unwrap();
        assert_eq!(watch.violations(), [""; 0]);
        assert_eq!(watch.lines(), 1);
    }

    #[test]
    fn a_session_is_of_its_account_only_with_its_whole_token() {
        let (id, token) = (Watch::access_key_id(42, 7), Watch::session_token(7));
        assert_eq!(Watch::account_of_session(&id, &token), Some(42));
        assert_eq!(Watch::account_of_session(&id, &token[..token.len() - 1]), None);
        assert_eq!(Watch::account_of_session(&id[..id.len() - 1], &token), None);
        assert_eq!(Watch::account_of_session("", ""), None);
    }
}
