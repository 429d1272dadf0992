use std::fmt::Write;

use proptest::prelude::*;
use serde_json::json;

use crate::identifiers::account_id::AccountId;
use crate::judgement::credential_changes::*;
use crate::judgement::rules::Credential;
use crate::report::{ROOT_USER, Unreadable};

const MODERN: &str = include_str!("../../../../tests/fixtures/reports/live-modern-dialect.csv");
const T1: &str = "2026-01-01T00:00:00Z";
const T2: &str = "2026-01-02T00:00:00Z";
const T3: &str = "2026-01-03T00:00:00Z";

/// The columns of a slot: active, last rotated.
const KEY_1: [&str; 2] = ["access_key_1_active", "access_key_1_last_rotated"];
const KEY_2: [&str; 2] = ["access_key_2_active", "access_key_2_last_rotated"];
const CERTIFICATE_1: [&str; 2] = ["cert_1_active", "cert_1_last_rotated"];
const CERTIFICATE_2: [&str; 2] = ["cert_2_active", "cert_2_last_rotated"];

type Cells<'c> = Vec<(&'c str, &'c str)>;

fn account() -> AccountId {
    "123456789012".parse().unwrap()
}

fn columns() -> Vec<&'static str> {
    MODERN.lines().next().unwrap().split(',').chain(["additional_credentials_info"]).collect()
}

/// A user, or the root user, who has nothing but the given cells.
fn row(user: &str, cells: &[(&str, &str)]) -> String {
    let cell = |column: &str| {
        if let Some((_, text)) = cells.iter().find(|(name, _)| *name == column) {
            return (*text).to_owned();
        }
        match column {
            "user" => user.to_owned(),
            "arn" if user == ROOT_USER => "arn:aws:iam::123456789012:root".to_owned(),
            "arn" => format!("arn:aws:iam::123456789012:user/{user}"),
            "user_creation_time" => "2020-01-01T00:00:00Z".to_owned(),
            "password_enabled" | "mfa_active" => "false".to_owned(),
            column if column.ends_with("_active") => "false".to_owned(),
            _ => "N/A".to_owned(),
        }
    };
    columns().into_iter().map(cell).collect::<Vec<_>>().join(",")
}

/// A report of these rows, and of the root user if none of them is it.
fn report(rows: &[String]) -> String {
    let mut text = columns().join(",") + "\n";
    if !rows.iter().any(|row| row.starts_with(ROOT_USER)) {
        text += &(row(ROOT_USER, &[]) + "\n");
    }
    text + &rows.join("\n")
}

/// As AWS wrote it until some years ago.
fn in_old_dialect(report: &str) -> String {
    let text = report.replace("Z,", "+00:00,").replace(",true", ",TRUE").replace(",false", ",FALSE");
    assert_ne!(text, report);
    text
}

fn compared(old: &str, new: &str) -> ReportComparison {
    compare(&account(), old.as_bytes(), new.as_bytes()).unwrap()
}

fn describe(comparison: &ReportComparison) -> Vec<String> {
    let credential = |credential: Option<Credential>| credential.map_or("user", Credential::as_str);
    let changes = comparison.changes.iter().map(|change| {
        let has_no_credential = change.kind == ChangeKind::MfaLost && change.effect == Effect::Neutral;
        assert!(has_no_credential || change.effect == change.kind.effect(), "{change:?}");
        format!("{} {} {}", change.user, credential(change.credential), change.kind)
    });
    let not_comparable = comparison
        .not_comparable
        .iter()
        .map(|what| format!("{} {}? {}", what.user, credential(what.credential), what.obstacle));
    changes.chain(not_comparable).collect()
}

/// What is said of one user whose cells are these in the old report and those in the new one.
fn of_user(user: &str, old: &[(&str, &str)], new: &[(&str, &str)]) -> Vec<String> {
    let comparison = compared(&report(&[row(user, old)]), &report(&[row(user, new)]));
    assert!(comparison.changes.iter().all(|change| *change.user == *user));
    let start = format!("{user} ");
    describe(&comparison).into_iter().map(|line| line.replacen(&start, "", 1)).collect()
}

fn of_anna(old: &[(&str, &str)], new: &[(&str, &str)]) -> Vec<String> {
    of_user("anna", old, new)
}

