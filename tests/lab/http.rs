//! HTTP/1.1 at the level of bytes, for clients and servers that must be able to violate it.

use std::io::{Error, ErrorKind, Result};

use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _};

/// Everything before a body: the first line, and the headers as received.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) first_line: String,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
}

impl Head {
    /// Reads the next head; `None` if the peer has closed the connection before its first byte.
    pub(crate) async fn read(stream: &mut (impl AsyncBufRead + Unpin)) -> Result<Option<Self>> {
        let Some(first_line) = line(stream).await? else {
            return Ok(None);
        };
        let mut headers = Vec::new();
        while let Some(line) = line(stream).await? {
            if line.is_empty() {
                let first_line = text(&first_line);
                return Ok(Some(Self {
                    first_line,
                    headers,
                }));
            }
            let Some(colon) = line.iter().position(|&byte| byte == b':') else {
                return Err(Error::new(
                    ErrorKind::InvalidData,
                    "a header without a colon",
                ));
            };
            headers.push((
                text(&line[..colon]),
                line[colon + 1..].trim_ascii().to_vec(),
            ));
        }
        Err(ErrorKind::UnexpectedEof.into())
    }

    /// The first header with this name.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let (_, value) = self
            .headers
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))?;
        Some(text(value))
    }

    /// The body of a response: chunked, by its length, or to the end of the connection.
    pub(crate) async fn read_body(
        &self,
        stream: &mut (impl AsyncBufRead + Unpin),
    ) -> Result<Vec<u8>> {
        let mut body = Vec::new();
        if self
            .header("transfer-encoding")
            .is_some_and(|value| value.ends_with("chunked"))
        {
            while let size @ 1.. = chunk_size(stream).await? {
                let start = body.len();
                body.resize(start + size, 0);
                stream.read_exact(&mut body[start..]).await?;
                line(stream).await?;
            }
            while line(stream)
                .await?
                .is_some_and(|trailer| !trailer.is_empty())
            {}
        } else if let Some(length) = self.header("content-length") {
            let length = length
                .parse()
                .map_err(|_| Error::from(ErrorKind::InvalidData))?;
            body.resize(length, 0);
            stream.read_exact(&mut body).await?;
        } else {
            stream.read_to_end(&mut body).await?;
        }
        Ok(body)
    }
}

/// Bytes as text, one character per byte, without loss.
pub(crate) fn text(bytes: &[u8]) -> String {
    bytes.iter().map(|&byte| char::from(byte)).collect()
}

async fn chunk_size(stream: &mut (impl AsyncBufRead + Unpin)) -> Result<usize> {
    let line = line(stream).await?.ok_or(ErrorKind::UnexpectedEof)?;
    usize::from_str_radix(text(&line).trim(), 16).map_err(|_| ErrorKind::InvalidData.into())
}

async fn line(stream: &mut (impl AsyncBufRead + Unpin)) -> Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    if stream.read_until(b'\n', &mut line).await? == 0 {
        return Ok(None);
    }
    while line
        .last()
        .is_some_and(|byte| matches!(byte, b'\r' | b'\n'))
    {
        line.pop();
    }
    Ok(Some(line))
}
