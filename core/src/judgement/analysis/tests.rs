use chrono::{DateTime, TimeDelta};

use crate::judgement::analysis::*;
use crate::judgement::finding::Creation;
use crate::judgement::rules::{Credential, RuleId, Setting};
use crate::organization::roll::{Account, Roll, RollSource, SkipReason};
use crate::organization::roll_call::Evidence;
use crate::report::Column;
use crate::testing::finding;
use crate::testing::report as stored;
use crate::testing::{id, roll};
use crate::text::time::parse_as_of;

const ACCOUNT: &str = "123456789012";
const COLUMNS: [Column; 23] = [
    Column::User,
    Column::Arn,
    Column::UserCreationTime,
    Column::PasswordEnabled,
    Column::PasswordLastUsed,
    Column::PasswordLastChanged,
    Column::PasswordNextRotation,
    Column::MfaActive,
    Column::AccessKey1Active,
    Column::AccessKey1LastRotated,
    Column::AccessKey1LastUsedDate,
    Column::AccessKey1LastUsedRegion,
    Column::AccessKey1LastUsedService,
    Column::AccessKey2Active,
    Column::AccessKey2LastRotated,
    Column::AccessKey2LastUsedDate,
    Column::AccessKey2LastUsedRegion,
    Column::AccessKey2LastUsedService,
    Column::Cert1Active,
    Column::Cert1LastRotated,
    Column::Cert2Active,
    Column::Cert2LastRotated,
    Column::AdditionalCredentialsInfo,
];

fn as_of() -> DateTime<Utc> {
    parse_as_of("2026-01-31T01:00:00Z").unwrap()
}

fn account() -> AccountId {
    ACCOUNT.parse().unwrap()
}

/// How AWS wrote the report at a time and in a partition.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Dialect {
    partition: &'static str,
    /// `+00:00`, upper-case booleans, and a root row that does not tell of its password.
    old: bool,
    /// The first of 2015: no `last_used` columns, and none for additional credentials.
    sixteen_columns: bool,
}

const MODERN: Dialect = Dialect { partition: "aws", old: false, sixteen_columns: false };
const OLD: Dialect = Dialect { old: true, ..MODERN };
const DIALECTS: [Dialect; 4] =
    [MODERN, OLD, Dialect { partition: "aws-us-gov", ..MODERN }, Dialect { partition: "aws-cn", ..MODERN }];

