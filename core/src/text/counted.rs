//! Numbers with their nouns.

/// A number with its noun: `1 account`, `2 accounts`.
pub fn counted(count: u64, what: &str) -> String {
    if count == 1 { format!("{count} {what}") } else { format!("{count} {what}s") }
}