/// The cells of two slots, such as `A1 I2`: active and made at the first time, inactive and made at the
/// second. `A?` has no time, `?1` does not say whether it is active, `--` is empty, `??` says nothing.
fn slots<'c>(names: [[&'c str; 2]; 2], text: &str) -> Cells<'c> {
    let mut cells = Vec::new();
    for ([active, last_rotated], slot) in names.into_iter().zip(text.split(' ')) {
        let (state, time) = slot.split_at(1);
        let state = match state {
            "A" => "true",
            "I" | "-" => "false",
            _ => "",
        };
        let time = match time {
            "1" => T1,
            "2" => T2,
            "3" => T3,
            "4" => "2026-01-04T00:00:00Z",
            "-" => "N/A",
            _ => "",
        };
        cells.extend([(active, state), (last_rotated, time)]);
    }
    cells
}

fn opposite(kind: ChangeKind) -> ChangeKind {
    use ChangeKind as K;
    match kind {
        K::UserCreated => K::UserDeleted,
        K::UserDeleted => K::UserCreated,
        K::PasswordSet => K::PasswordRemoved,
        K::PasswordRemoved => K::PasswordSet,
        K::MfaLost => K::MfaGained,
        K::MfaGained => K::MfaLost,
        K::Appeared => K::Deleted,
        K::Deleted => K::Appeared,
        K::Activated => K::Deactivated,
        K::Deactivated => K::Activated,
        K::UserCreatedAnew | K::Rotated | K::RootUsed => kind,
    }
}

#[test]
fn every_kind_effect_and_obstacle_has_one_name() {
    for &kind in ChangeKind::ALL {
        assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
    }
    assert!(ChangeKind::ALL.is_sorted());
    for effect in [Effect::Riskier, Effect::Neutral, Effect::Safer] {
        assert_eq!(serde_json::to_value(effect).unwrap(), effect.to_string());
    }
    for obstacle in [Obstacle::NotTold, Obstacle::RowMayBeMissing, Obstacle::Indistinguishable] {
        assert_eq!(serde_json::to_value(obstacle).unwrap(), obstacle.to_string());
    }
}

#[test]
fn the_opposite_of_what_is_riskier_is_safer() {
    for &kind in ChangeKind::ALL {
        let [effect, opposite_effect] = [kind, opposite(kind)].map(ChangeKind::effect);
        match effect {
            _ if opposite(kind) == kind => assert_ne!(effect, Effect::Safer, "{kind}"),
            Effect::Riskier => assert_eq!(opposite_effect, Effect::Safer, "{kind}"),
            Effect::Safer => assert_eq!(opposite_effect, Effect::Riskier, "{kind}"),
            Effect::Neutral => panic!("{kind} has an opposite"),
        }
    }
}

#[test]
fn a_password_and_mfa_come_and_go() {
    assert_eq!(of_anna(&[], &[("password_enabled", "true")]), ["password password-set"]);
    assert_eq!(of_anna(&[("password_enabled", "TRUE")], &[]), ["password password-removed"]);
    assert_eq!(of_anna(&[], &[("mfa_active", "true")]), ["mfa mfa-gained"]);
    assert_eq!(of_anna(&[("mfa_active", "true")], &[]), ["mfa mfa-lost"]);
}

#[test]
fn a_user_without_any_credential_who_has_no_mfa_is_not_riskier() {
    let effect = |old: &[(&str, &str)], new: &[(&str, &str)]| {
        let comparison = compared(&report(&[row("anna", old)]), &report(&[row("anna", new)]));
        let lost = comparison.changes.iter().find(|change| change.kind == ChangeKind::MfaLost);
        lost.unwrap().effect
    };
    let mfa = ("mfa_active", "true");
    let password = ("password_enabled", "true");
    assert_eq!(effect(&[mfa, password], &[]), Effect::Neutral);
    assert_eq!(effect(&[mfa, password], &[password]), Effect::Riskier);
    assert_eq!(
        effect(&[mfa], &[("password_enabled", "")]),
        Effect::Riskier,
        "the report does not say that it is gone"
    );
    let key = [(KEY_1[0], "true"), (KEY_1[1], T1)];
    assert_eq!(effect(&[mfa, key[0], key[1]], &key), Effect::Riskier);
    let [before, after] = [
        include_bytes!("../../../../tests/fixtures/cases/no-credential-left/before.csv").as_slice(),
        include_bytes!("../../../../tests/fixtures/cases/no-credential-left/after.csv").as_slice(),
    ];
    let changes = compare(&"111122223333".parse().unwrap(), before, after).unwrap().changes;
    let effects: Vec<Effect> = changes.iter().map(|change| change.effect).collect();
    assert_eq!(effects, [Effect::Safer, Effect::Neutral]);
}

