//! The schedule of the deployment, and when it starts the next run. Calls scheduler:GetSchedule.

use aws_config::SdkConfig;
use aws_sdk_scheduler::Client;
use aws_sdk_scheduler::types::ScheduleState;
use chrono::{DateTime, Utc};
use croner::parser::{CronParser, Seconds, Year};
use rollcall_functions::aws::api_error::{ApiError, Call};

use crate::check::Check;

const NAME: &str = "schedule";

/// The check when the stack is not known.
pub fn skipped() -> Check {
    Check::skipped(NAME, "the stack is not known", "mend what is above first")
}

/// Whether the stack's schedule is on, and when it starts the next run.
pub async fn check(config: &SdkConfig, stack_name: &str, now: DateTime<Utc>) -> Check {
    let schedule = match Client::new(config).get_schedule().name(stack_name).send().await {
        Ok(schedule) => schedule,
        Err(error) => {
            let call = Call::of("scheduler:GetSchedule", stack_name);
            return Check::failed(
                NAME,
                ApiError::of(call, error).to_string(),
                "deploy the stack again, or allow the call to your credentials",
            );
        }
    };
    let expression = schedule.schedule_expression().unwrap_or_default();
    if schedule.state() == Some(&ScheduleState::Disabled) {
        return Check::failed(
            NAME,
            format!("the schedule {stack_name} is disabled: no run starts by itself"),
            "enable it in the console of EventBridge Scheduler",
        );
    }
    let timezone = schedule.schedule_expression_timezone().unwrap_or("UTC");
    let next = match timezone {
        "UTC" => next(expression, now).map(|next| next.format("%Y-%m-%d %H:%M UTC").to_string()),
        _ => None,
    };
    Check::passed(
        NAME,
        match next {
            Some(next) => format!("the next run starts at {next}"),
            None => format!("runs start by {expression} in {timezone}"),
        },
    )
}

/// The next time of an expression such as `cron(0 1 * * ? *)`; `None` when it is none.
fn next(expression: &str, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let fields = expression.strip_prefix("cron(")?.strip_suffix(')')?;
    let parser = CronParser::builder()
        .seconds(Seconds::Required)
        .year(Year::Required)
        // Sunday is 1 here, and not 0.
        .alternative_weekdays(true)
        .build();
    parser.parse(&format!("0 {fields}")).ok()?.find_next_occurrence(&now, false).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_run_is_the_next_time_of_the_schedule() {
        let now: DateTime<Utc> = "2026-01-31T01:00:00Z".parse().unwrap();
        for (expression, expected) in [
            ("cron(0 1 * * ? *)", Some("2026-02-01T01:00:00Z")),
            ("cron(30 1 * * ? *)", Some("2026-01-31T01:30:00Z")),
            // The 31st is a Saturday, and Sunday is 1.
            ("cron(0 0 ? * 1 *)", Some("2026-02-01T00:00:00Z")),
            ("cron(0 1 1 1 ? 2027)", Some("2027-01-01T01:00:00Z")),
            ("rate(1 day)", None),
            ("", None),
        ] {
            let expected = expected.map(|time| time.parse().unwrap());
            assert_eq!(next(expression, now), expected, "{expression}");
        }
    }
}
