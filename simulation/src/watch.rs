//! Notices at once what must never happen in a night: a secret in a log or in anything written, a report
//! that IAM never served.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use tracing_subscriber::fmt::MakeWriter;

use crate::credentials::SECRETS;

/// Texts that every row of a report contains; and the start of a report, in base64 and as bytes in
/// `Debug`.
const REPORT: [&str; 5] = [":user/", "<root_account>", "N/A,N/A", "dXNlcixhcm4", "117, 115, 101, 114, 44"];
/// More violations than this are not kept, because one is enough to fail a night.
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
    /// Records a violation.
    pub fn violated(&self, what: String) {
        let mut seen = self.seen();
        if seen.violations.len() < KEPT {
            seen.violations.push(what);
        }
    }

    /// Records a violation if `text` holds a secret.
    pub fn must_hold_no_secret(&self, what: &str, text: &str) {
        if let Some(secret) = SECRETS.iter().find(|secret| text.contains(*secret)) {
            self.violated(format!("{what} holds a secret ({secret}...)"));
        }
    }

    /// Records a violation if `text`, a line of a log or what a step tells the state machine, holds a secret
    /// or a row of a report.
    pub fn must_be_fit_for_a_log(&self, what: &str, text: &str) {
        self.must_hold_no_secret(what, text);
        if let Some(part) = REPORT.iter().find(|part| text.contains(*part)) {
            self.violated(format!("{what} holds a part of a report ({part}): {text}"));
        }
    }

    /// The violations so far.
    pub fn violations(&self) -> Vec<String> {
        self.seen().violations.clone()
    }

    /// How many lines were logged.
    pub fn lines(&self) -> u64 {
        self.seen().lines
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().expect("no thread panics while it holds the watch")
    }
}

impl io::Write for Watch {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.seen().lines += 1;
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
    use crate::credentials::{FUNCTIONS_ACCESS_KEY_ID, access_key_id, secret_access_key, session_token};

    #[test]
    fn a_secret_or_a_row_in_a_log_is_noticed() {
        for text in [
            access_key_id(3, 1),
            secret_access_key(1),
            session_token(1),
            session_token(1)[20..].to_owned(),
            FUNCTIONS_ACCESS_KEY_ID.to_owned(),
            BASE64_STANDARD.encode("user,arn,user_creation_time"),
            format!("{:?}", b"user,arn,user_creation_time"),
            "anna,arn:aws:iam::111122223333:user/anna".to_owned(),
        ] {
            let mut watch = Watch::default();
            writeln!(watch, "a line with {text} in it").unwrap();
            assert!(!watch.violations().is_empty(), "{text}");
        }
        let mut watch = Watch::default();
        watch.write_all(b"the report is collected").unwrap();
        assert_eq!(watch.violations(), [""; 0]);
        assert_eq!(watch.lines(), 1);
    }
}