/// A value of a cell that each dialect writes in its own way.
#[derive(Clone, Copy, Debug)]
enum Value {
    True,
    False,
    /// This long before `as_of`.
    Ago(TimeDelta),
    Text(&'static str),
}
use Value::{Ago, False, Text, True};

fn days(days: i64) -> Value {
    Ago(TimeDelta::days(days))
}

/// The last second at which an age is still `count` days.
fn days_and_almost_one_more(count: i64) -> Value {
    Ago(TimeDelta::days(count + 1) - TimeDelta::seconds(1))
}

/// A user who has nothing, but for the given cells.
fn row(dialect: Dialect, user: &str, cells: &[(Column, Value)]) -> String {
    let root = user == ROOT_USER;
    let written: Vec<String> = COLUMNS
        .iter()
        .filter(|column| has(dialect, **column))
        .map(|column| {
            let given = cells.iter().find(|(name, _)| name == column).map(|(_, value)| *value);
            match (column, given) {
                (Column::User, _) => user.to_owned(),
                (Column::Arn, _) if root => format!("arn:{}:iam::{ACCOUNT}:root", dialect.partition),
                (Column::Arn, _) => format!("arn:{}:iam::{ACCOUNT}:user/{user}", dialect.partition),
                (_, Some(value)) => write(dialect, value),
                (Column::UserCreationTime, None) => write(dialect, days(4000)),
                (Column::PasswordEnabled | Column::PasswordLastChanged, None) if root && dialect.old => {
                    "not_supported".into()
                }
                (Column::PasswordNextRotation, None) if root => "not_supported".into(),
                (
                    Column::PasswordEnabled
                    | Column::MfaActive
                    | Column::AccessKey1Active
                    | Column::AccessKey2Active
                    | Column::Cert1Active
                    | Column::Cert2Active,
                    None,
                ) => write(dialect, False),
                (_, None) => "N/A".into(),
            }
        })
        .collect();
    written.join(",") + "\n"
}

fn has(dialect: Dialect, column: Column) -> bool {
    let late = column.name().contains("_last_used_") || column == Column::AdditionalCredentialsInfo;
    !(dialect.sixteen_columns && late)
}

fn write(dialect: Dialect, value: Value) -> String {
    match (value, dialect.old) {
        (True, true) => "TRUE".into(),
        (True, false) => "true".into(),
        (False, true) => "FALSE".into(),
        (False, false) => "false".into(),
        (Ago(delta), true) => (as_of() - delta).format("%Y-%m-%dT%H:%M:%S+00:00").to_string(),
        (Ago(delta), false) => (as_of() - delta).format("%Y-%m-%dT%H:%M:%SZ").to_string(),
        (Text(text), _) => text.into(),
    }
}

fn report(dialect: Dialect, rows: &[String]) -> String {
    let header: Vec<&str> =
        COLUMNS.iter().filter(|column| has(dialect, **column)).map(|column| column.name()).collect();
    header.join(",") + "\n" + &rows.concat()
}

fn analyze(text: &str) -> ReportAnalysis {
    analyze_by(&RuleSettings::default(), text)
}

fn analyze_by(settings: &RuleSettings, text: &str) -> ReportAnalysis {
    Analyzer::new(settings, &Previous::default(), as_of(), as_of().date_naive())
        .report(&account(), "Shop", Some(as_of()), text.as_bytes())
        .unwrap()
}

/// What a rule says of one user: the credentials it flags, and how often it can't tell.
fn verdicts(rule: RuleId, dialect: Dialect, user: &str, cells: &[(Column, Value)]) -> (Vec<Credential>, u64) {
    let mut rows = vec![row(dialect, user, cells)];
    if user != ROOT_USER {
        rows.push(row(dialect, ROOT_USER, &[(Column::AdditionalCredentialsInfo, Text("N/A"))]));
    }
    let analysis = analyze(&report(dialect, &rows));
    let flagged = analysis
        .findings
        .iter()
        .filter(|finding| finding.rule == rule && *finding.user == *user)
        .map(|finding| finding.credential)
        .collect();
    (flagged, analysis.statistics.not_assessable[rule as usize])
}

/// A case of the table of rules: the rule, the user, the cells, and what is flagged.
type Case = (RuleId, &'static str, Vec<(Column, Value)>, &'static [Credential]);

/// Every rule, on both sides of its boundary.
fn cases() -> Vec<Case> {
    use Column::*;
    use Credential as C;
    use RuleId as R;
    let key_1 = |rotated, used| {
        vec![(AccessKey1Active, True), (AccessKey1LastRotated, rotated), (AccessKey1LastUsedDate, used)]
    };
    let password = |used, changed| {
        vec![
            (PasswordEnabled, True),
            (PasswordLastUsed, used),
            (PasswordLastChanged, changed),
            (MfaActive, True),
        ]
    };
    vec![
        (R::AccessKeyStale, "anna", key_1(days(90), days(0)), &[]),
        (R::AccessKeyStale, "anna", key_1(days_and_almost_one_more(90), days(0)), &[]),
        (R::AccessKeyStale, "anna", key_1(days(91), days(0)), &[C::AccessKey1]),
        (R::AccessKeyStale, ROOT_USER, key_1(days(91), days(0)), &[C::AccessKey1]),
        (
            R::AccessKeyStale,
            "anna",
            vec![(AccessKey2Active, True), (AccessKey2LastRotated, days(91))],
            &[C::AccessKey2],
        ),
        (R::AccessKeyStale, "anna", vec![(AccessKey1Active, False), (AccessKey1LastRotated, days(999))], &[]),
        (R::AccessKeyUnused, "anna", key_1(days(999), days(44)), &[]),
        (R::AccessKeyUnused, "anna", key_1(days(999), days_and_almost_one_more(44)), &[]),
        (R::AccessKeyUnused, "anna", key_1(days(999), days(45)), &[C::AccessKey1]),
        (R::AccessKeyUnused, "anna", key_1(days(44), Text("N/A")), &[]),
        (R::AccessKeyUnused, "anna", key_1(days(45), Text("N/A")), &[C::AccessKey1]),
        (R::AccessKeyUnused, "anna", key_1(days(45), Text("no_information")), &[C::AccessKey1]),
        (R::AccessKeyUnused, ROOT_USER, key_1(days(999), days(999)), &[]),
        (R::PasswordUnused, "anna", password(days(44), days(999)), &[]),
        (R::PasswordUnused, "anna", password(days_and_almost_one_more(44), days(999)), &[]),
        (R::PasswordUnused, "anna", password(days(45), days(999)), &[C::Password]),
        (R::PasswordUnused, "anna", password(Text("no_information"), days(44)), &[]),
        (R::PasswordUnused, "anna", password(Text("no_information"), days(45)), &[C::Password]),
        (R::PasswordUnused, "anna", password(Text("N/A"), days(45)), &[C::Password]),
        (
            R::PasswordUnused,
            "anna",
            vec![(PasswordLastUsed, days(999)), (PasswordLastChanged, days(999))],
            &[],
        ),
        (R::PasswordUnused, ROOT_USER, password(days(999), days(999)), &[]),
        (R::ConsoleWithoutMfa, "anna", vec![(PasswordEnabled, True)], &[C::Mfa]),
        (R::ConsoleWithoutMfa, "anna", vec![(PasswordEnabled, True), (MfaActive, True)], &[]),
        (R::ConsoleWithoutMfa, "anna", vec![], &[]),
        (R::ConsoleWithoutMfa, ROOT_USER, vec![(PasswordEnabled, True)], &[]),
        (R::RootAccessKey, ROOT_USER, vec![(AccessKey1Active, True)], &[C::AccessKey1]),
        (R::RootAccessKey, ROOT_USER, vec![(AccessKey2Active, True)], &[C::AccessKey2]),
        (R::RootAccessKey, ROOT_USER, vec![(AccessKey1LastRotated, days(9))], &[]),
        (R::RootAccessKey, "anna", vec![(AccessKey1Active, True)], &[]),
        (R::RootUsed, ROOT_USER, vec![(PasswordLastUsed, days(1))], &[C::Root]),
        (R::RootUsed, ROOT_USER, vec![(PasswordLastUsed, days_and_almost_one_more(1))], &[C::Root]),
        (R::RootUsed, ROOT_USER, vec![(PasswordLastUsed, days(2))], &[]),
        (
            R::RootUsed,
            ROOT_USER,
            vec![(PasswordLastUsed, days(2)), (AccessKey1LastUsedDate, days(0))],
            &[C::Root],
        ),
        (R::RootUsed, ROOT_USER, vec![(AccessKey2LastUsedDate, days(1))], &[C::Root]),
        (R::RootUsed, ROOT_USER, vec![(PasswordLastUsed, Text("no_information"))], &[]),
        (R::RootUsed, "anna", vec![(PasswordLastUsed, days(0))], &[]),
        (
            R::TwoActiveKeys,
            "anna",
            vec![(AccessKey1Active, True), (AccessKey2Active, True)],
            &[C::AccessKey2],
        ),
        (
            R::TwoActiveKeys,
            ROOT_USER,
            vec![(AccessKey1Active, True), (AccessKey2Active, True)],
            &[C::AccessKey2],
        ),
        (R::TwoActiveKeys, "anna", vec![(AccessKey1Active, True), (AccessKey2LastRotated, days(9))], &[]),
        (
            R::KeyNeverUsedSinceSetup,
            "anna",
            vec![(PasswordEnabled, True), (AccessKey2Active, True), (AccessKey2LastUsedDate, Text("N/A"))],
            &[C::AccessKey2],
        ),
        (
            R::KeyNeverUsedSinceSetup,
            "anna",
            vec![(PasswordEnabled, True), (AccessKey1Active, True), (AccessKey1LastUsedDate, days(999))],
            &[],
        ),
        (R::KeyNeverUsedSinceSetup, "anna", vec![(AccessKey1Active, True)], &[]),
        (R::KeyNeverUsedSinceSetup, "anna", vec![(PasswordEnabled, True)], &[]),
        (R::CertificateStale, "anna", vec![(Cert1Active, True), (Cert1LastRotated, days(90))], &[]),
        (
            R::CertificateStale,
            "anna",
            vec![(Cert1Active, True), (Cert1LastRotated, days(91))],
            &[C::Certificate1],
        ),
        (
            R::CertificateStale,
            ROOT_USER,
            vec![(Cert2Active, True), (Cert2LastRotated, days(91))],
            &[C::Certificate2],
        ),
        (R::CertificateStale, "anna", vec![(Cert2LastRotated, days(91))], &[]),
        (
            R::MoreCredentialsThanReported,
            "anna",
            vec![(AdditionalCredentialsInfo, Text("Additional access keys: 1"))],
            &[C::Additional],
        ),
        (R::MoreCredentialsThanReported, "anna", vec![(AdditionalCredentialsInfo, Text("N/A"))], &[]),
    ]
}

#[test]
fn every_rule_holds_on_both_sides_of_its_boundary_in_every_dialect() {
    for dialect in DIALECTS {
        for (rule, user, cells, flagged) in cases() {
            let (found, not_assessable) = verdicts(rule, dialect, user, &cells);
            assert_eq!(found, flagged, "{rule} of {user} with {cells:?} in {dialect:?}");
            // The old root row does not say whether there is a password.
            let told = !(user == ROOT_USER && dialect.old && rule == RuleId::KeyNeverUsedSinceSetup);
            if told {
                assert_eq!(not_assessable, 0, "{rule} of {user} with {cells:?} in {dialect:?}");
            }
        }
    }
}

#[test]
fn every_rule_has_a_case_that_flags_and_one_that_passes() {
    for rule in &RULES {
        let of_rule = |flags: bool| {
            cases().iter().any(|(id, _, _, flagged)| *id == rule.id && flagged.is_empty() != flags)
        };
        // Root's MFA has a table of its own, for it depends on the dialect and the partition.
        assert!(rule.id == RuleId::RootWithoutMfa || (of_rule(true) && of_rule(false)), "{}", rule.id);
    }
}

#[test]
fn root_needs_mfa_where_it_has_credentials_and_the_partition_has_its_mfa() {
    use Column::{AccessKey1Active, MfaActive, PasswordEnabled};
    let gov = DIALECTS[2];
    let china = DIALECTS[3];
    let mfa: &[Credential] = &[Credential::Mfa];
    for (dialect, cells, flagged) in [
        (MODERN, vec![(PasswordEnabled, True)], mfa),
        (MODERN, vec![(AccessKey1Active, True)], mfa),
        (MODERN, vec![(PasswordEnabled, True), (MfaActive, True)], &[]),
        // An organization removed root's credentials: there is nothing to guard.
        (MODERN, vec![], &[]),
        // The old dialect: there is a password, for there was no way to have none.
        (OLD, vec![], mfa),
        (OLD, vec![(MfaActive, True)], &[]),
        (gov, vec![(PasswordEnabled, True)], &[]),
        (china, vec![(PasswordEnabled, True)], &[]),
    ] {
        let (found, not_assessable) = verdicts(RuleId::RootWithoutMfa, dialect, ROOT_USER, &cells);
        assert_eq!((found.as_slice(), not_assessable), (flagged, 0), "{cells:?} in {dialect:?}");
    }
}

#[test]
fn missing_data_is_not_assessable_and_never_a_pass() {
    use Column::*;
    use RuleId as R;
    for word in ["", "not_supported"] {
        let missing = Text(word);
        let active = |cells: &[(Column, Value)]| {
            [&[(AccessKey1Active, True), (AccessKey2Active, False)], cells].concat()
        };
        for (rule, user, cells) in [
            (R::AccessKeyStale, "anna", active(&[(AccessKey1LastRotated, missing)])),
            (R::AccessKeyStale, "anna", vec![(AccessKey1Active, missing), (AccessKey1LastRotated, days(91))]),
            (
                R::AccessKeyUnused,
                "anna",
                active(&[(AccessKey1LastRotated, days(91)), (AccessKey1LastUsedDate, missing)]),
            ),
            (R::AccessKeyUnused, "anna", active(&[(AccessKey1LastRotated, missing)])),
            (R::PasswordUnused, "anna", vec![(PasswordEnabled, missing), (PasswordLastUsed, days(91))]),
            (R::PasswordUnused, "anna", vec![(PasswordEnabled, True), (PasswordLastUsed, missing)]),
            (
                R::PasswordUnused,
                "anna",
                vec![
                    (PasswordEnabled, True),
                    (PasswordLastUsed, Text("no_information")),
                    (PasswordLastChanged, missing),
                ],
            ),
            (R::ConsoleWithoutMfa, "anna", vec![(PasswordEnabled, missing)]),
            (R::ConsoleWithoutMfa, "anna", vec![(PasswordEnabled, True), (MfaActive, missing)]),
            (R::RootAccessKey, ROOT_USER, vec![(AccessKey1Active, missing)]),
            (R::RootWithoutMfa, ROOT_USER, vec![(PasswordEnabled, True), (MfaActive, missing)]),
            (R::RootUsed, ROOT_USER, vec![(PasswordLastUsed, missing)]),
            (R::RootUsed, ROOT_USER, vec![(PasswordLastUsed, days(9)), (AccessKey1LastUsedDate, missing)]),
            (R::TwoActiveKeys, "anna", vec![(AccessKey1Active, True), (AccessKey2Active, missing)]),
            (R::KeyNeverUsedSinceSetup, "anna", vec![(PasswordEnabled, missing), (AccessKey1Active, True)]),
            (
                R::KeyNeverUsedSinceSetup,
                "anna",
                vec![(PasswordEnabled, True), (AccessKey1Active, True), (AccessKey1LastUsedDate, missing)],
            ),
            (R::CertificateStale, "anna", vec![(Cert1Active, True), (Cert1LastRotated, missing)]),
            (R::CertificateStale, "anna", vec![(Cert1Active, missing), (Cert1LastRotated, days(91))]),
            (R::MoreCredentialsThanReported, "anna", vec![(AdditionalCredentialsInfo, missing)]),
        ] {
            let (found, not_assessable) = verdicts(rule, MODERN, user, &cells);
            assert_eq!((found, not_assessable), (vec![], 1), "{rule} with {cells:?}");
        }
    }
}

#[test]
fn what_another_cell_decides_needs_no_missing_one() {
    use Column::*;
    use RuleId as R;
    let missing = Text("");
    for (rule, user, cells) in [
        (R::AccessKeyStale, "anna", vec![(AccessKey1Active, missing), (AccessKey1LastRotated, days(9))]),
        (R::ConsoleWithoutMfa, "anna", vec![(PasswordEnabled, missing), (MfaActive, True)]),
        (R::ConsoleWithoutMfa, "anna", vec![(MfaActive, missing)]),
        (R::RootWithoutMfa, ROOT_USER, vec![(MfaActive, missing)]),
        (R::RootWithoutMfa, ROOT_USER, vec![(PasswordEnabled, missing), (MfaActive, True)]),
        (R::TwoActiveKeys, "anna", vec![(AccessKey2Active, missing)]),
        (
            R::KeyNeverUsedSinceSetup,
            "anna",
            vec![(AccessKey1Active, missing), (AccessKey1LastUsedDate, missing)],
        ),
    ] {
        assert_eq!(verdicts(rule, MODERN, user, &cells), (vec![], 0), "{rule} with {cells:?}");
    }
}

#[test]
fn a_report_before_2015_says_nothing_of_use_and_nobody_is_cleared_of_it() {
    let dialect = Dialect { sixteen_columns: true, ..OLD };
    let cells = [
        (Column::AccessKey1Active, True),
        (Column::AccessKey1LastRotated, days(91)),
        (Column::PasswordEnabled, True),
        (Column::MfaActive, True),
    ];
    assert_eq!(verdicts(RuleId::AccessKeyStale, dialect, "anna", &cells), (vec![Credential::AccessKey1], 0));
    assert_eq!(verdicts(RuleId::AccessKeyUnused, dialect, "anna", &cells), (vec![], 1));
    assert_eq!(verdicts(RuleId::KeyNeverUsedSinceSetup, dialect, "anna", &cells), (vec![], 1));
    assert_eq!(verdicts(RuleId::RootUsed, dialect, ROOT_USER, &[]), (vec![], 1));
}

#[test]
fn a_missing_root_row_is_not_assessable_by_every_rule_that_looks_at_root() {
    use RuleId as R;
    for dialect in DIALECTS {
        let nobody = Text("N/A");
        let anna = row(dialect, "anna", &[(Column::AdditionalCredentialsInfo, nobody)]);
        let statistics = analyze(&report(dialect, &[anna])).statistics;
        assert_eq!(statistics.accounts_without_root, 1);
        let expected = |rule| match rule {
            R::AccessKeyUnused | R::PasswordUnused | R::ConsoleWithoutMfa => 0,
            R::RootWithoutMfa => u64::from(dialect.partition == "aws"),
            R::RootUsed | R::TwoActiveKeys | R::MoreCredentialsThanReported => 1,
            // One of each of its two credentials.
            R::AccessKeyStale | R::RootAccessKey | R::KeyNeverUsedSinceSetup | R::CertificateStale => 2,
        };
        for rule in &RULES {
            let counted = statistics.not_assessable[rule.id as usize];
            assert_eq!(counted, expected(rule.id), "{} in {}", rule.id, dialect.partition);
        }
    }
}

#[test]
fn a_finding_explains_itself() {
    let cells = [
        (Column::AccessKey2Active, True),
        (Column::AccessKey2LastRotated, days(100)),
        (Column::AccessKey2LastUsedDate, days(1)),
    ];
    let analysis = analyze(&report(OLD, &[row(OLD, "anna", &cells)]));
    let [finding] = analysis.findings.as_slice() else { panic!("{:?}", analysis.findings) };
    assert_eq!(&*finding.observed, "2025-10-23T01:00:00+00:00", "the cell as it stands in the report");
    assert_eq!((finding.age_days, finding.limit_days), (Some(100), Some(90)));
    assert_eq!(finding.assessed.account_name, "Shop");
    assert_eq!(finding.sentence(), "access key 2 is 100 days old, the limit is 90 days");
}

#[test]
fn root_was_last_used_by_the_latest_of_its_credentials() {
    let cells = [
        (Column::PasswordLastUsed, days(1)),
        (Column::AccessKey1LastUsedDate, Ago(TimeDelta::hours(2))),
        (Column::AccessKey2LastUsedDate, days(400)),
    ];
    let analysis = analyze(&report(MODERN, &[row(MODERN, ROOT_USER, &cells)]));
    let used = analysis.findings.iter().find(|finding| finding.rule == RuleId::RootUsed).unwrap();
    assert_eq!((&*used.observed, used.age_days), ("2026-01-30T23:00:00Z", Some(0)));
}

#[test]
fn what_happened_after_as_of_is_no_day_old() {
    let later = Ago(TimeDelta::days(-400));
    let cells = [
        (Column::PasswordLastUsed, later),
        (Column::AccessKey1Active, True),
        (Column::AccessKey1LastRotated, later),
    ];
    let analysis = analyze(&report(MODERN, &[row(MODERN, ROOT_USER, &cells)]));
    let rules: Vec<_> = analysis.findings.iter().map(|finding| (finding.rule, finding.age_days)).collect();
    assert_eq!(
        rules,
        [(RuleId::RootAccessKey, None), (RuleId::RootWithoutMfa, None), (RuleId::RootUsed, Some(0))]
    );
    assert_eq!(analysis.statistics.active_keys_by_age[0], 1);
}

#[test]
fn a_rule_that_is_off_neither_flags_nor_counts() {
    let mut settings = RuleSettings::default();
    for rule in &RULES {
        settings.set(rule.id, "off").unwrap();
    }
    let cells = [
        (Column::AccessKey1Active, True),
        (Column::AccessKey1LastRotated, days(999)),
        (Column::MfaActive, Text("")),
    ];
    let analysis = analyze_by(&settings, &report(MODERN, &[row(MODERN, "anna", &cells)]));
    assert!(analysis.findings.is_empty());
    assert_eq!(analysis.statistics.not_assessable, [0; RULES.len()]);
    assert_eq!(analysis.statistics.active_keys(), 1, "the age plot is of all keys");
}

#[test]
fn a_limit_that_is_set_is_the_one_that_counts() {
    let mut settings = RuleSettings::default();
    settings.set(RuleId::AccessKeyStale, "10").unwrap();
    for (age, flagged) in [(10, 0), (11, 1)] {
        let cells = [
            (Column::AccessKey1Active, True),
            (Column::AccessKey1LastRotated, days(age)),
            (Column::AccessKey1LastUsedDate, days(0)),
        ];
        let analysis = analyze_by(&settings, &report(MODERN, &[row(MODERN, "anna", &cells)]));
        assert_eq!(analysis.findings.len(), flagged, "{age}");
        assert!(analysis.findings.iter().all(|finding| finding.limit_days == Some(10)));
    }
    assert_eq!(settings.setting(RuleId::AccessKeyStale), Setting::Days(10));
}

/// The findings of a fixture as a person would check them.
fn render(bytes: &[u8]) -> String {
    let analyzed = Analyzer::new(
        &RuleSettings::default(),
        &Previous::default(),
        parse_as_of("2026-12-31").unwrap(),
        as_of().date_naive(),
    )
    .report(&account(), "Shop", Some(as_of()), bytes);
    let analysis = match analyzed {
        Ok(analysis) => analysis,
        Err(unreadable) => return format!("unreadable: {unreadable}\n"),
    };
    let mut findings = analysis.findings;
    findings.sort_unstable_by(|one, other| one.order().cmp(&other.order()));
    let mut text: String = findings
        .iter()
        .map(|finding| {
            format!(
                "{} {} {}: {} [{}]\n",
                finding.severity(),
                finding.rule,
                finding.user,
                finding.sentence(),
                finding.observed
            )
        })
        .collect();
    text.push_str(&format!(
        "{} users, {} active keys\n",
        analysis.statistics.users,
        analysis.statistics.active_keys()
    ));
    for rule in RULES.iter().filter(|rule| analysis.statistics.not_assessable[rule.id as usize] > 0) {
        let count = analysis.statistics.not_assessable[rule.id as usize];
        text.push_str(&format!("not assessable: {} {count}\n", rule.id));
    }
    text
}

#[test]
fn every_fixture_is_flagged_as_its_snapshot_says() {
    macro_rules! fixtures {
        ($($name:literal),+ $(,)?) => {
            $(
                insta::assert_snapshot!($name, render(include_bytes!(concat!("../../../../tests/fixtures/reports/", $name, ".csv"))));
            )+
        };
    }
    fixtures!(
        "live-modern-dialect",
        "old-dialect",
        "modern-root",
        "sixteen-columns-before-2015",
        "additional-credentials",
        "crlf-quotes-bom-and-root-last",
        "columns-in-another-order-and-unknown",
        "empty-cells",
        "hostile-names",
        "names-with-commas-unquoted",
        "paths-with-commas-and-quotes-unquoted",
        "dates-of-a-password-that-is-gone",
        "china-without-root",
        "govcloud",
        "bad-rows-among-good",
        "cut-off-in-the-middle",
        "rows-of-another-account",
        "header-only",
        "no-readable-row",
        "forged-cells-in-a-path",
        "root-without-brackets",
        "a-user-twice",
        "appended-to-itself",
    );
}

#[test]
fn forged_cells_in_a_path_hide_no_finding() {
    let as_of = "2026-11-21T00:00:00Z".parse().unwrap();
    let found = |bytes: &[u8]| -> Vec<String> {
        let (nothing, settings) = (Previous::default(), RuleSettings::default());
        let analyzer = Analyzer::new(&settings, &nothing, as_of, as_of.date_naive());
        let said = analyzer.report(&id(OWN), "", Some(as_of), bytes).unwrap();
        assert_eq!((said.tally.rows, said.tally.bad_rows), (2, 0));
        said.findings.iter().map(Finding::headline).collect()
    };
    let honest = found(include_bytes!("../../../../tests/fixtures/cases/forged-cells/honest.csv"));
    let forged = include_str!("../../../../tests/fixtures/cases/forged-cells/forged.csv");
    assert_eq!(honest.len(), 9);
    assert_eq!(found(forged.as_bytes()), honest);
    let with_unknown_column: Vec<String> = forged
        .lines()
        .enumerate()
        .map(|(number, line)| format!("{line},{}", if number == 0 { "unknown" } else { "x" }))
        .collect();
    assert_eq!(found(with_unknown_column.join("\n").as_bytes()), honest);
}

#[test]
fn a_report_without_rows_is_one_of_an_account_without_users_in_china_alone() {
    let (previous, settings) = (stale_last_night(&["anna"]), RuleSettings::default());
    let analyzer = Analyzer::new(&settings, &previous, as_of(), as_of().date_naive());
    let header = include_bytes!("../../../../tests/fixtures/reports/header-only.csv");
    let report = |analyzer: Analyzer<'_>| analyzer.report(&id(OWN), "", Some(as_of()), header);
    for analyzer in [analyzer, analyzer.in_partition("aws"), analyzer.in_partition("aws-us-gov")] {
        assert_eq!(report(analyzer).unwrap_err(), Unreadable::NoRows);
    }
    let said = report(analyzer.in_partition("aws-cn")).unwrap();
    assert_eq!((said.tally.rows, said.findings.len(), said.statistics.accounts_without_root), (0, 0, 1));
}

// History.

/// The account of the reports, and three more; those in `collected` have a report.
fn called(collected: &[u64], whole: bool) -> RollCall {
    let accounts = [1, 2, 3].map(|number| Account::of_id(id(number))).into_iter();
    let accounts = accounts.chain([Account::of_id(account())]).collect();
    let reports = collected.iter().map(|number| (id(*number), stored(*number, 0))).collect();
    let source = if whole { RollSource::Organization } else { RollSource::ExecutionInput };
    RollCall::of(Roll { source, ..roll(accounts) }, Evidence { reports, ..Default::default() })
}

fn settle(
    previous: &Previous,
    settings: &RuleSettings,
    reports: &[&str],
    collected: &[u64],
    whole: bool,
) -> Assessment {
    let analyzer = Analyzer::new(settings, previous, as_of(), as_of().date_naive());
    let mut analysis = Analysis::new(analyzer);
    for text in reports {
        analysis.add(analyzer.report(&account(), "Shop", Some(as_of()), text.as_bytes()).unwrap());
    }
    analysis.settle(&called(collected, whole), &Exemptions::default())
}

const OWN: u64 = 123_456_789_012;

/// Last night's findings of stale keys of `users`, in the account of the reports.
fn stale_last_night(users: &[&str]) -> Previous {
    let first_seen = "2025-12-24".parse().unwrap();
    let findings = users.iter().map(|user| {
        let finding = finding(OWN, user, RuleId::AccessKeyStale);
        let made = as_of() - TimeDelta::days(91);
        Finding { first_seen, creation: Creation { credential: Some(made), ..finding.creation }, ..finding }
    });
    Previous::new(findings.collect())
}

fn stale(user: &str) -> String {
    row(
        MODERN,
        user,
        &[
            (Column::AccessKey1Active, True),
            (Column::AccessKey1LastRotated, days(91)),
            (Column::AccessKey1LastUsedDate, days(0)),
        ],
    )
}

fn summary(findings: &[Finding]) -> Vec<(&str, Status, bool, String)> {
    findings
        .iter()
        .map(|finding| (&*finding.user, finding.status, finding.verified, finding.first_seen.to_string()))
        .collect()
}

#[test]
fn a_finding_is_new_ongoing_or_resolved() {
    let previous = stale_last_night(&["anna", "ben"]);
    let tonight = report(MODERN, &[stale("anna"), row(MODERN, "ben", &[]), stale("carl")]);
    let assessment = settle(&previous, &RuleSettings::default(), &[&tonight], &[OWN], true);
    assert_eq!(
        summary(&assessment.findings),
        [
            ("anna", Status::Ongoing, true, "2025-12-24".to_owned()),
            ("carl", Status::New, true, "2026-01-31".to_owned())
        ]
    );
    assert_eq!(summary(&assessment.resolved)[0].0, "ben");
    assert_eq!(assessment.resolved.len(), 1);
}

#[test]
fn a_finding_from_before_the_limit_itself_was_flagged_is_ongoing() {
    // Until then a key was flagged from day 46 on: one of 45 days had no finding last night.
    let unused = |user, age| {
        let cells = [
            (Column::AccessKey1Active, True),
            (Column::AccessKey1LastRotated, days(60)),
            (Column::AccessKey1LastUsedDate, days(age)),
        ];
        row(MODERN, user, &cells)
    };
    let finding = finding(OWN, "anna", RuleId::AccessKeyUnused);
    let creation = Creation { credential: Some(as_of() - TimeDelta::days(60)), ..finding.creation };
    let last_night = Finding { age_days: Some(46), creation, ..finding };
    let previous = Previous::new(vec![last_night]);
    let tonight =
        report(MODERN, &[unused("anna", 47), unused("ben", 46), unused("carl", 45), unused("dora", 44)]);
    let assessment = settle(&previous, &RuleSettings::default(), &[&tonight], &[OWN], true);
    let statuses: Vec<_> =
        assessment.findings.iter().map(|finding| (&*finding.user, finding.status)).collect();
    assert_eq!(statuses, [("anna", Status::Ongoing), ("ben", Status::New), ("carl", Status::New)]);
    assert!(assessment.resolved.is_empty() && assessment.unfollowed.is_empty());
}

#[test]
fn a_user_who_is_gone_is_resolved() {
    let tonight = report(MODERN, &[row(MODERN, "carl", &[])]);
    let assessment =
        settle(&stale_last_night(&["anna"]), &RuleSettings::default(), &[&tonight], &[OWN], true);
    assert_eq!((assessment.findings.len(), assessment.resolved.len()), (0, 1));
}

#[test]
fn an_account_that_nobody_looked_at_keeps_its_findings_unverified() {
    let assessment = settle(&stale_last_night(&["anna"]), &RuleSettings::default(), &[], &[], true);
    assert_eq!(summary(&assessment.findings), [("anna", Status::Ongoing, false, "2025-12-24".to_owned())]);
    assert!(assessment.resolved.is_empty());
}

#[test]
fn a_row_that_can_not_be_read_does_not_resolve_the_findings_of_its_user() {
    let tonight = report(
        MODERN,
        &[row(MODERN, "ben", &[]), row(MODERN, "anna", &[(Column::MfaActive, Text("maybe"))])],
    );
    let previous = stale_last_night(&["anna", "ben"]);
    let assessment = settle(&previous, &RuleSettings::default(), &[&tonight], &[OWN], true);
    assert_eq!(summary(&assessment.findings), [("anna", Status::Ongoing, false, "2025-12-24".to_owned())]);
    assert_eq!(summary(&assessment.resolved)[0].0, "ben");
}

#[test]
fn a_cell_that_no_longer_tells_does_not_resolve_a_finding() {
    let cells = [(Column::AccessKey1Active, True), (Column::AccessKey1LastRotated, Text(""))];
    let tonight = report(MODERN, &[row(MODERN, "anna", &cells)]);
    let assessment =
        settle(&stale_last_night(&["anna"]), &RuleSettings::default(), &[&tonight], &[OWN], true);
    assert!(!assessment.findings[0].verified);
    assert!(assessment.resolved.is_empty());
}

#[test]
fn a_root_row_that_is_missing_does_not_resolve_roots_findings() {
    let root = Finding { arn: "".into(), ..finding(OWN, ROOT_USER, RuleId::RootAccessKey) };
    let tonight = report(MODERN, &[row(MODERN, "anna", &[])]);
    let assessment = settle(&Previous::new(vec![root]), &RuleSettings::default(), &[&tonight], &[OWN], true);
    assert_eq!((assessment.findings.len(), assessment.resolved.len()), (1, 0));
    assert!(!assessment.findings[0].verified);
}

#[test]
fn a_rule_that_was_switched_off_resolves_nothing() {
    let mut settings = RuleSettings::default();
    settings.set(RuleId::AccessKeyStale, "off").unwrap();
    let tonight = report(MODERN, &[stale("anna")]);
    let assessment = settle(&stale_last_night(&["anna"]), &settings, &[&tonight], &[OWN], true);
    assert!(assessment.findings.is_empty() && assessment.resolved.is_empty());
    assert_eq!(assessment.unfollowed.len(), 1);
}

#[test]
fn a_report_that_does_not_count_as_collected_has_no_findings() {
    let tonight = report(MODERN, &[stale("anna")]);
    let assessment = settle(&Previous::default(), &RuleSettings::default(), &[&tonight], &[], true);
    assert!(assessment.findings.is_empty());
}

#[test]
fn an_account_that_left_or_is_skipped_is_followed_no_further_which_is_not_resolved() {
    let previous = || Previous::new(vec![finding(77, "anna", RuleId::AccessKeyStale)]);
    let left = settle(&previous(), &RuleSettings::default(), &[], &[], true);
    assert_eq!((left.resolved.len(), left.unfollowed.len(), left.findings.len()), (0, 1, 0));
    let partial = settle(&previous(), &RuleSettings::default(), &[], &[], false);
    assert_eq!((partial.resolved.len(), partial.unfollowed.len(), partial.findings.len()), (0, 0, 0));

    let skipped = Account { skip: Some(SkipReason::Suspended), ..Account::of_id(id(1)) };
    let roll_call = RollCall::of(roll(vec![skipped]), Evidence::default());
    let (settings, previous) =
        (RuleSettings::default(), Previous::new(vec![finding(1, "anna", RuleId::AccessKeyStale)]));
    let analysis = Analysis::new(Analyzer::new(&settings, &previous, as_of(), as_of().date_naive()));
    let skipped = analysis.settle(&roll_call, &Exemptions::default());
    assert_eq!((skipped.resolved.len(), skipped.unfollowed.len(), skipped.findings.len()), (0, 1, 0));
}

#[test]
fn a_limit_that_was_changed_resolves_nothing_and_keeps_nothing() {
    let mut settings = RuleSettings::default();
    settings.set(RuleId::AccessKeyStale, "180").unwrap();
    let tonight = report(MODERN, &[stale("anna")]);
    for (reports, collected) in [(vec![tonight.as_str()], vec![OWN]), (vec![], vec![])] {
        let assessment = settle(&stale_last_night(&["anna"]), &settings, &reports, &collected, true);
        assert_eq!(
            (assessment.resolved.len(), assessment.unfollowed.len(), assessment.findings.len()),
            (0, 1, 0)
        );
    }
}

#[test]
fn a_user_that_was_there_twice_is_not_resolved_while_still_there() {
    let tonight = report(MODERN, &[stale("anna")]);
    let assessment =
        settle(&stale_last_night(&["anna", "anna"]), &RuleSettings::default(), &[&tonight], &[OWN], true);
    assert_eq!((assessment.findings.len(), assessment.resolved.len()), (1, 0));
}

#[test]
fn an_exemption_matches_nothing_only_when_everything_it_may_cover_was_looked_at() {
    let matches_nothing = |names: &str, collected: &[u64], whole: bool, off: Option<RuleId>| {
        matches_nothing(&exemption(names), &called(collected, whole), off)
    };
    let all = [1, 2, 3, OWN];
    assert!(matches_nothing("user = \"anna\"", &all, true, None));
    assert!(!matches_nothing("user = \"anna\"", &[1, 2, 3], true, None), "an account is missing");
    assert!(!matches_nothing("user = \"anna\"", &all, false, None), "only some were asked for");
    assert!(matches_nothing("account = \"000000000001\"", &[1], false, None), "its account was looked at");
    assert!(!matches_nothing("account = \"000000000002\"", &[1], true, None));
    assert!(!matches_nothing("rule = \"root-used\"", &all, true, Some(RuleId::RootUsed)), "the rule is off");
}

#[test]
fn an_exemption_does_not_match_nothing_when_the_row_of_its_user_may_be_one_that_can_not_be_read() {
    let accounts = [1, 2].map(|number| Account::of_id(id(number))).into();
    let reports = [(id(1), stored(1, 1)), (id(2), stored(2, 0))].into();
    let whole = Roll { source: RollSource::Organization, ..roll(accounts) };
    let roll_call = RollCall::of(whole, Evidence { reports, ..Default::default() });
    let matches_nothing = |names: &str| matches_nothing(&exemption(names), &roll_call, None);
    assert!(!matches_nothing("user = \"anna\""));
    assert!(!matches_nothing("account = \"000000000001\"\nuser = \"anna\""));
    assert!(!matches_nothing("account = \"000000000001\""));
    assert!(matches_nothing("account = \"000000000002\"\nuser = \"anna\""), "every row of it was read");
}

fn exemption(names: &str) -> Exemptions {
    let text = format!("[[exemption]]\n{names}\nreason = \"r\"\nexpires = 2026-12-31\n");
    Exemptions::parse("f", text.as_bytes()).unwrap()
}

fn matches_nothing(exemptions: &Exemptions, roll_call: &RollCall, off: Option<RuleId>) -> bool {
    let mut settings = RuleSettings::default();
    if let Some(rule) = off {
        settings.set(rule, "off").unwrap();
    }
    let previous = Previous::default();
    let analysis = Analysis::new(Analyzer::new(&settings, &previous, as_of(), as_of().date_naive()));
    let assessment = analysis.settle(roll_call, exemptions);
    assessment.exemptions[0].matches_nothing()
}

#[test]
fn findings_are_ordered_by_severity_account_user_credential_and_rule() {
    let settings = RuleSettings::default();
    let previous = Previous::new(vec![
        finding(2, "anna", RuleId::AccessKeyStale),
        finding(1, "ben", RuleId::AccessKeyStale),
        finding(1, "anna", RuleId::TwoActiveKeys),
        finding(3, ROOT_USER, RuleId::RootAccessKey),
        finding(1, "anna", RuleId::AccessKeyUnused),
        Finding { credential: Credential::AccessKey2, ..finding(1, "anna", RuleId::AccessKeyStale) },
        finding(1, "anna", RuleId::AccessKeyStale),
    ]);
    let assessment = settle(&previous, &settings, &[], &[], true);
    let order: Vec<String> = assessment
        .findings
        .iter()
        .map(|finding| {
            format!(
                "{} {} {} {} {}",
                finding.severity(),
                finding.assessed.account_id,
                finding.user,
                finding.credential.as_str(),
                finding.rule
            )
        })
        .collect();
    insta::assert_snapshot!(order.join("\n"));
}

// Identity.

const MADE_FIRST: &str = "2025-06-01T00:00:00Z";
const MADE_SECOND: &str = "2025-07-01T00:00:00Z";

/// A user with the given keys, each made at a time and used today; an empty time is an empty slot.
fn user_with_keys(user: &str, created: &'static str, keys: [&'static str; 2]) -> String {
    let columns = [
        [Column::AccessKey1Active, Column::AccessKey1LastRotated, Column::AccessKey1LastUsedDate],
        [Column::AccessKey2Active, Column::AccessKey2LastRotated, Column::AccessKey2LastUsedDate],
    ];
    let mut cells = vec![(Column::UserCreationTime, Text(created))];
    for ([active, last_rotated, last_used], made) in columns.into_iter().zip(keys) {
        if !made.is_empty() {
            cells.extend([(active, True), (last_rotated, Text(made)), (last_used, days(0))]);
        }
    }
    row(MODERN, user, &cells)
}

