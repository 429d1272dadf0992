//! What a run tells people: the error message, the digest of findings, and both once more as chat
//! applications take them. Each is written for a reader with a mail client and a minute.

mod chat;
mod digest;
mod errors;
mod message;
mod text;

pub use chat::chat;
pub use digest::{Listed, digest};
pub use errors::errors;
pub use message::{Attribute, Kind, Message};
