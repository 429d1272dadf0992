//! How text is written, whatever it is about: numbers with their nouns, times, links into the AWS console,
//! and text that others chose.

pub mod console;
pub mod counted;
pub mod time;
pub mod untrusted;
