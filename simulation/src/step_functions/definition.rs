//! The definitions of the state machines, read from the files that are deployed.

use std::fs;
use std::time::Duration;

use serde_json::Value;

use crate::deployment::{Deployment, files};

/// A state machine.
#[derive(Clone, Debug)]
pub struct StateMachine {
    /// The name of its file, without the extensions.
    pub name: String,
    definition: Value,
}

/// States that belong together.
#[derive(Clone, Copy, Debug)]
pub struct States<'a>(&'a Value);

/// One state.
#[derive(Clone, Copy, Debug)]
pub struct State<'a> {
    /// Its name.
    pub name: &'a str,
    fields: &'a Value,
}

/// The types of state that are simulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Does work.
    Task,
    /// Runs a child execution for each item.
    Map,
    /// Decides on the next state.
    Choice,
    /// Waits.
    Wait,
    /// Only makes its output.
    Pass,
    /// Ends the execution as failed.
    Fail,
}

/// What is retried, and how.
#[derive(Clone, Debug)]
pub struct Retrier {
    errors: Vec<String>,
    /// How often.
    pub max_attempts: u32,
    interval: f64,
    backoff: f64,
    max_delay: f64,
    jitter: bool,
}

/// One way out of a Choice.
#[derive(Clone, Copy, Debug)]
pub struct Choice<'a> {
    /// When it is taken.
    pub condition: &'a Value,
    /// What it hands on, if not the input.
    pub output: Option<&'a Value>,
    /// The state.
    pub next: &'a str,
}

/// What goes on with a failure.
#[derive(Clone, Copy, Debug)]
pub struct Catcher<'a> {
    /// The state.
    pub next: &'a str,
    /// Its input.
    pub output: &'a Value,
}

/// The fields of a state that the simulation knows. Any other may change what a machine does.
const FIELDS: [(Kind, &[&str]); 6] = [
    (Kind::Task, &["Resource", "Arguments", "Output", "Retry", "Catch", "Next", "End"]),
    (
        Kind::Map,
        &[
            "Label",
            "MaxConcurrency",
            "ToleratedFailurePercentage",
            "ItemReader",
            "ItemProcessor",
            "ResultWriter",
            "Output",
            "Retry",
            "Catch",
            "Next",
            "End",
        ],
    ),
    (Kind::Choice, &["Choices", "Default"]),
    (Kind::Wait, &["Seconds", "Output", "Next", "End"]),
    (Kind::Pass, &["Output", "Next", "End"]),
    (Kind::Fail, &["Error", "Cause"]),
];

impl StateMachine {
    /// Every state machine of the deployment.
    pub fn all(deployment: &Deployment) -> Vec<Self> {
        let read = |path: &std::path::PathBuf| {
            let name = path.file_name().expect("it is a file").to_string_lossy();
            let name = name.trim_end_matches(".asl.json");
            let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            Self::read(name, &text, deployment)
        };
        files("statemachine", ".asl.json").iter().map(read).collect()
    }

    /// Reads a definition, as CloudFormation does with the deployment's values.
    pub(crate) fn read(name: &str, text: &str, deployment: &Deployment) -> Self {
        let mut parts = text.split("${");
        let mut substituted = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (variable, rest) = part.split_once('}').expect("a substitution ends");
            substituted.push_str(&deployment.substitution(variable));
            substituted.push_str(rest);
        }
        let definition: Value =
            serde_json::from_str(&substituted).unwrap_or_else(|error| panic!("{name} is not JSON: {error}"));
        assert_eq!(definition["QueryLanguage"], "JSONata", "{name}");
        let machine = Self { name: name.to_owned(), definition };
        machine.states().check();
        machine
    }

    /// Its states.
    pub fn states(&self) -> States<'_> {
        States(&self.definition)
    }

    /// How long an execution may take.
    pub fn timeout(&self) -> Duration {
        let seconds = self.definition["TimeoutSeconds"].as_u64();
        Duration::from_secs(seconds.unwrap_or_else(|| panic!("{} has no TimeoutSeconds", self.name)))
    }
}

