//! SARIF 2.1.0: the findings for code scanning, and for whatever else reads the results of static
//! analysis. `published_schemas.py` of the tests checks it by the schema of OASIS.
//!
//! A run has at most as many results as GitHub takes, and a log as many runs as it needs: most have one.
//! The driver of each has every rule, and every reason why an account may be missing; its invocation says
//! which rules were off and what nobody looked at, because missing data is not a pass. The log is written
//! as it is made: there may be half a million results.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::{self, Write};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Serialize, Serializer};

use crate::evidence::bucket_layout;
use crate::evidence::manifest::Manifest;
use crate::identifiers::account_id::AccountId;
use crate::judgement::finding::{Finding, Status, account_in_words};
use crate::judgement::rules::{RULES, Rule, RuleId, Severity};
use crate::judgement::settings::RuleSettings;
use crate::organization::coverage::Coverage;
use crate::organization::failure::FailureCode;
use crate::organization::outcome::{AccountOutcome, ReportEntry};
use crate::organization::roll::RollSource;
use crate::text::time::format_time;
use crate::text::untrusted::one_line;

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// What a notification of rows that can't be read is called; one of an account has its
/// [`FailureCode`].
const UNREADABLE_ROWS: &str = "UnreadableRows";
const UNREADABLE_ROWS_REMEDY: &str =
    "Compare the line with the report; if IAM really writes it this way, report it to Rollcall.";

/// How many results GitHub takes in a run, and how many runs in a file: it refuses the whole file when
/// there are more ("SARIF results exceed hard limit" of its documentation on code scanning). Of a run it
/// shows the worst 5,000. Findings are in that order, so the first run has the worst.
const RESULTS_A_RUN: usize = 25_000;

/// Writes `findings` as a SARIF log, in many small pieces.
///
/// A result lies in the report of its account, at the key that `manifest` has; the key of a report is a
/// path in the bucket or the path of a file, and an absolute one becomes a `file:` URI. When the run has
/// no report of the account, the result lies where the report would: GitHub refuses the whole log when
/// one result has no artifact.
///
/// # Errors
/// Those of `output`.
pub fn write_sarif(manifest: &Manifest, findings: &[Finding], output: &mut impl Write) -> io::Result<()> {
    let runs = Runs { manifest, findings, uris: report_uris(manifest) };
    serde_json::to_writer(&mut *output, &Log { schema: SCHEMA, version: "2.1.0", runs })?;
    output.write_all(b"\n")
}

#[derive(Serialize)]
struct Log<'m> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: Runs<'m>,
}

struct Runs<'m> {
    manifest: &'m Manifest,
    findings: &'m [Finding],
    uris: HashMap<&'m AccountId, String>,
}

impl Runs<'_> {
    /// The run of this number, the first being 1.
    fn run<'r>(&'r self, number: usize, findings: &'r [Finding]) -> Run<'r> {
        let Self { manifest, uris, .. } = self;
        // GitHub tells the runs of a file apart by what stands before the slash, and takes one of each.
        let category = if number == 1 { "rollcall".to_owned() } else { format!("rollcall-{number}") };
        Run {
            tool: Tool { driver: driver() },
            automation_details: AutomationDetails { id: format!("{category}/{}", manifest.execution) },
            invocations: [Invocation {
                execution_successful: is_every_account_looked_at(manifest),
                start_time_utc: (manifest.source != RollSource::Reports)
                    .then(|| format_time(manifest.started)),
                rule_configuration_overrides: rules_off(&manifest.settings),
                tool_execution_notifications: Notifications(manifest),
            }],
            results: Results { manifest, findings, uris },
            properties: RunProperties { as_of: format_time(manifest.as_of), coverage: manifest.coverage },
        }
    }
}

impl Serialize for Runs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let first = &self.findings[..self.findings.len().min(RESULTS_A_RUN)];
        let more = self.findings[first.len()..].chunks(RESULTS_A_RUN);
        let runs = std::iter::once(first).chain(more).enumerate();
        serializer.collect_seq(runs.map(|(place, findings)| self.run(place + 1, findings)))
    }
}

