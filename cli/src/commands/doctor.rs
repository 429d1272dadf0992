//! `rollcall doctor`: checks that the next run can work, a line a check.

mod checks;
mod deployment;
mod refusal;

use std::io::Write;

use rollcall_core::organization::roll::Account;
use rollcall_functions::aws::organization::Organization;
use rollcall_functions::clock::Clock;

use crate::arguments::doctor::DoctorArguments;
use crate::asynchronous::asynchronous;
use crate::aws_connection::{Caller, caller, connect};
use crate::check::{Check, State};
use crate::error::CommandError;
use crate::exit_status::ExitStatus;
use crate::terminal::{print, width};
use checks::{accounts, assume_role, credentials, organization, output, schedule, stack, stack_instances};

/// Checks.
pub fn run(arguments: &DoctorArguments) -> Result<ExitStatus, CommandError> {
    let checks = asynchronous(all_checks(arguments))?;
    let failed = checks.iter().filter(|check| check.state == State::Failed).count();
    let summary = match failed {
        0 => "Everything that was checked is as it should be.".to_owned(),
        1 => "1 check failed.".to_owned(),
        some => format!("{some} checks failed."),
    };
    print(|output| {
        checks.iter().try_for_each(|check| check.write(width(), output))?;
        writeln!(output, "\n{summary}")
    })?;
    Ok(if failed == 0 { ExitStatus::Clean } else { ExitStatus::Flagged })
}

async fn all_checks(arguments: &DoctorArguments) -> Result<Vec<Check>, CommandError> {
    let config = connect(&arguments.aws).await?;
    // Without credentials there is nothing to check: that is an error of the command itself.
    let caller = caller(&config, &arguments.aws).await?;
    let mut checks = vec![credentials::check(&caller)];
    let (of_organization, accounts) = organization_checks(&Organization::new(&config), &caller).await;
    checks.extend(of_organization);
    checks.push(match accounts {
        Some(accounts) => assume_role::check(&config, &caller, arguments, &accounts).await,
        None => assume_role::skipped(),
    });
    let (deployment, stack) = stack::check(&config, &arguments.stack_name).await;
    let is_unknown = deployment.is_none() && stack.state == State::Failed;
    checks.push(stack);
    checks.push(output::check(arguments, &config, deployment.as_ref()).await);
    if let Some(deployment) = &deployment {
        checks.push(stack_instances::check(&config, deployment).await);
        checks.push(schedule::check(&config, &arguments.stack_name, Clock::of_system().now()).await);
    } else if is_unknown {
        checks.extend([stack_instances::skipped(), schedule::skipped()]);
    }
    Ok(checks)
}

/// The checks of the organization, and its accounts when they could be listed.
async fn organization_checks(
    organization: &Organization,
    caller: &Caller,
) -> (Vec<Check>, Option<Vec<Account>>) {
    let description = match organization::describe(organization).await {
        Ok(description) => description,
        Err(failed) => return (vec![failed], None),
    };
    let (check, accounts) = match accounts::list(organization).await {
        Ok(accounts) => (accounts::check(&accounts), Some(accounts)),
        Err(failed) => (failed, None),
    };
    (vec![organization::check(&description, caller, accounts.is_some()), check], accounts)
}
