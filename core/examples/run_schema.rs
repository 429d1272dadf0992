//! Writes the JSON Schema of `run.json`:
//! `cargo run -p rollcall-core --features schema --example run_schema > docs/run.schema.json`.

fn main() {
    print!("{}", rollcall_core::evidence::run_schema::run_schema());
}
