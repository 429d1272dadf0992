use rollcall_core::organization::roll::SkipReason;
use serde_json::json;

use super::*;
use crate::fake_bucket::FakeBucket;
use crate::lambda::sentence;
use crate::step_error::StepErrorName;
use rollcall_testing::fake_aws::{Answer, FakeAws, json as answer, json_error, json_error_with, s3_error};
use rollcall_testing::hostile_texts::TEXTS;

const ORGANIZATION: &str = "o-exampleorg1";

fn id(digit: u8) -> String {
    digit.to_string().repeat(12)
}

fn account(digit: u8) -> Value {
    json!({ "Id": id(digit), "Name": format!("account {digit}"), "Email": "root@example.com", "State": "ACTIVE" })
}

fn accounts(digits: &[u8]) -> Answer {
    answer(json!({ "Accounts": digits.iter().copied().map(account).collect::<Vec<_>>() }))
}

fn units(units: &[&str]) -> Answer {
    let units: Vec<_> =
        units.iter().map(|unit| json!({ "Id": format!("ou-{unit}"), "Name": unit })).collect();
    answer(json!({ "OrganizationalUnits": units }))
}

/// An organization of three accounts at its root.
fn organization() -> FakeAws {
    FakeAws::default()
        .on("DescribeOrganization", [answer(json!({ "Organization": { "Id": ORGANIZATION } }))])
        .on("ListRoots", [answer(json!({ "Roots": [{ "Id": "r-ab12", "Name": "Root" }] }))])
        .on("ListAccounts", [accounts(&[1, 2, 3])])
        .on("ListAccountsForParent", [accounts(&[1, 2, 3])])
        .on("ListOrganizationalUnitsForParent", [units(&[])])
}

async fn list_with(aws: &FakeAws, settings: Settings, input: Value) -> Result<ListAccountsOutput, StepError> {
    ListAccounts::new(&aws.config(), aws.bucket("reports"), settings, Clock::of_system())
        .with_work_store(&aws.config(), aws.bucket("work"))
        .run(ListAccountsInput {
            execution: "night-1".into(),
            execution_arn: "arn:aws:states:eu-central-1:999988887777:execution:rollcall:night-1".into(),
            started: "2026-01-31T23:59:59Z".parse().unwrap(),
            input,
        })
        .await
}

/// The roll, as it was written.
async fn roll(aws: &FakeAws, settings: Settings) -> Roll {
    list_with(aws, settings, json!({})).await.unwrap();
    serde_json::from_value(aws.json("reports/2026-01-31/accounts.json")).unwrap()
}

fn ids(roll: &Roll) -> Vec<&str> {
    roll.accounts.iter().map(|account| account.account_id.as_str()).collect()
}

async fn refused(aws: &FakeAws, settings: Settings, input: Value) -> StepError {
    let error = list_with(aws, settings, input).await.unwrap_err();
    assert!(
        aws.object("work/2026-01-31/to-collect/night-1.json").is_none(),
        "nothing is left for the map to read"
    );
    error
}

#[tokio::test]
async fn both_buckets_get_the_roll_under_the_date_of_the_start() {
    let aws = organization();
    let output = list_with(&aws, Settings::default(), json!({})).await.unwrap();
    assert_eq!((output.accounts, output.to_collect), (3, 3));
    assert_eq!(output.to_collect_key, "2026-01-31/to-collect/night-1.json");
    assert_eq!(output.run.as_of, output.run.started);
    for key in ["reports/2026-01-31/accounts.json", "work/2026-01-31/to-collect/night-1.json"] {
        assert_eq!(aws.object(key).unwrap().metadata["execution"], "night-1", "{key}");
    }
    assert_eq!(
        aws.json("work/2026-01-31/to-collect/night-1.json")[0],
        json!({ "account_id": id(1), "listed_by": "organizations", "execution": "night-1", "date": "2026-01-31", "waits": 0 })
    );
}