/// What tonight's rows come to after the findings of `earlier`, which a night before had.
fn next_night(earlier: &[Finding], rows: &[String]) -> Assessment {
    let first_seen = "2025-12-24".parse().unwrap();
    let earlier = earlier.iter().map(|finding| Finding { first_seen, ..finding.clone() }).collect();
    let tonight = report(MODERN, rows);
    settle(&Previous::new(earlier), &RuleSettings::default(), &[&tonight], &[OWN], true)
}

/// The findings of a rule after a night with `rows`, with nothing before it.
fn found_in(rule: RuleId, rows: &[String]) -> Vec<Finding> {
    let mut findings = next_night(&[], rows).findings;
    findings.retain(|finding| finding.rule == rule);
    findings
}

/// A rule's findings: credential, status, and whether somebody could look.
fn told(findings: &[Finding], rule: RuleId) -> Vec<(&'static str, Status, bool)> {
    findings
        .iter()
        .filter(|finding| finding.rule == rule)
        .map(|finding| (finding.credential.as_str(), finding.status, finding.verified))
        .collect()
}

const STALE: RuleId = RuleId::AccessKeyStale;
const CREATED: &str = "2024-01-10T08:00:00Z";

#[test]
fn a_key_that_moves_to_the_other_slot_is_ongoing_and_keeps_first_seen() {
    let [before, after] = [
        include_str!("../../../../tests/fixtures/cases/key-that-moved/before.csv"),
        include_str!("../../../../tests/fixtures/cases/key-that-moved/after.csv"),
    ];
    let as_of = parse_as_of("2026-11-25").unwrap();
    let account_id = "111122223333".parse().unwrap();
    let policy = RuleSettings::default();
    let night = |previous: &Previous, date: &str, text: &str| {
        let analyzer = Analyzer::new(&policy, previous, as_of, date.parse().unwrap());
        let mut analysis = Analysis::new(analyzer);
        analysis.add(analyzer.report(&account_id, "", Some(as_of), text.as_bytes()).unwrap());
        let accounts = vec![Account::of_id(account_id.clone())];
        let reports = [(account_id.clone(), stored(111_122_223_333, 0))].into();
        let called = RollCall::of(roll(accounts), Evidence { reports, ..Default::default() });
        analysis.settle(&called, &Exemptions::default())
    };
    let first = night(&Previous::default(), "2026-11-25", before);
    let second = night(&Previous::new(first.findings.clone()), "2026-11-26", after);
    let [stale] = &*second.findings else { panic!("{:?}", second.findings) };
    assert_eq!(
        (stale.rule, stale.credential, stale.status),
        (STALE, Credential::AccessKey1, Status::Ongoing)
    );
    assert_eq!(stale.first_seen.to_string(), "2026-11-25");
    let resolved: Vec<RuleId> = second.resolved.iter().map(|finding| finding.rule).collect();
    assert_eq!(resolved, [RuleId::TwoActiveKeys], "the key that was deleted was not stale");

    let was = first.findings.iter().find(|finding| finding.rule == STALE).unwrap();
    assert_eq!(was.credential, Credential::AccessKey2);
    assert_eq!(was.fingerprint(), stale.fingerprint());
}