#[test]
fn another_date_of_a_password_is_another_password_only_where_there_is_one() {
    let password = |enabled, changed| [("password_enabled", enabled), ("password_last_changed", changed)];
    assert_eq!(of_anna(&password("true", T1), &password("true", T2)), ["password rotated"]);
    assert_eq!(of_anna(&password("true", T1), &password("true", "N/A")), ["password? not-told"]);
    assert_eq!(of_anna(&password("true", T1), &password("false", T2)), ["password password-removed"]);
    assert!(of_anna(&password("false", T1), &password("false", T2)).is_empty());
}

#[test]
fn a_key_or_certificate_in_either_slot_comes_goes_is_switched_and_rotated() {
    let cases: [(&str, &str, &[&str]); 10] = [
        ("-- --", "A1 --", &["1 appeared"]),
        ("-- --", "-- I1", &["2 appeared"]),
        ("A1 --", "-- --", &["1 deleted"]),
        ("-- I1", "-- --", &["2 deleted"]),
        ("A1 A2", "I1 A2", &["1 deactivated"]),
        ("A1 I2", "A1 A2", &["2 activated"]),
        ("A1 I2", "A3 I2", &["1 rotated"]),
        ("A1 I2", "A1 A3", &["2 rotated", "2 activated"]),
        ("A1 I2", "I3 I2", &["1 rotated", "1 deactivated"]),
        ("A1 --", "-- A2", &["1 deleted", "2 appeared"]),
    ];
    for (old, new, expected) in cases {
        for (kind, names) in [("access_key", [KEY_1, KEY_2]), ("certificate", [CERTIFICATE_1, CERTIFICATE_2])]
        {
            let expected: Vec<String> = expected.iter().map(|line| format!("{kind}_{line}")).collect();
            assert_eq!(of_anna(&slots(names, old), &slots(names, new)), expected, "{old} to {new}");
        }
    }
}

/// What is said of two access keys, without `access_key_`.
fn of_keys(old: &str, new: &str) -> String {
    let names = [KEY_1, KEY_2];
    of_anna(&slots(names, old), &slots(names, new)).join(", ").replace("access_key_", "")
}

#[test]
fn a_key_that_moved_to_the_other_slot_is_the_same_key() {
    for (old, new, expected) in [
        ("A1 I2", "I2 A1", ""),
        ("A1 --", "-- A1", ""),
        ("A1 A2", "A2 --", "1 deleted"),
        ("A2 --", "A1 A2", "1 appeared"),
        ("A1 A2", "I2 --", "1 deleted, 1 deactivated"),
        ("A1 A2", "A2 A3", "2 rotated"),
        ("A1 A2", "A2 ??", "2? not-told"),
    ] {
        assert_eq!(of_keys(old, new), expected, "{old} to {new}");
    }
}

#[test]
fn keys_of_the_same_second_are_told_apart_only_where_there_is_one_way_to() {
    let unclear = "1? indistinguishable, 2? indistinguishable";
    for (old, new, expected) in [
        ("A1 I1", "A1 I1", ""),
        ("A1 I1", "I1 A1", unclear),
        ("A1 I1", "I1 --", unclear),
        ("I1 --", "A1 I1", unclear),
        ("A1 I1", "A1 --", "2 deleted"),
        ("A1 I1", "A1 A1", "2 activated"),
        ("A1 A1", "I1 I1", "1 deactivated, 2 deactivated"),
        ("A1 A1", "-- --", "1 deleted, 2 deleted"),
    ] {
        assert_eq!(of_keys(old, new), expected, "{old} to {new}");
    }
}

#[test]
fn what_is_not_told_of_a_slot_is_neither_a_change_nor_none() {
    let unclear = "1? not-told, 2? not-told";
    for (old, new, expected) in [
        ("?? --", "A1 --", "1? not-told"),
        ("A1 --", "?? --", "1? not-told"),
        ("?1 --", "A1 --", "1? not-told"),
        ("?1 --", "A2 --", "1 rotated, 1? not-told"),
        // Whether there is an inactive key or none needs the time.
        ("I? --", "I? --", "1? not-told"),
        ("I? --", "-- --", "1? not-told"),
        ("A? --", "A? --", "1? not-told"),
        // A key without its time is a key.
        ("A? --", "-- --", "1 deleted"),
        ("-- --", "A? --", "1 appeared"),
        // Switched on or off is told without the time, but not where the keys may have changed places.
        ("I? --", "A? --", "1 activated"),
        ("A? A?", "I? A?", "1 deactivated, 2? not-told"),
        ("A? A?", "I? I?", "1 deactivated, 2 deactivated"),
        ("I? I?", "A1 --", "1 activated, 2? not-told"),
        ("A? I?", "I? A?", unclear),
        ("A? I?", "I1 A2", unclear),
        ("A? I?", "I1 --", unclear),
        ("?? A?", "?? I?", unclear),
    ] {
        assert_eq!(of_keys(old, new), expected, "{old} to {new}");
    }
}