#[tokio::test]
async fn names_and_addresses_of_any_kind_are_on_the_roll_exactly_and_nowhere_else() {
    let named = |(number, text): (usize, &&str)| json!({ "Id": format!("{number:012}"), "Name": text, "Email": text, "State": "ACTIVE" });
    let all: Vec<_> = TEXTS.iter().enumerate().map(named).collect();
    let aws = organization()
        .on("ListRoots", [answer(json!({ "Roots": [{ "Id": "r-ab12", "Name": TEXTS[0] }] }))])
        .on("ListAccounts", [answer(json!({ "Accounts": all }))])
        .on("ListAccountsForParent", [answer(json!({ "Accounts": all }))]);
    let roll = roll(&aws, Settings::default()).await;
    assert_eq!(roll.accounts.len(), TEXTS.len());
    for (account, text) in roll.accounts.iter().zip(TEXTS) {
        assert_eq!((&*account.name, &*account.email, &*account.path), (*text, *text, TEXTS[0]));
    }
    let items = aws.json("work/2026-01-31/to-collect/night-1.json");
    assert_eq!(items.as_array().unwrap().len(), TEXTS.len());
    for item in items.as_array().unwrap() {
        assert!(item["account_id"].as_str().unwrap().bytes().all(|byte| byte.is_ascii_digit()));
        assert_eq!(item.as_object().unwrap().len(), 5, "no name goes through the map: {item}");
    }
}

#[tokio::test]
async fn accounts_are_listed_to_the_last_page_also_past_an_empty_one() {
    let aws = organization().on(
        "ListAccounts",
        [
            answer(json!({ "Accounts": [account(1)], "NextToken": "a" })),
            answer(json!({ "Accounts": [], "NextToken": "b" })),
            answer(json!({ "Accounts": [account(2), account(3)] })),
        ],
    );
    assert_eq!(ids(&roll(&aws, Settings::default()).await), [id(1), id(2), id(3)]);
    assert_eq!(aws.requests("ListAccounts").len(), 3);
}

#[tokio::test]
async fn state_counts_and_status_where_there_is_no_state() {
    let list = answer(json!({ "Accounts": [
        { "Id": id(1), "State": "CLOSED", "Status": "ACTIVE" },
        { "Id": id(2), "Status": "SUSPENDED" },
        { "Id": id(3), "Status": "ACTIVE" },
    ] }));
    let roll = roll(&organization().on("ListAccounts", [list]), Settings::default()).await;
    let skips: Vec<_> = roll.accounts.iter().map(|account| account.skip).collect();
    assert_eq!(skips, [Some(SkipReason::Closed), Some(SkipReason::Suspended), None]);
}

#[tokio::test]
async fn an_account_has_the_path_of_the_tree_and_one_that_moves_meanwhile_is_still_on_the_roll() {
    let aws = organization()
        .on("ListAccountsForParent", [accounts(&[1]), accounts(&[]), accounts(&[2])])
        .on("ListOrganizationalUnitsForParent", [units(&["Workloads"]), units(&["Production"]), units(&[])]);
    let roll = roll(&aws, Settings::default()).await;
    let paths: Vec<_> = roll.accounts.iter().map(|account| account.path.as_str()).collect();
    assert_eq!(paths, ["Root", "Root/Workloads/Production", ""]);
}

fn under(units: &[&str]) -> Settings {
    Settings {
        organizational_unit_ids: units.iter().map(ToString::to_string).collect(),
        ..Default::default()
    }
}

#[tokio::test]
async fn organizational_units_are_walked_to_the_bottom_and_an_account_met_twice_is_listed_once() {
    let unit = |name: &str| answer(json!({ "OrganizationalUnit": { "Id": "ou-x", "Name": name } }));
    let aws = organization()
        .on("DescribeOrganizationalUnit", [unit("Workloads"), unit("Production")])
        // Production, which was given itself; then Workloads, and Production under it. The same once more.
        .on(
            "ListAccountsForParent",
            [accounts(&[2]), accounts(&[1]), accounts(&[2]), accounts(&[2]), accounts(&[1]), accounts(&[2])],
        )
        .on(
            "ListOrganizationalUnitsForParent",
            [units(&[]), units(&["Production"]), units(&[]), units(&[]), units(&["Production"]), units(&[])],
        );
    let roll = roll(&aws, under(&["ou-ab12-11111111", "ou-ab12-22222222"])).await;
    assert_eq!(ids(&roll), [id(1), id(2)]);
    assert_eq!(roll.source, RollSource::OrganizationalUnits);
    assert!(aws.requests("ListAccounts").is_empty());
}

