//! Plays an answer on a connection while watching whether the peer is still there.

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::answer::Step;
use crate::seen::Ended;

/// What is to be done with the connection after an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum After {
    KeepAlive,
    Close,
    Reset,
}

/// Plays the steps, until the last or until the peer hangs up.
pub(crate) async fn play(
    steps: &[Step],
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    held: &mut BytesMut,
) -> (Ended, After) {
    for step in steps {
        let done = tokio::select! {
            biased;
            () = hang_up(from, held) => return (Ended::HungUp, After::Close),
            done = one(step, to) => done,
        };
        match (step, done) {
            (_, Err(_)) => return (Ended::HungUp, After::Close),
            (Step::Close, Ok(())) => return (Ended::BrokenOff, After::Close),
            (Step::Reset, Ok(())) => return (Ended::BrokenOff, After::Reset),
            (Step::Send(_) | Step::Wait(_) | Step::Stall, Ok(())) => {}
        }
    }
    (Ended::Answered, After::KeepAlive)
}

async fn one(step: &Step, to: &mut (impl AsyncWrite + Unpin)) -> std::io::Result<()> {
    match step {
        Step::Send(bytes) => {
            to.write_all(bytes).await?;
            to.flush().await
        }
        Step::Wait(pause) => {
            tokio::time::sleep(*pause).await;
            Ok(())
        }
        Step::Stall => std::future::pending().await,
        Step::Close | Step::Reset => Ok(()),
    }
}

/// Resolves when the peer has closed; what else it sends is held for the next request.
async fn hang_up(from: &mut (impl AsyncRead + Unpin), held: &mut BytesMut) {
    while let Ok(1..) = from.read_buf(held).await {}
}
