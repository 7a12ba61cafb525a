//! The part of the protobuf wire format that is needed for Envoy: reading fields, and writing
//! length-delimited ones. A protobuf crate would make the module much larger.

use std::fmt;

/// A field in wire format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Field<'a> {
    /// The field number.
    pub(crate) number: u64,
    pub(crate) content: Content<'a>,
    /// The offset of the content in the whole message.
    pub(crate) offset: usize,
}

/// The content of a field. Wire types 3 and 4 (groups) are deprecated, and no message that is read
/// here has type 5.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content<'a> {
    /// Bytes, a string or a message.
    Bytes(&'a [u8]),
    /// Eight bytes, little endian.
    Fixed64([u8; 8]),
    /// An integer, an enum or a boolean.
    Varint(u64),
}

/// A parse error and its offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed {
    pub(crate) reason: Reason,
    pub(crate) offset: usize,
}

/// The kind of a parse error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    Truncated,
    VarintTooLong,
    WireType(u64),
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated => formatter.write_str("the message ends too early"),
            Self::VarintTooLong => formatter.write_str("an integer has more than 64 bits"),
            Self::WireType(number) => write!(formatter, "wire type {number} is not expected"),
        }
    }
}

/// An iterator over the fields of a message. It ends after an error.
#[derive(Debug, Clone)]
pub(crate) struct Fields<'a> {
    rest: &'a [u8],
    offset: usize,
}

impl<'a> Fields<'a> {
    /// The fields of `message`, which is at `offset` of the whole message.
    pub(crate) fn new(message: &'a [u8], offset: usize) -> Self {
        Self {
            rest: message,
            offset,
        }
    }

    fn field(&mut self) -> Result<Field<'a>, Reason> {
        let tag = self.varint()?;
        let (content, length) = match tag & 7 {
            0 => {
                let start = self.offset;
                let value = self.varint()?;
                (Content::Varint(value), self.offset.saturating_sub(start))
            }
            1 => {
                let bytes = *self.take(8)?.first_chunk().ok_or(Reason::Truncated)?;
                (Content::Fixed64(bytes), bytes.len())
            }
            2 => {
                let length = usize::try_from(self.varint()?).map_err(|_| Reason::Truncated)?;
                (Content::Bytes(self.take(length)?), length)
            }
            other => return Err(Reason::WireType(other)),
        };
        Ok(Field {
            number: tag >> 3,
            content,
            offset: self.offset.saturating_sub(length),
        })
    }

    fn varint(&mut self) -> Result<u64, Reason> {
        let mut value = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = *self.take(1)?.first().ok_or(Reason::Truncated)?;
            let bits = u64::from(byte & 0x7f);
            let placed = bits.wrapping_shl(shift);
            if placed.wrapping_shr(shift) != bits {
                return Err(Reason::VarintTooLong);
            }
            value |= placed;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Reason::VarintTooLong)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Reason> {
        let (taken, rest) = self
            .rest
            .split_at_checked(length)
            .ok_or(Reason::Truncated)?;
        self.rest = rest;
        self.offset = self.offset.saturating_add(length);
        Ok(taken)
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<Field<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = self.field().map_err(|reason| Malformed {
            reason,
            offset: self.offset,
        });
        if field.is_err() {
            self.rest = &[];
        }
        Some(field)
    }
}

/// Writes a length-delimited field: bytes, a string or a message. `number` is at most 15, so that
/// the tag is one byte.
pub(crate) fn put_bytes(message: &mut Vec<u8>, number: u8, content: &[u8]) {
    const LENGTH_DELIMITED: u8 = 2;
    message.push(number.wrapping_shl(3) | LENGTH_DELIMITED);
    let mut length = content.len();
    while length > 0x7f {
        message.push(0x80 | u8::try_from(length & 0x7f).unwrap_or_default());
        length >>= 7;
    }
    message.push(u8::try_from(length).unwrap_or_default());
    message.extend_from_slice(content);
}

#[cfg(test)]
mod tests;
