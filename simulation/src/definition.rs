//! The state machine's definition, read from the file that is deployed: what is retried, how often and
//! after how long, what is caught, how long a wait is. And what the template gives the functions.

use std::time::Duration;

use serde_json::Value;

const DEFINITION: &str = include_str!("../../statemachine/credential-reports.asl.json");
const TEMPLATE: &str = include_str!("../../template.yml");

/// The condition of the one choice, which the simulation knows how to decide.
const PENDING: &str = "{% $states.input.outcome.status = 'Pending' and $states.input.waits < 45 %}";
/// What stands before the number of waits in the payload of `CollectReport`.
const MAX_WAITS: &str = "'max_waits': ";

/// The definition.
#[derive(Clone, Debug)]
pub struct Definition {
    /// The state machine.
    pub parent: States,
    /// The item processor of its map.
    pub child: States,
    /// How long an execution may take.
    pub timeout: Duration,
    /// How many one-minute waits `CollectReport` is told that there may be.
    pub max_waits: u32,
}

/// States that belong together.
#[derive(Clone, Debug)]
pub struct States {
    /// The first.
    pub start: String,
    states: Value,
}

/// One state.
#[derive(Clone, Copy, Debug)]
pub struct State<'a>(&'a Value);

/// What is tried again, and how.
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

impl Definition {
    /// Reads it.
    pub fn read() -> Self {
        let json: Value = serde_json::from_str(DEFINITION).expect("the definition is JSON");
        let map = &json["States"]["CollectReports"];
        assert_eq!(map["ToleratedFailurePercentage"], 100, "the simulated map tolerates every failed child");
        let child = States::read(&map["ItemProcessor"]);
        let choices = &child.state("ReportReady?").0["Choices"];
        assert_eq!(choices[0]["Condition"], PENDING, "the simulation knows this condition");
        let payload = child.state("CollectReport").0["Arguments"]["Payload"].as_str().unwrap_or_default();
        let (_, waits) =
            payload.split_once(MAX_WAITS).expect("CollectReport is told how many waits there may be");
        let digits: String = waits.chars().take_while(char::is_ascii_digit).collect();
        Self {
            timeout: Duration::from_secs(
                json["TimeoutSeconds"].as_u64().expect("an execution has a timeout"),
            ),
            max_waits: digits.parse().expect("max_waits is a number"),
            parent: States::read(&json),
            child,
        }
    }
}

impl States {
    fn read(json: &Value) -> Self {
        Self { start: text(&json["StartAt"]), states: json["States"].clone() }
    }

    /// The state of this name.
    pub fn state(&self, name: &str) -> State<'_> {
        State(self.states.get(name).unwrap_or_else(|| panic!("the definition has no state {name}")))
    }
}

impl<'a> State<'a> {
    /// The state after it; `None` after the last.
    pub fn next(self) -> Option<String> {
        self.0.get("Next").map(text)
    }

    /// Where a pending report goes, and where any other.
    pub fn choices(self) -> (String, String) {
        (text(&self.0["Choices"][0]["Next"]), text(&self.0["Default"]))
    }

    /// How long it waits.
    pub fn wait(self) -> Duration {
        Duration::from_secs(self.0["Seconds"].as_u64().expect("a Wait state says how long"))
    }

    /// What it tries again.
    pub fn retriers(self) -> Vec<Retrier> {
        let retriers = self.0.get("Retry").and_then(Value::as_array);
        retriers.into_iter().flatten().map(Retrier::read).collect()
    }

    /// The state that goes on with an error of this name.
    pub fn catcher(self, error: &str) -> Option<String> {
        let catchers = self.0.get("Catch").and_then(Value::as_array);
        let found =
            catchers.into_iter().flatten().find(|catcher| matches(&texts(&catcher["ErrorEquals"]), error));
        found.map(|catcher| text(&catcher["Next"]))
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

    /// Whether it is for errors of this name.
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

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().map(text).collect()
}

/// A number that the template gives the function with this logical id, such as its `Timeout`.
pub fn of_function(logical_id: &str, property: &str) -> u64 {
    let (_, resource) =
        TEMPLATE.split_once(&format!("\n  {logical_id}:\n")).expect("the template has the function");
    let (_, value) =
        resource.split_once(&format!("\n      {property}: ")).expect("the function has the property");
    value.lines().next().and_then(|line| line.trim().parse().ok()).expect("the property is a number")
}

/// The default of a numeric parameter of the template.
pub fn of_parameter(name: &str) -> u64 {
    let (_, parameter) =
        TEMPLATE.split_once(&format!("\n  {name}:\n")).expect("the template has the parameter");
    let (_, value) = parameter.split_once("\n    Default: ").expect("the parameter has a default");
    value.lines().next().and_then(|line| line.trim().parse().ok()).expect("the default is a number")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_simulated_is_what_is_deployed() {
        let definition = Definition::read();
        assert_eq!(definition.max_waits, 45);
        assert_eq!(definition.timeout, Duration::from_secs(82_800));
        assert_eq!(definition.child.state("WaitOneMinute").wait(), Duration::from_secs(60));
        assert_eq!(of_function("CollectReportFunction", "Timeout"), 180);
        assert_eq!(of_function("AnalyzeReportsFunction", "MemorySize"), 1769);
        assert_eq!(of_parameter("PollSeconds"), 8);
    }

    #[test]
    fn a_retry_waits_longer_each_time_and_never_longer_than_it_may() {
        let definition = Definition::read();
        let retriers = definition.child.state("CollectReport").retriers();
        let retrier = retriers.iter().find(|retrier| retrier.is_for("StorageFailed")).unwrap();
        assert!(!retrier.is_for("InvalidInput"));
        assert!(!retrier.is_for("Runtime.ExitError"));
        assert!(retriers.iter().any(|retrier| retrier.is_for("Runtime.ExitError")));
        assert_eq!(retrier.max_attempts, 6);
        let delays: Vec<u64> = (0..7).map(|retry| retrier.delay(retry, 1.0).as_secs()).collect();
        assert_eq!(delays, [2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(retrier.delay(5, 0.0), Duration::ZERO);
        assert_eq!(
            definition.child.state("CollectReport").catcher("Runtime.ExitError").unwrap(),
            "RecordFailure"
        );
        let [of_the_message] = &definition.parent.state("ReportBrokenRun").retriers()[..] else { panic!() };
        assert!(of_the_message.is_for("Sns.SdkClientException"));
        // Within an outage of a minute it is not given up.
        assert_eq!(of_the_message.max_attempts, 6);
        assert_eq!(definition.child.state("RecordFailure").catcher("StorageFailed"), None);
    }
}