impl<'a> States<'a> {
    /// The first state.
    pub fn start(self) -> &'a str {
        text(&self.0["StartAt"])
    }

    /// The state of this name.
    pub fn state(self, name: &str) -> State<'a> {
        let states = self.0["States"].as_object().expect("a definition has states");
        let (name, fields) =
            states.get_key_value(name).unwrap_or_else(|| panic!("the definition has no state {name}"));
        State { name, fields }
    }

    /// The functions that they invoke, also in maps.
    pub fn functions(self) -> Vec<&'a str> {
        let mut functions = Vec::new();
        for name in self.names() {
            let state = self.state(name);
            match state.kind() {
                Kind::Task => functions
                    .extend(state.field("Arguments").and_then(|field| field["FunctionName"].as_str())),
                Kind::Map => functions.extend(state.children().functions()),
                Kind::Choice | Kind::Wait | Kind::Pass | Kind::Fail => {}
            }
        }
        functions
    }

    fn names(self) -> impl Iterator<Item = &'a str> {
        let states = self.0["States"].as_object().expect("a definition has states");
        states.keys().map(String::as_str)
    }

    fn check(self) {
        for name in self.names() {
            let state = self.state(name);
            let (_, known) =
                FIELDS.iter().find(|(kind, _)| *kind == state.kind()).expect("every kind has fields");
            for field in state.fields.as_object().expect("a state is an object").keys() {
                let is_known =
                    ["Type", "Comment"].contains(&field.as_str()) || known.contains(&field.as_str());
                assert!(is_known, "the simulation does not know the field {field} of {name}");
            }
            if state.kind() == Kind::Map {
                assert_eq!(
                    state.fields["ToleratedFailurePercentage"], 100,
                    "{name} tolerates failed children"
                );
                assert_eq!(state.fields["ItemReader"]["ReaderConfig"]["InputType"], "JSON", "{name}");
                state.children().check();
            }
        }
    }
}

impl<'a> State<'a> {
    /// Its type.
    pub fn kind(self) -> Kind {
        match text(&self.fields["Type"]) {
            "Task" => Kind::Task,
            "Map" => Kind::Map,
            "Choice" => Kind::Choice,
            "Wait" => Kind::Wait,
            "Pass" => Kind::Pass,
            "Fail" => Kind::Fail,
            other => panic!("the simulation does not know the type {other} of {}", self.name),
        }
    }

    /// A field.
    pub fn field(self, name: &str) -> Option<&'a Value> {
        self.fields.get(name)
    }

    /// The state after it; `None` after the last.
    pub fn next(self) -> Option<&'a str> {
        self.field("Next").map(text)
    }

    /// What a Task calls: the resource without the partition.
    pub fn resource(self) -> &'a str {
        text(&self.fields["Resource"]).splitn(3, ':').nth(2).unwrap_or_default()
    }

    /// The choices of a Choice.
    pub fn choices(self) -> impl Iterator<Item = Choice<'a>> {
        let choices = self.fields["Choices"].as_array().expect("a Choice has choices");
        choices.iter().map(|choice| Choice {
            condition: &choice["Condition"],
            output: choice.get("Output"),
            next: text(&choice["Next"]),
        })
    }

    /// The state of a Choice whose conditions are all false.
    pub fn default_choice(self) -> &'a str {
        text(&self.fields["Default"])
    }

    /// The states of a Map's child executions.
    pub fn children(self) -> States<'a> {
        States(&self.fields["ItemProcessor"])
    }

    /// What it retries.
    pub fn retriers(self) -> Vec<Retrier> {
        self.list("Retry").map(Retrier::read).collect()
    }

    /// What goes on with an error of this name.
    pub fn catcher(self, error: &str) -> Option<Catcher<'a>> {
        let catcher = self.list("Catch").find(|catcher| matches(&texts(&catcher["ErrorEquals"]), error))?;
        Some(Catcher { next: text(&catcher["Next"]), output: &catcher["Output"] })
    }

    fn list(self, name: &str) -> impl Iterator<Item = &'a Value> {
        self.field(name).and_then(Value::as_array).into_iter().flatten()
    }
}

