//! Splitting bytes into lines, and a line into cells.
//!
//! IAM quotes nothing: what it writes is a line of cells between commas, although a path may hold
//! commas and quotes of its own. A spreadsheet that writes the report again quotes the cells that need
//! it. So a line can be split in two ways, and [`super::line`] decides between them.

use std::ops::Range;
use std::str;

/// The lines of some bytes that are not empty. A line ends with LF, CRLF or CR.
///
/// No cell of a report holds a line end, and a path may hold a quote that IAM leaves as it is: if a
/// quoted cell could go on past its line, one user could hide all that follow.
pub(super) struct Lines<'b> {
    rest: &'b [u8],
    number: u64,
}

/// One line and its number, the first being 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Line<'b> {
    pub(super) bytes: &'b [u8],
    pub(super) number: u64,
}

/// One record, in buffers that the next one can use again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Record {
    /// The line, without the quotes that were taken off its cells.
    bytes: Vec<u8>,
    /// Where each cell stands in `bytes`.
    cells: Vec<Range<usize>>,
}

impl<'b> Lines<'b> {
    pub(super) fn new(bytes: &'b [u8]) -> Self {
        Self { rest: bytes, number: 0 }
    }
}

impl<'b> Iterator for Lines<'b> {
    type Item = Line<'b>;

    fn next(&mut self) -> Option<Line<'b>> {
        while !self.rest.is_empty() {
            let end = memchr::memchr2(b'\n', b'\r', self.rest).unwrap_or(self.rest.len());
            let (bytes, rest) = self.rest.split_at(end);
            self.rest = rest.strip_prefix(b"\r\n").or_else(|| rest.get(1..)).unwrap_or_default();
            self.number += 1;
            if !bytes.is_empty() {
                return Some(Line { bytes, number: self.number });
            }
        }
        None
    }
}

impl Record {
    /// Splits a line at each comma, as IAM writes it: a quote is a character like any other.
    pub(super) fn split(&mut self, line: &[u8]) {
        self.bytes.clear();
        self.bytes.extend_from_slice(line);
        self.cells.clear();
        let mut start = 0;
        for comma in memchr::memchr_iter(b',', line) {
            self.cells.push(start..comma);
            start = comma + 1;
        }
        self.cells.push(start..line.len());
    }

    /// Splits a line as a spreadsheet writes it. False when no spreadsheet wrote it: a quoted cell ends
    /// where its line or the next cell begins, and a cell that holds a quote is quoted.
    pub(super) fn split_quoted(&mut self, line: &[u8]) -> bool {
        self.bytes.clear();
        self.cells.clear();
        let mut rest = line;
        loop {
            let start = self.bytes.len();
            let after = if let Some(quoted) = rest.strip_prefix(b"\"") {
                self.take_quoted(quoted)
            } else {
                let end = memchr::memchr(b',', rest).unwrap_or(rest.len());
                let (cell, after) = rest.split_at(end);
                self.bytes.extend_from_slice(cell);
                (!cell.contains(&b'"')).then_some(after)
            };
            self.cells.push(start..self.bytes.len());
            match after.map(|after| after.split_first()) {
                Some(None) => return true,
                Some(Some((b',', next))) => rest = next,
                Some(Some(_)) | None => return false,
            }
            self.bytes.push(b',');
        }
    }

