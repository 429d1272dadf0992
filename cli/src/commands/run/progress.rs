//! How far a run is: a bar on a terminal, lines in a log, nothing with `--quiet`.

use std::cell::Cell;
use std::collections::HashMap;
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use rollcall_core::organization::failure::{FailureCode, PendingReason};

use crate::terminal::escaping::safe;

/// How often a log says how far the run is.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// How far a run is.
pub(super) struct Progress {
    shown: Shown,
    names: HashMap<String, String>,
    accounts: usize,
    collected: Cell<usize>,
    failed: Cell<usize>,
    waiting: Cell<usize>,
    has_printed_waiting: Cell<bool>,
    last_line: Cell<Instant>,
}

enum Shown {
    Bar(ProgressBar),
    Lines,
    Nothing,
}

impl Progress {
    /// The progress of `accounts`, of which none is done yet.
    pub(super) fn new(quiet: bool, names: impl Iterator<Item = (String, String)>, accounts: usize) -> Self {
        let shown = match (quiet, io::stderr().is_terminal()) {
            (true, _) => Shown::Nothing,
            (false, true) => Shown::Bar(bar(accounts)),
            (false, false) => Shown::Lines,
        };
        Self {
            shown,
            names: names.collect(),
            accounts,
            collected: Cell::new(0),
            failed: Cell::new(0),
            waiting: Cell::new(0),
            has_printed_waiting: Cell::new(false),
            last_line: Cell::new(Instant::now()),
        }
    }

    /// How many accounts have a report.
    pub(super) fn complete(&self) -> usize {
        self.collected.get()
    }

    pub(super) fn collected(&self) {
        add(&self.collected, 1);
        self.show();
    }

    pub(super) fn failed(&self, account_id: &str, code: FailureCode, message: &str) {
        add(&self.failed, 1);
        self.line(&format!("failed {}: {code}: {message}", self.account(account_id)));
        self.show();
    }

    pub(super) fn not_recorded(&self) {
        add(&self.failed, 1);
        self.show();
    }

    /// The first wait of a single account is printed; of many, their number is enough.
    pub(super) fn waiting(&self, account_id: &str, reason: PendingReason) {
        add(&self.waiting, 1);
        if self.accounts == 1 && !self.has_printed_waiting.replace(true) {
            self.line(&format!("{} is not ready ({}), waiting", self.account(account_id), words(reason)));
        }
        self.show();
    }

    pub(super) fn asked_again(&self) {
        self.waiting.set(self.waiting.get() - 1);
    }

    /// Takes the bar away.
    pub(super) fn end(&self) {
        match &self.shown {
            Shown::Bar(bar) => bar.finish_and_clear(),
            Shown::Lines | Shown::Nothing => {}
        }
    }

    fn account(&self, account_id: &str) -> String {
        match self.names.get(account_id).map_or("", |name| name) {
            "" => account_id.to_owned(),
            name => format!("{account_id} {}", safe(name)),
        }
    }

    /// Prints a line that stays.
    fn line(&self, text: &str) {
        let text = safe(text);
        match &self.shown {
            Shown::Bar(bar) => bar.println(text),
            Shown::Lines => write_line(&text),
            Shown::Nothing => {}
        }
    }

    fn show(&self) {
        let (collected, failed) = (self.collected.get(), self.failed.get());
        let done = collected + failed;
        let state = format!("{failed} failed, {} waiting", self.waiting.get());
        match &self.shown {
            Shown::Bar(bar) => {
                bar.set_message(state);
                bar.set_position(done as u64);
            }
            Shown::Lines if done == self.accounts || self.last_line.get().elapsed() >= LINE_EVERY => {
                self.last_line.set(Instant::now());
                write_line(&format!("{done} of {} accounts done, {state}", self.accounts));
            }
            Shown::Lines | Shown::Nothing => {}
        }
    }
}

fn bar(accounts: usize) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(accounts as u64), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("[{bar:20}] {pos} of {len} accounts, {msg}, {eta} left")
        .expect("the template is one")
        .progress_chars("=> ");
    bar.set_style(style);
    bar.set_message("0 failed, 0 waiting");
    bar.enable_steady_tick(Duration::from_millis(500));
    bar
}

fn words(reason: PendingReason) -> &'static str {
    match reason {
        PendingReason::Started | PendingReason::InProgress => "IAM is making the report",
        PendingReason::Expired => "IAM has to make the report again",
        PendingReason::NoCapacity => "IAM has no capacity",
        PendingReason::Throttled => "over the rate",
        PendingReason::Unavailable => "no answer",
        PendingReason::StorageUnavailable => "the store does not answer",
    }
}

fn write_line(text: &str) {
    // When standard error is gone, there is nowhere left to report it.
    let _ = writeln!(anstream::stderr(), "{text}");
}

fn add(number: &Cell<usize>, more: usize) {
    number.set(number.get() + more);
}
