//! Which protocol a connection without TLS speaks, by its first bytes. They are read once and handed on.

use std::pin::Pin;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::{Sleep, sleep};

use crate::http2::PREFACE;

/// The first bytes of a connection, and what they begin.
#[derive(Debug)]
pub(crate) struct Opening {
    pub(crate) bytes: BytesMut,
    pub(crate) http2: bool,
    /// When the first head must be whole.
    pub(crate) due: Option<Pin<Box<Sleep>>>,
}

impl Opening {
    /// Nothing was read.
    pub(crate) fn none() -> Self {
        Self { bytes: BytesMut::new(), http2: false, due: None }
    }
}

const READ: usize = 8 << 10;

/// Reads until it is clear what they begin; mostly once. What ends, breaks or comes too late is for HTTP/1 to refuse.
pub(crate) async fn read<S: AsyncRead + Unpin>(stream: &mut S, within: Duration) -> Opening {
    let (mut bytes, mut due) = (BytesMut::with_capacity(READ), Box::pin(sleep(within)));
    loop {
        let more = tokio::select! {
            biased;
            read = stream.read_buf(&mut bytes) => matches!(read, Ok(1..)),
            () = &mut due => false,
        };
        if !more || bytes.len() >= PREFACE.len() || !PREFACE.starts_with(&bytes) {
            let http2 = bytes.starts_with(PREFACE);
            return Opening { bytes, http2, due: Some(due) };
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncWriteExt, duplex};

    use super::*;

    async fn opened(pieces: &[&[u8]], within: Duration) -> Opening {
        // A piece at a time: each is read before the next fits.
        let (mut near, mut far) = duplex(pieces.iter().map(|piece| piece.len()).max().unwrap_or(1).max(1));
        let writing = async {
            for piece in pieces {
                far.write_all(piece).await.expect("a reader");
                tokio::task::yield_now().await;
            }
        };
        let (opening, ()) = tokio::join!(read(&mut near, within), writing);
        opening
    }

    #[tokio::test]
    async fn the_preface_is_known_however_it_comes_and_nothing_else_is_taken_for_it() {
        let long = Duration::from_secs(60);
        let bytes: Vec<&[u8]> = PREFACE.chunks(1).collect();
        for (pieces, http2) in [
            (vec![PREFACE], true),
            (vec![b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04"], true),
            (bytes, true),
            (vec![b"PRI * HTTP/2.0\r\n\r\nSX\r\n\r\n"], false),
            (vec![b"POST / HTTP/1.1\r\n"], false),
            (vec![b"G"], false),
            (vec![b"P", b"U"], false),
        ] {
            let opening = opened(&pieces, long).await;
            assert_eq!((opening.http2, &opening.bytes[..]), (http2, &pieces.concat()[..]));
        }
    }

    #[tokio::test]
    async fn what_stops_in_the_middle_is_handed_on_in_time() {
        let (mut near, mut far) = duplex(64);
        far.write_all(&PREFACE[..5]).await.expect("room");
        let opening = read(&mut near, Duration::from_millis(1)).await;
        assert_eq!((opening.http2, &opening.bytes[..]), (false, &PREFACE[..5]));
        drop(far);
        let opening = read(&mut near, Duration::from_secs(60)).await;
        assert_eq!((opening.http2, opening.bytes.len()), (false, 0));
    }
}
