//! `exemptions.toml`: findings that are accepted, until a date and for a reason.
//!
//! The file is read strictly: what it does not say it does not exempt, and a slip in it must not
//! hide a finding. So an unknown name, a missing reason or a missing date is refused with its line.

use std::fmt;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use toml::Spanned;
use wildmatch::WildMatch;

use crate::identifiers::account_id::AccountId;
use crate::judgement::finding::{Exempted, Finding};
use crate::judgement::rules::RuleId;
use crate::text::counted::counted;
use crate::text::untrusted::shortened;

/// How many problems of a file are named, and how many bytes each may have: Step Functions passes on 32,768
/// characters of an error.
const PROBLEMS_NAMED: usize = 20;
const CAUSE_LIMIT: usize = 600;

/// The exemptions of a run, and what each of them met.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Exemptions {
    exemptions: Vec<Exemption>,
}

/// One exemption.
#[derive(Clone, Debug, PartialEq)]
struct Exemption {
    line: usize,
    account: Option<AccountId>,
    user: Option<WildMatch>,
    rule: Option<RuleId>,
    reason: String,
    expires: NaiveDate,
}

/// What became of one exemption in a run, as `run.json` has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ExemptionOutcome {
    /// Its line in the file.
    pub line: usize,
    /// The account it names; nothing for any.
    pub account: Option<AccountId>,
    /// The users it names, with `*` and `?`; nothing for any.
    pub user: Option<String>,
    /// The rule it names; nothing for any.
    pub rule: Option<RuleId>,
    /// Why.
    pub reason: String,
    /// The last day it holds.
    pub expires: NaiveDate,
    /// How many days it still holds; negative when it has expired.
    pub days_left: i64,
    /// How many findings it covers, or would if it had not expired.
    pub findings: u64,
    /// Whether everything it could cover was looked at: only then does no finding mean that it
    /// is not needed.
    pub is_judged: bool,
}

/// How many days before its end an exemption is said to expire soon. A month, because the
/// person who renews it may be away for two weeks, and the change may have to be approved.
const EXPIRES_SOON_DAYS: i64 = 30;

impl ExemptionOutcome {
    /// Whether it no longer exempts.
    pub fn has_expired(&self) -> bool {
        self.days_left < 0
    }

    /// Whether it has expired or will within a month.
    pub fn expires_soon(&self) -> bool {
        self.days_left <= EXPIRES_SOON_DAYS
    }

    /// Its line and what is wrong with it, when it has expired or matches nothing; `None` when it is as it
    /// should be.
    pub fn complaint(&self) -> Option<String> {
        let Self { line, expires, findings, .. } = self;
        if self.has_expired() {
            return Some(format!(
                "the exemption on line {line} expired on {expires} and exempts nothing; it would cover {}",
                counted(*findings, "finding")
            ));
        }
        self.matches_nothing().then(|| format!("the exemption on line {line} matches nothing: remove it"))
    }

    /// Whether there is nothing that it covers.
    pub fn matches_nothing(&self) -> bool {
        self.is_judged && self.findings == 0
    }
}

/// Everything that is wrong with a file of exemptions.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct InvalidExemptions {
    /// The file, as the caller names it.
    pub file: String,
    /// The problems, in the order of lines.
    pub problems: Vec<Problem>,
}

/// One thing that is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The line, the first being 1.
    pub line: usize,
    /// What is wrong and what is allowed.
    pub cause: String,
}

impl fmt::Display for InvalidExemptions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for Problem { line, cause } in self.problems.iter().take(PROBLEMS_NAMED) {
            // A value that is named in it may be of several lines.
            let cause = shortened(cause, CAUSE_LIMIT);
            write!(formatter, "{separator}{}, line {line}: {cause}", self.file)?;
            separator = "; ";
        }
        match self.problems.len().saturating_sub(PROBLEMS_NAMED) {
            0 => Ok(()),
            more => write!(formatter, "; and {more} more"),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    exemption: Vec<Spanned<Entry>>,
}

/// An exemption as it is written. Everything is optional to serde, so that what is missing is told
/// in words of ours.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    account: Option<Spanned<String>>,
    user: Option<Spanned<String>>,
    rule: Option<Spanned<String>>,
    reason: Option<Spanned<String>>,
    expires: Option<Spanned<toml::Value>>,
}

