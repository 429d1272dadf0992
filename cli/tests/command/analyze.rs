//! `rollcall analyze`: flags risks in reports from anywhere, and names what it could not check.

mod accounts;
mod days;
mod flags;
mod folders;
mod forms;
mod unreadable;
