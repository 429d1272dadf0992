//! Writes what was judged: findings into files or onto standard output, in the form that is asked for, and
//! what could not be looked at onto standard error.

mod asff_files;
mod destination;
mod file;
mod json;
mod messages;
mod render;
pub mod table;

pub use destination::{Destination, write_file_names};
pub use messages::{write_notes, write_problems};
pub use render::Written;