/// Whether the results are of every account. GitHub processes no result of a run that was not successful,
/// so that a tool that broke does not close the alerts it no longer reports: its maintainers say so in
/// github/codeql-action#1316 and #1393; the documentation of code scanning does not mention the field. An
/// account that is missing is such a case, because its alerts would be closed. A row that can't be read is
/// not: the results of everybody else would be lost with it, so it is a notification alone.
fn is_every_account_looked_at(manifest: &Manifest) -> bool {
    manifest.unreadable_files.is_empty() && !manifest.accounts.iter().any(AccountOutcome::is_missing)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run<'m> {
    tool: Tool,
    automation_details: AutomationDetails,
    invocations: [Invocation<'m>; 1],
    results: Results<'m>,
    properties: RunProperties,
}

#[derive(Serialize)]
struct AutomationDetails {
    id: String,
}

#[derive(Serialize)]
struct RunProperties {
    as_of: String,
    coverage: Coverage,
}

#[derive(Serialize)]
struct Tool {
    driver: Driver,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Driver {
    name: &'static str,
    version: &'static str,
    semantic_version: &'static str,
    rules: Vec<RuleDescriptor>,
    notifications: Vec<NotificationDescriptor>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RuleDescriptor {
    id: RuleId,
    short_description: Text<'static>,
    full_description: Text<'static>,
    help: Text<'static>,
    default_configuration: DefaultConfiguration,
    properties: RuleProperties,
}

#[derive(Serialize)]
struct DefaultConfiguration {
    level: &'static str,
}

#[derive(Serialize)]
struct RuleProperties {
    severity: Severity,
    /// Its presence makes GitHub take the rule for one of security.
    #[serde(rename = "security-severity")]
    security_severity: &'static str,
    precision: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    cis: String,
    tags: Vec<&'static str>,
}

#[derive(Serialize)]
struct NotificationDescriptor {
    id: &'static str,
    help: Text<'static>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Invocation<'m> {
    execution_successful: bool,
    /// Of a run, and not of reports that the command was given: the same log twice has the same bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    start_time_utc: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    rule_configuration_overrides: Vec<Override>,
    tool_execution_notifications: Notifications<'m>,
}

#[derive(Serialize)]
struct Override {
    descriptor: RuleReference,
    configuration: Enabled,
}

#[derive(Serialize)]
struct RuleReference {
    id: RuleId,
    index: usize,
}

#[derive(Serialize)]
struct Enabled {
    enabled: bool,
}

#[derive(Serialize)]
struct Notification<'m> {
    descriptor: NotificationReference,
    level: &'static str,
    message: Text<'static>,
    locations: Vec<Location<'m>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    properties: Option<AccountProperties<'m>>,
}

#[derive(Serialize)]
struct NotificationReference {
    id: &'static str,
}

#[derive(Serialize)]
struct AccountProperties<'m> {
    account_id: &'m AccountId,
    account_name: &'m str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResultObject<'m> {
    rule_id: RuleId,
    rule_index: usize,
    level: &'static str,
    message: Text<'static>,
    locations: [Location<'m>; 1],
    partial_fingerprints: PartialFingerprints,
    baseline_state: &'static str,
    /// Empty means that nothing suppresses it; without the list nobody would know.
    suppressions: Vec<Suppression>,
    properties: ResultProperties<'m>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Location<'m> {
    #[serde(skip_serializing_if = "Option::is_none")]
    physical_location: Option<PhysicalLocation<'m>>,
    logical_locations: [LogicalLocation<'m>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PhysicalLocation<'m> {
    artifact_location: ArtifactLocation<'m>,
}

#[derive(Serialize)]
struct ArtifactLocation<'m> {
    uri: Cow<'m, str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LogicalLocation<'m> {
    fully_qualified_name: &'m str,
    kind: &'static str,
}

/// The same identity twice: `primaryLocationLineHash` is the only name that GitHub looks at.
#[derive(Serialize)]
struct PartialFingerprints {
    #[serde(rename = "rollcallFinding/v2")]
    finding: String,
    #[serde(rename = "primaryLocationLineHash")]
    github: String,
}

#[derive(Serialize)]
struct Suppression {
    kind: &'static str,
    status: &'static str,
    justification: String,
}

/// The fields of a finding that have no place of their own, by the names they have everywhere.
#[derive(Serialize)]
struct ResultProperties<'m> {
    account_id: &'m AccountId,
    account_name: &'m str,
    user: &'m str,
    credential: &'static str,
    severity: Severity,
    observed: &'m str,
    #[serde(skip_serializing_if = "Option::is_none")]
    age_days: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit_days: Option<u32>,
    first_seen: String,
    verified: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_created: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    credential_created: Option<String>,
    ambiguous: bool,
}

/// A message of the log.
#[derive(Serialize)]
struct Text<'t> {
    text: Cow<'t, str>,
}

impl Text<'_> {
    /// The message that reads as `text`, all of it untrusted. Braces are placeholders to SARIF and are
    /// doubled (3.11.5). `[text](address)` is a link (3.11.6), and a name must not make one.
    fn of_untrusted(text: &str) -> Text<'static> {
        let may_be_link = text.contains("](");
        let mut message = String::with_capacity(text.len());
        for character in one_line(text).chars() {
            match character {
                '{' | '}' => message.push(character),
                '[' | ']' | '\\' if may_be_link => message.push('\\'),
                _ => {}
            }
            message.push(character);
        }
        Text { text: message.into() }
    }
}

fn driver() -> Driver {
    let rules = RULES.iter().map(|rule| RuleDescriptor {
        id: rule.id,
        short_description: Text { text: title(rule.id).into() },
        full_description: Text { text: rule.reason.into() },
        help: Text { text: rule.remedy.into() },
        default_configuration: DefaultConfiguration { level: level(rule.severity) },
        properties: RuleProperties {
            severity: rule.severity,
            security_severity: security_severity(rule.severity),
            // A rule says what the report says, and guesses nothing.
            precision: "very-high",
            cis: rule.cis.to_string(),
            tags: vec!["security", "aws", "iam", "credentials"],
        },
    });
    let codes = FailureCode::ALL.iter().map(|code| (code.as_str(), code.remedy()));
    let notifications = codes
        .chain([(UNREADABLE_ROWS, UNREADABLE_ROWS_REMEDY)])
        .map(|(id, remedy)| NotificationDescriptor { id, help: Text { text: remedy.into() } });
    Driver {
        name: "Rollcall",
        version: env!("CARGO_PKG_VERSION"),
        semantic_version: env!("CARGO_PKG_VERSION"),
        rules: rules.collect(),
        notifications: notifications.collect(),
    }
}

/// What a list of rules calls a rule.
fn title(rule: RuleId) -> &'static str {
    match rule {
        RuleId::AccessKeyStale => "Active access key older than the limit",
        RuleId::AccessKeyUnused => "Active access key not used for the limit or longer",
        RuleId::PasswordUnused => "Console password not used for the limit or longer",
        RuleId::ConsoleWithoutMfa => "Console password without an MFA device",
        RuleId::RootAccessKey => "Root user with an active access key",
        RuleId::RootWithoutMfa => "Root user with credentials and without an MFA device",
        RuleId::RootUsed => "Root user used a short time ago",
        RuleId::TwoActiveKeys => "Two active access keys of one user",
        RuleId::KeyNeverUsedSinceSetup => "Console user with an active access key that was never used",
        RuleId::CertificateStale => "Active signing certificate older than the limit",
        RuleId::MoreCredentialsThanReported => "More credentials than the report has columns for",
    }
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low => "note",
    }
}

/// The middle of the range that GitHub takes for the severity: critical is over 9.0, high starts at 7.0,
/// medium at 4.0 and low at 0.1.
fn security_severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "9.5",
        Severity::High => "8.0",
        Severity::Medium => "5.5",
        Severity::Low => "2.0",
    }
}

