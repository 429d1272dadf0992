//! The JSONata of a definition: `{% ... %}` in any text of a field.

use std::collections::HashMap;

use bumpalo::Bump;
use jsonata_rs::{ArrayFlags, FunctionContext, JsonAta, Value as Jsonata};
use serde_json::{Map, Number, Value};

use crate::failure::Failure;

/// The field with each expression in it replaced by its value; `states` is what an expression sees as
/// `$states`.
///
/// # Errors
/// `States.QueryEvaluationError` with the expression, when it has no value.
pub fn evaluate(field: &Value, states: &Value) -> Result<Value, Failure> {
    Ok(match field {
        Value::String(text) => match expression(text) {
            Some(expression) => value(expression, states)?,
            None => field.clone(),
        },
        Value::Array(items) => items.iter().map(|item| evaluate(item, states)).collect::<Result<_, _>>()?,
        Value::Object(fields) => fields
            .iter()
            .map(|(name, field)| Ok((name.clone(), evaluate(field, states)?)))
            .collect::<Result<Map<_, _>, Failure>>()?
            .into(),
        other => other.clone(),
    })
}

fn expression(text: &str) -> Option<&str> {
    text.strip_prefix("{%")?.strip_suffix("%}")
}

fn value(expression: &str, states: &Value) -> Result<Value, Failure> {
    let failure = |why: &dyn std::fmt::Display| {
        Failure::new("States.QueryEvaluationError", format!("{}: {why}", expression.trim()))
    };
    let arena = Bump::new();
    let jsonata = JsonAta::new(expression, &arena).map_err(|error| failure(&error))?;
    jsonata.register_function("parse", 1, parse);
    let bindings = HashMap::from([("states", states)]);
    let value = jsonata.evaluate(None, Some(&bindings)).map_err(|error| failure(&error))?;
    json(value).ok_or_else(|| failure(&"it has no value"))
}

/// `$parse`, which Step Functions adds to JSONata: the value that a text of JSON holds.
fn parse<'a>(
    context: FunctionContext<'a, '_>,
    arguments: &[&'a Jsonata<'a>],
) -> jsonata_rs::Result<&'a Jsonata<'a>> {
    let text = arguments.first().map(|text| text.as_str()).unwrap_or_default();
    Ok(match serde_json::from_str(&text) {
        Ok(value) => jsonata(context.arena, &value),
        Err(_) => Jsonata::undefined(),
    })
}

fn jsonata<'a>(arena: &'a Bump, value: &Value) -> &'a Jsonata<'a> {
    match value {
        Value::Null => Jsonata::null(arena),
        Value::Bool(value) => Jsonata::bool(*value),
        Value::Number(number) => Jsonata::number(arena, number.as_f64().unwrap_or_default()),
        Value::String(text) => Jsonata::string(arena, text),
        Value::Array(items) => {
            let array = Jsonata::array(arena, ArrayFlags::empty());
            items.iter().for_each(|item| array.push(jsonata(arena, item)));
            array
        }
        Value::Object(fields) => {
            let object = Jsonata::object(arena);
            fields.iter().for_each(|(name, field)| object.insert(name, jsonata(arena, field)));
            object
        }
    }
}

/// A value as JSON; `None` for what JSON can't hold.
fn json<'a>(value: &'a Jsonata<'a>) -> Option<Value> {
    Some(if value.is_null() {
        Value::Null
    } else if value.is_bool() {
        value.as_bool().into()
    } else if value.is_integer() {
        (value.as_isize() as i64).into()
    } else if value.is_number() {
        Number::from_f64(value.as_f64())?.into()
    } else if value.is_string() {
        value.as_str().into()
    } else if value.is_array() {
        value.members().map(json).collect::<Option<Vec<_>>>()?.into()
    } else if value.is_object() {
        value
            .entries()
            .map(|(name, field)| Some((name.to_string(), json(field)?)))
            .collect::<Option<Map<_, _>>>()?
            .into()
    } else {
        return None;
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(expression: &str) -> Result<Value, Failure> {
        let states = json!({
            "input": { "id": "012345678901", "waits": 44, "empty": [], "one": [1], "none": null },
            "errorOutput": { "Error": "E", "Cause": "{\"errorMessage\": \"why\", \"trace\": [\"a\", 1.5, true]}" },
        });
        evaluate(&json!(format!("{{% {expression} %}}")), &states)
    }

    #[test]
    fn a_value_is_handed_on_exactly() {
        let input = json!({ "id": "012345678901", "waits": 44, "empty": [], "one": [1], "none": null });
        assert_eq!(of("$states.input"), Ok(input));
        assert_eq!(of("$states.input.waits + 1"), Ok(json!(45)));
        assert_eq!(
            of("$merge([{ 'a': 1 }, { 'a': 2, 'b': $states.input.none }])"),
            Ok(json!({ "a": 2, "b": null }))
        );
    }

    #[test]
    fn parse_reads_the_json_in_a_text() {
        assert_eq!(of("$parse($states.errorOutput.Cause).errorMessage"), Ok(json!("why")));
        assert_eq!(of("$parse($states.errorOutput.Cause).trace"), Ok(json!(["a", 1.5, true])));
    }

    #[test]
    fn an_expression_without_a_value_fails_with_its_text() {
        for expression in ["$states.input.missing", "1 +", "$parse('{')", "$undefined(1)"] {
            let failure = of(expression).unwrap_err();
            assert_eq!(failure.error, "States.QueryEvaluationError", "{expression}");
            assert!(failure.cause.starts_with(&format!("{expression}: ")), "{}", failure.cause);
        }
    }

    #[test]
    fn text_around_no_expression_stays_as_it_is() {
        let field = json!({ "a": ["{% 1 %}", "{%", 2], "b": "${x}" });
        assert_eq!(evaluate(&field, &Value::Null), Ok(json!({ "a": [1, "{%", 2], "b": "${x}" })));
    }
}