impl Retrier {
    fn read(json: &Value) -> Self {
        let number = |name: &str, default: f64| json.get(name).and_then(Value::as_f64).unwrap_or(default);
        Self {
            errors: texts(&json["ErrorEquals"]),
            max_attempts: number("MaxAttempts", 3.0) as u32,
            interval: number("IntervalSeconds", 1.0),
            backoff: number("BackoffRate", 2.0),
            max_delay: number("MaxDelaySeconds", f64::INFINITY),
            jitter: json.get("JitterStrategy").is_some_and(|strategy| strategy == "FULL"),
        }
    }

    /// Whether it retries errors of this name.
    pub fn is_for(&self, error: &str) -> bool {
        matches(&self.errors, error)
    }

    /// How long it waits before the retry of this number, the first being 0; `chance` is from 0 to 1.
    pub fn delay(&self, retry: u32, chance: f64) -> Duration {
        let delay = (self.interval * self.backoff.powi(retry as i32)).min(self.max_delay);
        Duration::from_secs_f64(if self.jitter { delay * chance } else { delay })
    }
}

fn matches(errors: &[String], error: &str) -> bool {
    let is_final = ["States.DataLimitExceeded", "States.Runtime"].contains(&error);
    errors.iter().any(|name| name == error || name == "States.ALL" && !is_final)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().map(|value| text(value).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use rollcall_core::identifiers::arn::ArnAccount;

    use super::*;

    fn nightly_run() -> StateMachine {
        let owner = ArnAccount { partition: "aws".to_owned(), account_id: "999999999999".parse().unwrap() };
        let mut machines = StateMachine::all(&Deployment::new(owner, 10));
        machines.retain(|machine| machine.name == "credential-reports");
        machines.remove(0)
    }

    #[test]
    fn the_limits_are_those_that_are_deployed() {
        let machine = nightly_run();
        assert_eq!(machine.timeout(), Duration::from_secs(82_800));
        let map = machine.states().state("CollectReports");
        assert_eq!(map.field("MaxConcurrency").unwrap(), "{% 10 %}");
        assert_eq!(map.children().state("WaitOneMinute").field("Seconds").unwrap(), 60);
        assert_eq!(machine.states().state("Notify").resource(), "states:::lambda:invoke");
        assert_eq!(machine.states().state("Notify").next(), None);
    }

    #[test]
    fn a_retry_waits_longer_each_time_up_to_its_limit() {
        let machine = nightly_run();
        let map = machine.states().state("CollectReports");
        let collect_report = map.children().state("CollectReport");
        let retriers = collect_report.retriers();
        let retrier = retriers.iter().find(|retrier| retrier.is_for("StorageFailed")).unwrap();
        assert!(!retrier.is_for("InvalidInput"));
        assert!(!retrier.is_for("Runtime.ExitError"));
        assert!(retriers.iter().any(|retrier| retrier.is_for("Runtime.ExitError")));
        assert_eq!(retrier.max_attempts, 6);
        let delays: Vec<u64> = (0..7).map(|retry| retrier.delay(retry, 1.0).as_secs()).collect();
        assert_eq!(delays, [2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(retrier.delay(5, 0.0), Duration::ZERO);
        assert_eq!(collect_report.catcher("Runtime.ExitError").unwrap().next, "RecordFailure");
        assert!(map.children().state("RecordFailure").catcher("StorageFailed").is_none());
        let [of_the_message] = &machine.states().state("ReportBrokenRun").retriers()[..] else { panic!() };
        assert!(of_the_message.is_for("Sns.SdkClientException"));
        // Enough for an outage of a minute.
        assert_eq!(of_the_message.max_attempts, 6);
    }
}
