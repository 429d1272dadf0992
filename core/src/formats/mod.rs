//! The forms that findings are written in, a file each.

pub mod asff;
pub mod csv;
pub mod finding_record;
pub mod jsonl;
pub mod page;
pub mod sarif;
