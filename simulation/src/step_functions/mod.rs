//! Step Functions: executions of the state machines as their definitions say, with retries, waits, the
//! Distributed Map and every expression.

pub mod definition;
pub mod expression;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use futures_util::stream::{self, StreamExt};
use rollcall_testing::random::{Random, number};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::aws::Aws;
use crate::failure::Failure;
use crate::lambda::Lambda;
use crate::memory::peak_memory;

use definition::{Kind, State, StateMachine, States};
use expression::evaluate;

/// A Distributed Map starts at most this many standard children a second.
const CHILDREN_A_SECOND: u64 = 100;

/// The state machines of a deployment. Clones are the same ones.
#[derive(Clone)]
pub struct StepFunctions(Rc<Shared>);

struct Shared {
    machines: Vec<StateMachine>,
    aws: Aws,
    lambda: Lambda,
    sns: aws_sdk_sns::Client,
    seed: u64,
    retries: Cell<u64>,
}

/// An execution: what was asked of it, and what happened.
#[derive(Debug, Default)]
struct Running {
    /// `$states.context`.
    context: Value,
    transitions: Cell<u64>,
    caught: RefCell<Option<String>>,
    messages: Cell<u64>,
    refused_messages: Cell<u64>,
    children: RefCell<BTreeMap<String, Result<Value, Failure>>>,
    memory: Cell<[u64; 2]>,
}

/// An execution that is over.
#[derive(Clone, Debug)]
pub struct Execution {
    /// Its output, or the error it failed with. `None` when it took longer than it may.
    pub result: Option<Result<Value, Failure>>,
    /// The first state whose failure was caught outside the map.
    pub caught: Option<String>,
    /// State transitions, as Step Functions bills them.
    pub transitions: u64,
    /// How often a task was retried.
    pub retries: u64,
    /// Messages that the machine itself published.
    pub messages: u64,
    /// How often SNS refused one.
    pub refused_messages: u64,
    /// The results of the map's children, by account id.
    pub children: BTreeMap<String, Result<Value, Failure>>,
    /// The most memory that the process had held before and after the map, in KiB.
    pub memory_around_map: [u64; 2],
}

impl StepFunctions {
    /// The machines, which draw the jitter of their retries by the seed.
    pub(crate) fn new(machines: Vec<StateMachine>, aws: Aws, lambda: Lambda, seed: u64) -> Self {
        let sns = aws_sdk_sns::Client::new(&lambda.connection_of_step_functions());
        Self(Rc::new(Shared { machines, aws, lambda, sns, seed, retries: Cell::new(0) }))
    }

    /// Runs a machine to its end. `execution` is what expressions see as `$states.context.Execution`.
    pub async fn execute(&self, machine: &str, execution: Value, input: Value) -> Execution {
        let machine = self.0.machines.iter().find(|known| known.name == machine);
        let machine = machine.expect("the machine is deployed");
        let running = Rc::new(Running { context: json!({ "Execution": execution }), ..Running::default() });
        let execution_arn = running.context["Execution"]["Id"].as_str().unwrap_or_default().to_owned();
        self.0.aws.set_execution(&execution_arn, "RUNNING");
        let retries = self.0.retries.get();
        let result =
            timeout(machine.timeout(), self.walk(machine.states(), input, &running, false)).await.ok();
        let status = match &result {
            None => "TIMED_OUT",
            Some(Ok(_)) => "SUCCEEDED",
            Some(Err(_)) => "FAILED",
        };
        self.0.aws.set_execution(&execution_arn, status);
        Execution {
            result,
            caught: running.caught.take(),
            transitions: running.transitions.get(),
            retries: self.0.retries.get() - retries,
            messages: running.messages.get(),
            refused_messages: running.refused_messages.get(),
            children: running.children.take(),
            memory_around_map: running.memory.get(),
        }
    }

