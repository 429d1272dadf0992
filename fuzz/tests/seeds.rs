//! Every check of the fuzzing, over the inputs that fuzzing starts from and those that once broke
//! something. Reports of both kinds are fixtures of the tests.

use std::fs;
use std::path::Path;

use rollcall_fuzz::{analysis, exemptions, report, step_inputs, user_rows};

/// Calls `check` with every file of `folder`, which is relative to the root of the repository.
fn every_file(folder: &str, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder);
    let files: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(!files.is_empty(), "{} is empty", folder.display());
    for file in files {
        // Shown only when the check fails.
        println!("{}", file.display());
        check(&fs::read(&file).unwrap());
    }
}

#[test]
fn no_report_makes_the_parser_panic() {
    every_file("tests/fixtures/reports", report::check);
}

#[test]
fn exemptions_are_refused_or_read_the_same_again() {
    every_file("fuzz/seeds/exemptions", exemptions::check);
}

#[test]
fn every_output_of_a_night_holds() {
    every_file("fuzz/seeds/analysis", analysis::check);
    every_file("tests/fixtures/reports", analysis::check);
}

#[test]
fn step_inputs_are_refused_or_read_the_same_again() {
    every_file("fuzz/seeds/step_inputs", step_inputs::check);
}

#[test]
fn the_row_of_any_user_is_read_as_it_was_meant() {
    every_file("fuzz/seeds/user_rows", user_rows::check);
}
