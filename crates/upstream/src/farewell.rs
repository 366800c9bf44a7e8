//! The last word to a host that keeps something of a job: that it is to be deleted. It is an errand, which carries nothing; it
//! is said whatever became of the job, and nobody waits for it but the end of the process.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use phi_dialect::job::Farewell;
use phi_words::RouteId;
use tokio::runtime::Handle;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::client::{Client, Sent, Trouble};
use crate::hosts::Target;
use crate::keys::Shown;

/// How long is waited before it is said, and said again where the host did not hear it.
const PAUSES: [Duration; 3] = [Duration::ZERO, Duration::from_secs(2), Duration::from_secs(10)];
/// How long a host may take to hear it, and how much of its answer is read.
const WITHIN: Duration = Duration::from_secs(10);
const LONGEST: usize = 64 << 10;

/// Everything that is being said at last.
#[derive(Clone, Default)]
pub(crate) struct Farewells(Arc<Mutex<JoinSet<()>>>);

/// To whom it is said: the host that was asked, with the key that it was shown.
pub(crate) struct Addressee {
    pub(crate) client: Client,
    pub(crate) target: Target,
    pub(crate) key: Option<Shown>,
    pub(crate) route: RouteId,
}

impl Farewells {
    /// Says it, in a task of its own. Where nothing runs any more, nothing can be said.
    pub(crate) fn say(&self, to: Addressee, farewell: Farewell) {
        let Ok(runtime) = Handle::try_current() else { return };
        let mut all = self.all();
        while all.try_join_next().is_some() {}
        all.spawn_on(to.hears(farewell), &runtime);
    }

    /// Waits until all is said that was begun, and no longer than that.
    pub(crate) async fn over(&self, within: Duration) {
        let mut all = std::mem::take(&mut *self.all());
        let said = async { while all.join_next().await.is_some() {} };
        if tokio::time::timeout(within, said).await.is_err() {
            tracing::warn!("hosts were not told to delete what they keep: there was no time for it");
        }
    }

    fn all(&self) -> MutexGuard<'_, JoinSet<()>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Addressee {
    async fn hears(self, farewell: Farewell) {
        for pause in PAUSES {
            tokio::time::sleep(pause).await;
            if self.heard(&farewell).await.unwrap_or(false) {
                return;
            }
        }
        tracing::warn!(route = %self.route, "a host was not told to delete what it keeps");
    }

    /// Whether the host has heard it.
    async fn heard(&self, farewell: &Farewell) -> Result<bool, Trouble> {
        let message = farewell.message();
        let (answers, until) = (message.answers, Instant::now() + WITHIN);
        let sent = Sent::default();
        let arrived = self.client.tell(&self.target, message, self.key.as_ref(), (until, true), &sent).await?;
        let heard = answers.contains(&arrived.status().as_u16());
        // Read to its end, the connection is kept; whatever it says is dropped.
        drop(arrived.whole(LONGEST).await);
        Ok(heard)
    }
}

impl fmt::Debug for Farewells {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Farewells").field("running", &self.all().len()).finish()
    }
}
