//! `portcullis schema`: the JSON Schemas of the files that people write.

use clap::{Args, ValueEnum};

use crate::{config, schema};

const EXAMPLE: &str = "\
Examples:
  portcullis schema policy > policy.schema.json            for editors and other validators
  portcullis schema companion > companion.schema.json

The first line of a YAML file tells an editor with the YAML language server which schema it has:

  # yaml-language-server: $schema=policy.schema.json

A schema knows names, types, patterns and required fields. It does not know that names are unique, that a
referenced name exists, or how values depend on each other: `portcullis check` does.

Exit codes:
  0  the schema is printed
  1  the command line is invalid, or the output can't be written";

/// Prints the JSON Schema of a file, for editors and other validators
///
/// The schemas come from the types that read the files. They are valid in draft 7 and in draft 2020-12, and
/// have no references, so that they can be embedded in another schema.
#[derive(Args, Debug)]
#[command(after_long_help = EXAMPLE)]
pub(crate) struct Arguments {
    /// The kind of file
    #[arg(value_name = "KIND")]
    kind: Kind,
}

/// The kinds of files.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    /// The policy: `portcullis.yaml`
    Policy,
    /// The companion's configuration: `companion.yaml`
    Companion,
    /// The configuration of `portcullis attach --config`
    Attach,
    /// The test cases of `portcullis test`
    Test,
}

/// Returns the schema.
pub(crate) fn run(arguments: &Arguments) -> String {
    let schema = match arguments.kind {
        Kind::Policy => schema::policy(),
        Kind::Companion => config::schema(),
        Kind::Attach => config::attach_schema(),
        Kind::Test => schema::test_file(),
    };
    format!("{schema:#}")
}
