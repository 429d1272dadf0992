//! What a message is made of.

/// A message: subject, body, and what subscribers can filter by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// What it is about; also the attribute `kind`.
    pub kind: Kind,
    /// At most 100 printable ASCII characters, as SNS asks.
    pub subject: String,
    /// Plain text of less than 256 KiB.
    pub body: String,
    /// Message attributes, the kind included. At most ten: SNS passes no more on to SQS.
    pub attributes: Vec<(&'static str, Attribute)>,
}

/// What a message is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum Kind {
    /// Accounts without a report, and rows that can't be read.
    Errors,
    /// What the rules flagged.
    Findings,
}

impl Kind {
    /// The name as subscribers filter by it.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// The value of a message attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attribute {
    /// For filters that compare text.
    Text(&'static str),
    /// For filters that compare numbers.
    Number(String),
}

/// An attribute that counts.
pub(super) fn count(number: u64) -> Attribute {
    Attribute::Number(number.to_string())
}
