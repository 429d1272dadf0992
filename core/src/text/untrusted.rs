//! Text that others choose: the names of users and accounts, the cells of reports, and the answers of
//! services. Where a person or another program reads it, it is on one line and of a limited
//! length. `findings.jsonl` and `run.json` have it exactly.
//!
//! This is for what is written: a file, a message, a log. The command's terminal has a way of its own
//! (`terminal::escaping` in `cli`), which shows an active character as an escape, and some invisible ones too. A
//! text goes through one of the two, where it is shown; what is shown later, such as the sentence of a
//! finding, is only [`cut`].

use std::borrow::Cow;

/// Stands for a character that is not passed on.
const REPLACEMENT: char = '\u{fffd}';

/// Whether a character does more than stand in its place: it begins another line, means something to a
/// terminal, or turns the text around it. The last two are no characters, and SQS refuses them.
pub fn is_active(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{61c}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        || matches!(character, '\u{fffe}' | '\u{ffff}')
}

/// The text on one line: each active character is replaced.
pub fn one_line(text: &str) -> Cow<'_, str> {
    // Nearly every name is of these, and bytes are looked at many at a time.
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) || !text.contains(is_active) {
        return text.into();
    }
    text.replace(is_active, REPLACEMENT.encode_utf8(&mut [0; 4])).into()
}

/// The text on one line of at most `limit` bytes, of which an ellipsis takes the last three when something
/// is left out. What is left out is not looked at.
pub fn shortened(text: &str, limit: usize) -> Cow<'_, str> {
    if text.len() <= limit {
        return match one_line(text) {
            line if line.len() <= limit => line,
            line => cut_off(&line, limit).into(),
        };
    }
    cut_off(&one_line(&text[..text.floor_char_boundary(limit)]), limit).into()
}

/// The text in at most `limit` bytes, as [`shortened`], with active characters left in it, for a place that
/// shows it later.
pub fn cut(text: &str, limit: usize) -> Cow<'_, str> {
    if text.len() <= limit { text.into() } else { cut_off(text, limit).into() }
}

fn cut_off(text: &str, limit: usize) -> String {
    let end = text.floor_char_boundary(limit.saturating_sub('…'.len_utf8()));
    format!("{}…", &text[..end])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_plain_text_is_as_it_is() {
        for text in ["", "anna", "née, 山田 <root_account> =1+1", "👩‍👩‍👧", "שלום"] {
            assert!(matches!(one_line(text), Cow::Borrowed(line) if line == text), "{text}");
            assert!(matches!(shortened(text, 100), Cow::Borrowed(line) if line == text), "{text}");
        }
    }

    #[test]
    fn a_text_is_cut_between_characters_and_says_so() {
        for (text, limit, line) in [
            ("abcdef", 6, "abcdef"),
            ("abcdefg", 6, "abc…"),
            ("éééé", 7, "éé…"),
            ("\u{1}\u{1}", 6, "\u{fffd}\u{fffd}"),
            // What replaces a character is longer than it.
            ("\u{1}\u{1}", 5, "…"),
            ("\u{1}\u{1}\u{1}", 6, "\u{fffd}…"),
        ] {
            assert_eq!(shortened(text, limit), line, "{text:?} {limit}");
        }
    }

    proptest! {
        #[test]
        fn a_line_is_one_and_within_its_limit(text in any::<String>(), limit in 3..200_usize) {
            prop_assert!(!one_line(&text).contains(is_active));
            let line = shortened(&text, limit);
            prop_assert!(line.len() <= limit && !line.contains(is_active), "{:?}", line);
            prop_assert!(cut(&text, limit).len() <= limit);
            prop_assert!(text.len() > limit || cut(&text, limit) == text);
        }
    }
}
