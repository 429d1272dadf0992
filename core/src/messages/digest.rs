//! The digest of findings: what is new first, then what is still open, then the exemptions that have
//! expired or are about to. It is sent only when there is something to say.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::evidence::counts::FindingCounts;
use crate::evidence::manifest::Manifest;
use crate::judgement::exemptions::ExemptionOutcome;
use crate::judgement::finding::{Finding, Status};
use crate::judgement::rules::{Rule, RuleId, Severity};
use crate::messages::message::{Attribute, Kind, Message, count};
use crate::messages::text::{SENTENCE_LIMIT, TEXT_LIMIT, coverage, one_line, paragraph, whereabouts};
use crate::text::console::Console;
use crate::text::counted::counted;
use crate::text::untrusted::shortened;

/// How many findings of each kind a digest lists: more than anybody reads.
const NEW_LISTED: usize = 400;
const ONGOING_LISTED: usize = 100;
const EXEMPTIONS_LISTED: usize = 50;
/// SNS takes 262,144 bytes a message. Each list may fill this much of it, for names can be long.
const LIST_LIMIT: usize = 80_000;

/// The findings a digest lists, out of all of a run. They are given one by one, so that they need
/// not be held all at once.
#[derive(Clone, Debug, Default)]
pub struct Listed {
    new: Vec<Finding>,
    ongoing: Vec<Finding>,
    unreadable: Option<String>,
}

impl Listed {
    /// None, because the findings can't be read; this is why. The digest has their counts all the same.
    pub fn unreadable(cause: String) -> Self {
        Self { unreadable: Some(cause), ..Self::default() }
    }

    /// Keeps `finding` if the digest lists it, and of it no more than the digest has: five hundred are
    /// held. Findings come in the order of lists, worst first.
    pub fn offer(&mut self, finding: Finding) {
        if !finding.is_open() {
            return;
        }
        let (list, limit) = match finding.status {
            Status::New => (&mut self.new, NEW_LISTED),
            Status::Ongoing => (&mut self.ongoing, ONGOING_LISTED),
        };
        if list.len() < limit {
            let kept = |text: &str| shortened(text, TEXT_LIMIT).into();
            let (user, arn, observed) = (kept(&finding.user), kept(&finding.arn), kept(&finding.observed));
            list.push(Finding { user, arn, observed, ..finding });
        }
    }
}

/// Writes the digest of a run, or nothing when no finding is open, none was resolved, and no
/// exemption has expired or is about to.
pub fn digest(manifest: &Manifest, listed: &Listed, bucket: &str, console: &Console) -> Option<Message> {
    let counts = &manifest.findings;
    let exemptions: Vec<&ExemptionOutcome> =
        manifest.exemptions.outcomes.iter().filter(|exemption| needs_attention(exemption)).collect();
    if counts.open == 0 && counts.resolved == 0 && exemptions.is_empty() {
        return None;
    }
    let date = manifest.date;
    let mut body = String::new();
    paragraph(
        &mut body,
        &format!(
            "{} on {date}; {} open in all, {} resolved, {} exempted.\n{}.",
            counted(counts.new, "new finding"),
            counts.open,
            counts.resolved,
            counts.exempted,
            severities(counts)
        ),
    );
    if manifest.coverage.missing() > 0 {
        paragraph(
            &mut body,
            &format!(
                "Not everything was looked at: {} no report. {}\nWhat they had before stays open, unverified.",
                match manifest.coverage.missing() {
                    1 => "1 account has".to_owned(),
                    many => format!("{many} accounts have"),
                },
                coverage(manifest)
            ),
        );
    }
    let unfollowed = match counts.unfollowed {
        0 => String::new(),
        some => format!(
            "\n{} of the run before followed no further: the account is skipped or no longer on the roll, or the rule is off or has another limit.",
            counted(some, "finding")
        ),
    };
    let history = manifest.history.sentence();
    paragraph(&mut body, &(shortened(&history, SENTENCE_LIMIT) + &*unfollowed));
    if let Some(cause) = &listed.unreadable {
        paragraph(&mut body, &format!("The findings can't be listed here: {}.", one_line(cause)));
    }
    write_findings(&mut body, "New", &listed.new, counts.new);
    write_findings(&mut body, "Still open", &listed.ongoing, counts.ongoing);
    write_exemptions(&mut body, &exemptions);
    whereabouts(&mut body, manifest, bucket, console);
    Some(Message {
        kind: Kind::Findings,
        subject: subject(manifest, exemptions.len()),
        body,
        attributes: attributes(manifest),
    })
}

