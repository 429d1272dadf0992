//! Reading a report row by row.

use std::borrow::Cow;
use std::collections::HashSet;
use std::str;

use serde::{Deserialize, Serialize};

use crate::identifiers::account_id::AccountId;
use crate::report::cell;
use crate::report::cell::Cell;
use crate::report::columns::{Column, Columns};
use crate::report::line;
use crate::report::line::Misfit;
use crate::report::principal::{Disagreement, Principal, principal};
use crate::report::record::{Line, Lines, Record};
use crate::report::user::{AccessKey, Cells, Certificate, Password, ROOT_USER, User, UserKind};

/// How many characters of an untrusted value an error repeats.
const VALUE_LIMIT: usize = 80;

/// How many bad rows of one report are kept; the rest is only counted.
const BAD_ROWS_KEPT: usize = 20;

/// Why a report can't be read at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// No bytes, or nothing but white space.
    #[error("the report is empty")]
    Empty,
    /// The first line is not the header of a credential report.
    #[error("the report has no column {:?}: its first line starts with {first_line:?}", column.name())]
    MissingColumn {
        /// The required column.
        column: Column,
        /// How the first line starts.
        first_line: String,
    },
    /// The first line is the header of another table, not that of a report that is cut off.
    #[error(
        "it is another table than a credential report: it has no column {:?}, and its first line starts with {first_line:?}",
        column.name()
    )]
    OtherTable {
        /// The required column.
        column: Column,
        /// How the first line starts.
        first_line: String,
    },
    /// A column stands twice.
    #[error("the report has the column {:?} twice", column.name())]
    DuplicateColumn {
        /// The column.
        column: Column,
    },
    /// There is a header and nothing else. Outside China every report has a row of the root user.
    #[error(
        "the report has a header and no rows: it is cut off, fetch it again (outside China every report has a row of the root user)"
    )]
    NoRows,
    /// There are rows, and not one of them can be read.
    #[error("none of the report's {rows} rows can be read: {first}")]
    NoReadableRow {
        /// How many rows there are.
        rows: u64,
        /// What is wrong with the first.
        first: BadRow,
    },
}

/// A row that can't be read: where it is and what is wrong with it. The rows around it are kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("record {record}, line {line}, column {column}: {value:?} {problem}")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BadRow {
    /// The record's number, the first row after the header being 1.
    pub record: u64,
    /// The line of the file it starts on, the header being line 1.
    pub line: u64,
    /// The name of the column.
    pub column: String,
    /// What stands there, shortened to 80 characters. Untrusted text.
    pub value: String,
    /// What is wrong with it.
    pub problem: String,
}

impl BadRow {
    /// Where it is, without any text of the row: a log gets no more.
    pub fn place(&self) -> String {
        format!("record {}, line {}, column {}", self.record, self.line, self.column)
    }
}

impl Unreadable {
    /// Why, without any text of the file: a log gets no more.
    pub fn without_text(&self) -> String {
        match self {
            Self::MissingColumn { column, .. } | Self::OtherTable { column, .. } => {
                format!("the report has no column {:?}", column.name())
            }
            Self::NoReadableRow { rows, first } => {
                format!("none of the report's {rows} rows can be read, the first is {}", first.place())
            }
            Self::Empty | Self::DuplicateColumn { .. } | Self::NoRows => self.to_string(),
        }
    }
}

/// What is known of a report once it was read to its end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many rows it has, the header not counted, readable or not.
    pub rows: u64,
    /// How many of them can't be read.
    pub bad_rows: u64,
    /// The first 20 of those.
    pub first_bad_rows: Vec<BadRow>,
}

