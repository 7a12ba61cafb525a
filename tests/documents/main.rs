//! The documents are correct: tables equal the code, examples and commands work, and paths, links
//! and the tests that they name exist.

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
mod words;
