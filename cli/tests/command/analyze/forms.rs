//! The forms of findings, on standard output and in files.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Stdio;

use serde_json::Value;

use crate::night::{DAY, FAILING, night};
use crate::reports::{ANNA, AS_OF, BEN, User, analyze_loose, loose, report};
use crate::sandbox::Sandbox;

/// Checks that a text is the findings of [`night`] in this form.
#[track_caller]
fn is_in_form(form: &str, text: &str, findings: &[Value]) {
    let count = findings.len();
    match form {
        "table" => assert!(text.contains(&format!("{count} findings: "))),
        "csv" => assert_eq!(text.lines().count(), count + 1),
        "jsonl" => {
            let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            assert_eq!(lines, findings);
        }
        "json" => {
            let document: Value = serde_json::from_str(text).unwrap();
            assert_eq!(document["findings"].as_array().unwrap(), findings);
            let coverage = &document["run"]["coverage"];
            let missing = coverage["failed"].as_u64().unwrap() + coverage["no_outcome"].as_u64().unwrap();
            assert_eq!(missing, FAILING as u64);
        }
        "html" => {
            assert!(text.starts_with("<!doctype html>") && text.contains("default-src &#39;none&#39;"));
        }
        _ => {
            let log: Value = serde_json::from_str(text).unwrap();
            assert_eq!(log["runs"][0]["results"].as_array().unwrap().len(), count);
        }
    }
}

const FORMS: [(&str, &str); 6] = [
    ("table", "findings.txt"),
    ("csv", "findings.csv"),
    ("json", "findings.json"),
    ("jsonl", "findings.jsonl"),
    ("html", "summary.html"),
    ("sarif", "findings.sarif"),
];

#[test]
fn every_form_goes_to_standard_output_or_into_a_file_by_its_ending() {
    let sandbox = night();
    let findings = sandbox.run(&["analyze", DAY, "--format", "jsonl"]).findings();
    assert_eq!(findings.len(), 3);
    for (form, file) in FORMS {
        is_in_form(form, &sandbox.run(&["analyze", DAY, "--format", form]).stdout, &findings);
        let done = sandbox.run(&["analyze", DAY, "--output", file]);
        is_in_form(form, &sandbox.read(file), &findings);
        assert_eq!(done.status, 2);
        assert!(done.stdout.ends_with(&format!("wrote {file}\n")));
        assert!(done.stdout.contains("3 findings: "), "the summary is still printed");
        let done = sandbox.run(&["analyze", DAY, "--output", file, "--quiet"]);
        assert_eq!((done.stdout.as_str(), done.stderr.lines().count()), ("", 1));
    }
}

#[test]
fn a_file_whose_ending_is_that_of_another_form_is_refused() {
    let sandbox = night();
    for (form, file) in [("json", "x.csv"), ("csv", "x.html"), ("jsonl", "x.json")] {
        let done = sandbox.run(&["analyze", DAY, "--format", form, "--output", file]);
        assert!(
            done.refusal()
                .starts_with(&format!("--output {file} is for another format than --format {form}"))
        );
        assert!(!sandbox.path(file).exists());
    }
    for (form, file) in [("sarif", "x.json"), ("json", "x.json"), ("csv", "x.data")] {
        let done = sandbox.run(&["analyze", DAY, "--format", form, "--output", file]);
        assert!(done.stdout.ends_with(&format!("wrote {file}\n")));
    }
}

#[test]
fn several_forms_go_into_a_folder() {
    let sandbox = night();
    let findings = sandbox.run(&["analyze", DAY, "--format", "jsonl"]).findings();
    let formats = FORMS.map(|(form, _)| form).join(",");
    let done = sandbox.run(&["analyze", DAY, "--format", &formats, "--output", "findings/"]);
    assert_eq!(done.status, 2);
    for (form, file) in FORMS {
        is_in_form(form, &sandbox.read(&format!("findings/{file}")), &findings);
    }
}