#[tokio::test]
async fn an_account_that_moves_between_units_while_the_tree_is_walked_is_not_lost() {
    let unit = |name: &str| answer(json!({ "OrganizationalUnit": { "Id": "ou-x", "Name": name } }));
    let walks = |first: [Answer; 2], second: [Answer; 2]| {
        organization()
            .on("DescribeOrganizationalUnit", [unit("One"), unit("Two")])
            .on("ListAccountsForParent", first.into_iter().chain(second))
    };
    // From the second unit into the first, which had been walked already.
    let moved = walks([accounts(&[1]), accounts(&[])], [accounts(&[1, 2]), accounts(&[])]);
    // Out of both, after it was met.
    let gone = walks([accounts(&[1]), accounts(&[2])], [accounts(&[1]), accounts(&[])]);
    for (aws, path) in [(moved, "One"), (gone, "Two")] {
        let roll = roll(&aws, under(&["ou-ab12-11111111", "ou-ab12-22222222"])).await;
        assert_eq!(ids(&roll), [id(1), id(2)]);
        assert_eq!(roll.accounts[1].path, path);
    }
}

#[tokio::test]
async fn a_root_is_walked_like_a_unit() {
    let roll = roll(&organization(), under(&["r-ab12"])).await;
    assert_eq!((ids(&roll).len(), roll.accounts[0].path.as_str()), (3, "Root"));
}

