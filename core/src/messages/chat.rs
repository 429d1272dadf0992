//! A message as Amazon Q Developer in chat applications takes it, for Slack and Microsoft Teams: the
//! JSON of its custom notifications, version 1.0. What is not of that form it drops without a word.

use serde_json::json;

use crate::evidence::manifest::Manifest;
use crate::judgement::rules::{RULES, Rule};
use crate::messages::digest::needs_attention;
use crate::messages::errors::missing_by_code;
use crate::messages::message::{Kind, Message};
use crate::messages::text::coverage;
use crate::text::console::Console;
use crate::text::counted::counted;

/// How many rules or codes a chat message lists: it is a glance, and the email has the rest.
const LISTED: usize = 11;

/// The notification that goes with `message`, as JSON.
pub fn chat(message: &Message, manifest: &Manifest, bucket: &str, console: &Console) -> String {
    let (mark, lines, next) = match message.kind {
        Kind::Errors => (":rotating_light:", errors(manifest), errors_next(manifest)),
        Kind::Findings => (":closed_lock_with_key:", findings(manifest), findings_next(manifest)),
    };
    let mut description = lines.join("\n");
    description.push_str(&format!("\n\n{}", coverage(manifest)));
    let mut next_steps = next;
    next_steps.push(format!("Open the evidence: {}", console.day(bucket, manifest.date)));
    let kind = message.kind.as_str();
    json!({
        "version": "1.0",
        "source": "custom",
        "id": format!("{}-{kind}", manifest.execution),
        "content": {
            "textType": "client-markdown",
            "title": format!("{mark} {}", message.subject),
            "description": description,
            "nextSteps": next_steps,
            "keywords": ["rollcall", kind],
        },
        "metadata": {
            // One thread a kind: each night answers the night before.
            "threadId": format!("rollcall-{kind}"),
            "summary": message.subject,
            "eventType": kind,
            "additionalContext": {
                "execution": manifest.execution,
                "date": manifest.date.to_string(),
            },
        },
    })
    .to_string()
}

/// No name of a user or an account is in it: a name could address a channel or hide a link.
fn errors(manifest: &Manifest) -> Vec<String> {
    let mut lines: Vec<String> = missing_by_code(manifest)
        .into_iter()
        .map(|(code, accounts)| format!("- *{code}*: {}", counted(accounts.len() as u64, "account")))
        .collect();
    if manifest.coverage.bad_rows > 0 {
        lines.push(format!("- {} can't be read", counted(manifest.coverage.bad_rows, "row")));
    }
    lines
}

fn errors_next(manifest: &Manifest) -> Vec<String> {
    missing_by_code(manifest).keys().take(3).map(|code| format!("{code}: {}", code.remedy())).collect()
}

/// The rules with open findings, worst first.
fn flagged(manifest: &Manifest) -> Vec<(&'static Rule, u64, u64)> {
    let mut rules: Vec<_> = RULES
        .iter()
        .filter_map(|rule| {
            let counts = manifest.findings.by_rule.get(&rule.id)?;
            (counts.open > 0).then_some((rule, counts.open, counts.new))
        })
        .collect();
    rules.sort_by_key(|(rule, _, _)| (rule.severity, rule.id));
    rules
}

fn findings(manifest: &Manifest) -> Vec<String> {
    let mut lines: Vec<String> = flagged(manifest)
        .into_iter()
        .take(LISTED)
        .map(|(rule, open, new)| format!("- *{}* {}: {new} new, {open} open", rule.severity, rule.id))
        .collect();
    if manifest.findings.resolved > 0 {
        lines.push(format!("- {} resolved", manifest.findings.resolved));
    }
    match manifest.exemptions.outcomes.iter().filter(|exemption| needs_attention(exemption)).count() {
        0 => {}
        some => lines
            .push(format!("- {} expired, about to, or matching nothing", counted(some as u64, "exemption"))),
    }
    lines
}

fn findings_next(manifest: &Manifest) -> Vec<String> {
    flagged(manifest)
        .into_iter()
        .filter(|(_, _, new)| *new > 0)
        .take(3)
        .map(|(rule, _, _)| format!("{}: {}", rule.id, rule.remedy))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::manifest::JudgedBy;
    use crate::judgement::analysis::Assessment;
    use crate::judgement::rules::RuleId;
    use crate::messages::{Listed, digest, errors as error_message};
    use crate::organization::failure::FailureCode;
    use crate::organization::roll::Account;
    use crate::organization::roll_call::Evidence;
    use crate::testing::finding;
    use crate::testing::sorted_json;
    use crate::testing::{account, failure, id, judged, report};

    const HOSTILE: &str = "<!channel> [x](http://x) `";

    fn console() -> Console {
        Console::new("aws", "eu-central-1")
    }

    fn night() -> Manifest {
        let hostile = Account { name: HOSTILE.into(), ..account(2) };
        let evidence = Evidence {
            reports: [(id(1), report(1, 2))].into(),
            failures: [(id(2), failure(2, FailureCode::RoleMissingOrDenied, HOSTILE))].into(),
            ..Default::default()
        };
        let findings =
            vec![finding(1, HOSTILE, RuleId::RootAccessKey), finding(1, HOSTILE, RuleId::TwoActiveKeys)];
        let assessment = Assessment { findings, ..Default::default() };
        judged(vec![account(1), hostile], evidence, JudgedBy::default(), &assessment)
    }

    fn notification(message: &Message, manifest: &Manifest) -> serde_json::Value {
        serde_json::from_str(&chat(message, manifest, "reports", &console())).unwrap()
    }

    #[test]
    fn a_notification_has_the_form_that_is_not_dropped() {
        let manifest = night();
        let errors = error_message(&manifest, "reports", &console()).unwrap();
        let findings = digest(&manifest, &Listed::default(), "reports", &console()).unwrap();
        for (name, message) in [("errors", errors), ("findings", findings)] {
            let notification = notification(&message, &manifest);
            assert_eq!(
                (&notification["version"], &notification["source"]),
                (&json!("1.0"), &json!("custom"))
            );
            let title = notification["content"]["title"].as_str().unwrap();
            let description = notification["content"]["description"].as_str().unwrap();
            assert!(title.len() <= 250 && description.len() <= 3000, "{title} {description}");
            assert!(!notification.to_string().contains("channel"), "no name is in it");
            insta::assert_snapshot!(name, sorted_json::pretty(&notification));
        }
    }
}