/// Reads the report of `account_id` to its end and gives every user to `each`. A row that can't be
/// read, that is about another account, or about a user who had a row already, is a bad row, and the
/// others are kept.
///
/// # Errors
/// [`Unreadable`] when the file is not a report, or none of its rows can be read.
pub fn read(
    bytes: &[u8],
    account_id: &AccountId,
    mut each: impl FnMut(User<'_>),
) -> Result<Tally, Unreadable> {
    let mut reader = Reader::new(bytes, Some(account_id))?;
    let mut tally = Tally::default();
    while let Some(row) = reader.next_user() {
        tally.rows += 1;
        match row {
            Ok(user) => each(user),
            Err(bad) => {
                tally.bad_rows += 1;
                if tally.first_bad_rows.len() < BAD_ROWS_KEPT {
                    tally.first_bad_rows.push(bad);
                }
            }
        }
    }
    match tally.first_bad_rows.first() {
        Some(first) if tally.bad_rows == tally.rows => {
            Err(Unreadable::NoReadableRow { rows: tally.rows, first: first.clone() })
        }
        None if tally.rows == 0 => Err(Unreadable::NoRows),
        _ => Ok(tally),
    }
}

/// The account that a report is of, by its ARNs; `None` when no row of it can be read.
///
/// # Errors
/// [`Unreadable`] when the file is not a report.
pub fn account_of(bytes: &[u8]) -> Result<Option<AccountId>, Unreadable> {
    let mut reader = Reader::new(bytes, None)?;
    if !reader.columns.are_of_credentials() {
        return Err(missing(Column::PasswordEnabled, reader.header_line, &reader.columns));
    }
    while let Some(row) = reader.next_user() {
        if let Ok(user) = row {
            return Ok(user.account_id.parse().ok());
        }
    }
    Ok(None)
}

/// What a file is whose first line lacks a column that every report has.
fn missing(column: Column, header_line: &[u8], columns: &Columns) -> Unreadable {
    let first_line = shorten(header_line);
    let is_cut_off = Column::names().join(",").as_bytes().starts_with(header_line);
    if header_line.contains(&b',') && !columns.are_of_credentials() && !is_cut_off {
        Unreadable::OtherTable { column, first_line }
    } else {
        Unreadable::MissingColumn { column, first_line }
    }
}

/// The first line that is not blank, without what ends it.
pub(super) fn first_line(bytes: &[u8]) -> &[u8] {
    let mut lines = Lines::new(bytes).map(|line| line.bytes);
    lines.find(|line| !line.iter().all(u8::is_ascii_whitespace)).unwrap_or_default()
}

/// Goes through a report row by row, reusing one buffer.
struct Reader<'b> {
    lines: Lines<'b>,
    header_line: &'b [u8],
    header: Record,
    columns: Columns,
    /// The account that the rows should be of.
    account_id: Option<&'b AccountId>,
    record: Record,
    records: u64,
    /// The names of the users who had a row.
    seen: HashSet<Cow<'b, [u8]>>,
}

impl<'b> Reader<'b> {
    /// Reads the header of `bytes`: with or without quotes, with LF, CRLF or CR, with or without a byte
    /// order mark.
    fn new(bytes: &'b [u8], account_id: Option<&'b AccountId>) -> Result<Self, Unreadable> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let mut lines = Lines::new(bytes);
        let is_blank = |line: &Line<'_>| line.bytes.iter().all(u8::is_ascii_whitespace);
        let header_line = lines.find(|line| !is_blank(line)).ok_or(Unreadable::Empty)?.bytes;
        let mut header = Record::default();
        if !header.split_quoted(header_line) {
            header.split(header_line);
        }
        let columns =
            Columns::of_header(header.iter()).map_err(|column| Unreadable::DuplicateColumn { column })?;
        for column in [Column::User, Column::Arn] {
            if columns.place(column).is_none() {
                return Err(missing(column, header_line, &columns));
            }
        }
        Ok(Self {
            lines,
            header_line,
            header,
            columns,
            account_id,
            record: Record::default(),
            records: 0,
            seen: HashSet::new(),
        })
    }

    /// The next row, or `None` at the end. A row that can't be read does not end the report.
    fn next_user(&mut self) -> Option<Result<User<'_>, BadRow>> {
        let line = self.lines.next()?;
        self.records += 1;
        let fit = line::split(line.bytes, &self.columns, self.header.len(), &mut self.record);
        let cells = Cells { columns: &self.columns, record: &self.record, text: self.record.all_text() };
        let row = Row { header: &self.header, cells, record: self.records, line };
        Some(fit.map_err(|misfit| row.misfit(misfit)).and_then(|()| {
            let user = row.user()?;
            if let Some(account_id) = self.account_id.filter(|id| id.as_str() != user.account_id) {
                return Err(row.bad(Column::Arn, format!("is not of account {account_id}")));
            }
            if !self.seen.insert(row.name_in_file(&user)) {
                return Err(row.bad(Column::User, "has a row already"));
            }
            Ok(user)
        }))
    }
}

/// One record, and what is needed to read its cells and to say where one is wrong.
struct Row<'r, 'b> {
    header: &'r Record,
    cells: Cells<'r>,
    record: u64,
    line: Line<'b>,
}

