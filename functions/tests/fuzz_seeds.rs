//! Everything that is fuzzed, with the inputs that are kept: those that fuzzing starts from, and those
//! that once were a fault. A report that was is a fixture.

#[path = "../../fuzz/src/lib.rs"]
mod fuzz;

use std::fs;
use std::path::Path;

/// Gives `check` every file of `folder`, which is under the root of the repository.
fn every_file(folder: &str, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder);
    let files: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(!files.is_empty(), "{} is empty", folder.display());
    for file in files {
        // Printed only when the check fails.
        println!("{}", file.display());
        check(&fs::read(&file).unwrap());
    }
}

#[test]
fn no_report_makes_the_parser_panic() {
    every_file("tests/fixtures/reports", fuzz::report::check);
}

#[test]
fn exemptions_are_refused_or_read_the_same_again() {
    every_file("fuzz/seeds/exemptions", fuzz::exemptions::check);
}

#[test]
fn every_form_of_a_night_reads_back() {
    every_file("fuzz/seeds/analysis", fuzz::analysis::check);
    every_file("tests/fixtures/reports", fuzz::analysis::check);
}

#[test]
fn step_inputs_are_refused_or_read_the_same_again() {
    every_file("fuzz/seeds/step_inputs", fuzz::step_inputs::check);
}

#[test]
fn the_row_of_any_user_is_read_as_it_was_meant() {
    every_file("fuzz/seeds/user_rows", fuzz::user_rows::check);
}
