//! The terminal: colour, width, and text that can't do anything to it.

use std::borrow::Cow;
use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

use anstream::ColorChoice;
use anstyle::{AnsiColor, Style};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::arguments::Color;

/// The style of the word `error`.
const ERROR: Style = AnsiColor::Red.on_default().bold();
/// The style of the word `note`.
const NOTE: Style = AnsiColor::Cyan.on_default().bold();

/// How many bytes of a text are shown: a terminal that gets megabytes shows nothing else any more.
const TEXT_LIMIT: usize = 32 * 1024;

/// Narrower than this, columns make no sense any more.
const LEAST_WIDTH: usize = 60;

/// Sets for the whole process whether output has colour. `auto` is: on a terminal, unless NO_COLOR is
/// set.
pub fn choose_color(color: Color) {
    match color {
        Color::Auto => {}
        Color::Always => ColorChoice::Always.write_global(),
        Color::Never => ColorChoice::Never.write_global(),
    }
}

/// The width of the terminal that standard output goes to; `None` for a file or a pipe, where no line is
/// cut.
pub fn width() -> Option<usize> {
    if !io::stdout().is_terminal() {
        return None;
    }
    let (terminal_size::Width(width), _) = terminal_size::terminal_size()?;
    Some(usize::from(width).max(LEAST_WIDTH))
}

/// Tells of an error on standard error.
pub fn error(message: &impl Display) {
    tell(ERROR, "error", message);
}

/// Tells of something worth to know.
pub fn note(message: &impl Display) {
    tell(NOTE, "note", message);
}

fn tell(style: Style, word: &str, message: &impl Display) {
    let message = message.to_string();
    let message = safe(&message);
    let text = match terminal_size::terminal_size_of(io::stderr()) {
        // The word stands before the first line, and wrapping has to know of it.
        Some((terminal_size::Width(width), _)) => {
            let width = usize::from(width).max(LEAST_WIDTH);
            let lines = wrapped(&format!("{word}: {message}"), width).join("\n");
            lines[word.len()..].to_owned()
        }
        None => format!(": {message}"),
    };
    // Nobody is left to tell when standard error is gone.
    let _ = writeln!(anstream::stderr(), "{style}{word}{style:#}{text}");
}

/// Text that changes nothing but the place it stands in: control characters, which could move the cursor
/// or rewrite what is on the screen, and characters that turn the direction of text are written as
/// escapes. User and account names are anybody's choice, and so is how long they are.
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
pub fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split(' ') {
        let wide = columns(word);
        if used > 0 && used + 1 + wide > width {
            lines.push(String::new());
            used = 0;
        } else if used > 0 {
            lines.last_mut().expect("there is a line").push(' ');
            used += 1;
        }
        for character in word.chars() {
            let wide = character.width().unwrap_or(0);
            if used + wide > width && used > 0 {
                lines.push(String::new());
                used = 0;
            }
            lines.last_mut().expect("there is a line").push(character);
            used += wide;
        }
    }
    lines
}

/// The text in lines that fit beside `left` columns in a terminal of `width`; in one line where there is
/// no terminal.
pub fn broken(text: &str, width: Option<usize>, left: usize) -> Vec<String> {
    match width {
        Some(width) => wrapped(text, width.saturating_sub(left).max(10)),
        None => vec![text.to_owned()],
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
    fn no_text_is_more_than_a_line_that_can_be_read() {
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
