//! The control socket: how a command reaches the running server, so that the ledger has one writer. It lies in the
//! data folder, only its owner may open it, and each connection carries one order and one answer, a JSON line each.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener as Listening;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use phi_gateway::Stop;
use phi_record::By;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc::unbounded_channel;
use tokio::task::JoinSet;

use crate::deployment::Deployment;
use crate::handover::{Handover, TakeOver};
use crate::orders::Order;
use crate::say::{self, Said};

/// The longest order: a body of half a megabyte to be explained, of which JSON makes six times as much at the worst.
const LONGEST: u64 = 4 << 20;

#[derive(Debug, Serialize, Deserialize)]
enum Answer {
    /// Progress, in words; the answer is yet to come.
    Note(String),
    Said(Said),
    Failed(Vec<String>),
}

/// Hands an order to the running server; `None` where none runs.
///
/// # Errors
/// What the server said was wrong, or a connection that broke.
pub(crate) async fn send(socket: &Path, order: &Order) -> anyhow::Result<Option<Said>> {
    let Ok(mut stream) = UnixStream::connect(socket).await else { return Ok(None) };
    let mut line = serde_json::to_vec(order)?;
    line.push(b'\n');
    stream.write_all(&line).await.context("the running server does not listen")?;
    let mut lines = BufReader::new(stream);
    loop {
        let mut answer = String::new();
        lines.read_line(&mut answer).await.context("the running server does not answer")?;
        match serde_json::from_str(&answer).context("the running server stopped before it answered")? {
            Answer::Note(note) => say::note(&note),
            Answer::Said(said) => return Ok(Some(said)),
            Answer::Failed(chain) => return Err(chained(chain)),
        }
    }
}

/// Makes the socket. From now on orders wait there to be taken.
///
/// # Errors
/// Where it cannot be made.
pub(crate) fn bind(socket: &Path) -> anyhow::Result<Listening> {
    // Whoever holds the data folder's lock is the only server, so a socket that lies here is a dead one's.
    let _ = std::fs::remove_file(socket);
    let listener = Listening::bind(socket).with_context(|| format!("`{}` cannot be made", socket.display()))?;
    std::fs::set_permissions(socket, std::fs::Permissions::from_mode(0o600))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Takes orders until told to stop, and removes the socket unless an heir has it. With the heir it talks on until the end.
pub(crate) async fn listen(
    listener: UnixListener,
    socket: PathBuf,
    deployment: Arc<Deployment>,
    handover: Arc<Handover>,
    mut stop: Stop,
) {
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = stop.wait_accepting() => break,
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        // Out of file descriptors, mostly: taking a breath lets connections end.
        let Ok((stream, _)) = accepted else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let (deployment, handover) = (Arc::clone(&deployment), Arc::clone(&handover));
        let stop = stop.clone();
        connections.spawn(async move {
            if let Err(error) = take(stream, &deployment, &handover, stop).await {
                tracing::debug!(error = %error, "an order was not heard");
            }
        });
    }
    if !handover.is_given() {
        let _ = std::fs::remove_file(&socket);
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

async fn take(
    mut stream: UnixStream,
    deployment: &Deployment,
    handover: &Handover,
    mut stop: Stop,
) -> anyhow::Result<()> {
    let uid = stream.peer_cred()?.uid();
    let mut line = String::new();
    let mut lines = BufReader::new((&mut stream).take(LONGEST));
    tokio::select! {
        read = lines.read_line(&mut line) => { read?; }
        // Whoever says nothing does not keep the server from ending.
        () = stop.wait() => return Ok(()),
    }
    if let Ok(asked) = serde_json::from_str::<TakeOver>(&line) {
        handover.talk(&asked, stream, deployment, stop).await;
        return Ok(());
    }
    let order: Order = match serde_json::from_str(&line) {
        Ok(order) => order,
        Err(_) => bail!("a line that is no order"),
    };
    let (notes, mut noted) = unbounded_channel();
    let mut running = pin!(order.run_noting(deployment, By::Operator(uid), notes));
    let said = loop {
        tokio::select! {
            biased;
            // Whoever has left is no reason not to go on: what was ordered is done.
            Some(note) = noted.recv() => if answer(&mut stream, &Answer::Note(note)).await.is_err() { noted.close() },
            said = &mut running => break said,
        }
    };
    let said = match said {
        Ok(said) => Answer::Said(said),
        Err(error) => Answer::Failed(error.chain().map(ToString::to_string).collect()),
    };
    answer(&mut stream, &said).await
}

async fn answer(stream: &mut UnixStream, answer: &Answer) -> anyhow::Result<()> {
    let mut line = serde_json::to_vec(answer)?;
    line.push(b'\n');
    stream.write_all(&line).await?;
    Ok(())
}

pub(crate) fn chained(chain: Vec<String>) -> anyhow::Error {
    let mut causes = chain.into_iter().rev();
    let first = anyhow!(causes.next().unwrap_or_else(|| "the running server failed".to_owned()));
    causes.fold(first, anyhow::Error::context)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn progress_is_heard_before_the_answer_and_is_not_taken_for_it() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("control.sock");
        let listener = UnixListener::from_std(bind(&socket).unwrap()).unwrap();
        let serve = async |answers: Vec<Answer>| {
            let (mut stream, _) = listener.accept().await.unwrap();
            BufReader::new(&mut stream).read_line(&mut String::new()).await.unwrap();
            for told in answers {
                answer(&mut stream, &told).await.unwrap();
            }
        };
        let note = |text: &str| Answer::Note(text.to_owned());
        let all = Said::Text("all".to_owned());
        let whole = serve(vec![note("half"), note("most"), Answer::Said(all.clone())]);
        let (said, ()) = tokio::join!(send(&socket, &Order::Reload), whole);
        assert_eq!(said.unwrap(), Some(all));
        let (said, ()) = tokio::join!(send(&socket, &Order::Reload), serve(vec![note("half")]));
        assert!(said.unwrap_err().to_string().contains("stopped before it answered"));
        drop(listener);
        assert_eq!(send(&socket, &Order::Reload).await.unwrap(), None, "nobody is there");
    }
}
