//! Any name and path that IAM lets a user have, in a report as IAM writes it and as a spreadsheet writes
//! it again: the row that is read is the one that was meant.

use csv::{QuoteStyle, WriterBuilder};
use rollcall_core::report::{Column, read};

const ACCOUNT: &str = "123456789012";
const HEADER: &str = include_str!("../../tests/fixtures/reports/header-only.csv");

/// Takes the first line of `bytes` for a name and the second for a path, without what IAM refuses, and the
/// length of the third for how many unknown columns there are.
pub fn check(bytes: &[u8]) {
    let mut lines = bytes.split(|&byte| byte == b'\n');
    let mut text = |limit: usize, is_allowed: fn(&u8) -> bool| -> String {
        let line = lines.next().unwrap_or_default();
        line.iter().filter(|byte| is_allowed(byte)).take(limit).copied().map(char::from).collect()
    };
    let name = text(64, |byte| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(byte));
    let path = text(510, |byte| (b'!'..=b'~').contains(byte));
    let unknown = text(4, |_| true).len();
    if name.is_empty() {
        return;
    }
    let path = if path.is_empty() { "/".to_owned() } else { format!("/{path}/") };
    let arn = format!("arn:aws:iam::{ACCOUNT}:user{path}{name}");

    let mut header: Vec<String> = HEADER.trim_end().split(',').map(str::to_owned).collect();
    header.extend((0..unknown).map(|number| format!("unknown_{number}")));
    let row: Vec<&str> = header
        .iter()
        .map(|column| match column.as_str() {
            "user" => name.as_str(),
            "arn" => arn.as_str(),
            "user_creation_time" | "access_key_1_last_rotated" => "2020-01-01T00:00:00Z",
            column if column.ends_with("_active") => "true",
            _ => "N/A",
        })
        .collect();

    check_reading(format!("{}\n{}", header.join(","), row.join(",")).as_bytes(), &name, &arn);
    for quotes in [QuoteStyle::Necessary, QuoteStyle::Always] {
        let mut writer = WriterBuilder::new().quote_style(quotes).from_writer(Vec::new());
        writer.write_record(&header).unwrap();
        writer.write_record(&row).unwrap();
        check_reading(&writer.into_inner().unwrap(), &name, &arn);
    }
}

fn check_reading(report: &[u8], name: &str, arn: &str) {
    let mut users = 0;
    let tally = read(report, &ACCOUNT.parse().unwrap(), |user| {
        users += 1;
        assert_eq!((user.name(), user.arn), (name, arn));
        assert_eq!(user.cell(Column::AccessKey1LastRotated), "2020-01-01T00:00:00Z");
        assert_eq!(user.cell(Column::MfaActive), "true");
        assert_eq!(user.cell(Column::Cert2LastRotated), "N/A");
    });
    assert_eq!((users, tally.map(|tally| tally.bad_rows)), (1, Ok(0)), "{name} {arn}");
}
