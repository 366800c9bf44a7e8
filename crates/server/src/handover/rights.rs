//! File descriptors on their way to another process: beside one byte, since they cannot travel alone.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
    recvmsg, sendmsg,
};
use tokio::io::Interest;
use tokio::net::UnixStream;

/// How many are sent.
pub(super) const COUNT: usize = 6;
/// What they travel with. No word begins so.
const BYTE: u8 = b'R';

pub(super) async fn send(stream: &UnixStream, files: [BorrowedFd<'_>; COUNT]) -> io::Result<()> {
    let sent = stream.async_io(Interest::WRITABLE, || {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(COUNT))];
        let mut rights = SendAncillaryBuffer::new(&mut space);
        if !rights.push(SendAncillaryMessage::ScmRights(&files)) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        Ok(sendmsg(stream, &[IoSlice::new(&[BYTE])], &mut rights, SendFlags::NOSIGNAL)?)
    });
    sent.await.map(drop)
}

/// Receives them; `None` where something else comes, of which nothing is read.
pub(super) async fn receive(stream: &UnixStream) -> io::Result<Option<[OwnedFd; COUNT]>> {
    let mut first = [0];
    let peek = stream.async_io(Interest::READABLE, || {
        Ok(recvmsg(stream, &mut [IoSliceMut::new(&mut first)], &mut RecvAncillaryBuffer::default(), RecvFlags::PEEK)?)
    });
    peek.await?;
    if first != [BYTE] {
        return Ok(None);
    }
    let mut files = Vec::new();
    let received = stream.async_io(Interest::READABLE, || {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(COUNT))];
        let mut rights = RecvAncillaryBuffer::new(&mut space);
        let flags = RecvFlags::CMSG_CLOEXEC;
        recvmsg(stream, &mut [IoSliceMut::new(&mut first)], &mut rights, flags)?;
        for message in rights.drain() {
            if let RecvAncillaryMessage::ScmRights(received) = message {
                files.extend(received);
            }
        }
        Ok(())
    });
    received.await?;
    files.try_into().map(Some).map_err(|_| io::ErrorKind::InvalidData.into())
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::{Read, Seek, Write};
    use std::os::fd::AsFd;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn files_arrive_as_they_were_sent_and_words_are_left_alone() {
        let (mut near, mut far) = UnixStream::pair().expect("a pair");
        let files: Vec<File> = (0..COUNT).map(|_| tempfile::tempfile().expect("a file")).collect();
        let rights: Vec<BorrowedFd<'_>> = files.iter().map(AsFd::as_fd).collect();
        send(&near, rights.try_into().expect("six")).await.expect("sent");
        let received = receive(&far).await.expect("received").expect("rights");
        for (n, (mut file, received)) in files.iter().zip(received).enumerate() {
            write!(&mut file, "{n}").expect("written");
            let mut received = File::from(received);
            received.rewind().expect("a file");
            let mut text = String::new();
            received.read_to_string(&mut text).expect("read");
            assert_eq!(text, n.to_string());
        }
        near.write_all(b"{}\n").await.expect("written");
        assert!(receive(&far).await.expect("no error").is_none());
        let mut word = [0; 3];
        far.read_exact(&mut word).await.expect("a word");
        assert_eq!(&word, b"{}\n");
    }
}