    /// Goes from the first state to the last.
    fn walk<'a>(
        &'a self,
        states: States<'a>,
        mut input: Value,
        running: &'a Rc<Running>,
        is_child: bool,
    ) -> LocalBoxFuture<'a, Result<Value, Failure>> {
        async move {
            let mut name = states.start();
            loop {
                let state = states.state(name);
                running.enter();
                let seen = json!({ "input": input, "context": running.context });
                let left = match state.kind() {
                    Kind::Fail => {
                        let text = |field: &str| {
                            let field = state.field(field).unwrap_or(&Value::Null);
                            evaluate(field, &seen).map(|text| text.as_str().unwrap_or_default().to_owned())
                        };
                        return Err(Failure { error: text("Error")?, cause: text("Cause")? });
                    }
                    Kind::Choice => choose(state, &seen).map(|(output, next)| (output, Some(next))),
                    Kind::Wait => self.wait(state, &seen).await.map(|output| (output, state.next())),
                    Kind::Pass => output(state, seen, None).map(|output| (output, state.next())),
                    Kind::Task | Kind::Map => {
                        let result = self.work(state, &seen, running).await;
                        result
                            .and_then(|result| output(state, seen, Some(result)))
                            .map(|output| (output, state.next()))
                    }
                };
                match left {
                    Ok((output, Some(next))) => (input, name) = (output, next),
                    Ok((output, None)) => return Ok(output),
                    Err(failure) => {
                        let Some(catcher) = state.catcher(&failure.error) else { return Err(failure) };
                        if !is_child {
                            running.caught.borrow_mut().get_or_insert_with(|| name.to_owned());
                        }
                        let error = json!({ "Error": failure.error, "Cause": failure.cause });
                        let seen =
                            json!({ "input": input, "context": running.context, "errorOutput": error });
                        input = evaluate(catcher.output, &seen)?;
                        name = catcher.next;
                    }
                }
            }
        }
        .boxed_local()
    }

    async fn wait(&self, state: State<'_>, seen: &Value) -> Result<Value, Failure> {
        let seconds = evaluate(state.field("Seconds").expect("a Wait says how long"), seen)?;
        sleep(Duration::from_secs(seconds.as_u64().expect("a Wait is of whole seconds"))).await;
        output(state, seen.clone(), None)
    }

    /// Does the work of a Task or a Map, with its retries.
    async fn work(&self, state: State<'_>, seen: &Value, running: &Rc<Running>) -> Result<Value, Failure> {
        let retriers = state.retriers();
        let mut retried = vec![0; retriers.len()];
        loop {
            let attempt = match state.kind() {
                Kind::Map => self.map(state, seen, running).await,
                _ => self.task(state, seen, running).await,
            };
            let failure = match attempt {
                Ok(result) => return Ok(result),
                Err(failure) => failure,
            };
            let Some(index) = retriers.iter().position(|retrier| retrier.is_for(&failure.error)) else {
                return Err(failure);
            };
            if retried[index] >= retriers[index].max_attempts {
                return Err(failure);
            }
            let retry = self.0.retries.replace(self.0.retries.get() + 1);
            let chance = Random::about(&[self.0.seed, number("retry"), retry]).unit();
            sleep(retriers[index].delay(retried[index], chance)).await;
            retried[index] += 1;
            running.enter();
        }
    }

    async fn task(&self, state: State<'_>, seen: &Value, running: &Running) -> Result<Value, Failure> {
        let arguments = evaluate(state.field("Arguments").unwrap_or(&Value::Null), seen)?;
        let text = |name: &str| arguments[name].as_str().unwrap_or_default();
        match state.resource() {
            "states:::lambda:invoke" => {
                let payload =
                    self.0.lambda.invoke(text("FunctionName"), arguments["Payload"].clone()).await?;
                Ok(json!({ "Payload": payload }))
            }
            "states:::sns:publish" => {
                let publish = self.0.sns.publish().topic_arn(text("TopicArn"));
                let published = publish.subject(text("Subject")).message(text("Message")).send().await;
                let counter = if published.is_ok() { &running.messages } else { &running.refused_messages };
                counter.set(counter.get() + 1);
                let published =
                    published.map_err(|error| Failure::new("Sns.SdkClientException", error.to_string()))?;
                Ok(json!({ "MessageId": published.message_id() }))
            }
            other => panic!("the simulation does not know the resource {other} of {}", state.name),
        }
    }

    /// A Distributed Map. It answers nothing of its children, and tolerates those that fail.
    async fn map(&self, state: State<'_>, seen: &Value, running: &Rc<Running>) -> Result<Value, Failure> {
        let before = peak_memory();
        let reader = &state.field("ItemReader").expect("a map reads its items")["Arguments"];
        let reader = evaluate(reader, seen)?;
        let text = |name: &str| reader[name].as_str().unwrap_or_default();
        let versions = self.0.aws.versions(text("Bucket"), text("Key"));
        let items = self.0.aws.bytes(versions.last().expect("the items are in the bucket"));
        let items: Vec<Value> = serde_json::from_slice(&items).expect("the items are JSON");
        let at_a_time = evaluate(state.field("MaxConcurrency").expect("a map has a concurrency"), seen)?;
        let began = Instant::now();
        let children = items.into_iter().zip(0..).map(|(item, index)| async move {
            sleep_until(began + Duration::from_millis(1000 * index / CHILDREN_A_SECOND)).await;
            // To start a child execution is a transition of its own.
            running.enter();
            let account_id = item["account_id"].as_str().unwrap_or_default().to_owned();
            let result = self.walk(state.children(), item, running, true).await;
            running.children.borrow_mut().insert(account_id, result);
        });
        stream::iter(children)
            .buffer_unordered(at_a_time.as_u64().expect("a concurrency is a number") as usize)
            .for_each(|()| async {})
            .await;
        running.memory.set([before, peak_memory()]);
        Ok(Value::Null)
    }
}

/// What a Choice hands on, and the state that it chooses.
fn choose<'a>(state: State<'a>, seen: &Value) -> Result<(Value, &'a str), Failure> {
    for choice in state.choices() {
        if evaluate(choice.condition, seen)? == true {
            let output =
                choice.output.map_or_else(|| Ok(seen["input"].clone()), |field| evaluate(field, seen))?;
            return Ok((output, choice.next));
        }
    }
    Ok((seen["input"].clone(), state.default_choice()))
}

