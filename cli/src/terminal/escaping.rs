//! Text on a terminal: made harmless, and fitted to the width.
//!
//! [`safe`] is for a terminal, and shows a character that could do something as an escape. What is written,
//! such as a file or a message, goes through [`rollcall_core::text::untrusted`], which replaces such a
//! character instead. A text goes through one of the two, where it is shown.

use std::borrow::Cow;

use textwrap::{Options, WordSeparator, WordSplitter, WrapAlgorithm};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// How many bytes of a text are shown: a terminal that gets megabytes shows nothing else any more.
const TEXT_LIMIT: usize = 32 * 1024;

/// The fewest columns that text beside an indentation gets.
const LEAST_COLUMNS: usize = 10;

/// Text that changes nothing but the place it stands in: control characters, which could move the cursor
/// or rewrite what is on the screen, and characters that turn the direction of text are written as
/// escapes. Users and accounts may have any name, of any length.
pub fn safe(text: &str) -> Cow<'_, str> {
    if text.len() > TEXT_LIMIT {
        return format!("{}…", safe(&text[..text.floor_char_boundary(TEXT_LIMIT)])).into();
    }
    if !text.chars().any(is_unsafe) {
        return text.into();
    }
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match is_unsafe(character) {
            true => safe.extend(character.escape_default()),
            false => safe.push(character),
        }
    }
    safe.into()
}

fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{ad}' | '\u{61c}' | '\u{e0000}'..='\u{e007f}')
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// How many columns a text takes.
pub fn columns(text: &str) -> usize {
    text.width()
}

/// The text in at most `width` columns, cut off with an ellipsis if need be.
pub fn shortened(text: &str, width: usize) -> Cow<'_, str> {
    if columns(text) <= width {
        return text.into();
    }
    let mut taken = 0;
    let fits = |character: &char| {
        taken += character.width().unwrap_or(0);
        taken < width
    };
    let mut short: String = text.chars().take_while(fits).collect();
    short.push('…');
    short.into()
}

/// The text in lines of at most `width` columns, broken at spaces; a word that is longer than a line is
/// broken anywhere.
pub fn wrapped(text: &str, width: usize) -> Vec<Cow<'_, str>> {
    let options = Options::new(width)
        .word_separator(WordSeparator::AsciiSpace)
        .word_splitter(WordSplitter::NoHyphenation)
        .wrap_algorithm(WrapAlgorithm::FirstFit);
    textwrap::wrap(text, options)
}

/// The text in lines that fit beside an indentation of `indent` columns in a terminal of `width`; in one
/// line without a terminal.
pub fn wrapped_beside(text: &str, width: Option<usize>, indent: usize) -> Vec<Cow<'_, str>> {
    match width {
        Some(width) => wrapped(text, width.saturating_sub(indent).max(LEAST_COLUMNS)),
        None => vec![text.into()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rollcall_testing::hostile_texts::TEXTS;

    #[test]
    fn a_name_can_do_nothing_to_the_terminal() {
        for name in [
            "\u{1b}[2J",
            "a\rb",
            "a\nb",
            "\u{9b}1m",
            "\u{202e}nimda",
            "\u{7}",
            "\u{200b}",
            "\u{61c}",
            "\u{e0041}",
        ] {
            let safe = safe(name);
            assert!(!safe.chars().any(is_unsafe), "{safe:?}");
            assert!(safe.contains('\\'), "{safe:?}");
        }
        assert_eq!(safe("née, 山田 <root_account>"), "née, 山田 <root_account>");
    }

    #[test]
    fn a_text_stays_one_line_that_can_be_read() {
        for text in TEXTS {
            assert!(!safe(text).contains(|character| is_unsafe(character) || character.is_control()));
        }
        let huge = safe(&"é\u{1b}".repeat(1_000_000)).into_owned();
        assert!(huge.len() < 12 * TEXT_LIMIT && huge.ends_with('…'), "{}", huge.len());
    }

    #[test]
    fn a_text_is_cut_off_where_its_columns_end() {
        assert_eq!(shortened("deploy", 6), "deploy");
        assert_eq!(shortened("deployer", 6), "deplo…");
        // Two columns each.
        assert_eq!(shortened("山田太郎", 6), "山田…");
    }

    #[test]
    fn lines_are_broken_at_spaces_and_long_words_anywhere() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("", 7), [""]);
        assert_eq!(wrapped("abcdefghij k", 4), ["abcd", "efgh", "ij k"]);
        assert!(wrapped("the limit is 90 days", 10).iter().all(|line| columns(line) <= 10));
    }
}