/// A rule without a result has passed, unless it is named here.
fn rules_off(settings: &RuleSettings) -> Vec<Override> {
    let off = RULES.iter().enumerate().filter(|(_, rule)| !settings.applies(rule.id));
    off.map(|(index, rule)| Override {
        descriptor: RuleReference { id: rule.id, index },
        configuration: Enabled { enabled: false },
    })
    .collect()
}

/// What nobody looked at. Each is an error: that tells a reader not to take the results for all there
/// are.
struct Notifications<'m>(&'m Manifest);

impl<'m> Notifications<'m> {
    fn all(&self) -> impl Iterator<Item = Notification<'m>> + use<'m> {
        let files = self.0.unreadable_files.iter().map(|problem| unreadable_file(problem));
        let accounts = self.0.accounts.iter().filter_map(|account| match account.outcome.failure() {
            Some((code, message)) => Some(missing(account, code, message)),
            None => account.report_with_bad_rows().map(|report| bad_rows(account, report)),
        });
        accounts.chain(files)
    }
}

impl Serialize for Notifications<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.all())
    }
}

/// A file of which not even the account is known.
fn unreadable_file(problem: &str) -> Notification<'_> {
    Notification {
        descriptor: NotificationReference { id: FailureCode::ReportUnreadable.as_str() },
        level: "error",
        message: Text::of_untrusted(problem),
        locations: vec![],
        properties: None,
    }
}

