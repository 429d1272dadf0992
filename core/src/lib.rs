//! The domain of Rollcall, and nothing else: what a credential report says, which accounts an
//! organization has, what became of each, which credentials are a risk, and how that is written
//! down.
//!
//! There is no AWS client, no clock, no environment and no input or output here. Bytes and times
//! come in as arguments, values and rendered text go out, so every rule of the product can be
//! tested without a server.

pub mod evidence;
pub mod formats;
pub mod identifiers;
pub mod judgement;
pub mod messages;
pub mod organization;
pub mod report;
pub mod text;

#[cfg(any(test, feature = "testing"))]
pub mod testing;