/// The output of a state, with or without a result: its own field, else the result, else the input.
fn output(state: State<'_>, mut seen: Value, result: Option<Value>) -> Result<Value, Failure> {
    let otherwise = match result {
        Some(result) => {
            seen["result"] = result;
            "result"
        }
        None => "input",
    };
    match state.field("Output") {
        Some(field) => evaluate(field, &seen),
        None => Ok(seen[otherwise].take()),
    }
}

impl Running {
    fn enter(&self) {
        self.transitions.set(self.transitions.get() + 1);
    }
}

#[cfg(test)]
mod tests {
    use rollcall_core::identifiers::arn::ArnAccount;
    use tokio::task::LocalSet;

    use super::*;
    use crate::aws::Behaviour;
    use crate::clock::Clock;
    use crate::deployment::{Deployment, ERROR_TOPIC};
    use crate::faults::Faults;
    use crate::organization::Organization;
    use crate::watch::Watch;

    const COUNTDOWN: &str = r#"{
        "QueryLanguage": "JSONata", "TimeoutSeconds": 600, "StartAt": "Done?",
        "States": {
            "Done?": {
                "Type": "Choice",
                "Choices": [{ "Condition": "{% $states.input.left = 0 %}", "Next": "Tell" }],
                "Default": "Wait"
            },
            "Wait": {
                "Type": "Wait", "Seconds": "{% $states.input.seconds %}",
                "Output": "{% $merge([$states.input, { 'left': $states.input.left - 1 }]) %}", "Next": "Done?"
            },
            "Tell": {
                "Type": "Task", "Resource": "arn:${Partition}:states:::sns:publish",
                "Arguments": {
                    "TopicArn": "${ErrorTopicArn}", "Subject": "done",
                    "Message": "{% $states.context.Execution.Name & ' is done' %}"
                },
                "Output": "{% $states.input.left %}", "End": true
            }
        }
    }"#;

    const BROKEN: &str = r#"{
        "QueryLanguage": "JSONata", "TimeoutSeconds": 600, "StartAt": "Ask",
        "States": {
            "Ask": {
                "Type": "Pass", "Output": "{% $states.input.missing %}", "Next": "Fail"
            },
            "Fail": { "Type": "Fail", "Error": "Reached", "Cause": "" }
        }
    }"#;

    /// Machines of these definitions, and the AWS that they run on.
    fn machines(definitions: &[(&str, &str)]) -> (StepFunctions, Aws) {
        let (clock, watch) = (Clock::start(), Watch::default());
        let organization = Organization::new(1, 3, false);
        let owner = ArnAccount { partition: "aws".to_owned(), account_id: organization.id(0) };
        let aws = Aws::new(clock, organization, Behaviour::USUAL, Faults::none(), watch.clone());
        let deployment = Deployment::new(owner, 1);
        let machines = definitions.iter().map(|(name, text)| StateMachine::read(name, text, &deployment));
        let machines = machines.collect();
        let lambda = Lambda::new(aws.clone(), deployment, clock, Faults::none(), watch, 5001);
        (StepFunctions::new(machines, aws.clone(), lambda, 1), aws)
    }

    async fn in_virtual_time<T>(test: impl Future<Output = T>) -> T {
        tokio::time::pause();
        LocalSet::new().run_until(test).await
    }

    #[tokio::test]
    async fn any_machine_runs_as_its_definition_says() {
        in_virtual_time(async {
            let (step_functions, aws) = machines(&[("countdown", COUNTDOWN), ("broken", BROKEN)]);
            let began = Instant::now();
            let input = json!({ "left": 2, "seconds": 60 });
            let execution = step_functions.execute("countdown", json!({ "Name": "one" }), input).await;
            assert_eq!(execution.result, Some(Ok(json!(0))));
            // Three times Done?, twice Wait, and Tell.
            assert_eq!((execution.transitions, execution.messages), (6, 1));
            assert_eq!(began.elapsed().as_secs(), 120);
            let [message] = &aws.messages()[..] else { panic!("one message is published") };
            assert_eq!((&*message.topic_arn, &*message.body), (ERROR_TOPIC, "one is done"));

            let execution = step_functions.execute("broken", json!({}), json!({})).await;
            let failure = execution.result.unwrap().unwrap_err();
            assert_eq!(failure.error, "States.QueryEvaluationError");
        })
        .await;
    }

    #[tokio::test]
    async fn a_machine_ends_at_its_timeout() {
        in_virtual_time(async {
            let (step_functions, _) = machines(&[("countdown", COUNTDOWN)]);
            let began = Instant::now();
            let input = json!({ "left": 2, "seconds": 400 });
            let execution = step_functions.execute("countdown", json!({}), input).await;
            assert_eq!(execution.result, None);
            assert_eq!(began.elapsed().as_secs(), 600);
        })
        .await;
    }
}