impl Exemptions {
    /// Reads the text of `file`, which is only named in errors.
    ///
    /// # Errors
    /// [`InvalidExemptions`] with every line that is wrong.
    pub fn parse(file: &str, text: &[u8]) -> Result<Self, InvalidExemptions> {
        let invalid = |problems| InvalidExemptions { file: file.to_owned(), problems };
        let text = str::from_utf8(text).map_err(|error| {
            let line = line_of(text, error.valid_up_to());
            invalid(vec![Problem { line, cause: "it is not UTF-8".to_owned() }])
        })?;
        let line = |span: std::ops::Range<usize>| line_of(text.as_bytes(), span.start);
        let File { exemption: entries } = toml::from_str(text).map_err(|error| {
            let cause = error.message().replace('\n', ", ");
            invalid(vec![Problem { line: error.span().map_or(1, line), cause }])
        })?;
        let mut problems = Vec::new();
        let mut exemptions = Vec::new();
        for entry in entries {
            let start = line(entry.span());
            match entry.into_inner().read(start, &line) {
                Ok(exemption) => exemptions.push(exemption),
                Err(mut wrong) => problems.append(&mut wrong),
            }
        }
        if problems.is_empty() { Ok(Self { exemptions }) } else { Err(invalid(problems)) }
    }

    /// Marks every finding that an exemption in force covers, and says what became of each
    /// exemption. The first in the file counts.
    pub fn apply(&self, findings: &mut [Finding], today: NaiveDate) -> Vec<ExemptionOutcome> {
        let mut outcomes: Vec<ExemptionOutcome> =
            self.exemptions.iter().map(|exemption| exemption.outcome(today)).collect();
        let exempted: Vec<_> =
            self.exemptions.iter().map(|exemption| std::sync::Arc::new(exemption.exempted())).collect();
        for finding in findings {
            finding.exemption = None;
            for (place, exemption) in self.exemptions.iter().enumerate() {
                if !exemption.covers(finding) {
                    continue;
                }
                outcomes[place].findings += 1;
                if finding.exemption.is_none() && !outcomes[place].has_expired() {
                    finding.exemption = Some(exempted[place].clone());
                }
            }
        }
        outcomes
    }
}

impl Entry {
    fn read(
        self,
        start: usize,
        line: &impl Fn(std::ops::Range<usize>) -> usize,
    ) -> Result<Exemption, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut problem = |line, cause: String| problems.push(Problem { line, cause });
        // A pattern of wildcards alone matches every name of its length, so it does not choose a user.
        let is_wildcard = |character: char| matches!(character, '*' | '?');
        let any_user = self.user.as_ref().is_none_or(|user| user.get_ref().chars().all(is_wildcard));
        if self.account.is_none() && any_user && self.rule.is_none() {
            problem(
                start,
                "the exemption would cover everything: name an account, a user or a rule".to_owned(),
            );
        }
        let account = self.account.and_then(|account| {
            let place = line(account.span());
            account
                .into_inner()
                .parse()
                .map_err(|error| problem(place, format!("{error}: write account = \"111122223333\"")))
                .ok()
        });
        let user = self.user.and_then(|user| {
            let place = line(user.span());
            let user = user.into_inner();
            if user.is_empty() {
                problem(
                    place,
                    "the user is empty: write user = \"deploy-*\", or leave it out for any".to_owned(),
                );
            }
            (!user.is_empty()).then(|| WildMatch::new(&user))
        });
        let rule = self.rule.and_then(|rule| {
            let place = line(rule.span());
            rule.into_inner().parse().map_err(|error| problem(place, format!("{error}"))).ok()
        });
        let reason = match self.reason {
            Some(reason) if !reason.get_ref().trim().is_empty() => reason.into_inner(),
            reason => {
                let place = reason.map_or(start, |reason| line(reason.span()));
                problem(
                    place,
                    "the exemption has no reason: write reason = \"why it is accepted\"".to_owned(),
                );
                String::new()
            }
        };
        let expires = match self.expires {
            None => {
                problem(
                    start,
                    "the exemption has no expiry: write expires = 2026-12-31, its last day".to_owned(),
                );
                None
            }
            Some(expires) => {
                let place = line(expires.span());
                let date = read_date(expires.get_ref());
                if date.is_none() {
                    let value = expires.get_ref();
                    problem(
                        place,
                        format!("expires is {value}, which is no date: write expires = 2026-12-31"),
                    );
                }
                date
            }
        };
        match expires {
            Some(expires) if problems.is_empty() => {
                Ok(Exemption { line: start, account, user, rule, reason, expires })
            }
            _ => Err(problems),
        }
    }
}

/// A date, with or without quotes.
fn read_date(value: &toml::Value) -> Option<NaiveDate> {
    match value {
        toml::Value::String(text) => text.parse().ok(),
        toml::Value::Datetime(time) if time.time.is_none() && time.offset.is_none() => {
            let date = time.date?;
            NaiveDate::from_ymd_opt(date.year.into(), date.month.into(), date.day.into())
        }
        _ => None,
    }
}