#[test]
fn an_empty_slot_is_told_by_its_time_alone() {
    for active in ["", "N/A", "not_supported"] {
        let empty = [(KEY_1[0], active)];
        assert_eq!(of_anna(&empty, &slots([KEY_1, KEY_2], "A1 --")), ["access_key_1 appeared"], "{active}");
        assert!(of_anna(&empty, &[]).is_empty(), "{active}");
    }
}

#[test]
fn only_a_boolean_on_both_sides_says_something_of_a_password_or_mfa() {
    for word in ["", "N/A", "no_information", "not_supported"] {
        for column in ["password_enabled", "mfa_active"] {
            for value in ["true", "false", word] {
                let expected = [format!("{}? not-told", column.split('_').next().unwrap())];
                assert_eq!(of_anna(&[(column, word)], &[(column, value)]), expected, "{word} {value}");
                assert_eq!(of_anna(&[(column, value)], &[(column, word)]), expected, "{value} {word}");
            }
        }
    }
}

#[test]
fn a_new_user_is_one_change_that_says_what_came_with_it() {
    let mut cells = slots([KEY_1, KEY_2], "A1 I2");
    cells.extend([("password_enabled", "true"), ("mfa_active", "true"), (CERTIFICATE_2[0], "true")]);
    let (without, with) = (report(&[]), report(&[row("anna", &cells), row("ben", &[])]));
    let comparison = compared(&without, &with);
    assert_eq!(describe(&comparison), ["anna user user-created", "ben user user-created"]);
    let [anna, ben] = &comparison.changes[..] else { panic!() };
    assert_eq!(
        anna.credentials,
        [Credential::Password, Credential::AccessKey1, Credential::Certificate2, Credential::Mfa]
    );
    assert_eq!((anna.was.as_deref(), anna.is.as_deref()), (None, Some("2020-01-01T00:00:00Z")));
    assert_eq!(anna.sentence(), "is a new user, with the password, access key 1, certificate 2 and MFA");
    assert_eq!(ben.sentence(), "is a new user, with no active credential that the report shows");

    let comparison = compared(&with, &without);
    assert_eq!(describe(&comparison), ["anna user user-deleted", "ben user user-deleted"]);
    assert_eq!(comparison.changes[0].credentials, anna.credentials);
    assert_eq!(*comparison.changes[0].arn, *anna.arn);
    assert_eq!((comparison.changes[0].was.clone(), &comparison.changes[0].is), (anna.is.clone(), &None));
}

#[test]
fn what_is_not_told_of_a_new_user_is_counted() {
    let cells = [("password_enabled", ""), (KEY_1[1], ""), (KEY_1[0], "")];
    assert_eq!(
        describe(&compared(&report(&[]), &report(&[row("anna", &cells)]))),
        ["anna user user-created", "anna access_key_1? not-told", "anna password? not-told"]
    );
}

#[test]
fn a_name_that_another_user_has_now_is_one_change() {
    let old = slots([KEY_1, KEY_2], "A1 --");
    let new = [("user_creation_time", T3), ("password_enabled", "true")];
    assert_eq!(of_anna(&old, &new), ["user user-created-anew"]);
    let comparison = compared(&report(&[row("anna", &old)]), &report(&[row("anna", &new)]));
    assert_eq!(
        comparison.changes[0].sentence(),
        format!(
            "is another user of the same name, created {T3} and not 2020-01-01T00:00:00Z, with the password"
        )
    );
}

#[test]
fn without_a_creation_time_it_is_not_told_whether_it_is_the_same_user_but_the_name_is_compared() {
    let cells = [("user_creation_time", ""), ("password_enabled", "true")];
    assert_eq!(of_anna(&[], &cells), ["password password-set", "user? not-told"]);
}

#[test]
fn of_credentials_beyond_the_columns_only_that_there_are_some_is_told() {
    let more = |text| [("additional_credentials_info", text)];
    assert_eq!(of_anna(&more("N/A"), &more("1 more key")), ["additional appeared"]);
    assert_eq!(of_anna(&more("1 more key"), &more("0")), ["additional deleted"]);
    assert_eq!(of_anna(&more("1 more key"), &more("1 more key")), ["additional? not-told"]);
    assert_eq!(of_anna(&more(""), &more("1 more key")), ["additional? not-told"]);
    assert!(of_anna(&more(""), &more("0")).is_empty());
}

