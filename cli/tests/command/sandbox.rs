//! A folder to run the command in, and what it printed.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde_json::Value;
use snapbox::cmd::{Command, cargo_bin};
use tempfile::TempDir;

/// When the files of a sandbox were written, unless a test says otherwise: 2026-01-30T23:00:00Z.
pub const WRITTEN: u64 = 1_769_814_000;

/// A folder of its own for one test, which the command runs in.
pub struct Sandbox {
    folder: TempDir,
}

/// What the command printed, and how it ended.
pub struct Done {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Sandbox {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// Where `path` is on the disk.
    pub fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    /// Writes a file, and the folders above it.
    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) -> &Self {
        let file = self.path(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, content).unwrap();
        self.date(path, WRITTEN)
    }

    /// Gives a file the time it was written, in seconds since 1970.
    pub fn date(&self, path: &str, seconds: u64) -> &Self {
        let file = fs::File::options().append(true).open(self.path(path)).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)).unwrap();
        self
    }

    /// The content of a file.
    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap()
    }

    /// The names of what is in a folder, in order.
    pub fn list(&self, path: &str) -> Vec<String> {
        let names: BTreeSet<String> = fs::read_dir(self.path(path))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.into_iter().collect()
    }

    /// Runs the command to its end.
    pub fn run(&self, arguments: &[&str]) -> Done {
        Done::of(self.command(arguments))
    }

    /// Runs the command with `stdin` to read.
    pub fn run_with_stdin(&self, arguments: &[&str], stdin: impl AsRef<[u8]>) -> Done {
        Done::of(self.command(arguments).stdin(stdin.as_ref()))
    }

    /// The command, ready to run in the sandbox, with nothing of the person's own environment.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let none = self.path("none");
        Command::new(cargo_bin!("rollcall"))
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .env("HOME", self.folder.path())
            .env("AWS_CONFIG_FILE", &none)
            .env("AWS_SHARED_CREDENTIALS_FILE", &none)
            .env("AWS_EC2_METADATA_DISABLED", "true")
    }
}

impl Done {
    /// What a command printed that runs to its end now.
    pub fn of(command: Command) -> Self {
        let output = command.output().unwrap();
        Self {
            status: output.status.code().expect("no signal ends it"),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The findings of `--format jsonl`.
    pub fn findings(&self) -> Vec<Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The document of `--format json`.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.stderr))
    }

    /// The errors, a line of standard error each.
    pub fn errors(&self) -> Vec<&str> {
        self.stderr.lines().filter_map(|line| line.strip_prefix("error: ")).collect()
    }

    /// What is noted besides, a line of standard error each.
    pub fn notes(&self) -> Vec<&str> {
        self.stderr.lines().filter_map(|line| line.strip_prefix("note: ")).collect()
    }

    /// The one sentence of a command that could not do what it was asked, and did nothing else.
    pub fn refusal(&self) -> &str {
        assert_eq!((self.status, self.stdout.as_str()), (2, ""), "{}", self.stderr);
        let line = self.stderr.strip_suffix('\n').unwrap();
        assert!(!line.contains('\n'), "more than one sentence: {line}");
        line.strip_prefix("error: ").unwrap()
    }
}

/// The values of a field, each once.
pub fn values<'f>(findings: &'f [Value], field: &str) -> BTreeSet<&'f str> {
    findings.iter().map(|finding| finding[field].as_str().unwrap()).collect()
}

/// Copies a folder and all that is in it.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        match source.is_dir() {
            true => copy(&source, &target),
            false => drop(fs::copy(&source, &target).unwrap()),
        }
    }
}
