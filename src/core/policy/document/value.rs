//! Reading values of strictly parsed JSON as the types of a document. An error has its path: each level adds
//! its step.

use super::error::DocumentError;
use super::shape::Shape;
use crate::json::Json;

/// A type of the document. `null` is no value of any of them: `paths:` with no value would otherwise match
/// every path.
pub(super) trait Wire: Sized {
    /// What [`Wire::read`] accepts.
    const SHAPE: Shape;

    /// Reads a value, or says what it should be.
    fn read(value: &Json) -> Result<Self, DocumentError>;
}

/// The members of an object.
pub(super) fn members(value: &Json) -> Result<&[(String, Json)], DocumentError> {
    let members = value.as_object();
    members.ok_or_else(|| DocumentError::wrong_type(value, "a mapping"))
}

/// Reads a member that is given.
pub(super) fn read_into<T: Wire>(
    value: &Json,
    member: &mut Option<T>,
) -> Result<(), DocumentError> {
    *member = Some(T::read(value)?);
    Ok(())
}

impl Wire for bool {
    const SHAPE: Shape = Shape::Boolean;

    fn read(value: &Json) -> Result<Self, DocumentError> {
        let truth = value.as_bool();
        truth.ok_or_else(|| DocumentError::wrong_type(value, "true or false"))
    }
}

impl Wire for f64 {
    const SHAPE: Shape = Shape::Number;

    fn read(value: &Json) -> Result<Self, DocumentError> {
        let number = match value {
            Json::Number(number) => number.as_f64(),
            _ => None,
        };
        number.ok_or_else(|| DocumentError::wrong_type(value, "a number"))
    }
}

impl Wire for String {
    const SHAPE: Shape = Shape::String;

    fn read(value: &Json) -> Result<Self, DocumentError> {
        let text = value.as_str();
        let text = text.ok_or_else(|| DocumentError::wrong_type(value, "a string"))?;
        Ok(text.to_owned())
    }
}

impl Wire for Json {
    const SHAPE: Shape = Shape::Any;

    fn read(value: &Json) -> Result<Self, DocumentError> {
        Ok(value.clone())
    }
}

impl<T: Wire> Wire for Vec<T> {
    const SHAPE: Shape = Shape::List(&T::SHAPE);

    fn read(value: &Json) -> Result<Self, DocumentError> {
        let elements = value.as_array();
        let elements = elements.ok_or_else(|| DocumentError::wrong_type(value, "a list"))?;
        let mut read = Self::with_capacity(elements.len());
        for (index, element) in elements.iter().enumerate() {
            read.push(T::read(element).map_err(|error| error.in_element(index))?);
        }
        Ok(read)
    }
}