fn missing<'m>(account: &'m AccountOutcome, code: FailureCode, message: &str) -> Notification<'m> {
    let account_in_words = account_in_words(&account.account_id, &account.name);
    let text = format!("{account_in_words} was not looked at, {code}: {message}");
    notification(account, code.as_str(), &text)
}

fn bad_rows<'m>(account: &'m AccountOutcome, report: &'m ReportEntry) -> Notification<'m> {
    let rows = if report.bad_rows == 1 { "row" } else { "rows" };
    let account_in_words = account_in_words(&account.account_id, &account.name);
    let mut text = format!("{} {rows} of the report of {account_in_words} can't be read", report.bad_rows);
    if let Some(first) = report.first_bad_rows.first() {
        let _ = write!(text, ", first at line {}", first.line);
    }
    text.push_str("; the users in them were not looked at");
    notification(account, UNREADABLE_ROWS, &text)
}

fn notification<'m>(account: &'m AccountOutcome, id: &'static str, text: &str) -> Notification<'m> {
    let AccountOutcome { account_id, name, outcome, .. } = account;
    let report = outcome.report().map(|report| uri(&report.key).into());
    Notification {
        descriptor: NotificationReference { id },
        level: "error",
        message: Text::of_untrusted(text),
        locations: vec![location(report, account_id.as_str())],
        properties: Some(AccountProperties { account_id, account_name: name }),
    }
}

fn location<'m>(uri: Option<Cow<'m, str>>, fully_qualified_name: &'m str) -> Location<'m> {
    Location {
        physical_location: uri.map(|uri| PhysicalLocation { artifact_location: ArtifactLocation { uri } }),
        logical_locations: [LogicalLocation { fully_qualified_name, kind: "resource" }],
    }
}

struct Results<'m> {
    manifest: &'m Manifest,
    findings: &'m [Finding],
    uris: &'m HashMap<&'m AccountId, String>,
}

impl Results<'_> {
    fn result<'r>(&'r self, finding: &'r Finding) -> ResultObject<'r> {
        let assessed = &*finding.assessed;
        let account_id = &assessed.account_id;
        let uri = match self.uris.get(account_id) {
            Some(uri) => Cow::Borrowed(uri.as_str()),
            None => uri(&bucket_layout::report(self.manifest.date, account_id)).into(),
        };
        let severity = Rule::of(finding.rule).severity;
        let fingerprint = finding.fingerprint();
        let suppression = finding.exemption.as_deref().map(|exemption| Suppression {
            kind: "external",
            status: "accepted",
            justification: format!("{} (until {})", exemption.reason, exemption.expires),
        });
        ResultObject {
            rule_id: finding.rule,
            rule_index: finding.rule as usize,
            level: level(severity),
            message: Text::of_untrusted(&finding.headline()),
            locations: [location(Some(uri), &finding.arn)],
            partial_fingerprints: PartialFingerprints { finding: fingerprint.clone(), github: fingerprint },
            baseline_state: match finding.status {
                Status::New => "new",
                Status::Ongoing => "unchanged",
            },
            suppressions: suppression.into_iter().collect(),
            properties: ResultProperties {
                account_id,
                account_name: &assessed.account_name,
                user: &finding.user,
                credential: finding.credential.as_str(),
                severity,
                observed: &finding.observed,
                age_days: finding.age_days,
                limit_days: finding.limit_days,
                first_seen: finding.first_seen.to_string(),
                verified: finding.verified,
                user_created: finding.creation.user.map(format_time),
                credential_created: finding.creation.credential.map(format_time),
                ambiguous: finding.creation.is_ambiguous,
            },
        }
    }
}