#[test]
fn a_key_in_place_of_another_is_new_and_the_other_is_resolved() {
    let before = found_in(STALE, &[user_with_keys("anna", CREATED, [MADE_FIRST, ""])]);
    let after = next_night(&before, &[user_with_keys("anna", CREATED, [MADE_SECOND, ""])]);
    assert_eq!(told(&after.findings, STALE), [("access_key_1", Status::New, true)]);
    assert_eq!(told(&after.resolved, STALE), [("access_key_1", Status::New, true)]);
    assert_ne!(before[0].fingerprint(), after.findings[0].fingerprint());
}

#[test]
fn a_user_who_was_made_again_under_the_same_name_is_new() {
    let rules = [RuleId::ConsoleWithoutMfa, STALE];
    let user = |created| {
        let password = row(
            MODERN,
            "ben",
            &[
                (Column::UserCreationTime, Text(created)),
                (Column::PasswordEnabled, True),
                (Column::PasswordLastUsed, days(0)),
            ],
        );
        [user_with_keys("anna", created, [MADE_FIRST, ""]), password]
    };
    let before: Vec<Finding> =
        rules.into_iter().flat_map(|rule| found_in(rule, &user("2024-01-10T08:00:00Z"))).collect();
    assert_eq!(before.len(), 2);
    let same = next_night(&before, &user("2024-01-10T08:00:00+00:00"));
    assert!(same.resolved.is_empty());
    assert!(same.findings.iter().all(|finding| finding.status == Status::Ongoing));
    let again = next_night(&before, &user("2026-01-30T08:00:00Z"));
    assert_eq!(again.resolved.len(), 2);
    assert!(again.findings.iter().all(|finding| finding.status == Status::New));
}

