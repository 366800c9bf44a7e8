//! A whole answer in pieces: the next is handed on when the one before has left, so that what is held for a caller who reads
//! slowly is known to be held.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

/// Bytes that are known from the beginning, as a body.
#[derive(Debug)]
pub(crate) struct Pieces(Bytes);

/// As much as a connection buffers. Most answers are shorter, and are one piece.
pub(crate) const PIECE: usize = 64 << 10;

impl Pieces {
    pub(crate) fn new(bytes: Bytes) -> Self {
        Self(bytes)
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let rest = &mut self.0;
        let next = rest.split_to(PIECE.min(rest.len()));
        Poll::Ready((!next.is_empty()).then(|| Ok(Frame::data(next))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn an_answer_of_any_length_comes_whole_and_none_of_its_pieces_is_long() {
        for length in [0, 1, PIECE - 1, PIECE, PIECE + 1, 5 * PIECE + 7] {
            let bytes: Bytes = (0..length).map(|at| u8::try_from(at % 251).expect("small")).collect();
            let mut body = Pieces::new(bytes.clone());
            let mut whole = Vec::new();
            while !body.is_end_stream() {
                assert_eq!(body.size_hint().exact(), Some((length - whole.len()) as u64));
                let piece = body.frame().await.expect("a piece").expect("sound").into_data().expect("data");
                assert!(piece.len() <= PIECE);
                whole.extend_from_slice(&piece);
            }
            assert!(body.frame().await.is_none());
            assert_eq!(whole, bytes);
        }
    }
}
