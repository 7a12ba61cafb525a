//! What the documents say is so: every table is the code's own, every example works, every command
//! runs, every path and every link leads somewhere, and every test that they name exists.

mod checklist;
mod commands;
mod demo;
mod document;
mod examples;
mod links;
mod options;
mod people;
mod reference;
mod running;
mod sources;
