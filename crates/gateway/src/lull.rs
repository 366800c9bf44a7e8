//! Whether a connection has a request at hand. One that has none can be closed, once its caller had the time to send one
//! that was on its way.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

/// The requests of one connection.
#[derive(Debug, Default)]
pub(crate) struct Lull {
    begun: AtomicUsize,
    ended: AtomicUsize,
    end: Notify,
}

/// A request that runs until this is dropped.
#[derive(Debug)]
pub(crate) struct Work(Arc<Lull>);

/// How long a caller has for a request after the last answer that did not say it was the last.
const LAST_CALL: Duration = Duration::from_secs(1);

impl Lull {
    pub(crate) fn begin(self: &Arc<Self>) -> Work {
        self.begun.fetch_add(1, Ordering::SeqCst);
        Work(Arc::clone(self))
    }

    /// Waits until no request runs, and none came within the time for a last one.
    pub(crate) async fn wait(&self) {
        loop {
            let begun = self.begun.load(Ordering::SeqCst);
            if self.ended.load(Ordering::SeqCst) < begun {
                self.end.notified().await;
                continue;
            }
            tokio::time::sleep(LAST_CALL).await;
            if self.begun.load(Ordering::SeqCst) == begun {
                return;
            }
        }
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        self.0.ended.fetch_add(1, Ordering::SeqCst);
        self.0.end.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_lull_begins_once_nothing_runs_and_nothing_more_came() {
        let lull = Arc::<Lull>::default();
        let work = lull.begin();
        let mut waiting = pin!(lull.wait());
        assert!(waiting.as_mut().now_or_never().is_none());
        drop(work);
        assert!(waiting.as_mut().now_or_never().is_none(), "another may be on its way");
        let another = lull.begin();
        tokio::time::sleep(LAST_CALL).await;
        assert!(waiting.as_mut().now_or_never().is_none(), "and it was");
        drop(another);
        waiting.await;
    }
}
