//! The little HTTP/1.1 that a host needs. Written by hand, so that a test sees what came to the byte and an answer can be
//! wrong to the byte.

use std::io;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::answer::{Head, Script, Step};
use crate::host::State;
use crate::seen::Ended;
use crate::wire::{Asked, Wire};

/// The longest head and body that are read.
const MOST: usize = 64 << 20;

/// One thing that a host does on a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Write {
    Send(Bytes),
    Wait(Duration),
    Stall,
    Close,
    Reset,
}

/// Answers the requests of a connection.
pub(crate) async fn serve(state: &State, connection: u64, wire: Wire) {
    let (mut from, mut to) = tokio::io::split(wire);
    let mut held = BytesMut::new();
    let mut after = After::KeepAlive;
    while after == After::KeepAlive {
        let Ok(Some(mut asked)) = read(&mut from, &mut held).await else { break };
        let number = state.arrived(connection, &mut asked);
        let writes = writes(&state.script(&asked));
        let ended;
        (ended, after) = play(&writes, &mut from, &mut to, &mut held).await;
        state.ended(number, ended);
    }
    if after == After::Reset {
        let _ = from.unsplit(to).will_reset();
    }
}

/// A script as HTTP/1.1: in as few writes as the pauses allow, or in one write a byte. Where there are no streams and
/// nobody asks whether the peer is there, a connection is closed, or says nothing.
pub(crate) fn writes(script: &Script) -> Vec<Write> {
    let mut writes = Vec::new();
    let mut bytes = Vec::new();
    // What is stated, and what came.
    let (mut length, mut sent) = (None, 0);
    for step in &script.steps {
        let write = match step {
            Step::Head(head) => {
                length = head.length;
                bytes.extend_from_slice(written(head).as_bytes());
                continue;
            }
            Step::Data(data) if length.is_some() => {
                sent += data.len() as u64;
                bytes.extend_from_slice(data);
                continue;
            }
            Step::Data(data) => {
                bytes.extend_from_slice(format!("{:x}\r\n", data.len()).as_bytes());
                bytes.extend_from_slice(data);
                bytes.extend_from_slice(b"\r\n");
                continue;
            }
            Step::End if length.is_none() => {
                bytes.extend_from_slice(b"0\r\n\r\n");
                continue;
            }
            Step::End if length == Some(sent) => continue,
            Step::GoAway(0) => continue,
            Step::End | Step::Close | Step::GoAway(_) | Step::ResetStream(_) => Write::Close,
            Step::Wait(pause) => Write::Wait(*pause),
            Step::Stall | Step::Mute => Write::Stall,
            Step::Reset => Write::Reset,
        };
        send(std::mem::take(&mut bytes), script.drip, &mut writes);
        writes.push(write);
    }
    send(bytes, script.drip, &mut writes);
    writes
}

fn send(bytes: Vec<u8>, drip: bool, writes: &mut Vec<Write>) {
    let bytes = Bytes::from(bytes);
    match (bytes.len(), drip) {
        (0, _) => {}
        (len, true) => writes.extend((0..len).map(|at| Write::Send(bytes.slice(at..=at)))),
        (_, false) => writes.push(Write::Send(bytes)),
    }
}

fn written(head: &Head) -> String {
    let mut text = format!("HTTP/1.1 {} Simulated\r\n", head.status);
    for (name, value) in &head.headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    match head.length {
        Some(length) => text.push_str(&format!("content-length: {length}\r\n\r\n")),
        None => text.push_str("transfer-encoding: chunked\r\n\r\n"),
    }
    text
}

/// What is to be done with the connection after an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum After {
    KeepAlive,
    Close,
    Reset,
}

/// Plays an answer, until its last write or until the peer hangs up.
async fn play(
    writes: &[Write],
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    held: &mut BytesMut,
) -> (Ended, After) {
    for write in writes {
        let done = tokio::select! {
            biased;
            () = hang_up(from, held) => return (Ended::HungUp, After::Close),
            done = one(write, to) => done,
        };
        match (write, done) {
            (_, Err(_)) => return (Ended::HungUp, After::Close),
            (Write::Close, Ok(())) => return (Ended::BrokenOff, After::Close),
            (Write::Reset, Ok(())) => return (Ended::BrokenOff, After::Reset),
            (Write::Send(_) | Write::Wait(_) | Write::Stall, Ok(())) => {}
        }
    }
    (Ended::Answered, After::KeepAlive)
}

async fn one(write: &Write, to: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
    match write {
        Write::Send(bytes) => {
            to.write_all(bytes).await?;
            to.flush().await
        }
        Write::Wait(pause) => {
            tokio::time::sleep(*pause).await;
            Ok(())
        }
        Write::Stall => std::future::pending().await,
        Write::Close | Write::Reset => Ok(()),
    }
}

/// Resolves when the peer has closed; what else it sends is held for the next request.
async fn hang_up(from: &mut (impl AsyncRead + Unpin), held: &mut BytesMut) {
    while let Ok(1..) = from.read_buf(held).await {}
}

/// Reads the next request; `None` where the peer has closed, or sends what we do not read.
pub(crate) async fn read(from: &mut (impl AsyncRead + Unpin), held: &mut BytesMut) -> io::Result<Option<Asked>> {
    let end = loop {
        if let Some(at) = held.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        if held.len() > MOST || from.read_buf(held).await? == 0 {
            return Ok(None);
        }
    };
    let head = held.split_to(end).freeze();
    let Some(length) = body_length(&head) else { return Ok(None) };
    while held.len() < length {
        if from.read_buf(held).await? == 0 {
            return Ok(None);
        }
    }
    Ok(Some(Asked { head, body: held.split_to(length).freeze(), before: 0 }))
}

/// The body's length; `None` where it is chunked or too long.
fn body_length(head: &[u8]) -> Option<usize> {
    let text = String::from_utf8_lossy(head).to_ascii_lowercase();
    let value = |name: &str| {
        text.split("\r\n").filter_map(|line| line.split_once(':')).find(|(key, _)| *key == name).map(|(_, v)| v.trim())
    };
    if value("transfer-encoding").is_some() {
        return None;
    }
    value("content-length").map_or(Some(0), |length| length.parse().ok().filter(|n| *n <= MOST))
}
