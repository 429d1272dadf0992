//! The cells of one line under its header, read so that no user can forge one.
//!
//! IAM quotes nothing, and two of its cells are a user's choice: the name, which may hold commas, and
//! the path in the ARN, which may hold any printable character. The commas and quotes of a line prove
//! nothing by themselves, so two facts decide.
//!
//! - **Commas.** No other cell of IAM's holds one. So the cells before the name and the ARN are counted
//!   from the start of the line and the cells after them from its end, and what is left is theirs. It is
//!   divided so that the ARN ends in the name. A line that can be divided in two ways is not read.
//! - **Quotes.** In a line of IAM's, all quotes are in the path. To count as quoted, a cell has to begin
//!   right after a comma, which then is in the path too, so the ARN takes up more than one cell and the
//!   line has more cells than the header. So a line that has exactly the header's number of cells when
//!   it is read as a spreadsheet writes it, with quotes, was written by a spreadsheet: no path makes a
//!   line of IAM's look like that. This is decided for each line, because a spreadsheet quotes only the
//!   lines that need it.

use std::ops::Range;
use std::str;

use crate::report::columns::{Column, Columns};
use crate::report::principal::{Principal, principal};
use crate::report::record::Record;

/// How many commas a name and an ARN may have together: the name 64 and again 64 as the ARN's end, the path 512.
const COMMAS_LIMIT: usize = 64 + 64 + 512;

/// Why a line can't be read under its header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Misfit {
    /// It has more cells or fewer.
    Width,
    /// It can be read in two ways that differ.
    TwoWays,
}

/// Splits `line` into the `width` cells of the header of `columns`.
///
/// # Errors
/// [`Misfit`], and then `record` is the line split at its commas.
pub(super) fn split(line: &[u8], columns: &Columns, width: usize, record: &mut Record) -> Result<(), Misfit> {
    let quoted = memchr::memchr(b'"', line).is_some() && record.split_quoted(line) && record.len() == width;
    if quoted {
        let mut unquoted = Record::default();
        unquoted.split(line);
        // With the same number of cells, the cells are the same except for their quotes.
        if unquoted.len() == width || name_and_arn(&unquoted, columns, width) == Err(Misfit::Width) {
            return Ok(());
        }
        *record = unquoted;
        return Err(Misfit::TwoWays);
    }
    record.split(line);
    if record.len() != width {
        let [first, second] = name_and_arn(record, columns, width)?;
        // From the back, so that the places of the first still hold.
        record.join(second);
        record.join(first);
    }
    Ok(())
}

/// Divides the surplus cells of a line between the name and the ARN, in the order of the columns.
fn name_and_arn(record: &Record, columns: &Columns, width: usize) -> Result<[Range<usize>; 2], Misfit> {
    let surplus = record.len().checked_sub(width).ok_or(Misfit::Width)?;
    let (Some(user), Some(arn)) = (columns.place(Column::User), columns.place(Column::Arn)) else {
        return Err(Misfit::Width);
    };
    // A line of millions of commas is something else.
    if surplus == 0 || surplus > COMMAS_LIMIT {
        return Err(Misfit::Width);
    }
    let mut ways = (0..=surplus).filter_map(|of_first| {
        let first = user.min(arn)..user.min(arn) + 1 + of_first;
        let second = user.max(arn) + of_first..user.max(arn) + 1 + surplus;
        let (name, arn) = if user < arn { (&first, &second) } else { (&second, &first) };
        let text = |cells: &Range<usize>| str::from_utf8(record.span(cells.clone())?).ok();
        let (name, arn) = (text(name)?, text(arn)?);
        let agree = is_user_name(name) && matches!(principal(name, arn), Ok((Principal::User, ..)));
        agree.then_some([first, second])
    });
    let only = ways.next().ok_or(Misfit::Width)?;
    if ways.next().is_some() { Err(Misfit::TwoWays) } else { Ok(only) }
}

/// Whether IAM lets a user have this name.
fn is_user_name(name: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte);
    (1..=64).contains(&name.len()) && name.bytes().all(is_allowed)
}

#[cfg(test)]
mod tests;
