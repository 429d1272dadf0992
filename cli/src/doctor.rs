//! `rollcall doctor`: checks that the next run can work, a line a check.

mod access;
mod check;
mod deployment;
mod schedule;

use std::io::Write;

use rollcall_functions::report_store::ReportStore;

use crate::arguments::DoctorArguments;
use crate::asynchronous;
use crate::aws_connection::{caller, connect};
use crate::ending::Ending;
use crate::error::{CommandError, unless_closed};
use crate::place::place;
use crate::table::print;
use crate::terminal::width;
use check::{Check, State};
use deployment::Deployment;

/// Checks.
pub fn run(arguments: &DoctorArguments) -> Result<Ending, CommandError> {
    let checks = asynchronous(checks(arguments))?;
    let failed = checks.iter().filter(|check| check.state == State::Failed).count();
    let summary = match failed {
        0 => "Everything that was checked is as it should be.".to_owned(),
        1 => "1 check failed.".to_owned(),
        some => format!("{some} checks failed."),
    };
    unless_closed(print(|output| {
        checks.iter().try_for_each(|check| check.write(width(), output))?;
        writeln!(output, "\n{summary}")
    }))?;
    Ok(if failed == 0 { Ending::Clean } else { Ending::Flagged })
}

async fn checks(arguments: &DoctorArguments) -> Result<Vec<Check>, CommandError> {
    let config = connect(&arguments.aws).await?;
    // Without credentials there is nothing to check: that is an error of the command itself.
    let caller = caller(&config, &arguments.aws).await?;
    let root = match caller.arn.ends_with(":root") {
        true => " (the root user: AWS lets it assume no role; use another)",
        false => "",
    };
    let mut checks = vec![Check::passed("credentials", format!("{}{root}", caller.arn))];
    let (organization, accounts) = access::organization(&config, &caller).await;
    checks.extend(organization);
    checks.push(match accounts {
        Some(accounts) => access::role(&config, &caller, arguments, &accounts).await,
        None => Check::skipped("role", "which accounts there are is not known", "mend what is above first"),
    });
    let (deployment, stack) = Deployment::find(&config, &arguments.stack_name).await;
    let is_unknown = deployment.is_none() && stack.state == State::Failed;
    checks.push(stack);
    checks.push(output(arguments, &config, deployment.as_ref()).await);
    if let Some(deployment) = &deployment {
        checks.push(deployment.member_roles(&config).await);
        checks.push(schedule::check(&config, &arguments.stack_name, rollcall_functions::clock::now()).await);
    } else if is_unknown {
        for name in ["member-roles", "schedule"] {
            checks.push(Check::skipped(name, "the stack is not known", "mend what is above first"));
        }
    }
    Ok(checks)
}

/// Whether what a run writes can be written.
async fn output(
    arguments: &DoctorArguments,
    config: &aws_config::SdkConfig,
    deployment: Option<&Deployment>,
) -> Check {
    let store = match (arguments.output.as_deref(), deployment) {
        (Some(output), _) => match place(output, arguments.kms_key_arn.as_deref(), config) {
            Ok(store) => store,
            Err(error) => return Check::failed("output", error.to_string(), "correct the flag"),
        },
        (None, Some(Deployment { report_bucket: Some(bucket), kms_key_arn, .. })) => {
            ReportStore::new(config, bucket.clone(), kms_key_arn.clone())
        }
        (None, _) => {
            let fix = "give --output to check where a run would write";
            return Check::skipped("output", "nothing says where runs write", fix);
        }
    };
    let address = store.address("");
    match store.try_write().await {
        Ok(()) => Check::passed("output", format!("{address} can be written")),
        Err(error) => Check::failed(
            "output",
            format!("{address} can't be written: {}", error.message),
            "check that it exists, its policy, and your permissions on it and on its key",
        ),
    }
}