#[test]
fn root_is_compared_as_any_user_is_but_for_its_creation() {
    let root = |old: &[_], new: &[_]| of_user(ROOT_USER, old, new);
    let created = [("user_creation_time", T1)];
    assert!(root(&[], &created).is_empty());
    assert_eq!(root(&[("mfa_active", "true")], &[]), ["mfa mfa-lost"]);
    assert_eq!(root(&[], &slots([KEY_1, KEY_2], "A1 --")), ["access_key_1 appeared"]);
    assert_eq!(root(&[("password_enabled", "true")], &[]), ["password password-removed"]);
    let unknown = [("password_enabled", "not_supported")];
    assert_eq!(root(&unknown, &[("password_enabled", "true")]), ["password? not-told"]);
}

#[test]
fn root_was_used_when_a_use_is_later_than_all_that_the_old_report_knows() {
    const PASSWORD: &str = "password_last_used";
    const KEY: &str = "access_key_1_last_used_date";
    const OTHER_KEY: &str = "access_key_2_last_used_date";
    let cases: [(Cells, Cells, &[&str]); 9] = [
        (vec![], vec![(PASSWORD, T1)], &["root root-used"]),
        (vec![(PASSWORD, "no_information")], vec![(PASSWORD, T1)], &["root root-used"]),
        (vec![(PASSWORD, T1)], vec![(PASSWORD, T1), (KEY, T2)], &["root root-used"]),
        (vec![(PASSWORD, T2)], vec![(PASSWORD, T1)], &[]),
        // The key is in the other slot.
        (vec![(KEY, T2)], vec![(OTHER_KEY, T2)], &[]),
        (vec![(KEY, T2)], vec![], &[]),
        (vec![(PASSWORD, T1)], vec![(PASSWORD, "")], &["root? not-told"]),
        (vec![(KEY, "")], vec![(KEY, T2)], &["root? not-told"]),
        (vec![(KEY, "")], vec![(PASSWORD, T2)], &["root root-used"]),
    ];
    for (old, new, expected) in cases {
        assert_eq!(of_user(ROOT_USER, &old, &new), expected, "{old:?} to {new:?}");
    }
    let comparison =
        compared(&report(&[]), &report(&[row(ROOT_USER, &[(PASSWORD, T1), (KEY, T3), (OTHER_KEY, T2)])]));
    assert_eq!(comparison.changes[0].sentence(), format!("root was used at {T3}"));
}

#[test]
fn roots_mfa_means_nothing_in_govcloud() {
    let arn = ("arn", "arn:aws-us-gov:iam::123456789012:root");
    assert!(of_user(ROOT_USER, &[arn, ("mfa_active", "true")], &[arn]).is_empty());
    let anna = ("arn", "arn:aws-us-gov:iam::123456789012:user/anna");
    assert_eq!(of_anna(&[anna, ("mfa_active", "true")], &[anna]), ["mfa mfa-lost"]);
}

#[test]
fn a_root_user_without_a_row_is_not_deleted() {
    let with = report(&[row("anna", &[])]);
    let without = with.replace(&(row(ROOT_USER, &[]) + "\n"), "");
    assert_ne!(with, without);
    for (old, new) in [(&with, &without), (&without, &with), (&without, &without)] {
        assert_eq!(describe(&compared(old, new)), ["<root_account> root? not-told"]);
    }
}

#[test]
fn a_user_whose_row_may_be_one_that_cannot_be_read_is_neither_deleted_nor_created() {
    let key = slots([KEY_1, KEY_2], "A1 --");
    let whole = report(&[row("anna", &[]), row("ben", &[])]);
    let broken = report(&[row("anna", &[("mfa_active", "maybe")]), row("ben", &key)]);
    let [there, back] = [compared(&whole, &broken), compared(&broken, &whole)];
    assert_eq!(describe(&there), ["ben access_key_1 appeared", "anna user? row-may-be-missing"]);
    assert_eq!(describe(&back), ["ben access_key_1 deleted", "anna user? row-may-be-missing"]);
    assert_eq!((there.old.bad_rows, there.new.bad_rows, there.new.rows), (0, 1, 3));
    // Bad rows of one report neither add users to the other nor take them away.
    let less = report(&[row("ben", &key)]);
    assert_eq!(describe(&compared(&broken, &less)), [] as [&str; 0]);
    let more = report(&[row("anna", &[("mfa_active", "maybe")]), row("ben", &key), row("carl", &[])]);
    assert_eq!(describe(&compared(&less, &more)), ["carl user user-created"]);
}

