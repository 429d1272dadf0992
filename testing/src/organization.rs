//! A made-up organization: credential reports as IAM would write them, always the same for the same
//! numbers. The benchmark measures with it, the browser's tests look at it, and the simulation lives in it.

use chrono::{DateTime, TimeDelta, Utc};
use rollcall_core::identifiers::account_id::AccountId;

use crate::random::Random;

/// The columns of a report of 2026.
pub const HEADER: &str = "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,password_next_rotation,mfa_active,access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,access_key_1_last_used_region,access_key_1_last_used_service,access_key_2_active,access_key_2_last_rotated,access_key_2_last_used_date,access_key_2_last_used_region,access_key_2_last_used_service,cert_1_active,cert_1_last_rotated,cert_2_active,cert_2_last_rotated";

/// The time of the reports, and of the runs over them.
pub fn as_of() -> DateTime<Utc> {
    DateTime::from_timestamp(1_769_821_200, 0).expect("2026-01-31T01:00:00Z is a time")
}

/// The id of the account with this number.
pub fn account_id(number: u64) -> AccountId {
    format!("{:012}", 100_000_000_000 + number * 7_919).parse().expect("it is twelve digits")
}

/// The report of an account: the root user and `users` others. A rule flags `careless` in a hundred of
/// them.
pub fn report(number: u64, users: u64, careless: u64) -> String {
    let mut random = Random::seeded(number.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ users);
    let account_id = account_id(number);
    let mut text = format!(
        "{HEADER}\n<root_account>,arn:aws:iam::{account_id}:root,{},true,{},{},not_supported,true,false,N/A,N/A,N/A,N/A,false,N/A,N/A,N/A,N/A,false,N/A,false,N/A",
        ago(3000),
        ago(200),
        ago(2000)
    );
    for user in 0..users {
        text.push('\n');
        text.push_str(&row(&mut random, &account_id, user, careless));
    }
    // IAM ends the file without a line feed.
    text
}

fn row(random: &mut Random, account_id: &AccountId, user: u64, careless: u64) -> String {
    let careless = random.below(100) < careless;
    let (first, last) = (
        random.of(&["anna", "ben", "carla", "deniz", "emeka"]),
        random.of(&["schmidt", "okafor", "rossi", "yilmaz"]),
    );
    let (path, name) = match random.below(3) {
        0 => ("", format!("svc-{}-{user:04}", random.of(&["deploy", "backup", "metrics", "mail"]))),
        1 => ("people/", format!("{first}.{last}.{user}")),
        _ => ("", format!("{first}.{last}{user}@example.com")),
    };
    let created = 400 + random.below(2000);
    let password = match random.below(10) {
        0..4 => {
            let used = if careless { 46 + random.below(300) } else { random.below(40) };
            let mfa = !(careless && random.below(2) == 0);
            format!("true,{},{},N/A,{mfa}", ago(used), ago(used + 20))
        }
        _ => "false,N/A,N/A,N/A,false".to_owned(),
    };
    let oldest = if careless { 1500 } else { 88 };
    let key_1 = if random.below(10) < 6 { key(random, oldest) } else { no_key() };
    let key_2 = if careless && random.below(4) == 0 { key(random, oldest) } else { no_key() };
    format!(
        "{name},arn:aws:iam::{account_id}:user/{path}{name},{},{password},{key_1},{key_2},false,N/A,false,N/A",
        ago(created)
    )
}

fn key(random: &mut Random, oldest: u64) -> String {
    let age = 2 + random.below(oldest - 2);
    let service = random.of(&["s3", "ec2", "sts", "dynamodb"]);
    let region = if service == "s3" { "N/A" } else { random.of(&["eu-central-1", "us-east-1"]) };
    format!("true,{},{},{region},{service}", ago(age), ago(random.below(age.min(44))))
}

fn no_key() -> String {
    "false,N/A,N/A,N/A,N/A".to_owned()
}

fn ago(days: u64) -> String {
    let time = as_of() - TimeDelta::days(days as i64) - TimeDelta::seconds((days as i64 * 7_907) % 80_000);
    time.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}
