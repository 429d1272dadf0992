//! The command as a person runs it, over files and folders, without AWS. What needs AWS is tried in
//! `tests/end_to_end`.

mod analyze;
mod diff;
mod documentation;
mod night;
mod reports;
mod sandbox;
mod verify;
