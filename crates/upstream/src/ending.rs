use phi_words::{Code, Refusal, Wait};
use tokio::sync::watch;

/// Hears when what still runs has to end.
#[derive(Debug, Clone)]
pub struct Ending(watch::Receiver<bool>);

/// Says so, to all of them.
#[derive(Debug)]
pub(crate) struct End(watch::Sender<bool>);

impl End {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(false))
    }

    pub(crate) fn now(&self) {
        self.0.send_replace(true);
    }

    pub(crate) fn is_now(&self) -> bool {
        *self.0.borrow()
    }

    pub(crate) fn ending(&self) -> Ending {
        Ending(self.0.subscribe())
    }
}

impl Ending {
    /// Waits for it.
    pub async fn wait(&mut self) {
        if self.0.wait_for(|ends| *ends).await.is_err() {
            std::future::pending().await
        }
    }

    /// What the caller is told then.
    pub fn refusal() -> Refusal {
        Refusal::new(
            Code::Draining,
            "this server is about to stop",
            "try again: another one answers, or this one once it is back",
        )
        .wait(Wait::new(std::time::Duration::from_secs(2)))
    }
}
