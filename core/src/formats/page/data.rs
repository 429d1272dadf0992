//! The findings as the page's script reads them: JSON, with what repeats written once.

use std::collections::HashMap;

use serde_json::json;
use strum::VariantArray;

use crate::formats::page::askama_filters::shown;
use crate::identifiers::account_id::AccountId;
use crate::judgement::finding::{Finding, Status};
use crate::judgement::rules::{Credential, RULES};

const NEW: u8 = 1;
const UNVERIFIED: u8 = 2;
const EXEMPTED: u8 = 4;

/// `accounts`, `rules` and `credentials` by number, and `rows` of: account, user, credential, rule,
/// observed, age, limit, first seen, flags. Nothing in it can end the element it stands in.
pub(super) fn json(findings: &[Finding]) -> String {
    let mut numbers: HashMap<&AccountId, usize> = HashMap::new();
    let mut accounts = Vec::new();
    let mut rows = Vec::with_capacity(findings.len());
    for finding in findings {
        let assessed = &finding.assessed;
        let account = *numbers.entry(&assessed.account_id).or_insert_with(|| {
            accounts.push((&assessed.account_id, shown(&assessed.account_name)));
            accounts.len() - 1
        });
        let flags = [
            (finding.status == Status::New, NEW),
            (!finding.verified, UNVERIFIED),
            (!finding.is_open(), EXEMPTED),
        ];
        let flags: u8 = flags.iter().filter(|(is_so, _)| *is_so).map(|(_, flag)| flag).sum();
        rows.push((
            account,
            shown(&finding.user),
            finding.credential as usize,
            finding.rule as usize,
            shown(&finding.observed),
            finding.age_days,
            finding.limit_days,
            finding.first_seen,
            flags,
        ));
    }
    let rules: Vec<_> = RULES.iter().map(|rule| (rule.id, rule.severity as usize)).collect();
    let data = json!({ "accounts": accounts, "rules": rules, "credentials": Credential::VARIANTS });
    // The rows are written as they are, not through a tree of a million values.
    let rows = serde_json::to_string(&rows).expect("rows of text and numbers are JSON");
    let mut text = data.to_string();
    text.truncate(text.len() - 1);
    text.push_str(",\"rows\":");
    text.push_str(&rows);
    text.push('}');
    in_script(&text)
}

/// JSON that stands in a script element. `<` could end it; JSON knows another way to write one, and
/// has it nowhere but in text.
fn in_script(json: &str) -> String {
    json.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judgement::rules::RuleId;
    use crate::testing::finding;

    #[test]
    fn what_it_says_reads_back_and_no_name_ends_the_element() {
        let user = "</script><script>alert(1)</script><!--&amp;";
        let findings = [finding(1, user, RuleId::AccessKeyStale), finding(1, "anna", RuleId::RootUsed)];
        let text = json(&findings);
        assert!(!text.contains(['<', '>', '&']), "{text}");
        let data: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(data["accounts"], serde_json::json!([["000000000001", "account 1"]]));
        assert_eq!(data["rows"][0][1], user);
        assert_eq!(data["rules"][data["rows"][1][3].as_u64().unwrap() as usize][0], "root-used");
        assert_eq!(data["rows"][0][8], NEW);
    }
}
