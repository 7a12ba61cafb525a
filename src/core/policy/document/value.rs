//! A deserializer over strictly parsed JSON. An error has its path: each level adds its step.

use std::iter::Enumerate;
use std::slice;

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{
    DeserializeSeed, Deserializer, Error as _, Expected, MapAccess, SeqAccess, Unexpected, Visitor,
};
use serde::forward_to_deserialize_any;

use super::error::DocumentError;
use crate::json::{Json, Step};

/// A parsed value. It accepts only an object for a struct: serde's derived code would also accept
/// an array, with the members in the order of their declaration.
#[derive(Clone, Copy)]
pub(super) struct Value<'a>(pub(super) &'a Json);

impl Value<'_> {
    /// The error for a value of the wrong type.
    fn wrong_type(self, expected: &dyn Expected) -> DocumentError {
        let found = match self.0 {
            Json::Null => Unexpected::Unit,
            Json::Bool(truth) => Unexpected::Bool(*truth),
            Json::Number(number) => match (number.as_u64(), number.as_i64()) {
                (Some(number), _) => Unexpected::Unsigned(number),
                (_, Some(number)) => Unexpected::Signed(number),
                _ => Unexpected::Float(f64::NAN),
            },
            Json::String(text) => Unexpected::Str(text),
            Json::Array(_) => Unexpected::Seq,
            Json::Object(_) => Unexpected::Map,
        };
        DocumentError::invalid_type(found, expected)
    }
}

/// Each type in a policy has its own method: with a single method, every branch would be compiled
/// again for each visitor.
impl<'de> Deserializer<'de> for Value<'de> {
    type Error = DocumentError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DocumentError> {
        match self.0 {
            Json::Null => visitor.visit_unit(),
            Json::Bool(_) => self.deserialize_bool(visitor),
            Json::Number(number) => match (number.as_u64(), number.as_i64()) {
                (Some(number), _) => visitor.visit_u64(number),
                (_, Some(number)) => visitor.visit_i64(number),
                _ => self.deserialize_f64(visitor),
            },
            Json::String(_) => self.deserialize_str(visitor),
            Json::Array(_) => self.deserialize_seq(visitor),
            Json::Object(_) => self.deserialize_map(visitor),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DocumentError> {
        match self.0 {
            Json::Bool(truth) => visitor.visit_bool(*truth),
            _ => Err(self.wrong_type(&visitor)),
        }
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DocumentError> {
        let number = if let Json::Number(number) = self.0 {
            number.as_f64()
        } else {
            None
        };
        match number {
            Some(number) => visitor.visit_f64(number),
            None => Err(self.wrong_type(&visitor)),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DocumentError> {
        match self.0 {
            Json::String(text) => visitor.visit_borrowed_str(text),
            _ => Err(self.wrong_type(&visitor)),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DocumentError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DocumentError> {
        match self.0 {
            Json::Array(elements) => visitor.visit_seq(Elements {
                left: elements.iter().enumerate(),
            }),
            _ => Err(self.wrong_type(&visitor)),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DocumentError> {
        match self.0 {
            Json::Object(members) => visitor.visit_map(Members {
                left: members.iter(),
                entered: None,
            }),
            _ => Err(self.wrong_type(&visitor)),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DocumentError> {
        self.deserialize_map(visitor)
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 char bytes byte_buf option unit unit_struct
        newtype_struct tuple tuple_struct enum identifier ignored_any
    }
}

/// The elements of an array, each of which adds its index to the path of an error.
struct Elements<'a> {
    left: Enumerate<slice::Iter<'a, Json>>,
}

impl<'de> SeqAccess<'de> for Elements<'de> {
    type Error = DocumentError;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, DocumentError> {
        let Some((index, element)) = self.left.next() else {
            return Ok(None);
        };
        let element = seed.deserialize(Value(element)).map(Some);
        element.map_err(|error| error.through(Step::Element(index)))
    }
}

/// The members of an object, each of which adds its name to the path of an error.
struct Members<'a> {
    left: slice::Iter<'a, (String, Json)>,
    /// The member whose name was returned last.
    entered: Option<&'a (String, Json)>,
}

impl<'de> MapAccess<'de> for Members<'de> {
    type Error = DocumentError;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, DocumentError> {
        self.entered = self.left.next();
        let Some((name, _)) = self.entered else {
            return Ok(None);
        };
        let key = seed.deserialize(BorrowedStrDeserializer::new(name));
        key.map(Some)
            .map_err(|error: DocumentError| member(error, name))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<S::Value, DocumentError> {
        let Some((name, value)) = self.entered else {
            return Err(DocumentError::custom("a value before its name"));
        };
        let value = seed.deserialize(Value(value));
        value.map_err(|error| member(error, name))
    }
}

/// The error in the member of this name, seen from its object.
fn member(error: DocumentError, name: &str) -> DocumentError {
    error.through(Step::Member(name.to_owned()))
}
