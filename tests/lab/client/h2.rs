//! A request over HTTP/2.

use std::convert::Infallible;
use std::error::Error;
use std::future;
use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http2;
use hyper::header::HeaderName;
use hyper::{HeaderMap, Method, Request};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::call::Call;
use super::connection::Connection;
use super::response::Response;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

pub(super) async fn send(call: &Call, address: SocketAddr) -> Outcome<Response> {
    timeout(Connection::TIMEOUT, exchange(call, address)).await?
}

async fn exchange(call: &Call, address: SocketAddr) -> Outcome<Response> {
    let stream = TcpStream::connect(address).await?;
    let (mut sender, connection) =
        http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await?;
    let driver = tokio::spawn(connection);
    let response = sender.send_request(request(call)?).await?;
    let status = response.status().as_u16();
    let headers = pairs(response.headers());
    // A CONNECT tunnel stays open, so there is no end of the body to wait for.
    let tunnel = call.method == "CONNECT" && status == 200;
    let (body, trailers) = if tunnel {
        (Vec::new(), Vec::new())
    } else {
        let collected = response.into_body().collect().await?;
        let trailers = collected.trailers().map(pairs).unwrap_or_default();
        (collected.to_bytes().to_vec(), trailers)
    };
    driver.abort();
    let response = Response {
        status,
        headers,
        body,
        trailers,
    };
    Ok(response.with_registered_secrets())
}

fn request(call: &Call) -> Outcome<Request<BoxBody<Bytes, Infallible>>> {
    let method: Method = call.method.parse()?;
    let uri = if method == Method::CONNECT {
        call.path.clone()
    } else {
        format!("http://{}{}", call.host, call.path)
    };
    let mut builder = Request::builder().method(method).uri(uri);
    for (name, value) in &call.headers {
        builder = builder.header(name.as_slice(), value.as_slice());
    }
    let body = Full::from(call.body.clone());
    if call.trailers.is_empty() {
        return Ok(builder.body(body.boxed())?);
    }
    let mut trailers = HeaderMap::new();
    for (name, value) in &call.trailers {
        trailers.append(HeaderName::from_bytes(name.as_bytes())?, value.parse()?);
    }
    let body = body.with_trailers(future::ready(Some(Ok(trailers))));
    Ok(builder.body(body.boxed())?)
}

fn pairs(headers: &HeaderMap) -> Vec<(String, Vec<u8>)> {
    headers
        .iter()
        .map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()))
        .collect()
}