#[test]
fn a_second_use_of_root_is_a_new_finding() {
    let used =
        |time| row(MODERN, ROOT_USER, &[(Column::PasswordLastUsed, Text(time)), (Column::MfaActive, True)]);
    let first = found_in(RuleId::RootUsed, &[used("2026-01-30T01:00:00Z")]);
    let same = next_night(&first, &[used("2026-01-30T01:00:00+00:00")]);
    assert_eq!(told(&same.findings, RuleId::RootUsed), [("root", Status::Ongoing, true)]);
    assert_eq!(first[0].fingerprint(), same.findings[0].fingerprint(), "another spelling of one time");
    let second = next_night(&first, &[used("2026-01-30T23:00:00Z")]);
    assert_eq!(told(&second.findings, RuleId::RootUsed), [("root", Status::New, true)]);
    assert_eq!(second.resolved.len(), 1);
    assert_ne!(first[0].fingerprint(), second.findings[0].fingerprint());
}

#[test]
fn two_keys_of_one_second_are_ambiguous_and_told_apart_by_their_slots() {
    let both = found_in(STALE, &[user_with_keys("anna", CREATED, [MADE_FIRST, MADE_FIRST])]);
    assert_eq!(both.len(), 2);
    for finding in &both {
        assert!(finding.creation.is_ambiguous);
        assert!(
            finding.sentence().ends_with("; the other one was made in the same second"),
            "{}",
            finding.sentence()
        );
    }
    assert_ne!(both[0].fingerprint(), both[1].fingerprint());
    let same = next_night(&both, &[user_with_keys("anna", CREATED, [MADE_FIRST, MADE_FIRST])]);
    assert_eq!(told(&same.findings, STALE).len(), 2);
    assert!(same.findings.iter().all(|finding| finding.rule != STALE || finding.status == Status::Ongoing));
    assert!(same.resolved.is_empty());
    // Which of them is gone nobody can say: one goes on, and one is resolved.
    let one_left = next_night(&both, &[user_with_keys("anna", CREATED, [MADE_FIRST, ""])]);
    assert_eq!(told(&one_left.findings, STALE), [("access_key_1", Status::Ongoing, true)]);
    assert_eq!(told(&one_left.resolved, STALE).len(), 1);
    assert!(!one_left.findings[0].creation.is_ambiguous);
}

