//! The words of `rollcall verify`.

use rollcall_core::evidence::manifest::Manifest;
use rollcall_core::judgement::finding::Finding;
use rollcall_core::organization::coverage::Coverage;
use rollcall_core::organization::report_age::older_than_start;
use rollcall_core::text::counted::counted;

/// What was compared of the roll.
pub fn roll(accounts: u64) -> String {
    format!(
        "accounts.json and run.json are of one run and have the same {}, each once",
        counted(accounts, "account")
    )
}

/// What was added up of the coverage.
pub fn coverage(manifest: &Manifest) -> String {
    let Coverage { collected, failed, skipped, no_outcome, percent, .. } = manifest.coverage;
    let older = older_than_start(&manifest.accounts, manifest.started);
    let older = match older.as_slice() {
        [] => String::new(),
        [oldest, ..] => format!(
            "; {} made before the run started, first that of account {}, {} before",
            match older.len() as u64 {
                1 => "1 report was".to_owned(),
                many => format!("{many} reports were"),
            },
            oldest.account.account_id,
            oldest.age()
        ),
    };
    format!(
        "{collected} collected, {failed} failed, {no_outcome} without an outcome, {skipped} skipped: {percent} percent, as the accounts add up{older}"
    )
}

/// What was compared of the objects.
pub fn objects(objects: u64) -> String {
    format!(
        "{}: each that run.json names has its SHA-256, and no other lies there",
        counted(objects, "object")
    )
}

/// What was compared of the findings.
pub fn findings(manifest: &Manifest, written: &[Finding]) -> String {
    let kept = written.iter().filter(|finding| !finding.verified).count() as u64;
    let kept = match kept {
        0 => String::new(),
        kept => format!(
            "; {} kept from an earlier night, which no report of this day shows",
            counted(kept, "finding")
        ),
    };
    let history = match &manifest.history.compared_with {
        Some(earlier) => format!("; which are new is as the day of {} says", earlier.date()),
        None => String::new(),
    };
    let lacks = match manifest.schema_version {
        1 => {
            "; the version of Rollcall that wrote them flagged nothing that was unused for exactly the limit, and did not record when users and credentials were created"
        }
        _ => "",
    };
    format!("{} as the reports give them{kept}{history}{lacks}", counted(written.len() as u64, "finding"))
}

/// Why the findings can't be checked without the exemptions.
pub fn exemptions_unknown(sha256: &str) -> String {
    format!(
        "the day was judged by exemptions of the SHA-256 {sha256}, and exemptions.toml is another now: give the file of that day with --exemptions"
    )
}

/// Why findings of other objects would say nothing.
pub fn not_the_evidence() -> String {
    "the reports or findings.jsonl are not those of the run, so what they give would say nothing of it"
        .to_owned()
}

/// How many differences there are.
pub fn does_not_hold(count: u64) -> String {
    counted(count, "difference")
}