#[test]
fn a_report_without_rows_does_not_say_that_there_are_no_users() {
    let header = columns().join(",");
    let expected = ["<root_account> root? not-told", "anna user? row-may-be-missing"];
    let some = report(&[row("anna", &[])]);
    assert_eq!(describe(&compared(&some, &header)), expected);
    assert_eq!(describe(&compared(&header, &some)), expected);
}

#[test]
fn of_a_user_who_is_twice_in_a_report_the_second_row_is_a_bad_one() {
    let once = report(&[row("anna", &[("mfa_active", "true")])]);
    let twice = report(&[row("anna", &[("mfa_active", "true")]), row("anna", &[])]);
    let comparison = compared(&once, &twice);
    assert_eq!(describe(&comparison), [] as [&str; 0]);
    assert_eq!((comparison.old.bad_rows, comparison.new.bad_rows), (0, 1));
}

#[test]
fn a_report_that_cannot_be_read_is_named() {
    let good = report(&[]);
    let bad = compare(&account(), b"", good.as_bytes()).unwrap_err();
    assert_eq!(bad, UnreadableReport::Old(Unreadable::Empty));
    assert_eq!(bad.to_string(), "the old report can't be read");
    let bad = compare(&account(), good.as_bytes(), b"<html>").unwrap_err();
    assert!(matches!(bad, UnreadableReport::New(Unreadable::MissingColumn { .. })));
    let of_another_account = good.replace("123456789012", "210987654321");
    let bad = compare(&account(), good.as_bytes(), of_another_account.as_bytes()).unwrap_err();
    assert!(matches!(bad, UnreadableReport::New(Unreadable::NoReadableRow { .. })));
}

#[test]
fn the_dialect_alone_is_no_change() {
    let mut cells = slots([KEY_1, KEY_2], "A1 I2");
    cells.extend([("mfa_active", "true"), ("password_enabled", "true"), ("password_last_changed", T3)]);
    let modern = report(&[row("anna", &cells)]);
    let old = in_old_dialect(&modern);
    assert_eq!(describe(&compared(&old, &modern)), [] as [&str; 0]);
    assert_eq!(describe(&compared(&modern, &old)), [] as [&str; 0]);

    cells[0].1 = "false";
    let later = report(&[row("anna", &cells)]);
    let comparison = compared(&old, &later);
    assert_eq!(describe(&comparison), ["anna access_key_1 deactivated"]);
    assert_eq!(
        (comparison.changes[0].was.as_deref(), comparison.changes[0].is.as_deref()),
        (Some("TRUE"), Some("false"))
    );
}

#[test]
fn columns_that_one_report_has_not_are_counted_for_every_user() {
    let whole = report(&[row("anna", &slots([KEY_1, KEY_2], "A1 --"))]);
    let names_only =
        "user,arn\nanna,arn:aws:iam::123456789012:user/anna\nben,arn:aws:iam::123456789012:user/ben\n";
    let comparison = compared(&whole, names_only);
    assert_eq!(comparison.changes.len(), 1);
    assert_eq!(comparison.changes[0].kind, ChangeKind::UserCreated);
    assert_eq!(comparison.changes[0].user.as_ref(), "ben");
    let of = |user: &str| comparison.not_comparable.iter().filter(|what| *what.user == *user).count();
    // The user itself and six credentials; the six alone of who is new.
    assert_eq!((of("anna"), of("ben"), of(ROOT_USER)), (7, 6, 1));
    assert!(comparison.not_comparable.iter().all(|what| what.obstacle == Obstacle::NotTold));
}

#[test]
fn the_sixteen_columns_before_2015_are_compared_with_those_of_today() {
    let old = include_str!("../../../../tests/fixtures/reports/sixteen-columns-before-2015.csv");
    let new = report(&[row(
        "alice",
        &[
            ("user_creation_time", "2025-03-01T08:00:00Z"),
            ("mfa_active", "true"),
            (KEY_1[1], "2014-01-01T08:00:00Z"),
        ],
    )]);
    assert_eq!(
        describe(&compared(old, &new)),
        [
            "alice access_key_1 deactivated",
            "alice mfa mfa-gained",
            "<root_account> password? not-told",
            "<root_account> root? not-told",
        ]
    );
}

