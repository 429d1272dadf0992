//! The JSON Schema of `run.json`, as `docs/run.schema.json` has it. It is made of the types, and its
//! descriptions are their comments.

use schemars::generate::SchemaSettings;
use schemars::transform::{Transform, transform_subschemas};
use schemars::{Schema, SchemaGenerator};
use serde_json::Value;

use crate::evidence::manifest::Manifest;

/// The schema, as JSON for people.
pub fn run_schema() -> String {
    let settings = SchemaSettings::draft2020_12().for_serialize().with_transform(ForReaders);
    let mut schema = SchemaGenerator::new(settings).into_root_schema_for::<Manifest>();
    schema.insert("title".to_owned(), "run.json of Rollcall".into());
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.push('\n');
    text
}

/// Says of each object that it has no other fields, of each number nothing that only Rust knows, and each
/// description on one line.
#[derive(Clone)]
struct ForReaders;

impl Transform for ForReaders {
    fn transform(&mut self, schema: &mut Schema) {
        if schema.get("properties").is_some() && schema.get("type").is_some() {
            schema.insert("additionalProperties".to_owned(), false.into());
        }
        if schema.get("type").is_some_and(|of| of == "integer" || of == "number") {
            schema.remove("format");
        }
        if let Some(Value::String(description)) = schema.get_mut("description") {
            *description = description.replace('\n', " ");
        }
        transform_subschemas(self, schema);
    }
}