impl Exemption {
    fn covers(&self, finding: &Finding) -> bool {
        self.rule.is_none_or(|rule| rule == finding.rule)
            && self.account.as_ref().is_none_or(|account| *account == finding.assessed.account_id)
            && self.user.as_ref().is_none_or(|user| user.matches(&finding.user))
    }

    fn exempted(&self) -> Exempted {
        Exempted { reason: self.reason.clone(), expires: self.expires }
    }

    fn outcome(&self, today: NaiveDate) -> ExemptionOutcome {
        ExemptionOutcome {
            line: self.line,
            account: self.account.clone(),
            user: self.user.as_ref().map(ToString::to_string),
            rule: self.rule,
            reason: self.reason.clone(),
            expires: self.expires,
            days_left: (self.expires - today).num_days(),
            findings: 0,
            is_judged: true,
        }
    }
}

fn line_of(text: &[u8], place: usize) -> usize {
    1 + text[..place.min(text.len())].iter().filter(|&&byte| byte == b'\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::finding;

    fn today() -> NaiveDate {
        "2026-01-31".parse().unwrap()
    }

    fn problem(text: &str) -> String {
        Exemptions::parse("exemptions.toml", text.as_bytes()).unwrap_err().to_string()
    }

    const VENDOR: &str = r#"
[[exemption]]
account = "000000000001"
user = "vendor-*"
rule = "access-key-stale"
reason = "the vendor can't rotate before March"
expires = 2026-03-31
"#;

    #[test]
    fn it_covers_what_it_names_and_nothing_else() {
        let exemptions = Exemptions::parse("exemptions.toml", VENDOR.as_bytes()).unwrap();
        let mut findings = [
            finding(1, "vendor-a", RuleId::AccessKeyStale),
            finding(1, "vendor-a", RuleId::AccessKeyUnused),
            finding(1, "anna-vendor-", RuleId::AccessKeyStale),
            finding(2, "vendor-a", RuleId::AccessKeyStale),
        ];
        let outcomes = exemptions.apply(&mut findings, today());
        assert_eq!(findings.each_ref().map(Finding::is_open), [false, true, true, true]);
        let exemption = findings[0].exemption.as_ref().unwrap();
        assert_eq!(exemption.reason, "the vendor can't rotate before March");
        assert_eq!((outcomes[0].line, outcomes[0].findings, outcomes[0].days_left), (2, 1, 59));
    }

    #[test]
    fn what_it_does_not_name_is_any() {
        for (text, covered) in [
            ("rule = \"access-key-stale\"", [true, false, true]),
            ("account = \"000000000002\"", [false, false, true]),
            ("user = \"?nna\"", [true, true, false]),
            ("user = \"*n*\"", [true, true, true]),
        ] {
            let text = format!("[[exemption]]\n{text}\nreason = \"r\"\nexpires = \"2026-12-31\"\n");
            let mut findings = [
                finding(1, "anna", RuleId::AccessKeyStale),
                finding(1, "anna", RuleId::AccessKeyUnused),
                finding(2, "ben", RuleId::AccessKeyStale),
            ];
            Exemptions::parse("f", text.as_bytes()).unwrap().apply(&mut findings, today());
            assert_eq!(findings.each_ref().map(|finding| !finding.is_open()), covered, "{text}");
        }
    }

    #[test]
    fn it_holds_through_its_last_day_and_no_longer() {
        let exemptions = Exemptions::parse("f", VENDOR.as_bytes()).unwrap();
        for (day, open) in [("2026-03-31", false), ("2026-04-01", true)] {
            let mut findings = [finding(1, "vendor-a", RuleId::AccessKeyStale)];
            let outcomes = exemptions.apply(&mut findings, day.parse().unwrap());
            assert_eq!(findings[0].is_open(), open);
            assert_eq!(
                (outcomes[0].has_expired(), outcomes[0].findings),
                (open, 1),
                "it is reported either way"
            );
        }
    }

    #[test]
    fn an_exemption_of_the_night_before_is_not_kept() {
        let mut findings = [finding(1, "vendor-a", RuleId::AccessKeyStale)];
        Exemptions::parse("f", VENDOR.as_bytes()).unwrap().apply(&mut findings, today());
        Exemptions::default().apply(&mut findings, today());
        assert!(findings[0].is_open());
    }

    #[test]
    fn one_that_matches_nothing_is_told_by_its_count() {
        let exemptions = Exemptions::parse("f", VENDOR.as_bytes()).unwrap();
        assert_eq!(exemptions.apply(&mut [], today())[0].findings, 0);
    }

    #[test]
    fn a_file_without_exemptions_has_none() {
        for text in ["", "# nothing yet\n"] {
            assert_eq!(Exemptions::parse("f", text.as_bytes()).unwrap(), Exemptions::default());
        }
    }

    #[test]
    fn a_slip_is_refused_with_file_line_and_what_is_allowed() {
        for (text, words) in [
            (
                "[[exemption]]\nuser = \"a\"\nreason = \"r\"\n",
                "line 1: the exemption has no expiry: write expires = ",
            ),
            ("[[exemption]]\nuser = \"a\"\nexpires = 2026-12-31\n", "line 1: the exemption has no reason"),
            (
                "[[exemption]]\nuser = \"a\"\nexpires = 2026-12-31\nreason = \" \"\n",
                "line 4: the exemption has no reason",
            ),
            (
                "[[exemption]]\nreason = \"r\"\nexpires = 2026-12-31\n",
                "line 1: the exemption would cover everything",
            ),
            (
                "[[exemption]]\nrule = \"stale\"\nreason = \"r\"\nexpires = 2026-12-31\n",
                "line 2: there is no rule \"stale\": the rules are access-key-stale, ",
            ),
            (
                "[[exemption]]\naccount = \"1\"\nreason = \"r\"\nexpires = 2026-12-31\n",
                "line 2: account id \"1\" is not twelve digits",
            ),
            (
                "[[exemption]]\naccount = 111122223333\nreason = \"r\"\nexpires = 2026-12-31\n",
                "line 2: invalid type: integer",
            ),
            (
                "[[exemption]]\nuser = \"\"\nreason = \"r\"\nexpires = 2026-12-31\n",
                "line 2: the user is empty",
            ),
            (
                "[[exemption]]\nuser = \"a\"\nreason = \"r\"\nexpires = \"soon\"\n",
                "line 4: expires is \"soon\", which is no date",
            ),
            (
                "[[exemption]]\nuser = \"a\"\nreason = \"r\"\nexpires = 2026-12-31T00:00:00Z\n",
                "line 4: expires is 2026-12-31T00:00:00Z",
            ),
            ("\n[[exemption]]\nusers = \"a\"\n", "line 3: unknown field `users`, expected one of"),
            ("[[exemptions]]\n", "line 1: unknown field `exemptions`, expected `exemption`"),
            ("[[exemption\n", "line 1: "),
        ] {
            let message = problem(text);
            assert!(message.starts_with("exemptions.toml, line "), "{message}");
            assert!(message.contains(words), "{text:?}: {message}");
            assert!(!message.contains('\n'), "one sentence: {message}");
        }
        let message = Exemptions::parse("f", b"# caf\xe9\n").unwrap_err().to_string();
        assert_eq!(message, "f, line 1: it is not UTF-8");
    }

    #[test]
    fn any_user_of_any_account_is_everything() {
        for user in ["*", "**", "?*", "*?", "?", "????", "*?*?"] {
            let text = format!("[[exemption]]\nuser = \"{user}\"\nreason = \"r\"\nexpires = 2026-12-31\n");
            assert!(problem(&text).contains("line 1: the exemption would cover everything"), "{user}");
            let named = text.replace("reason", "rule = \"root-used\"\nreason");
            assert!(Exemptions::parse("f", named.as_bytes()).is_ok(), "{user}");
        }
    }

    #[test]
    fn a_value_of_several_lines_is_told_on_one() {
        for value in [r#""soon\nor later""#, r#"["soon\nor later"]"#, r#"{ soon = "\u001b" }"#] {
            let text = format!("[[exemption]]\nuser = \"a\"\nreason = \"r\"\nexpires = {value}\n");
            let error = Exemptions::parse("f", text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains("which is no date"), "{error}");
            assert!(!error.contains(char::is_control), "{error:?}");
        }
    }

    #[test]
    fn a_file_full_of_slips_is_still_one_message() {
        let slip = format!("[[exemption]]\nrule = \"{}\"\n", "x".repeat(2_000));
        let message = problem(&slip.repeat(100));
        assert!(message.len() < 16_000, "{}", message.len());
        assert!(message.ends_with("; and 280 more"), "{}", &message[message.len() - 40..]);
    }

    #[test]
    fn every_slip_is_named_at_once() {
        let message = problem(
            "[[exemption]]\nuser = \"a\"\n\n[[exemption]]\nrule = \"x\"\nreason = \"r\"\nexpires = 2026-12-31\n",
        );
        assert!(message.contains("line 1: the exemption has no reason"), "{message}");
        assert!(message.contains("line 1: the exemption has no expiry"));
        assert!(message.contains("line 5: there is no rule \"x\""));
    }
}
