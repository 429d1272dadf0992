//! The commands: a file or a folder for each.

pub mod analyze;
pub mod diff;
pub mod doctor;
pub mod manual;
pub mod rules;
pub mod run;
pub mod verify;