impl<'r, 'b> Row<'r, 'b> {
    fn user(&self) -> Result<User<'r>, BadRow> {
        let name = self.required(Column::User)?;
        let arn = self.required(Column::Arn)?;
        let (kind, partition, account_id) = principal(name, arn).map_err(|disagreement| {
            let problem = match disagreement {
                Disagreement::WithoutAccount => "is not an ARN with a partition and an account id".to_owned(),
                Disagreement::RootName => format!("is not the root user's, and the name is {ROOT_USER}"),
                Disagreement::OtherName => {
                    format!("is not of a user of the name {:?}", shorten(name.as_bytes()))
                }
            };
            self.bad(Column::Arn, problem)
        })?;
        Ok(User {
            kind: match kind {
                Principal::Root => UserKind::Root,
                Principal::User => UserKind::Iam { name },
            },
            arn,
            partition,
            account_id,
            created: self.time(Column::UserCreationTime)?,
            password: Password {
                enabled: self.boolean(Column::PasswordEnabled)?,
                last_used: self.time(Column::PasswordLastUsed)?,
                last_changed: self.time(Column::PasswordLastChanged)?,
                next_rotation: self.time(Column::PasswordNextRotation)?,
            },
            mfa_active: self.boolean(Column::MfaActive)?,
            access_keys: [
                AccessKey {
                    slot: 1,
                    active: self.boolean(Column::AccessKey1Active)?,
                    last_rotated: self.time(Column::AccessKey1LastRotated)?,
                    last_used: self.time(Column::AccessKey1LastUsedDate)?,
                    last_used_region: self.text(Column::AccessKey1LastUsedRegion)?,
                    last_used_service: self.text(Column::AccessKey1LastUsedService)?,
                },
                AccessKey {
                    slot: 2,
                    active: self.boolean(Column::AccessKey2Active)?,
                    last_rotated: self.time(Column::AccessKey2LastRotated)?,
                    last_used: self.time(Column::AccessKey2LastUsedDate)?,
                    last_used_region: self.text(Column::AccessKey2LastUsedRegion)?,
                    last_used_service: self.text(Column::AccessKey2LastUsedService)?,
                },
            ],
            certificates: [
                Certificate {
                    slot: 1,
                    active: self.boolean(Column::Cert1Active)?,
                    last_rotated: self.time(Column::Cert1LastRotated)?,
                },
                Certificate {
                    slot: 2,
                    active: self.boolean(Column::Cert2Active)?,
                    last_rotated: self.time(Column::Cert2LastRotated)?,
                },
            ],
            additional_credentials: self.text(Column::AdditionalCredentialsInfo)?,
            cells: self.cells,
        })
    }

    /// The text of a cell: empty when the report has no such column.
    fn cell(&self, column: Column) -> Result<&'r str, BadRow> {
        self.cells.text(column).ok_or_else(|| self.bad(column, "is not UTF-8"))
    }

    fn required(&self, column: Column) -> Result<&'r str, BadRow> {
        match self.cell(column)? {
            "" => Err(self.bad(column, "is empty")),
            text => Ok(text),
        }
    }

    fn text(&self, column: Column) -> Result<Cell<&'r str>, BadRow> {
        cell::text(self.cell(column)?).ok_or_else(|| self.bad(column, "is not text"))
    }

    fn boolean(&self, column: Column) -> Result<Cell<bool>, BadRow> {
        cell::boolean(self.cell(column)?).ok_or_else(|| self.bad(column, "is not true or false"))
    }

    fn time(&self, column: Column) -> Result<Cell<chrono::DateTime<chrono::Utc>>, BadRow> {
        cell::time(self.cell(column)?)
            .ok_or_else(|| self.bad(column, "is not a time such as 2026-01-31T06:00:00Z"))
    }

    /// The name of the user, from the bytes of the file where it stands there as it is.
    fn name_in_file(&self, user: &User<'_>) -> Cow<'b, [u8]> {
        if user.is_root() {
            return Cow::Borrowed(ROOT_USER.as_bytes());
        }
        let name = user.name().as_bytes();
        let place = self.cells.columns.place(Column::User).and_then(|place| self.cells.record.range(place));
        match place.and_then(|place| self.line.bytes.get(place)) {
            Some(in_file) if in_file == name => Cow::Borrowed(in_file),
            _ => Cow::Owned(name.to_vec()),
        }
    }

    fn bad(&self, column: Column, problem: impl Into<String>) -> BadRow {
        self.bad_value(column.name(), self.cells.bytes(column), problem.into())
    }

    fn misfit(&self, misfit: Misfit) -> BadRow {
        match misfit {
            Misfit::Width => self.wrong_width(),
            Misfit::TwoWays => self.bad_value(
                Column::User.name(),
                self.line.bytes,
                "starts a row that can be read in two ways: its commas and quotes can be the path's"
                    .to_owned(),
            ),
        }
    }

    /// A row of another width than the header: cut off, or with a comma that should be quoted.
    /// Its last cell is where a person will look.
    fn wrong_width(&self) -> BadRow {
        let width = self.cells.record.len();
        let column = match width.checked_sub(1).and_then(|last| self.header.get(last)) {
            Some(name) => shorten(name),
            None => format!("{width}, which has no name"),
        };
        let last = self.cells.record.iter().next_back().unwrap_or_default();
        self.bad_value(
            &column,
            last,
            format!("ends a row of {width} cells under a header of {}", self.header.len()),
        )
    }

    fn bad_value(&self, column: &str, value: &[u8], problem: String) -> BadRow {
        BadRow {
            record: self.record,
            line: self.line.number,
            column: column.to_owned(),
            value: shorten(value),
            problem,
        }
    }
}

