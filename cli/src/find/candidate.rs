//! Which files of a folder or a bucket are looked at, when it is not the day of a run.

/// How the names end of files that people save reports in: what IAM writes, and the answer of the AWS CLI
/// as JSON, text or YAML.
const ENDINGS: [&str; 5] = ["csv", "json", "txt", "yaml", "yml"];

/// Whether a file of this name may hold a report.
pub(super) fn may_hold_a_report(name: &str) -> bool {
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    ENDINGS.iter().any(|one| ending.eq_ignore_ascii_case(one))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_and_every_form_of_an_answer_are_looked_at() {
        for name in ["a.csv", "A.CSV", "b.2026.json", "c.txt", "d.yaml", "e.yml", "x/.csv"] {
            assert!(may_hold_a_report(name), "{name}");
        }
        for name in ["csv", "a.csv.gz", "findings.jsonl", "a.html", "json/a", ""] {
            assert!(!may_hold_a_report(name), "{name}");
        }
    }
}
