//! The documents are correct: tables equal the code, examples and commands work, and paths, links
//! and the tests that they name exist.

mod attach;
mod checklist;
mod commands;
mod companion;
mod demo;
mod doctor;
mod document;
mod examples;
mod fuzz;
mod gateway;
mod karma;
mod links;
mod migration;
mod options;
mod recipes;
mod reference;
mod sources;
mod words;
