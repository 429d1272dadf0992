//! How many findings there are of each severity, in words.

use rollcall_core::judgement::rules::Severity;

/// How many open findings of each severity, without those that have none: `1 critical, 2 high`.
pub(super) fn severities(open: impl Fn(Severity) -> u64) -> String {
    let counts: Vec<String> = Severity::ALL
        .iter()
        .map(|&severity| (severity, open(severity)))
        .filter(|(_, count)| *count > 0)
        .map(|(severity, count)| format!("{count} {severity}"))
        .collect();
    counts.join(", ")
}