impl Serialize for Results<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.findings.iter().map(|finding| self.result(finding)))
    }
}

fn report_uris(manifest: &Manifest) -> HashMap<&AccountId, String> {
    let stored = manifest.accounts.iter().filter_map(|account| Some((account, account.outcome.report()?)));
    stored.map(|(account, report)| (&account.account_id, uri(&report.key))).collect()
}

/// What is encoded in the path of a URI: everything but RFC 3986's unreserved characters and slashes.
const RESERVED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// The URI reference of a key: relative, or of a file when the key is an absolute path. What a URI has
/// other uses for is percent-encoded, the colon too: before the first slash it would end a scheme.
fn uri(key: &str) -> String {
    let scheme = if key.starts_with('/') { "file://" } else { "" };
    format!("{scheme}{}", utf8_percent_encode(key, RESERVED))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::Value;

    use super::*;
    use crate::judgement::finding::Assessed;
    use crate::judgement::finding::Exempted;
    use crate::organization::roll::{Account, SkipReason};
    use crate::organization::roll_call::Evidence;
    use crate::report::BadRow;
    use crate::testing::finding;
    use crate::testing::sorted_json::pretty;
    use crate::testing::{account, failure, id, manifest, report};

    fn log(manifest: &Manifest, findings: &[Finding]) -> Value {
        let mut bytes = Vec::new();
        write_sarif(manifest, findings, &mut bytes).unwrap();
        assert_eq!(bytes.last(), Some(&b'\n'));
        serde_json::from_slice(&bytes).unwrap()
    }

    /// The log's one run.
    fn run(manifest: &Manifest, findings: &[Finding]) -> Value {
        log(manifest, findings)["runs"][0].take()
    }

    fn covered() -> Manifest {
        let reports = [(id(1), report(1, 0))].into();
        manifest(vec![account(1)], Evidence { reports, ..Default::default() })
    }

    #[test]
    fn a_log_has_rules_results_and_what_nobody_looked_at() {
        let mut unreadable = report(3, 1);
        unreadable.entry.first_bad_rows = vec![BadRow {
            record: 6,
            line: 7,
            column: "mfa_active".into(),
            value: "perhaps".into(),
            problem: "is neither true nor false".into(),
        }];
        let mut manifest = manifest(
            vec![account(1), account(2), account(3)],
            Evidence {
                reports: [(id(1), report(1, 0)), (id(3), unreadable)].into(),
                failures: [(id(2), failure(2, FailureCode::RoleMissingOrDenied, "no role"))].into(),
                ..Default::default()
            },
        );
        manifest.settings.set(RuleId::TwoActiveKeys, "off").unwrap();
        let exemption = Exempted { reason: "vendor".into(), expires: "2026-12-31".parse().unwrap() };
        let findings = [
            finding(1, "anna", RuleId::AccessKeyStale),
            Finding {
                exemption: Some(Arc::new(exemption)),
                status: Status::Ongoing,
                ..finding(1, "ben", RuleId::ConsoleWithoutMfa)
            },
            Finding { verified: false, ..finding(2, "carla", RuleId::PasswordUnused) },
        ];
        let mut log = log(&manifest, &findings);
        let driver = &mut log["runs"][0]["tool"]["driver"];
        assert_eq!(driver["version"], env!("CARGO_PKG_VERSION"));
        (driver["version"], driver["semanticVersion"]) = ("VERSION".into(), "VERSION".into());
        // One of each shows them all.
        driver["rules"].as_array_mut().unwrap().truncate(1);
        driver["notifications"].as_array_mut().unwrap().truncate(1);
        insta::assert_snapshot!(pretty(&log));
    }

    #[test]
    fn a_log_without_findings_has_an_empty_list_of_results() {
        let run = run(&covered(), &[]);
        assert_eq!(run["results"], serde_json::json!([]));
        assert_eq!(run["tool"]["driver"]["rules"].as_array().unwrap().len(), RULES.len());
    }

    #[test]
    fn a_run_has_succeeded_when_every_account_was_looked_at_and_a_bad_row_is_a_notification() {
        let invocation = |manifest: &Manifest| run(manifest, &[])["invocations"][0].take();
        let skipped = Account { skip: Some(SkipReason::Suspended), ..account(2) };
        let reports = [(id(1), report(1, 0))].into();
        let all = manifest(vec![account(1), skipped], Evidence { reports, ..Default::default() });
        assert_eq!(invocation(&all)["executionSuccessful"], true);
        assert_eq!(invocation(&all)["toolExecutionNotifications"], serde_json::json!([]));

        let failures = [(id(1), failure(1, FailureCode::Throttled, "too fast"))].into();
        let failed = manifest(vec![account(1)], Evidence { failures, ..Default::default() });
        let none = manifest(vec![account(1)], Evidence::default());
        let reports = [(id(1), report(1, 2))].into();
        let rows = manifest(vec![account(1)], Evidence { reports, ..Default::default() });
        for (manifest, id, is_successful) in
            [(failed, "Throttled", false), (none, "NoOutcome", false), (rows, UNREADABLE_ROWS, true)]
        {
            let invocation = invocation(&manifest);
            assert_eq!(invocation["executionSuccessful"], is_successful, "{id}");
            let notifications = invocation["toolExecutionNotifications"].as_array().unwrap();
            assert_eq!(notifications.len(), 1, "{id}");
            assert_eq!(
                (&notifications[0]["level"], &notifications[0]["descriptor"]["id"]),
                (&"error".into(), &id.into())
            );
        }
    }

    #[test]
    fn a_run_has_as_many_results_as_github_takes_and_each_run_a_category_of_its_own() {
        let anna = finding(1, "anna", RuleId::AccessKeyStale);
        for (findings, expected) in [
            (0, vec![("rollcall/night-1", 0)]),
            (RESULTS_A_RUN, vec![("rollcall/night-1", RESULTS_A_RUN)]),
            (
                2 * RESULTS_A_RUN + 1,
                vec![
                    ("rollcall/night-1", RESULTS_A_RUN),
                    ("rollcall-2/night-1", RESULTS_A_RUN),
                    ("rollcall-3/night-1", 1),
                ],
            ),
        ] {
            let log = log(&covered(), &vec![anna.clone(); findings]);
            let runs = log["runs"].as_array().unwrap();
            let told: Vec<(&str, usize)> = runs
                .iter()
                .map(|run| {
                    let id = run["automationDetails"]["id"].as_str().unwrap();
                    (id, run["results"].as_array().unwrap().len())
                })
                .collect();
            assert_eq!(told, expected);
            for run in runs {
                assert_eq!(run["tool"]["driver"]["rules"].as_array().unwrap().len(), RULES.len());
                assert_eq!(run["invocations"][0]["executionSuccessful"], true);
            }
        }
    }

    #[test]
    fn no_time_of_writing_is_in_a_log() {
        let mut later = covered();
        later.finished += chrono::TimeDelta::hours(1);
        assert_eq!(log(&covered(), &[]), log(&later, &[]));
    }

    #[test]
    fn every_notification_has_a_descriptor_that_says_what_to_do() {
        let driver = driver();
        let ids: Vec<&str> = driver.notifications.iter().map(|descriptor| descriptor.id).collect();
        for code in FailureCode::ALL {
            assert!(ids.contains(&code.as_str()), "{code}");
        }
        assert!(ids.contains(&UNREADABLE_ROWS));
    }

    #[test]
    fn a_rule_is_at_its_index_and_as_bad_as_its_results() {
        for rule in &RULES {
            let mut run = run(&covered(), &[finding(1, "anna", rule.id)]);
            let result = run["results"][0].take();
            let descriptor = &run["tool"]["driver"]["rules"][result["ruleIndex"].as_u64().unwrap() as usize];
            assert_eq!(descriptor["id"], result["ruleId"]);
            assert_eq!(descriptor["defaultConfiguration"]["level"], result["level"]);
            let score: f64 = descriptor["properties"]["security-severity"].as_str().unwrap().parse().unwrap();
            // As GitHub has it.
            let severity = match score {
                _ if score > 9.0 => "critical",
                _ if score >= 7.0 => "high",
                _ if score >= 4.0 => "medium",
                _ => "low",
            };
            assert_eq!(severity, rule.severity.as_str());
        }
    }

    #[test]
    fn what_the_rules_say_needs_no_escape() {
        let driver = driver();
        let rules = driver
            .rules
            .iter()
            .flat_map(|rule| [&rule.short_description, &rule.full_description, &rule.help]);
        for text in rules.chain(driver.notifications.iter().map(|notification| &notification.help)) {
            assert_eq!(Text::of_untrusted(&text.text).text, text.text);
        }
    }

    #[test]
    fn a_result_of_an_account_without_a_report_lies_where_the_report_would() {
        let manifest = manifest(vec![account(1)], Evidence::default());
        let unverified = Finding { verified: false, ..finding(1, "anna", RuleId::AccessKeyStale) };
        let location = run(&manifest, &[unverified])["results"][0]["locations"][0].take();
        assert_eq!(
            location["physicalLocation"]["artifactLocation"]["uri"],
            "2026-01-31/reports/credentialReport_000000000001.csv"
        );
    }

    #[test]
    fn a_key_becomes_a_uri_reference() {
        for (key, expected) in [
            ("2026-01-31/reports/credentialReport_1.csv", "2026-01-31/reports/credentialReport_1.csv"),
            ("my reports/a#b?c%d.csv", "my%20reports/a%23b%3Fc%25d.csv"),
            ("a:b.csv", "a%3Ab.csv"),
            ("née.csv", "n%C3%A9e.csv"),
            ("/home/anna/née.csv", "file:///home/anna/n%C3%A9e.csv"),
            ("a\\b\n\"<>.csv", "a%5Cb%0A%22%3C%3E.csv"),
        ] {
            assert_eq!(uri(key), expected);
        }
    }

    #[test]
    fn a_name_makes_no_link_and_no_placeholder() {
        for (text, message) in [
            ("anna", "anna"),
            ("Team [prod] \\ {0}", "Team [prod] \\ {{0}}"),
            ("[log in](https://example.com)", "\\[log in\\](https://example.com)"),
            ("[a\\](b)", "\\[a\\\\\\](b)"),
            ("a\u{1b}[31m\r\nb", "a\u{fffd}[31m\u{fffd}\u{fffd}b"),
        ] {
            assert_eq!(Text::of_untrusted(text).text, message);
        }
    }

    #[test]
    fn hostile_names_leave_the_log_valid_and_stand_in_it_exactly() {
        for name in ["\u{0}\u{7}\"\\", "</script>", "a\u{2028}b", "\u{202e}txt", "{0}](x)", "😀\u{ffff}"] {
            let flagged = finding(1, name, RuleId::AccessKeyStale);
            let assessed = Assessed { account_name: name.into(), ..(*flagged.assessed).clone() };
            let hostile = Finding {
                assessed: Arc::new(assessed),
                observed: name.into(),
                exemption: Some(Arc::new(Exempted {
                    reason: name.into(),
                    expires: "2026-12-31".parse().unwrap(),
                })),
                ..flagged
            };
            let arn = hostile.arn.to_string();
            let failures = [(id(1), failure(1, FailureCode::Internal, name))].into();
            let account = Account { name: name.into(), ..account(1) };
            let mut manifest = manifest(vec![account], Evidence { failures, ..Default::default() });
            manifest.execution = name.into();
            let mut run = run(&manifest, &[hostile]);
            let result = run["results"][0].take();
            let properties = &result["properties"];
            for field in ["user", "account_name", "observed"] {
                assert_eq!(properties[field], name);
            }
            assert_eq!(result["locations"][0]["logicalLocations"][0]["fullyQualifiedName"], arn);
            assert!(!result["message"]["text"].as_str().unwrap().contains(char::is_control));
        }
    }
}
