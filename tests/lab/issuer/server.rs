//! The issuer's end of the connections.

use std::future;
use std::io::Result;
use std::sync::Arc;

use rustls::ServerConfig;
use tokio::io::{AsyncWriteExt as _, BufReader};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::{Answer, Endpoint, Script, Seen};
use crate::lab::background::{self, Task};
use crate::lab::http::Head;

/// Serves `script` until the task ends, its connections with it. The receiver hears when it
/// listens.
pub(super) fn run(
    socket: TcpSocket,
    identity: Arc<ServerConfig>,
    script: Arc<Script>,
) -> (Task, oneshot::Receiver<()>) {
    let acceptor = TlsAcceptor::from(identity);
    let (listening, heard) = oneshot::channel();
    let task = background::spawn(async move {
        let listener = socket.listen(1024).expect("a port that is kept");
        let _heard = listening.send(());
        let mut connections = JoinSet::new();
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                continue;
            };
            let (acceptor, script) = (acceptor.clone(), Arc::clone(&script));
            connections.spawn(async move {
                // A client that does not trust us, or goes away, is no failure of the lab's.
                if let Ok(stream) = acceptor.accept(stream).await {
                    let _gone = serve(stream, &script).await;
                }
            });
            while connections.try_join_next().is_some() {}
        }
    });
    (task, heard)
}

async fn serve(stream: TlsStream<TcpStream>, script: &Script) -> Result<()> {
    let mut stream = BufReader::new(stream);
    while let Some(head) = Head::read(&mut stream).await? {
        let answer = match endpoint(&head) {
            Some((endpoint, path)) => script.answer(Seen {
                endpoint,
                path: path.to_owned(),
                host: head.header("host"),
                authorization: head.header("authorization"),
            }),
            None => Answer::status(404),
        };
        give(answer, stream.get_mut()).await?;
    }
    Ok(())
}

fn endpoint(head: &Head) -> Option<(Endpoint, &str)> {
    let path = head.first_line.split(' ').nth(1)?;
    let endpoint = if path.ends_with("/.well-known/openid-configuration") {
        Endpoint::Discovery
    } else if path == "/openid/v1/jwks" {
        Endpoint::Keys
    } else if path.starts_with("/oauth2/mirror/") {
        Endpoint::Mirror
    } else {
        return None;
    };
    Some((endpoint, path))
}

async fn give(answer: Answer, stream: &mut TlsStream<TcpStream>) -> Result<()> {
    match answer {
        Answer::Whole {
            status,
            headers,
            body,
        } => {
            let mut bytes = head(status, body.len());
            for (name, value) in headers {
                bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
            }
            bytes.extend_from_slice(b"\r\n");
            bytes.extend_from_slice(&body);
            stream.write_all(&bytes).await
        }
        Answer::Drip { body, pause } => {
            stream.write_all(&head(200, body.len())).await?;
            stream.write_all(b"\r\n").await?;
            for byte in body {
                stream.write_all(&[byte]).await?;
                stream.flush().await?;
                tokio::time::sleep(pause).await;
            }
            Ok(())
        }
        Answer::Truncated { body, sent } => {
            stream.write_all(&head(200, body.len())).await?;
            stream.write_all(b"\r\n").await?;
            stream.write_all(&body[..sent]).await?;
            stream.shutdown().await
        }
        Answer::Silence => future::pending().await,
        Answer::Reset => {
            // Closing with a linger of zero is what makes the kernel send RST in place of FIN.
            stream.get_mut().0.set_zero_linger()?;
            Err(std::io::ErrorKind::ConnectionReset.into())
        }
    }
}

fn head(status: u16, length: usize) -> Vec<u8> {
    format!("HTTP/1.1 {status} Status\r\ncontent-length: {length}\r\n").into_bytes()
}