#[test]
fn a_finding_of_an_earlier_version_is_the_same_by_its_slot_and_name() {
    let rows = [user_with_keys("anna", CREATED, [MADE_FIRST, MADE_SECOND])];
    let mut before = found_in(STALE, &rows);
    for finding in &mut before {
        finding.creation = Creation::default();
    }
    let after = next_night(&before, &rows);
    let both = [("access_key_1", Status::Ongoing, true), ("access_key_2", Status::Ongoing, true)];
    assert_eq!(told(&after.findings, STALE), both);
    assert!(after.resolved.is_empty());
    let moved = next_night(&before[1..], &[user_with_keys("anna", CREATED, [MADE_SECOND, ""])]);
    assert_eq!(told(&moved.findings, STALE), [("access_key_1", Status::New, true)], "it can't be told yet");
    let told_now = next_night(&after.findings, &[user_with_keys("anna", CREATED, [MADE_SECOND, ""])]);
    assert_eq!(told(&told_now.findings, STALE), [("access_key_1", Status::Ongoing, true)]);
}

#[test]
fn a_key_of_unknown_time_may_be_the_one_that_was_flagged_in_the_other_slot() {
    let before = found_in(STALE, &[user_with_keys("anna", CREATED, ["", MADE_FIRST])]);
    let unknown = |other: &'static str| {
        let mut cells = vec![
            (Column::UserCreationTime, Text(CREATED)),
            (Column::AccessKey1Active, True),
            (Column::AccessKey1LastRotated, Text("")),
        ];
        if !other.is_empty() {
            cells.extend([(Column::AccessKey2Active, False), (Column::AccessKey2LastRotated, Text(other))]);
        }
        row(MODERN, "anna", &cells)
    };
    let kept = next_night(&before, &[unknown("")]);
    assert_eq!(told(&kept.findings, STALE), [("access_key_2", Status::Ongoing, false)]);
    assert!(kept.resolved.is_empty());
    // The key is seen in the other slot, and is inactive there.
    let resolved = next_night(&before, &[unknown(MADE_FIRST)]);
    assert!(told(&resolved.findings, STALE).is_empty());
    assert_eq!(told(&resolved.resolved, STALE).len(), 1);
}

