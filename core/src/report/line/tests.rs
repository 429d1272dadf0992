use proptest::prelude::*;

use super::*;
use crate::report::{Column, Unreadable, read};

const ACCOUNT: &str = "123456789012";
const HEADER: &str = include_str!("../../../../tests/fixtures/reports/header-only.csv");

/// The cells of a row by the names of their columns.
type Row = Vec<(String, String)>;

/// A user's row as IAM writes it under AWS's header of 22 columns.
fn row(name: &str, path: &str) -> Row {
    let cell = |column: &str| match column {
        "user" => name.to_owned(),
        "arn" => format!("arn:aws:iam::{ACCOUNT}:user{path}{name}"),
        "user_creation_time" | "access_key_1_last_rotated" => "2020-01-01T00:00:00Z".to_owned(),
        "password_enabled" | "access_key_1_active" => "true".to_owned(),
        column if column.ends_with("_active") => "false".to_owned(),
        _ => "N/A".to_owned(),
    };
    HEADER.trim_end().split(',').map(|column| (column.to_owned(), cell(column))).collect()
}

/// A header and the row as IAM writes them.
fn as_iam_writes(row: &Row) -> String {
    let (header, cells): (Vec<&str>, Vec<&str>) =
        row.iter().map(|(column, cell)| (column.as_str(), cell.as_str())).unzip();
    format!("{}\n{}", header.join(","), cells.join(","))
}

/// The same as a spreadsheet writes it.
fn as_a_spreadsheet_writes(row: &Row, quotes: csv::QuoteStyle) -> String {
    let mut writer = csv::WriterBuilder::new().quote_style(quotes).from_writer(Vec::new());
    writer.write_record(row.iter().map(|(column, _)| column)).unwrap();
    writer.write_record(row.iter().map(|(_, cell)| cell)).unwrap();
    String::from_utf8(writer.into_inner().unwrap()).unwrap()
}

/// The cells that are read of the known columns; `None` for a bad row.
fn read_row(text: &str, meant: &Row) -> Option<Row> {
    let mut rows = Vec::new();
    let account_id = ACCOUNT.parse().unwrap();
    let tally = read(text.as_bytes(), &account_id, |user| {
        let cells = meant.iter().filter_map(|(name, _)| {
            let column = Column::of_name(name.as_bytes())?;
            Some((name.clone(), user.cell(column).to_owned()))
        });
        rows.push(cells.collect::<Row>());
    });
    match tally {
        Ok(tally) => assert_eq!((tally.rows, tally.bad_rows, rows.len()), (1, 0, 1), "{text}"),
        Err(Unreadable::NoReadableRow { rows: 1, .. }) => assert_eq!(rows.len(), 0),
        Err(other) => panic!("{other}: {text}"),
    }
    rows.pop()
}

fn known(row: &Row) -> Row {
    row.iter().filter(|(name, _)| Column::of_name(name.as_bytes()).is_some()).cloned().collect()
}

/// Any name that IAM allows, often with commas.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[A-Za-z0-9_+=,.@-]{1,64}",
        "[a,]{1,6}",
        prop::sample::select(vec!["eve", "true", "user", "a,a", ",", "arn"]).prop_map(str::to_owned)
    ]
}

/// Any path that IAM allows, often one of parts that look like cells.
fn path() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        prop::sample::select(vec![
            ",",
            "\"",
            "\",",
            ",\"",
            "\"\"",
            "/",
            "\",\"",
            ",\"/",
            "N/A",
            "true",
            "false",
            "eve",
            "/eve,",
            "a,a",
            "2026-11-01T00:00:00Z",
            ",arn:aws:iam::123456789012:user/",
            "<root_account>",
            ",arn:aws:iam::123456789012:root,",
            ",2026-11-01T00:00:00Z,false,N/A,N/A,N/A,false,false,N/A",
        ])
        .prop_map(str::to_owned),
        "[!-~]{1,8}",
    ];
    prop::collection::vec(part, 0..24).prop_map(|parts| {
        let inner: String = parts.concat().chars().take(510).collect();
        if inner.is_empty() { "/".to_owned() } else { format!("/{inner}/") }
    })
}

/// Columns that are not known yet, each with its place from the left and what IAM would write there.
fn unknown_columns() -> impl Strategy<Value = Vec<(prop::sample::Index, String)>> {
    prop::collection::vec((any::<prop::sample::Index>(), "[a-z:/ -]{0,6}"), 0..4)
}

