//! `docs/run.schema.json` is for whoever reads `run.json`.

use rollcall_core::evidence::run_schema::run_schema;
use serde_json::Value;

#[test]
fn the_schema_in_the_docs_is_that_of_the_types() {
    let [of_the_types, in_the_docs]: [Value; 2] = [&run_schema(), include_str!("../../docs/run.schema.json")]
        .map(|text| serde_json::from_str(text).unwrap());
    assert!(
        of_the_types == in_the_docs,
        "docs/run.schema.json is not what the types say: write it again with cargo run -p rollcall-core --features schema --example run_schema > docs/run.schema.json"
    );
}