#[tokio::test]
async fn a_root_or_unit_that_does_not_exist_is_named() {
    for (unit, code) in [
        ("ou-zzzz-99999999", "OrganizationalUnitNotFoundException"),
        ("ou-malformed", "InvalidInputException"),
        ("r-zzzz", "never asked"),
    ] {
        let aws = organization().on("DescribeOrganizationalUnit", [json_error(code)]);
        let error = refused(&aws, under(&[unit]), json!({})).await;
        assert_eq!(error.name(), StepErrorName::UnknownOrganizationalUnit);
        assert!(
            sentence(&error).contains(unit) && sentence(&error).contains("OrganizationalUnitIds"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn what_organizations_refuses_says_what_to_do() {
    for (code, name, fix) in [
        ("AccessDeniedException", StepErrorName::OrganizationsDenied, "delegated administrator"),
        ("AWSOrganizationsNotInUseException", StepErrorName::OrganizationsNotInUse, "AccountIds"),
        ("TooManyRequestsException", StepErrorName::ServiceUnavailable, "organizations:"),
    ] {
        for action in ["DescribeOrganization", "ListAccounts", "ListRoots", "ListAccountsForParent"] {
            let error =
                refused(&organization().on(action, [json_error(code)]), Settings::default(), json!({})).await;
            assert_eq!(error.name(), name, "{action} {code}");
            assert!(sentence(&error).contains(fix), "{error}");
        }
    }
}

#[tokio::test]
async fn a_missing_permission_is_named_and_no_other_account_is_recommended() {
    for action in ["DescribeOrganization", "ListAccounts", "ListRoots", "ListAccountsForParent"] {
        let words = format!("User: x is not authorized to perform: organizations:{action} on resource: *");
        let answer = json_error_with("AccessDeniedException", &words);
        let error = refused(&organization().on(action, [answer]), Settings::default(), json!({})).await;
        assert_eq!(error.name(), StepErrorName::OrganizationsDenied);
        let fix = format!("{words}: allow organizations:{action} in the policies of that user or role, ");
        assert!(sentence(&error).contains(&fix), "{error}");
    }
}

#[tokio::test]
async fn another_organization_is_refused_with_both_ids() {
    let settings = Settings { organization_id: Some("o-another0000".into()), ..Default::default() };
    let error = refused(&organization(), settings, json!({})).await;
    assert_eq!(error.name(), StepErrorName::OrganizationMismatch);
    assert!(sentence(&error).contains("o-another0000") && sentence(&error).contains(ORGANIZATION), "{error}");
}

#[tokio::test]
async fn a_plain_list_asks_organizations_nothing() {
    let aws = FakeAws::default();
    let settings = Settings { account_ids: [id(7).parse().unwrap()].into(), ..Default::default() };
    let roll = roll(&aws, settings).await;
    assert_eq!((ids(&roll), roll.source), (vec![id(7).as_str()], RollSource::AccountList));
    assert_eq!(aws.actions(), ["PutObject", "PutObject", "PutObject"]);
    assert_eq!(aws.json("work/2026-01-31/to-collect/night-1.json")[0]["listed_by"], "account-list");
}

#[tokio::test]
async fn skipped_accounts_are_on_the_roll_and_not_among_the_items() {
    let aws = organization();
    let settings = Settings {
        include: [id(1), id(2)].map(|id| id.parse().unwrap()).into(),
        exclude: [id(2).parse().unwrap()].into(),
        ..Default::default()
    };
    let roll = roll(&aws, settings).await;
    let skips: Vec<_> = roll.accounts.iter().map(|account| account.skip).collect();
    assert_eq!(skips, [None, Some(SkipReason::Excluded), Some(SkipReason::NotIncluded)]);
    assert_eq!(aws.json("work/2026-01-31/to-collect/night-1.json").as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_roll_with_nothing_to_collect_is_refused() {
    let settings = Settings {
        exclude: [id(1), id(2), id(3)].map(|id| id.parse().unwrap()).into(),
        ..Default::default()
    };
    let error = refused(&organization(), settings, json!({})).await;
    assert_eq!(error.name(), StepErrorName::NoAccountToCollect);
    assert!(sentence(&error).contains("none of the 3 accounts"), "{error}");
}

#[tokio::test]
async fn no_input_is_needed_and_what_the_console_fills_in_does_no_harm() {
    for input in [Value::Null, json!({}), json!({ "Comment": "Insert your JSON here" })] {
        assert_eq!(list_with(&organization(), Settings::default(), input).await.unwrap().to_collect, 3);
    }
}

#[tokio::test]
async fn input_chooses_accounts_and_time() {
    let aws = organization();
    let input = json!({ "accounts": [id(2)], "asOf": "2026-06-01" });
    let output = list_with(&aws, Settings::default(), input).await.unwrap();
    assert_eq!(output.accounts, 1);
    assert_eq!(rollcall_core::text::time::format_time(output.run.as_of), "2026-06-01T00:00:00Z");
    assert_eq!(output.date.to_string(), "2026-01-31");
    assert_eq!(aws.json("reports/2026-01-31/accounts.json")["source"], "execution-input");
}

#[tokio::test]
async fn input_that_is_wrong_is_refused_with_what_is_wrong_and_what_is_taken() {
    for (input, what) in [
        (json!({ "account": [id(1)] }), "unknown field `account`"),
        (json!({ "accounts": ["1111-2222"] }), "\"1111-2222\" is not twelve digits"),
        (json!({ "accounts": [] }), "\"accounts\" is empty"),
        (json!({ "accounts": id(1) }), "expected a sequence"),
        (json!("111111111111"), "invalid type"),
        (json!({ "asOf": "yesterday" }), "\"yesterday\" is not a time"),
        (json!({ "accounts": [id(1), id(9)] }), "no account 999999999999"),
    ] {
        let error = refused(&organization(), Settings::default(), input.clone()).await;
        assert_eq!(error.name(), StepErrorName::InvalidInput, "{input}");
        assert!(sentence(&error).contains(what), "{error}");
    }
}

#[tokio::test]
async fn a_bucket_that_refuses_is_named() {
    for (bucket, key) in [("reports", "accounts.json"), ("work", "to-collect/night-1.json")] {
        let aws = organization().refuse("PutObject", key, s3_error(403, "AccessDenied"));
        let error = refused(&aws, Settings::default(), json!({})).await;
        assert_eq!(error.name(), StepErrorName::StorageFailed);
        assert!(sentence(&error).contains(&format!("s3://{bucket}/2026-01-31/{key}")), "{error}");
    }
}

#[tokio::test]
async fn every_list_is_followed_to_its_last_page() {
    let aws = organization()
        .on(
            "ListRoots",
            [
                answer(json!({ "Roots": [], "NextToken": "roots 2" })),
                answer(json!({ "Roots": [{ "Id": "r-ab12", "Name": "Root" }] })),
            ],
        )
        .on(
            "ListAccountsForParent",
            [
                answer(json!({ "Accounts": [account(1)], "NextToken": "accounts 2" })),
                answer(json!({ "Accounts": [], "NextToken": "accounts 3" })),
                accounts(&[2]),
                accounts(&[3]),
            ],
        )
        .on(
            "ListOrganizationalUnitsForParent",
            [
                answer(json!({ "OrganizationalUnits": [], "NextToken": "units 2" })),
                units(&["Workloads"]),
                units(&[]),
            ],
        );
    assert_eq!(ids(&roll(&aws, under(&["r-ab12"])).await), [id(1), id(2), id(3)]);
    let asked = |action: &str, field: &str| -> Vec<Value> {
        aws.requests(action)
            .iter()
            .map(|request| serde_json::from_str::<Value>(&request.body).unwrap()[field].clone())
            .collect()
    };
    assert_eq!(asked("ListRoots", "NextToken"), [Value::Null, json!("roots 2")]);
    assert_eq!(
        asked("ListAccountsForParent", "NextToken"),
        // The first walk: the root in three pages, and a unit. And the second walk.
        [Value::Null, json!("accounts 2"), json!("accounts 3"), Value::Null, Value::Null]
    );
    assert_eq!(
        asked("ListOrganizationalUnitsForParent", "NextToken"),
        [Value::Null, json!("units 2"), Value::Null, Value::Null]
    );
    // More is refused: twenty is the largest page there is.
    assert!(asked("ListAccountsForParent", "MaxResults").iter().all(|size| *size == 20));
}

#[tokio::test]
async fn the_tree_is_walked_by_the_ids_of_its_units_and_paths_are_made_of_their_names() {
    let aws = organization()
        .on("ListAccounts", [accounts(&[1, 2, 3, 4])])
        // The root, its units, and the one under the first of them.
        .on("ListAccountsForParent", [&[1], &[2], &[3], &[4]].map(|digits| accounts(digits)))
        .on(
            "ListOrganizationalUnitsForParent",
            [units(&["Workloads", "Sandbox"]), units(&["Production"]), units(&[]), units(&[])],
        );
    let roll = roll(&aws, Settings::default()).await;
    let paths: Vec<_> = roll.accounts.iter().map(|account| account.path.as_str()).collect();
    assert_eq!(paths, ["Root", "Root/Workloads", "Root/Sandbox", "Root/Workloads/Production"]);
    for action in ["ListAccountsForParent", "ListOrganizationalUnitsForParent"] {
        let parents: Vec<_> = aws.requests(action).into_iter().map(|request| request.body).collect();
        for (parent, body) in ["r-ab12", "ou-Workloads", "ou-Sandbox", "ou-Production"].iter().zip(&parents) {
            assert!(body.contains(&format!("\"ParentId\":\"{parent}\"")), "{action} {body}");
        }
        assert_eq!(parents.len(), 4, "{action}");
    }
}

#[tokio::test]
async fn what_is_refused_under_a_unit_is_not_taken_for_an_unknown_unit() {
    let unit = answer(json!({ "OrganizationalUnit": { "Id": "ou-ab12-11111111", "Name": "Workloads" } }));
    for (code, name) in [
        ("AccessDeniedException", StepErrorName::OrganizationsDenied),
        ("AWSOrganizationsNotInUseException", StepErrorName::OrganizationsNotInUse),
        ("TooManyRequestsException", StepErrorName::ServiceUnavailable),
    ] {
        for action in
            ["DescribeOrganizationalUnit", "ListAccountsForParent", "ListOrganizationalUnitsForParent"]
        {
            let aws = organization()
                .on("DescribeOrganizationalUnit", [unit.clone()])
                .on(action, [json_error(code)]);
            let error = refused(&aws, under(&["ou-ab12-11111111"]), json!({})).await;
            assert_eq!(error.name(), name, "{action} {code}");
        }
    }
}

#[tokio::test]
async fn the_organization_that_the_deployment_names_is_on_the_roll() {
    let settings = Settings { organization_id: Some(ORGANIZATION.into()), ..Default::default() };
    let roll = roll(&organization(), settings).await;
    assert_eq!(roll.organization_id.as_deref(), Some(ORGANIZATION));
    assert_eq!(roll.source, RollSource::Organization);
}

#[tokio::test]
async fn the_roll_says_all_that_organizations_knows_of_an_account() {
    let aws = organization();
    roll(&aws, Settings::default()).await;
    assert_eq!(
        aws.json("reports/2026-01-31/accounts.json")["accounts"][0],
        json!({
            "account_id": id(1), "name": "account 1", "email": "root@example.com", "state": "ACTIVE",
            "path": "Root", "skip": null
        })
    );
}

#[tokio::test]
async fn an_account_with_a_malformed_id_ends_the_step_because_it_would_be_missing_silently() {
    let aws =
        organization().on("ListAccounts", [answer(json!({ "Accounts": [account(1), { "Id": "12" }] }))]);
    let error = refused(&aws, Settings::default(), json!({})).await;
    assert_eq!(error.name(), StepErrorName::ServiceUnavailable);
    assert!(sentence(&error).contains("account id \"12\" is not twelve digits"), "{error}");
}

#[tokio::test]
async fn an_account_to_include_that_is_not_listed_is_collected_and_will_fail_there() {
    let aws = organization();
    let settings =
        Settings { include: [id(2), id(9)].map(|id| id.parse().unwrap()).into(), ..Default::default() };
    assert_eq!(ids(&roll(&aws, settings).await), [id(1), id(2), id(3), id(9)]);
    let items = aws.json("work/2026-01-31/to-collect/night-1.json");
    let collected: Vec<_> = items.as_array().unwrap().iter().map(|item| &item["account_id"]).collect();
    assert_eq!(collected, [&json!(id(2)), &json!(id(9))]);
}

#[tokio::test]
async fn an_account_that_the_deployment_excludes_is_not_collected_because_input_names_it() {
    let settings = Settings { exclude: [id(2).parse().unwrap()].into(), ..Default::default() };
    let error = refused(&organization(), settings, json!({ "accounts": [id(2)] })).await;
    assert_eq!(error.name(), StepErrorName::NoAccountToCollect);
    assert!(sentence(&error).contains("none of the 1 accounts"), "{error}");
}

#[tokio::test]
async fn input_chooses_among_the_accounts_of_a_plain_list_too() {
    let settings = || Settings {
        account_ids: [id(7), id(8)].map(|id| id.parse().unwrap()).into(),
        ..Default::default()
    };
    let aws = FakeAws::default();
    list_with(&aws, settings(), json!({ "accounts": [id(8)] })).await.unwrap();
    let item = &aws.json("work/2026-01-31/to-collect/night-1.json")[0];
    assert_eq!((&item["account_id"], &item["listed_by"]), (&json!(id(8)), &json!("account-list")));
    assert_eq!(aws.json("reports/2026-01-31/accounts.json")["source"], "execution-input");
    let error = refused(&FakeAws::default(), settings(), json!({ "accounts": [id(9)] })).await;
    assert_eq!(error.name(), StepErrorName::InvalidInput);
}

#[tokio::test]
async fn input_that_is_wrong_is_refused_before_anybody_is_asked() {
    for input in [json!({ "accounts": [] }), json!({ "asOf": "yesterday" }), json!({ "account": [] })] {
        let aws = organization();
        refused(&aws, Settings::default(), input).await;
        assert_eq!(aws.actions(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_bucket_that_is_slow_is_worth_another_try() {
    for key in ["accounts.json", "to-collect/night-1.json"] {
        let aws = organization().refuse("PutObject", key, s3_error(503, "SlowDown"));
        assert_eq!(
            refused(&aws, Settings::default(), json!({})).await.name(),
            StepErrorName::ServiceUnavailable,
            "{key}"
        );
    }
}

#[tokio::test]
async fn an_array_is_no_input() {
    for input in [json!([]), json!([[id(2)]]), json!([[id(2)], "2026-06-01"])] {
        let answer = list_with(&organization(), Settings::default(), input.clone()).await;
        assert_eq!(answer.unwrap_err().name(), StepErrorName::InvalidInput, "{input}");
    }
}