/// The start of an untrusted value, as text.
pub(super) fn shorten(value: &[u8]) -> String {
    // No character of UTF-8 is longer than four bytes, so the rest of a huge cell is not looked at.
    let text = String::from_utf8_lossy(&value[..value.len().min(VALUE_LIMIT * 4)]);
    match text.char_indices().nth(VALUE_LIMIT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Cell;
    use proptest::prelude::*;

    const MODERN: &[u8] = include_bytes!("../../../tests/fixtures/reports/live-modern-dialect.csv");

    fn account() -> AccountId {
        "123456789012".parse().unwrap()
    }

    /// The report as a person would check it: a few lines a user, then the bad rows or the refusal.
    fn render(bytes: &[u8]) -> String {
        let mut text = String::new();
        match read(bytes, &account(), |user| text.push_str(&render_user(&user))) {
            Ok(tally) => {
                text.push_str(&format!("{} rows, {} bad\n", tally.rows, tally.bad_rows));
                text.extend(tally.first_bad_rows.iter().map(|bad| format!("{bad}\n")));
            }
            Err(unreadable) => text.push_str(&format!("unreadable: {unreadable}\n")),
        }
        text
    }

    fn render_user(user: &User<'_>) -> String {
        let User { kind, arn, partition, account_id, created, password, mfa_active, .. } = user;
        let mut text = format!(
            "{kind:?} {arn}\n  {partition} {account_id} created {created:?}, mfa {mfa_active:?}\n  password {:?}, used {:?}, changed {:?}, next {:?}\n",
            password.enabled, password.last_used, password.last_changed, password.next_rotation
        );
        for key in &user.access_keys {
            text.push_str(&format!(
                "  key {} {:?}, rotated {:?}, used {:?} in {:?} for {:?}\n",
                key.slot,
                key.active,
                key.last_rotated,
                key.last_used,
                key.last_used_region,
                key.last_used_service
            ));
        }
        for certificate in &user.certificates {
            let Certificate { slot, active, last_rotated } = certificate;
            text.push_str(&format!("  certificate {slot} {active:?}, rotated {last_rotated:?}\n"));
        }
        text.push_str(&format!("  additional {:?}\n", user.additional_credentials));
        text
    }

    macro_rules! fixtures {
        ($($name:literal),+ $(,)?) => {
            $(
                insta::assert_snapshot!($name, render(include_bytes!(concat!("../../../tests/fixtures/reports/", $name, ".csv"))));
            )+
        };
    }

    #[test]
    fn every_fixture_reads_as_its_snapshot_says() {
        fixtures!(
            "live-modern-dialect",
            "old-dialect",
            "modern-root",
            "sixteen-columns-before-2015",
            "additional-credentials",
            "crlf-quotes-bom-and-root-last",
            "columns-in-another-order-and-unknown",
            "empty-cells",
            "hostile-names",
            "names-with-commas-unquoted",
            "paths-with-commas-and-quotes-unquoted",
            "forged-cells-in-a-path",
            "root-without-brackets",
            "appended-to-itself",
            "a-user-twice",
            "cr-line-ends",
            "dates-of-a-password-that-is-gone",
            "china-without-root",
            "govcloud",
            "bad-rows-among-good",
            "cut-off-in-the-middle",
            "rows-of-another-account",
            "no-readable-row",
            "header-only",
            "empty",
            "not-csv",
            "no-arn-column",
            "user-column-twice",
        );
    }

    #[test]
    fn a_bad_row_says_where_it_is_and_what_stands_there() {
        let bytes = b"user,arn,mfa_active\n\na,arn:aws:iam::123456789012:user/a,true\nb,arn:aws:iam::123456789012:user/b,maybe\n";
        let tally = read(bytes, &account(), |_| ()).unwrap();
        assert_eq!((tally.rows, tally.bad_rows), (2, 1));
        assert_eq!(
            tally.first_bad_rows[0].to_string(),
            "record 2, line 4, column mfa_active: \"maybe\" is not true or false"
        );
    }

    #[test]
    fn cells_that_are_forged_in_a_path_do_not_hide_the_true_ones() {
        let users = |bytes: &[u8]| {
            let mut users = Vec::new();
            read(bytes, &account(), |user| users.push(render_user(&user).replace(user.arn, ""))).unwrap();
            users
        };
        let honest = users(include_bytes!("../../../tests/fixtures/cases/forged-cells/honest.csv"));
        assert_eq!(users(include_bytes!("../../../tests/fixtures/cases/forged-cells/forged.csv")), honest);
    }

    #[test]
    fn another_table_is_told_from_a_report_that_is_cut_off_in_its_header() {
        let unreadable = |bytes: &[u8]| account_of(bytes).unwrap_err();
        for table in ["account_id,user,arn,rule\n", "date,amount\n", "user,email,arn\n"] {
            let error = unreadable(table.as_bytes());
            assert!(matches!(error, Unreadable::OtherTable { .. }), "{table}: {error}");
        }
        let header = MODERN.split(|&byte| byte == b'\n').next().unwrap();
        for end in [3, 8, 20, 30] {
            assert!(matches!(unreadable(&header[..end]), Unreadable::MissingColumn { .. }), "{end}");
        }
        assert!(matches!(unreadable(b"<html>"), Unreadable::MissingColumn { .. }));
    }

    #[test]
    fn a_first_line_that_is_empty_is_not_the_one_that_is_quoted() {
        let error = account_of(b"\n \r\nwhatever\n").unwrap_err().to_string();
        assert_eq!(error, "the report has no column \"user\": its first line starts with \"whatever\"");
    }

    #[test]
    fn what_a_log_gets_has_no_text_of_the_file() {
        let secret = "hunter2";
        for file in [
            format!("{secret}\n"),
            format!("{secret},{secret}\n"),
            format!("user,arn,mfa_active\n{secret},arn:aws:iam::123456789012:user/{secret},{secret}\n"),
            format!("user,arn\n{secret},arn:aws:iam::123456789012:user/x{secret}\n"),
            format!("user,arn\n{secret},{secret},{secret}\n"),
            format!("user,arn,x\n{secret},arn:aws:iam::123456789012:user/x/{secret},\"/{secret}\"\n"),
            format!("user,arn\n{secret},arn:aws:iam::210987654321:user/{secret}\n"),
        ] {
            let Err(unreadable) = read(file.as_bytes(), &account(), |_| ()) else { continue };
            assert!(unreadable.to_string().contains(secret), "a person gets the text: {unreadable}");
            assert!(!unreadable.without_text().contains(secret), "{}", unreadable.without_text());
        }
    }

    #[test]
    fn only_the_first_bad_rows_are_kept_and_all_are_counted() {
        let mut bytes = b"user,arn\na,arn:aws:iam::123456789012:user/a\n".to_vec();
        bytes.extend(b"b,nonsense\n".repeat(1000));
        let tally = read(&bytes, &account(), |_| ()).unwrap();
        assert_eq!((tally.rows, tally.bad_rows, tally.first_bad_rows.len()), (1001, 1000, BAD_ROWS_KEPT));
    }

    #[test]
    fn a_huge_value_is_shortened_in_the_error() {
        let mut bytes = b"user,arn,mfa_active\na,arn:aws:iam::123456789012:user/a,true\nb,arn:aws:iam::123456789012:user/b,".to_vec();
        bytes.extend("é".repeat(1_000_000).bytes());
        let tally = read(&bytes, &account(), |_| ()).unwrap();
        assert_eq!(tally.first_bad_rows[0].value, format!("{}…", "é".repeat(VALUE_LIMIT)));
    }

    #[test]
    fn a_cell_of_ten_megabytes_is_one_row_and_the_others_are_read() {
        let huge = "u".repeat(10_000_000);
        // The second row is too wide, and no time is spent on making it fit.
        let commas = "arn:,".repeat(1_000_000) + &huge;
        let text = format!(
            "user,arn\n{huge},arn:aws:iam::123456789012:user/{huge}\n{commas},x\na,arn:aws:iam::123456789012:user/a\n"
        );
        let mut names = Vec::new();
        let tally = read(text.as_bytes(), &account(), |user| names.push(user.name().len())).unwrap();
        assert_eq!((names, tally.rows, tally.bad_rows), (vec![huge.len(), 1], 3, 1));
        let BadRow { column, value, problem, .. } = &tally.first_bad_rows[0];
        assert!(column.len() + value.len() + problem.len() < 1_000);
    }

    #[test]
    fn a_report_of_any_number_of_rows_is_read_in_the_buffer_of_one() {
        let mut bytes = MODERN.split(|&byte| byte == b'\n').next().unwrap().to_vec();
        for user in 0..100_000 {
            let row = format!("\n{user},arn:aws:iam::123456789012:user/{user},,,,,,,,,,,,,,,,,,,,");
            bytes.extend_from_slice(row.as_bytes());
        }
        let mut reader = Reader::new(&bytes, None).unwrap();
        let mut rows = 0;
        while let Some(row) = reader.next_user() {
            row.unwrap();
            rows += 1;
        }
        assert_eq!(rows, 100_000);
        assert!(reader.record.capacity() < 4096, "{}", reader.record.capacity());
    }

    #[test]
    fn an_inactive_key_still_occupies_its_slot() {
        let mut reader = Reader::new(MODERN, None).unwrap();
        let user = reader.next_user().unwrap().unwrap();
        assert_eq!(user.access_keys.map(|key| key.active), [Cell::Value(true), Cell::Value(false)]);
        assert!(user.access_keys.iter().all(AccessKey::is_occupied));
        assert!(!user.certificates.iter().any(Certificate::is_occupied));
    }

    #[test]
    fn a_missing_column_is_not_reported_which_is_not_no() {
        let mut reader = Reader::new(b"arn,user\narn:aws:iam::123456789012:user/a,a", None).unwrap();
        let user = reader.next_user().unwrap().unwrap();
        assert_eq!(user.mfa_active, Cell::NotReported);
        assert_eq!(user.password.enabled, Cell::NotReported);
        assert_eq!(user.additional_credentials, Cell::NotReported);
    }

    /// Bytes that get past the header often enough to reach the cells.
    fn report_like() -> impl Strategy<Value = Vec<u8>> {
        let cell = prop_oneof![
            Just(String::new()),
            Just("true".to_owned()),
            Just("not_supported".to_owned()),
            Just("2026-09-11T13:14:52Z".to_owned()),
            Just("arn:aws:iam::123456789012:user/a".to_owned()),
            Just("<root_account>".to_owned()),
            ".{0,12}",
            "[\"\r\n,]{0,4}",
        ];
        let rows =
            prop::collection::vec(prop::collection::vec(cell, 0..26).prop_map(|cells| cells.join(",")), 0..6);
        rows.prop_map(|rows| {
            let header = MODERN.split(|&byte| byte == b'\n').next().unwrap();
            [header, b"\n", rows.join("\n").as_bytes()].concat()
        })
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..2048)) {
            let _ = read(&bytes, &account(), |_| ());
        }

        #[test]
        fn every_row_is_either_given_or_counted_as_bad(bytes in report_like()) {
            let mut users = 0;
            match read(&bytes, &account(), |_| users += 1) {
                Ok(tally) => prop_assert_eq!(tally.rows, users + tally.bad_rows),
                Err(Unreadable::NoRows | Unreadable::NoReadableRow { .. }) => prop_assert_eq!(users, 0),
                Err(other) => prop_assert!(false, "a good header was refused: {}", other),
            }
        }

        #[test]
        fn a_report_cut_off_anywhere_never_gives_a_user_that_the_whole_has_not(end in 0..MODERN.len()) {
            let mut whole = Vec::new();
            read(MODERN, &account(), |user| whole.push(user.arn.to_owned())).unwrap();
            let _ = read(&MODERN[..end], &account(), |user| assert!(whole.iter().any(|arn| arn == user.arn)));
        }
    }
}