fn subject(manifest: &Manifest, exemptions: usize) -> String {
    let counts = &manifest.findings;
    let date = manifest.date;
    let mut subject = match counts.new {
        0 => format!("Rollcall {date}: no new findings; {} open", counts.open),
        new => format!("Rollcall {date}: {}; {} open", counted(new, "new finding"), counts.open),
    };
    if let Some(worst) = counts.worst() {
        let _ = write!(subject, ", {} {worst}", counts.of_severity(worst));
    }
    if counts.resolved > 0 {
        let _ = write!(subject, "; {} resolved", counts.resolved);
    }
    if counts.open == 0 && counts.resolved == 0 {
        let need = if exemptions == 1 { "needs" } else { "need" };
        let _ = write!(subject, "; {} {need} attention", counted(exemptions as u64, "exemption"));
    }
    subject
}

/// Ten, the most there may be.
fn attributes(manifest: &Manifest) -> Vec<(&'static str, Attribute)> {
    let counts = &manifest.findings;
    let of = |severity| count(counts.of_severity(severity));
    vec![
        ("kind", Attribute::Text(Kind::Findings.as_str())),
        ("severity", Attribute::Text(counts.worst().map_or("none", Severity::as_str))),
        ("new", count(counts.new)),
        ("open", count(counts.open)),
        ("resolved", count(counts.resolved)),
        ("unverified", count(counts.unverified)),
        ("critical", of(Severity::Critical)),
        ("high", of(Severity::High)),
        ("medium", of(Severity::Medium)),
        ("low", of(Severity::Low)),
    ]
}

/// Such as `Critical 1, high 2, medium 0, low 4`.
fn severities(counts: &FindingCounts) -> String {
    let severities = Severity::ALL.iter();
    let counted = severities.map(|&severity| format!("{severity} {}", counts.of_severity(severity)));
    let text = counted.collect::<Vec<_>>().join(", ");
    text[..1].to_uppercase() + &text[1..]
}

/// The findings by rule, worst first, each rule with its remedy; `all` is how many there are.
fn write_findings(body: &mut String, title: &str, findings: &[Finding], all: u64) {
    if findings.is_empty() {
        return;
    }
    let mut by_rule: BTreeMap<(Severity, RuleId), Vec<&Finding>> = BTreeMap::new();
    for finding in findings {
        by_rule.entry((finding.severity(), finding.rule)).or_default().push(finding);
    }
    let heading = format!("{title}: {all}");
    let _ = writeln!(body, "{heading}\n{}\n", "-".repeat(heading.len()));
    let end = body.len() + LIST_LIMIT;
    let mut listed = 0;
    for ((severity, id), findings) in by_rule {
        let _ = writeln!(body, "{} ({severity})\n  What to do: {}\n", id, Rule::of(id).remedy);
        let mut account = None;
        for finding in findings {
            if body.len() > end {
                break;
            }
            listed += 1;
            let assessed = &finding.assessed;
            if account != Some(&assessed.account_id) {
                let _ = writeln!(body, "  {}  {}", assessed.account_id, one_line(&assessed.account_name));
                account = Some(&assessed.account_id);
            }
            let unverified = if finding.verified { "" } else { " (not verified tonight)" };
            let user = one_line(&finding.user);
            let _ = writeln!(body, "      {user}: {}{unverified}", one_line(&finding.sentence()));
        }
        body.push('\n');
    }
    let rest = all.saturating_sub(listed);
    if rest > 0 {
        paragraph(body, &format!("and {}: findings.csv has them all", counted(rest, "more finding")));
    }
}

/// Whether an exemption has expired or is about to, or matches nothing.
pub(super) fn needs_attention(exemption: &ExemptionOutcome) -> bool {
    exemption.expires_soon() || exemption.matches_nothing()
}

