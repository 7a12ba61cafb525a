//! The names and types that the wire types read, as data: schemas and tools are derived from the readers. Only
//! constants, so that the filter does not contain what it does not use.

/// The type of a value in a policy.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Shape {
    /// Any value, which is validated later.
    Any,
    /// `true` or `false`.
    Boolean,
    /// `any`, or a list of strings.
    Hosts,
    /// A list.
    List(&'static Self),
    /// A number.
    Number,
    /// A mapping with these fields and no others. All are optional here; validation requires some.
    Object(&'static [(&'static str, Self)]),
    /// A string.
    String,
}