#[test]
fn asff_is_a_file_for_each_call_of_security_hub() {
    let sandbox = Sandbox::new();
    let names: Vec<&'static str> = (0..150).map(|number| &*format!("user-{number:03}").leak()).collect();
    let users: Vec<User> = names.into_iter().map(|name| User::new(name).with_key(100)).collect();
    sandbox.write("report.csv", report(ANNA, &users));
    let arguments = ["--as-of", AS_OF, "--format", "asff", "--region", "us-east-1", "--output", "out/"];
    sandbox.run(&[&["analyze", "report.csv"], &arguments[..]].concat());
    let batches = sandbox.list("out/asff");
    assert_eq!(batches, [format!("{ANNA}-1.json"), format!("{ANNA}-2.json")]);
    let lengths = batches.iter().map(|name| {
        let batch: Value = serde_json::from_str(&sandbox.read(&format!("out/asff/{name}"))).unwrap();
        batch.as_array().unwrap().len()
    });
    assert_eq!(lengths.collect::<Vec<_>>(), [100, 50]);
    sandbox.write("out/asff/notes.json", "mine");
    sandbox.run(&[&["analyze", "report.csv", "--access-key-stale", "off"], &arguments[..]].concat());
    assert_eq!(sandbox.list("out/asff"), ["notes.json"], "no batch of an earlier analysis is left");
}

#[test]
fn asff_needs_a_region_and_takes_it_where_a_connection_does() {
    let sandbox = loose();
    let arguments = analyze_loose(&["--format", "asff"]);
    let done = sandbox.run(&[&arguments[..], &["--region", "us-east-1"]].concat());
    assert_eq!(done.status, 1);
    assert!(done.stdout.contains(&format!("us-east-1:{BEN}:product")), "{}", done.stdout);
    for variable in ["AWS_REGION", "AWS_DEFAULT_REGION"] {
        let command = sandbox.command(&arguments).env(variable, "us-east-1");
        assert_eq!(crate::sandbox::Done::of(command).stdout.len(), done.stdout.len(), "{variable}");
    }
    assert_eq!(
        sandbox.run(&arguments).refusal(),
        "there is no AWS Region: give --region, set AWS_REGION, or set one in the profile"
    );
}

#[test]
fn a_file_that_is_there_stays_as_it_is_when_nothing_can_be_written() {
    let sandbox = loose();
    sandbox.write("findings.asff.json", "yesterday's");
    assert_eq!(sandbox.run(&analyze_loose(&["--output", "findings.asff.json"])).status, 2);
    assert_eq!(sandbox.read("findings.asff.json"), "yesterday's");
}

#[test]
fn a_link_that_is_written_to_stays_one() {
    let sandbox = loose();
    sandbox.write("real.csv", "before");
    symlink(sandbox.path("real.csv"), sandbox.path("link.csv")).unwrap();
    sandbox.run(&analyze_loose(&["--output", "link.csv"]));
    assert!(fs::symlink_metadata(sandbox.path("link.csv")).unwrap().is_symlink());
    assert!(sandbox.read("real.csv").starts_with("account_id,"));
}

#[test]
fn a_pipe_that_is_closed_after_the_first_line_does_not_change_the_status() {
    let sandbox = loose();
    sandbox.write(&format!("loose/{ANNA}.csv"), "");
    for form in ["table", "csv", "json", "jsonl", "html", "sarif", "asff"].into_iter().cycle().take(21) {
        let mut process = std::process::Command::new(env!("CARGO_BIN_EXE_rollcall"))
            .args(["analyze", "loose", "--format", form, "--region", "us-east-1"])
            .current_dir(sandbox.path("."))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(process.stdout.take());
        let done = process.wait_with_output().unwrap();
        assert_eq!(done.status.code(), Some(2), "{form}");
        let said = String::from_utf8(done.stderr).unwrap();
        assert!(said.contains("the report is empty"), "{form}: {said}");
        assert!(!said.contains("writing the output failed"), "{form}: {said}");
    }
}