fn write_exemptions(body: &mut String, exemptions: &[&ExemptionOutcome]) {
    if exemptions.is_empty() {
        return;
    }
    let heading = "Exemptions that need attention";
    let _ = writeln!(body, "{heading}\n{}\n", "-".repeat(heading.len()));
    for exemption in exemptions.iter().take(EXEMPTIONS_LISTED) {
        let state = if exemption.has_expired() {
            format!("expired on {}, and exempts nothing", exemption.expires)
        } else if exemption.expires_soon() {
            format!("holds until {}", exemption.expires)
        } else {
            "in force".to_owned()
        };
        let findings = match exemption.findings {
            0 if exemption.matches_nothing() => "matches nothing".to_owned(),
            0 => "not everything it may cover was looked at".to_owned(),
            findings => format!("matches {}", counted(findings, "finding")),
        };
        let reason = one_line(&exemption.reason);
        let _ =
            writeln!(body, "  exemptions.toml, line {}: {state}; {findings}\n      {reason}", exemption.line);
    }
    if exemptions.len() > EXEMPTIONS_LISTED {
        let rest = counted((exemptions.len() - EXEMPTIONS_LISTED) as u64, "more exemption");
        let _ = writeln!(body, "  and {rest}: run.json has them all");
    }
    body.push('\n');
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::evidence::manifest::JudgedBy;
    use crate::judgement::analysis::Assessment;
    use crate::judgement::exemptions::Exemptions;
    use crate::judgement::finding::Assessed;
    use crate::organization::roll_call::Evidence;
    use crate::testing::finding;
    use crate::testing::{account, id, judged, report};

    /// The digest of a night of two accounts, the second without a report.
    fn message(assessment: &Assessment) -> Option<Message> {
        let reports = [(id(1), report(1, 0))].into();
        let evidence = Evidence { reports, ..Default::default() };
        let manifest = judged(vec![account(1), account(2)], evidence, JudgedBy::default(), assessment);
        let mut listed = Listed::default();
        assessment.findings.iter().cloned().for_each(|finding| listed.offer(finding));
        digest(&manifest, &listed, "reports-bucket", &Console::new("aws", "eu-central-1"))
    }

    fn exemptions(text: &str, findings: &mut [Finding]) -> Vec<ExemptionOutcome> {
        Exemptions::parse("f", text.as_bytes()).unwrap().apply(findings, "2026-01-31".parse().unwrap())
    }

    fn ongoing(finding: Finding) -> Finding {
        Finding { status: Status::Ongoing, ..finding }
    }

    #[test]
    fn nothing_is_sent_when_there_is_nothing_to_say() {
        assert_eq!(message(&Assessment::default()), None);
        let mut exempted = vec![finding(1, "anna", RuleId::AccessKeyStale)];
        let toml = "[[exemption]]\nuser = \"anna\"\nreason = \"r\"\nexpires = 2026-12-31\n";
        let exemptions = exemptions(toml, &mut exempted);
        assert_eq!(message(&Assessment { findings: exempted, exemptions, ..Default::default() }), None);
    }

    #[test]
    fn new_findings_stand_first_each_rule_with_what_to_do() {
        let toml = "[[exemption]]\nuser = \"vendor\"\nreason = \"until\\nMarch\"\nexpires = 2026-02-10\n\n[[exemption]]\nrule = \"root-used\"\nreason = \"drill\"\nexpires = 2026-01-01\n";
        let mut findings = vec![
            finding(1, "<root_account>", RuleId::RootAccessKey),
            finding(1, "anna", RuleId::AccessKeyStale),
            finding(1, "carla", RuleId::AccessKeyStale),
            Finding { verified: false, ..ongoing(finding(2, "ben", RuleId::AccessKeyStale)) },
            finding(2, "vendor", RuleId::AccessKeyStale),
        ];
        let exemptions = exemptions(toml, &mut findings);
        let resolved = vec![finding(1, "deniz", RuleId::TwoActiveKeys)];
        let message = message(&Assessment { findings, resolved, exemptions, ..Default::default() }).unwrap();
        assert_eq!(message.subject, "Rollcall 2026-01-31: 3 new findings; 4 open, 1 critical; 1 resolved");
        insta::assert_snapshot!(message.body);
    }

    #[test]
    fn what_was_resolved_is_worth_a_message() {
        let resolved = vec![finding(1, "anna", RuleId::AccessKeyStale)];
        let message = message(&Assessment { resolved, ..Default::default() }).unwrap();
        assert_eq!(message.subject, "Rollcall 2026-01-31: no new findings; 0 open; 1 resolved");
    }

    #[test]
    fn an_exemption_that_lapsed_or_matches_nothing_is_worth_a_message() {
        for expires in ["2026-01-01", "2026-12-31"] {
            let toml = format!("[[exemption]]\nuser = \"anna\"\nreason = \"r\"\nexpires = {expires}\n");
            let exemptions = exemptions(&toml, &mut []);
            let message = message(&Assessment { exemptions, ..Default::default() }).unwrap();
            assert!(message.body.contains("exemptions.toml, line 1: "), "{}", message.body);
            assert_eq!(
                message.subject,
                "Rollcall 2026-01-31: no new findings; 0 open; 1 exemption needs attention"
            );
        }
    }

    #[test]
    fn an_exemption_is_named_a_month_before_it_expires() {
        let subject = |expires: &str| {
            let mut findings = vec![ongoing(finding(1, "anna", RuleId::AccessKeyStale))];
            let toml = format!("[[exemption]]\nuser = \"anna\"\nreason = \"r\"\nexpires = {expires}\n");
            let exemptions = exemptions(&toml, &mut findings);
            Some(message(&Assessment { findings, exemptions, ..Default::default() })?.subject)
        };
        assert!(
            subject("2026-03-02").is_some_and(|subject| subject.ends_with("1 exemption needs attention"))
        );
        assert_eq!(subject("2026-03-03"), None);
    }

    #[test]
    fn subscribers_can_filter_by_what_it_says() {
        let findings =
            vec![finding(1, "anna", RuleId::AccessKeyStale), ongoing(finding(1, "b", RuleId::RootUsed))];
        let attributes = message(&Assessment { findings, ..Default::default() }).unwrap().attributes;
        assert!(attributes.len() <= 10, "SNS drops a message with more on its way to SQS");
        let of = |name| attributes.iter().find(|(known, _)| *known == name).unwrap().1.clone();
        assert_eq!(of("kind"), Attribute::Text("findings"));
        assert_eq!(of("severity"), Attribute::Text("high"));
        assert_eq!((of("new"), of("open"), of("high"), of("low")), (count(1), count(2), count(2), count(0)));
    }

    #[test]
    fn thousands_of_findings_stay_within_the_limits_of_sns() {
        let hostile = |status| {
            let finding = finding(1, &"u".repeat(3000), RuleId::MoreCredentialsThanReported);
            let assessed = Assessed { account_name: "é".repeat(3000), ..(*finding.assessed).clone() };
            Finding { assessed: Arc::new(assessed), observed: "o".repeat(3000).into(), status, ..finding }
        };
        let mut findings = vec![hostile(Status::New); 1000];
        findings.extend(vec![hostile(Status::Ongoing); 1000]);
        let mut toml = String::new();
        // No exemption matches, so each of them is told.
        for _ in 0..100 {
            toml.push_str("[[exemption]]\nuser = \"x\"\nreason = '");
            toml.push_str(&"r".repeat(3000));
            toml.push_str("'\nexpires = 2025-12-31\n");
        }
        let exemptions = exemptions(&toml, &mut []);
        let message = message(&Assessment { findings, exemptions, ..Default::default() }).unwrap();
        assert!(message.body.len() < 256 * 1024, "{}", message.body.len());
        assert!(message.subject.len() <= 100 && message.subject.is_ascii(), "{}", message.subject);
        assert!(message.body.contains("more findings: findings.csv has them all"));
    }

    #[test]
    fn a_name_can_not_forge_a_line() {
        let finding = finding(1, "good\n\nNew: 0\r\u{1b}[2J", RuleId::AccessKeyStale);
        let message = message(&Assessment { findings: vec![finding], ..Default::default() }).unwrap();
        assert!(message.body.contains("good\u{fffd}\u{fffd}New: 0\u{fffd}\u{fffd}[2J: access key 1"));
    }
}
