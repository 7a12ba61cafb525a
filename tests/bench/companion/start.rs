//! The time from the start of a program to its first response.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use portcullis_tests::lab::{Companion, folder, port, tools};

use crate::oauth2_proxy::{self, UPSTREAM};
use crate::report::median;
use crate::sign_in_stack::{self, SignInStack};

/// The interval between two probes.
const POLL_INTERVAL: Duration = Duration::from_micros(500);

/// Starts both programs in turn.
pub(super) async fn measure(stack: &SignInStack, rounds: u32) {
    // Another companion, whose files are used.
    let settings = Companion::with(stack.configuration(), &sign_in_stack::policy());
    let mut companion = settings.start().await;
    let ours = companion.address();
    companion.kill();
    let configuration = companion.file("companion.yaml");
    let (theirs, folder) = (port::free(), folder::fresh("oauth2-proxy"));
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..rounds {
        let mut command = Command::new(tools::companion());
        command.args(["serve", "--config"]).arg(&configuration);
        times[0].push(first_response(command, ours));
        let command = oauth2_proxy::command(stack, &folder, theirs, UPSTREAM);
        times[1].push(first_response(command, theirs));
    }
    println!("{:<36}{:>11}", "start to the first response", "ms");
    for (name, times) in ["Portcullis", "oauth2-proxy"].into_iter().zip(times) {
        println!("{name:<36}{:>11.1}", median(times));
    }
}

/// Milliseconds until the first response to `/ping`.
fn first_response(mut command: Command, address: SocketAddr) -> f64 {
    let began = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("a program that starts");
    while !responds(address) {
        let ended = child.try_wait().expect("the status of a child");
        assert!(ended.is_none(), "{:?} ended", command.get_program());
        thread::sleep(POLL_INTERVAL);
    }
    let milliseconds = began.elapsed().as_secs_f64() * 1e3;
    let _exited = child.kill();
    let _exited = child.wait();
    milliseconds
}

fn responds(address: SocketAddr) -> bool {
    let request = || {
        let mut stream = TcpStream::connect(address)?;
        stream.write_all(b"GET /ping HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
        let mut response = [0; 12];
        stream.read_exact(&mut response)?;
        Ok::<_, std::io::Error>(response == *b"HTTP/1.1 200")
    };
    request().unwrap_or_default()
}
