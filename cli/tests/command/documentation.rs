//! What the README and the pages show of the command is what it prints.

use std::path::Path;

use snapbox::{Data, assert_data_eq};

use crate::sandbox::{Done, Sandbox, copy};

/// When the files of the fixtures were written, by the README: 2026-11-21T11:12:00Z.
const WRITTEN: u64 = 1_795_259_520;

/// Runs a command as a page shows it, and holds what it prints to what the page shows; a line of `...`
/// stands for any lines.
#[track_caller]
fn prints_what_is_shown(page: &str, command: &str) -> Done {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let text = std::fs::read_to_string(root.join(page)).unwrap().replace(" \\\n    ", " ");
    let (_, shown) = text.split_once(&format!("$ {command}\n")).expect("the page shows the command");
    let end = shown.find("\n$ ").into_iter().chain(shown.find("```")).min().expect("the block has an end");
    let sandbox = Sandbox::new();
    copy(&root.join("tests/fixtures"), &sandbox.path("tests/fixtures"));
    for report in sandbox.list("tests/fixtures/organization") {
        sandbox.date(&format!("tests/fixtures/organization/{report}"), WRITTEN);
    }
    let arguments: Vec<&str> = command.split(' ').skip(1).collect();
    let done = sandbox.run(&arguments);
    assert_data_eq!(&done.stdout, Data::text(shown[..end].trim_end().to_owned() + "\n"));
    done
}

#[test]
fn the_readme_shows_what_is_printed() {
    let done =
        prints_what_is_shown("README.md", "rollcall analyze tests/fixtures/organization --as-of 2026-11-21");
    assert_eq!(done.status, 1);
}

#[test]
fn the_page_of_the_command_shows_what_diff_prints() {
    let done = prints_what_is_shown(
        "docs/command.md",
        "rollcall diff tests/fixtures/organization tests/fixtures/organization-a-month-later --old-as-of 2026-11-21 --as-of 2026-12-21",
    );
    assert_eq!(done.status, 1);
}

#[test]
fn the_page_of_the_command_shows_what_explain_prints() {
    let done = prints_what_is_shown("docs/command.md", "rollcall explain root-used");
    assert_eq!(done.status, 0);
}