#[test]
fn names_are_data_and_stay_as_they_are() {
    let hostile = include_str!("../../../../tests/fixtures/reports/hostile-names.csv");
    let other = hostile.replace(",false,N/A,N/A,N/A,false,", ",true,N/A,N/A,N/A,false,");
    let comparison = compared(hostile, &other);
    assert_eq!(comparison.changes.len(), 8);
    let users: Vec<&str> = comparison.changes.iter().map(|change| &*change.user).collect();
    assert!(users.is_sorted());
    assert!(users.contains(&"=1+1,x") && users.contains(&"<script>alert(1)</script>"));
    for change in &comparison.changes {
        assert_eq!(change.sentence(), "has a password now");
        assert!(change.arn.ends_with(&*change.user));
    }
}

#[test]
fn a_change_is_written_as_one_flat_object() {
    let new = slots([KEY_1, KEY_2], "-- A2");
    let comparison = compared(&report(&[row("anna", &[])]), &report(&[row("anna", &new)]));
    assert_eq!(
        serde_json::to_value(&comparison.changes).unwrap(),
        json!([{
            "account_id": "123456789012",
            "user": "anna",
            "arn": "arn:aws:iam::123456789012:user/anna",
            "credential": "access_key_2",
            "kind": "appeared",
            "effect": "riskier",
            "was": "N/A",
            "is": T2,
            "active": true,
            "credentials": [],
        }])
    );
    let comparison = compared(&report(&[row("anna", &[])]), &report(&[row("anna", &[("mfa_active", "")])]));
    assert_eq!(
        serde_json::to_value(&comparison.not_comparable).unwrap(),
        json!([{
            "account_id": "123456789012",
            "user": "anna",
            "credential": "mfa",
            "obstacle": "not-told",
        }])
    );
}

#[test]
fn every_change_is_said_in_a_sentence() {
    let names = [KEY_1, KEY_2];
    let sentences = |old: &[(&str, &str)], new: &[(&str, &str)]| {
        let comparison = compared(&report(&[row("anna", old)]), &report(&[row("anna", new)]));
        comparison.changes.iter().map(CredentialChange::sentence).collect::<Vec<_>>().join("; ")
    };
    let keys = |old, new| sentences(&slots(names, old), &slots(names, new));
    assert_eq!(keys("-- --", "A1 --"), format!("access key 1 is new, made {T1}, and active"));
    assert_eq!(keys("-- --", "-- I1"), format!("access key 2 is new, made {T1}, and inactive"));
    assert_eq!(keys("-- --", "A? --"), "access key 1 is new, and active");
    assert_eq!(keys("A1 --", "-- --"), format!("access key 1 is gone, made {T1}"));
    assert_eq!(
        keys("I1 --", "A2 --"),
        format!(
            "access key 1 is another one, made {T2} and not {T1}, and active; access key 1 is active now"
        )
    );
    assert_eq!(keys("A1 --", "I1 --"), "access key 1 is no longer active");
    assert_eq!(sentences(&[("mfa_active", "true")], &[]), "has no MFA device any more");
    assert_eq!(sentences(&[], &[("mfa_active", "true")]), "has an MFA device now");
    assert_eq!(sentences(&[("password_enabled", "true")], &[]), "has no password any more");
    let password = |changed| [("password_enabled", "true"), ("password_last_changed", changed)];
    assert_eq!(sentences(&password(T1), &password(T2)), format!("the password was changed at {T2}"));
    let more = [("additional_credentials_info", "2 more")];
    assert_eq!(sentences(&[], &more), "now has more credentials than the report shows");
    assert_eq!(sentences(&more, &[]), "no longer has more credentials than the report shows");
}

#[test]
fn no_fixture_changes_when_it_is_compared_with_itself() {
    macro_rules! fixtures {
        ($($name:literal),+ $(,)?) => {
            [$(($name, &include_bytes!(concat!("../../../../tests/fixtures/reports/", $name, ".csv"))[..])),+]
        };
    }
    for (name, bytes) in fixtures!(
        "live-modern-dialect",
        "old-dialect",
        "modern-root",
        "additional-credentials",
        "crlf-quotes-bom-and-root-last",
        "columns-in-another-order-and-unknown",
        "empty-cells",
        "names-with-commas-unquoted",
        "paths-with-commas-and-quotes-unquoted",
        "dates-of-a-password-that-is-gone",
        "china-without-root",
        "govcloud",
        "bad-rows-among-good",
        "cut-off-in-the-middle",
        "rows-of-another-account",
        "header-only",
    ) {
        let comparison = compare(&account(), bytes, bytes).unwrap();
        assert_eq!(comparison.changes, [], "{name}");
    }
}

