//! Splitting bytes into records and cells.
//!
//! This is the part that goes through every byte, so it uses the splitter under the csv crate
//! directly: on bytes that are all in memory, the crate's reader would copy them once more, and it
//! would build the splitter's tables anew for every report, which costs as much as reading fifty rows.

use std::cell::Cell;
use std::ops::Range;
use std::str;

use csv_core::ReadRecordResult;

thread_local! {
    /// The splitter of the last report that this thread read, for the next. (A clone of one would not
    /// do: csv-core 0.1.13 copies half of the tables.)
    static SPARE: Cell<Option<Box<csv_core::Reader>>> = const { Cell::new(None) };
}

/// The records of some bytes: CSV with or without quotes, with LF or CRLF, of any width.
///
/// A record is a line. No cell of a report holds a line feed, and a path may hold a quote that AWS
/// leaves as it is: were a quoted cell to go on past its line, one user could hide all after it.
pub(super) struct Records<'b> {
    splitter: Option<Box<csv_core::Reader>>,
    rest: &'b [u8],
    lines: u64,
    line: &'b [u8],
}

/// One record, in buffers that the next one can use again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Record {
    /// The cells' bytes, without what separates them.
    bytes: Vec<u8>,
    /// Where each cell ends in `bytes`.
    ends: Vec<usize>,
    line: u64,
}

impl<'b> Records<'b> {
    pub(super) fn new(bytes: &'b [u8]) -> Self {
        let splitter = SPARE.take().unwrap_or_else(|| Box::new(csv_core::Reader::new()));
        Self { splitter: Some(splitter), rest: bytes, lines: 0, line: &[] }
    }

    /// Reads the next line that is not empty into `record`; false at the end.
    pub(super) fn read(&mut self, record: &mut Record) -> bool {
        while self.next_line() {
            if !self.line.is_empty() {
                record.line = self.lines;
                self.split(record);
                return true;
            }
        }
        false
    }

    /// The bytes of the line that was read last, without what ends it.
    pub(super) fn line(&self) -> &'b [u8] {
        self.line
    }

    fn next_line(&mut self) -> bool {
        if self.rest.is_empty() {
            return false;
        }
        let end = memchr::memchr(b'\n', self.rest);
        let line = &self.rest[..end.unwrap_or(self.rest.len())];
        self.rest = &self.rest[end.map_or(self.rest.len(), |end| end + 1)..];
        self.line = line.strip_suffix(b"\r").unwrap_or(line);
        self.lines += 1;
        true
    }

    fn split(&mut self, record: &mut Record) {
        let Some(splitter) = &mut self.splitter else { return };
        splitter.reset();
        let mut rest = self.line;
        let (mut written, mut cells) = (0, 0);
        // No cell is longer than its line. All of a buffer is lent to the splitter; what it used of it
        // is the record.
        record.bytes.resize(record.bytes.capacity().max(rest.len() + 1), 0);
        record.ends.resize(record.ends.capacity().max(32), 0);
        loop {
            let (result, read, wrote, ended) =
                splitter.read_record(rest, &mut record.bytes[written..], &mut record.ends[cells..]);
            rest = &rest[read..];
            written += wrote;
            cells += ended;
            match result {
                // The next call has nothing to read, which is how the splitter learns of the end.
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull => record.bytes.resize(record.bytes.len() * 2, 0),
                ReadRecordResult::OutputEndsFull => record.ends.resize(record.ends.len() * 2, 0),
                ReadRecordResult::Record | ReadRecordResult::End => {
                    record.bytes.truncate(written);
                    record.ends.truncate(cells);
                    return;
                }
            }
        }
    }
}

impl Drop for Records<'_> {
    fn drop(&mut self) {
        SPARE.set(self.splitter.take());
    }
}