#[test]
fn what_was_kept_and_what_stands_in_its_slot_now_have_one_order() {
    let kept = Finding { verified: false, ..finding(1, "anna", STALE) };
    let later = Creation {
        credential: kept.creation.credential.map(|made| made + TimeDelta::days(1)),
        ..kept.creation
    };
    let now = Finding { creation: later, ..kept.clone() };
    assert!(kept.order() < now.order());
}

#[test]
fn a_use_of_root_since_the_last_collected_report_counts_however_long_ago() {
    let used = |ago| {
        report(
            MODERN,
            &[row(MODERN, ROOT_USER, &[(Column::PasswordLastUsed, days(ago)), (Column::MfaActive, True)])],
        )
    };
    let age = |ago, collected: Option<i64>| {
        let collected = collected.map(|ago| (account(), as_of() - TimeDelta::days(ago)));
        let previous = Previous::default().with_last_collected(collected);
        let assessment = settle(&previous, &RuleSettings::default(), &[&used(ago)], &[OWN], true);
        let flagged = assessment.findings.iter().find(|finding| finding.rule == RuleId::RootUsed);
        flagged.map(|finding| (finding.age_days.unwrap(), finding.limit_days.unwrap()))
    };
    assert_eq!(age(4, Some(5)), Some((4, 1)));
    assert_eq!(age(5, Some(5)), None, "the last report had it");
    assert_eq!(age(6, Some(5)), None);
    assert_eq!(age(4, None), None);
    assert_eq!(age(1, Some(0)), Some((1, 1)), "what is recent counts all the same");
}