/// A report of a few users out of few names, with and without bad rows, in either dialect, with any of
/// its columns but the names missing.
fn any_report() -> impl Strategy<Value = String> {
    let boolean = || prop::sample::select(vec!["true", "false", "false", "true", "", "N/A", "not_supported"]);
    let time = || prop::sample::select(vec![T1, T2, T3, T1, T2, "N/A", "N/A", "", "no_information"]);
    let cells = prop::collection::vec((boolean(), time()), 24);
    let user = prop::sample::select(vec![ROOT_USER, "anna", "ben", "=carl", "dora"]);
    let rows = prop::collection::vec((user, cells, 0..12_u8), 0..6);
    let missing = prop::collection::vec(2..23_usize, 0..3);
    (rows, missing, any::<bool>()).prop_map(|(rows, missing, old_dialect)| {
        let mut lines = vec![columns().join(",")];
        for (user, cells, fate) in rows {
            let cells: Cells = columns()
                .into_iter()
                .zip(cells)
                .skip(2)
                .map(|(column, (boolean, time))| {
                    let is_boolean = column.ends_with("_active") || column == "password_enabled";
                    match column {
                        "user_creation_time" => (column, if fate == 1 { time } else { T1 }),
                        _ => (column, if is_boolean { boolean } else { time }),
                    }
                })
                .collect();
            lines.push(if fate == 0 { format!("{user},nonsense") } else { row(user, &cells) });
        }
        let mut text = String::new();
        for line in lines {
            let cells = line.split(',').enumerate().filter(|(place, _)| !missing.contains(place));
            let line = cells.map(|(_, cell)| cell).collect::<Vec<_>>().join(",");
            let _ = writeln!(text, "{line}");
        }
        if old_dialect { text.replace("Z,", "+00:00,").replace(",true", ",TRUE") } else { text }
    })
}

/// What happened to each user, wherever: a slot is that of the new report. Without the uses of root,
/// which do not go back.
fn kinds(comparison: &ReportComparison) -> Vec<(&str, ChangeKind)> {
    let mut kinds: Vec<_> = comparison.changes.iter().map(|change| (&*change.user, change.kind)).collect();
    kinds.retain(|(_, kind)| *kind != ChangeKind::RootUsed);
    kinds.sort_unstable();
    kinds
}

/// What can't be compared. Without the uses of root, and without a user created anew, of whom only what
/// the new one has is looked at.
fn obstacles(comparison: &ReportComparison) -> Vec<(&str, Obstacle)> {
    let is_anew = |user: &str| {
        let mut changes = comparison.changes.iter();
        changes.any(|change| *change.user == *user && change.kind == ChangeKind::UserCreatedAnew)
    };
    let mut obstacles: Vec<_> = comparison
        .not_comparable
        .iter()
        .filter(|what| what.credential != Some(Credential::Root) && !is_anew(&what.user))
        .map(|what| (&*what.user, what.obstacle))
        .collect();
    obstacles.sort_unstable();
    obstacles
}

proptest! {
    #[test]
    fn a_report_is_never_changed_against_itself(report in any_report()) {
        if let Ok(comparison) = compare(&account(), report.as_bytes(), report.as_bytes()) {
            prop_assert_eq!(comparison.changes, []);
        }
    }

    #[test]
    fn the_way_back_is_the_opposite(old in any_report(), new in any_report()) {
        let [there, back] = [(&old, &new), (&new, &old)]
            .map(|(old, new)| compare(&account(), old.as_bytes(), new.as_bytes()));
        let (Ok(there), Ok(back)) = (&there, &back) else {
            prop_assert!(there.is_err() && back.is_err());
            return Ok(());
        };
        let mut opposites: Vec<_> =
            kinds(back).into_iter().map(|(user, kind)| (user, opposite(kind))).collect();
        opposites.sort_unstable();
        prop_assert_eq!(kinds(there), opposites);
        prop_assert_eq!(obstacles(there), obstacles(back));
    }

    #[test]
    fn changes_are_in_order_and_each_is_there_once(old in any_report(), new in any_report()) {
        if let Ok(comparison) = compare(&account(), old.as_bytes(), new.as_bytes()) {
            let order = |change: &CredentialChange| (change.user.clone(), change.credential, change.kind);
            let orders: Vec<_> = comparison.changes.iter().map(order).collect();
            prop_assert!(orders.is_sorted_by(|one, other| one < other), "{orders:?}");
            prop_assert!(comparison.not_comparable.is_sorted_by(|one, other| one.order() <= other.order()));
        }
    }

    #[test]
    fn no_bytes_make_it_panic(old in prop::collection::vec(any::<u8>(), 0..512), new in any_report()) {
        let _ = compare(&account(), &old, new.as_bytes());
        let garbled = [new.as_bytes(), &old].concat();
        let _ = compare(&account(), new.as_bytes(), &garbled);
    }
}