    /// Takes a cell over whose first quote was read, and gives what follows its last; `None` when it has
    /// no end.
    fn take_quoted<'l>(&mut self, mut rest: &'l [u8]) -> Option<&'l [u8]> {
        loop {
            let (text, after) = rest.split_at(memchr::memchr(b'"', rest)?);
            self.bytes.extend_from_slice(text);
            match after[1..].strip_prefix(b"\"") {
                Some(more) => {
                    self.bytes.push(b'"');
                    rest = more;
                }
                None => return Some(&after[1..]),
            }
        }
    }

    /// Makes one cell of `cells`, with the commas that were between them.
    pub(super) fn join(&mut self, cells: Range<usize>) {
        if let [first, .., last] = &self.cells[cells.clone()] {
            let whole = first.start..last.end;
            self.cells.splice(cells, [whole]);
        }
    }

    /// How many bytes of memory it has taken.
    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.bytes.capacity() + self.cells.capacity() * size_of::<Range<usize>>()
    }

    /// How many cells it has.
    pub(super) fn len(&self) -> usize {
        self.cells.len()
    }

    /// Where a cell stands in the bytes, which are those of the line when no quotes were taken off.
    pub(super) fn range(&self, place: usize) -> Option<Range<usize>> {
        self.cells.get(place).cloned()
    }

    pub(super) fn get(&self, place: usize) -> Option<&[u8]> {
        self.bytes.get(self.range(place)?)
    }

    /// The bytes from the first to the last of `cells`, with the commas between them.
    pub(super) fn span(&self, cells: Range<usize>) -> Option<&[u8]> {
        let (first, last) = (self.cells.get(cells.start)?, self.cells.get(cells.end.checked_sub(1)?)?);
        self.bytes.get(first.start..last.end)
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &[u8]> {
        (0..self.len()).filter_map(|place| self.get(place))
    }

    /// All of it as one text, for [`Record::text`]: checked at once, because the cells are many and short.
    pub(super) fn all_text(&self) -> Option<&str> {
        str::from_utf8(&self.bytes).ok()
    }

    /// The text of a cell, if it is UTF-8; `all_text` is the record's own.
    pub(super) fn text<'r>(&'r self, all_text: Option<&'r str>, place: usize) -> Option<&'r str> {
        match all_text {
            Some(text) => text.get(self.range(place)?),
            None => str::from_utf8(self.get(place)?).ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cells(record: &Record) -> Vec<Vec<u8>> {
        record.iter().map(<[u8]>::to_vec).collect()
    }

    fn quoted(line: &str) -> Option<Vec<Vec<u8>>> {
        let mut record = Record::default();
        record.split_quoted(line.as_bytes()).then(|| cells(&record))
    }

    #[test]
    fn a_line_ends_in_three_ways_and_knows_its_number_past_empty_ones() {
        let lines = |text: &str| -> Vec<(u64, String)> {
            Lines::new(text.as_bytes())
                .map(|line| (line.number, String::from_utf8_lossy(line.bytes).into_owned()))
                .collect()
        };
        let abc = |numbers: [u64; 3]| -> Vec<(u64, String)> {
            numbers.into_iter().zip(["a", "b", "c"].map(str::to_owned)).collect()
        };
        assert_eq!(lines("a\nb\nc"), abc([1, 2, 3]));
        assert_eq!(lines("a\r\nb\r\n\r\nc\r\n"), abc([1, 2, 4]));
        assert_eq!(lines("a\rb\r\rc\r"), abc([1, 2, 4]));
        assert_eq!(lines("\n\na\rb\nc"), abc([3, 4, 5]));
        assert_eq!(lines("\n\r\r\n"), []);
    }

    #[test]
    fn no_spreadsheet_leaves_a_quote_open_or_in_the_middle_of_a_cell() {
        for line in ["a,\"b", "a\"b\"", "\"a\"b,c", "\"a\" ,b", "a,b\"", "\"", "\"a\"\"", "a,\"\"\"b\",\"c"] {
            assert_eq!(quoted(line), None, "{line}");
        }
        for (line, cells) in [
            ("\"a\",b", ["a", "b"]),
            ("\"a,\"\"b\"\"\",\"\"", ["a,\"b\"", ""]),
            (",\"\"\"\"", ["", "\""]),
            ("\",\",\",\"", [",", ","]),
        ] {
            assert_eq!(quoted(line), Some(cells.map(|cell| cell.as_bytes().to_vec()).to_vec()), "{line}");
        }
    }

    #[test]
    fn cells_are_joined_with_the_commas_that_were_between_them() {
        let mut record = Record::default();
        record.split(b"a,b,,c,d");
        assert_eq!(record.span(1..4), Some(&b"b,,c"[..]));
        record.join(1..4);
        record.join(0..1);
        assert_eq!(cells(&record), [&b"a"[..], b"b,,c", b"d"]);
    }

    #[test]
    fn a_cell_that_is_not_utf8_is_none_and_the_others_are_text() {
        let mut record = Record::default();
        record.split(b"caf\xc3,\xa9,x");
        assert_eq!(record.all_text(), None);
        assert_eq!([0, 1, 2].map(|place| record.text(None, place)), [None, None, Some("x")]);
    }

    #[test]
    fn a_cell_and_a_record_may_be_of_any_size() {
        let text = format!("{},{}", "x".repeat(100_000), ",".repeat(1_000));
        let mut record = Record::default();
        record.split(text.as_bytes());
        assert_eq!((record.iter().next().map(<[u8]>::len), record.len()), (Some(100_000), 1_002));
    }

    proptest! {
        #[test]
        fn what_a_spreadsheet_writes_is_read_as_it_was_meant(
            meant in prop::collection::vec("[a-c,\" é]{0,8}", 2..6),
            always in any::<bool>(),
        ) {
            let style = if always { csv::QuoteStyle::Always } else { csv::QuoteStyle::Necessary };
            let mut writer = csv::WriterBuilder::new().quote_style(style).from_writer(Vec::new());
            writer.write_record(&meant).unwrap();
            let written = String::from_utf8(writer.into_inner().unwrap()).unwrap();
            let meant: Vec<Vec<u8>> = meant.into_iter().map(String::into_bytes).collect();
            prop_assert_eq!(quoted(written.trim_end_matches('\n')), Some(meant));
        }

        #[test]
        fn what_is_read_as_a_spreadsheet_wrote_it_is_what_the_csv_crate_reads(line in "[a-c,\" ]{1,30}") {
            if let Some(cells) = quoted(&line) {
                let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(line.as_bytes());
                let theirs = reader.byte_records().next().unwrap().unwrap();
                prop_assert_eq!(cells, theirs.iter().map(<[u8]>::to_vec).collect::<Vec<_>>());
            }
        }
    }
}