fn with_unknown(mut row: Row, unknown: Vec<(prop::sample::Index, String)>, from: usize) -> Row {
    for (number, (place, cell)) in unknown.into_iter().enumerate() {
        let place = from + place.index(row.len() + 1 - from);
        row.insert(place, (format!("unknown_{number}"), cell));
    }
    row
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn the_row_of_any_user_is_read_as_iam_meant_it(
        name in name(),
        path in path(),
        additional in any::<bool>(),
        unknown in unknown_columns(),
    ) {
        let mut row = row(&name, &path);
        if additional {
            row.push(("additional_credentials_info".to_owned(), "N/A".to_owned()));
        }
        let row = with_unknown(row, unknown, 2);
        prop_assert_eq!(read_row(&as_iam_writes(&row), &row), Some(known(&row)));
    }

    #[test]
    fn under_a_header_in_any_order_it_is_read_so_or_not_at_all(
        name in name(),
        path in path(),
        unknown in unknown_columns(),
        row in Just(row("", "")).prop_shuffle(),
    ) {
        let mut row = with_unknown(row, unknown, 0);
        for (column, cell) in &mut row {
            match column.as_str() {
                "user" => cell.clone_from(&name),
                "arn" => *cell = format!("arn:aws:iam::{ACCOUNT}:user{path}{name}"),
                _ => {}
            }
        }
        if let Some(read) = read_row(&as_iam_writes(&row), &row) {
            prop_assert_eq!(read, known(&row));
        }
    }

    #[test]
    fn what_a_spreadsheet_wrote_again_is_read_so_too(
        name in name(),
        path in path(),
        unknown in unknown_columns(),
        always in any::<bool>(),
    ) {
        let row = with_unknown(row(&name, &path), unknown, 0);
        let quotes = if always { csv::QuoteStyle::Always } else { csv::QuoteStyle::Necessary };
        prop_assert_eq!(read_row(&as_a_spreadsheet_writes(&row, quotes), &row), Some(known(&row)));
    }
}

fn split_line(header: &str, line: &str) -> Result<Vec<String>, Misfit> {
    let columns = Columns::of_header(header.split(',').map(str::as_bytes)).unwrap();
    let mut record = Record::default();
    split(line.as_bytes(), &columns, header.split(',').count(), &mut record)?;
    Ok(record.iter().map(|cell| String::from_utf8_lossy(cell).into_owned()).collect())
}

#[test]
fn a_line_that_can_be_divided_in_two_ways_is_not_read() {
    // The name a,a or the name a: the region between them ends in what a path ends in.
    let line = "arn:aws:iam::123456789012:user/a,a,N/a,a,a";
    assert_eq!(split_line("arn,access_key_1_last_used_region,user", line), Err(Misfit::TwoWays));
    let told_apart = "arn:aws:iam::123456789012:user/a,b,N/A,a,b";
    assert_eq!(
        split_line("arn,access_key_1_last_used_region,user", told_apart),
        Ok(["arn:aws:iam::123456789012:user/a,b", "N/A", "a,b"].map(str::to_owned).to_vec())
    );
}

#[test]
fn a_line_that_means_one_thing_with_its_quotes_and_another_without_is_not_read() {
    // As a spreadsheet saves what it took for a cell without an end.
    let line = "eve,arn:aws:iam::123456789012:user/x/eve,false,\"/eve,true,N/A\"";
    assert_eq!(split_line("user,arn,mfa_active,note", line), Err(Misfit::TwoWays));
    // A quoted cell of a column that no user can choose.
    let line = "eve,arn:aws:iam::123456789012:user/x/eve,false,\"one, two\"";
    assert_eq!(
        split_line("user,arn,mfa_active,note", line).map(|cells| cells[3].clone()),
        Ok("one, two".into())
    );
}

#[test]
fn a_line_whose_name_and_arn_do_not_agree_has_the_wrong_width() {
    for line in [
        "a,b,arn:aws:iam::123456789012:user/c,true",
        "a,arn:aws:iam::123456789012:user/a,true,true",
        "a,arn:aws:iam::123456789012:user/a",
        "a:b,c,arn:aws:iam::123456789012:user/a:b,c,true",
        "<root_account>,arn:aws:iam::123456789012:root,false,true",
    ] {
        assert_eq!(split_line("user,arn,mfa_active", line), Err(Misfit::Width), "{line}");
    }
}
