//! Any bytes as `exemptions.toml`. It is refused, with a line that exists and a message that Step Functions
//! passes on, or it means the same when it is written and read again.

use rollcall_core::formats::jsonl::read_line;
use rollcall_core::judgement::exemptions::{ExemptionOutcome, Exemptions, InvalidExemptions};
use rollcall_core::judgement::finding::Finding;
use rollcall_core::text::untrusted::is_active;

/// How many characters of an error Step Functions passes on.
const ERROR_LIMIT: usize = 32_768;

/// Checks `bytes` as the file.
pub fn check(bytes: &[u8]) {
    let exemptions = match Exemptions::parse("exemptions.toml", bytes) {
        Ok(exemptions) => exemptions,
        Err(invalid) => return refused(bytes, &invalid),
    };
    let today = "2026-01-31".parse().unwrap();
    let mut exempted = findings();
    let outcomes = exemptions.apply(&mut exempted, today);
    if outcomes.iter().all(|outcome| outcome.has_expired() || outcome.findings == 0) {
        assert!(exempted.iter().all(Finding::is_open));
    }
    for exemption in exempted.iter().filter_map(|finding| finding.exemption.as_ref()) {
        assert!(!exemption.reason.trim().is_empty() && exemption.expires >= today);
    }

    let text: String = outcomes.iter().map(written).collect();
    let again = Exemptions::parse("exemptions.toml", text.as_bytes())
        .unwrap_or_else(|error| panic!("{error} in what was read before: {text}"));
    let mut exempted_again = findings();
    let lines = |outcomes: Vec<ExemptionOutcome>| -> Vec<ExemptionOutcome> {
        outcomes.into_iter().map(|outcome| ExemptionOutcome { line: 0, ..outcome }).collect()
    };
    assert_eq!(lines(again.apply(&mut exempted_again, today)), lines(outcomes));
    assert_eq!(exempted_again, exempted);
}

fn refused(bytes: &[u8], invalid: &InvalidExemptions) {
    assert!(!invalid.problems.is_empty());
    let lines = 1 + bytes.iter().filter(|&&byte| byte == b'\n').count();
    for problem in &invalid.problems {
        assert!((1..=lines).contains(&problem.line), "line {} of {lines}", problem.line);
        assert!(!problem.cause.is_empty());
    }
    let text = invalid.to_string();
    assert!(text.chars().count() <= ERROR_LIMIT);
    assert!(!text.contains(is_active), "{text:?}");
}

/// An exemption as a person would write it.
fn written(outcome: &ExemptionOutcome) -> String {
    // A JSON string is a TOML string once DEL is escaped.
    let quoted = |text: &str| serde_json::to_string(text).unwrap().replace('\u{7f}', "\\u007f");
    let line = |name: &str, value: Option<&str>| {
        value.map(|value| format!("{name} = {}\n", quoted(value))).unwrap_or_default()
    };
    format!(
        "[[exemption]]\n{}{}{}{}{}",
        line("account", outcome.account.as_ref().map(|account| account.as_str())),
        line("user", outcome.user.as_deref()),
        line("rule", outcome.rule.map(|rule| rule.as_str())),
        line("reason", Some(&outcome.reason)),
        line("expires", Some(&outcome.expires.to_string())),
    )
}

/// A few findings for the exemptions to cover.
fn findings() -> Vec<Finding> {
    let of = |account: &str, user: &str, rule: &str| {
        let line = format!(
            r#"{{"account_id":"{account}","account_name":"","user":"{user}","arn":"","credential":"access_key_1","rule":"{rule}","severity":"medium","observed":"true","age_days":null,"limit_days":null,"as_of":"2026-01-31T01:00:00Z","report_generated":"2026-01-31T01:00:00Z","first_seen":"2026-01-31","status":"new","verified":true,"exemption":null,"cis":"","remedy":""}}"#
        );
        read_line(line.as_bytes(), 1).unwrap()
    };
    vec![
        of("111122223333", "vendor-a", "access-key-stale"),
        of("111122223333", "anna", "two-active-keys"),
        of("444455556666", "<root_account>", "root-access-key"),
    ]
}