impl Record {
    /// A record of these cells, on the line of `self`.
    pub(super) fn with_cells<'c>(&self, cells: impl Iterator<Item = &'c [u8]>) -> Self {
        let mut record = Self { line: self.line, ..Self::default() };
        for cell in cells {
            record.bytes.extend_from_slice(cell);
            record.ends.push(record.bytes.len());
        }
        record
    }

    /// How many bytes of memory it has taken.
    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.bytes.capacity() + self.ends.capacity() * size_of::<usize>()
    }

    /// How many cells it has.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The line of the file it starts on, the first being 1.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    /// Where a cell stands in the bytes.
    fn range(&self, place: usize) -> Option<Range<usize>> {
        let end = *self.ends.get(place)?;
        let start = place.checked_sub(1).map_or(0, |before| self.ends[before]);
        Some(start..end)
    }

    pub(super) fn get(&self, place: usize) -> Option<&[u8]> {
        self.bytes.get(self.range(place)?)
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &[u8]> {
        (0..self.len()).filter_map(|place| self.get(place))
    }

    /// All cells as one text, for [`Record::text`]: checked at once, for they are many and short.
    pub(super) fn all_text(&self) -> Option<&str> {
        str::from_utf8(&self.bytes).ok()
    }

    /// The text of a cell, if it is UTF-8; `all_text` is the record's own.
    pub(super) fn text<'r>(&'r self, all_text: Option<&'r str>, place: usize) -> Option<&'r str> {
        let range = self.range(place)?;
        match all_text {
            // No text there when two cells that are not UTF-8 happen to be when put together.
            Some(text) => text.get(range),
            None => str::from_utf8(&self.bytes[range]).ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn records(bytes: &[u8]) -> Vec<(u64, Vec<Vec<u8>>)> {
        let mut records = Records::new(bytes);
        let mut record = Record::default();
        let mut all = Vec::new();
        while records.read(&mut record) {
            all.push((record.line(), record.iter().map(<[u8]>::to_vec).collect()));
        }
        all
    }

    #[test]
    fn a_record_knows_its_line_past_empty_lines() {
        let lines = |text: &str| records(text.as_bytes()).iter().map(|(line, _)| *line).collect::<Vec<_>>();
        assert_eq!(lines("a\nb\nc"), [1, 2, 3]);
        assert_eq!(lines("a\r\nb\r\n\r\nc\r\n"), [1, 2, 4]);
        assert_eq!(lines("\n\na\n"), [3]);
    }

    #[test]
    fn a_quote_that_nobody_closes_ends_with_its_line() {
        let records = records(b"a,\"b\nc,d\n\"e\n");
        let cells: Vec<usize> = records.iter().map(|(_, cells)| cells.len()).collect();
        assert_eq!(cells, [2, 2, 1]);
    }

    #[test]
    fn cells_that_are_not_utf8_are_none_also_when_they_are_together() {
        let mut record = Record::default();
        assert!(Records::new(b"caf\xc3,\xa9,\xff").read(&mut record));
        assert_eq!(record.all_text(), None);
        let together = Record::default().with_cells([&b"caf\xc3"[..], b"\xa9", b"x"].into_iter());
        let all = together.all_text();
        assert_eq!(all, Some("caf\u{e9}x"));
        assert_eq!([0, 1, 2].map(|place| together.text(all, place)), [None, None, Some("x")]);
    }

    #[test]
    fn a_cell_and_a_record_may_be_of_any_size() {
        let text = format!("{},{}\n", "x".repeat(100_000), ",".repeat(1_000));
        let (_, cells) = &records(text.as_bytes())[0];
        assert_eq!((cells[0].len(), cells.len()), (100_000, 1_002));
    }

    proptest! {
        #[test]
        fn it_splits_a_line_as_the_csv_crate_does(bytes in "[a-c,\" é]{0,200}") {
            let mut csv = csv::ReaderBuilder::new().flexible(true).has_headers(false).from_reader(bytes.as_bytes());
            let theirs: Vec<Vec<Vec<u8>>> = csv
                .byte_records()
                .map(|record| record.unwrap().iter().map(<[u8]>::to_vec).collect())
                .collect();
            let ours: Vec<_> = records(bytes.as_bytes()).into_iter().map(|(_, cells)| cells).collect();
            prop_assert_eq!(ours, theirs);
        }
    }
}
