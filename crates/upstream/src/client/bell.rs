use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};

/// Wakes whoever waits for a connection, while he waits. He who drives a connection himself needs no word of what he
/// brings about by it.
#[derive(Default)]
pub(super) struct Bell {
    has_rung: AtomicBool,
    listener: Mutex<Option<Waker>>,
}

impl Bell {
    /// Forgets that it has rung. What it rang for before can be seen after this.
    pub(super) fn hush(&self) {
        self.has_rung.swap(false, Ordering::AcqRel);
    }

    /// Whether it has rung since it was hushed.
    pub(super) fn has_rung(&self) -> bool {
        self.has_rung.load(Ordering::Acquire)
    }

    /// Wakes the listener once, when it rings, or at once where it has rung since it was hushed.
    pub(super) fn listen(&self, listener: &Waker) {
        let mut place = self.listener();
        // Whoever rings says so before he looks for a listener: so one of the two sees the other.
        if self.has_rung() {
            drop(place);
            listener.wake_by_ref();
        } else {
            *place = Some(listener.clone());
        }
    }

    fn listener(&self) -> MutexGuard<'_, Option<Waker>> {
        self.listener.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.has_rung.store(true, Ordering::Release);
        let listener = self.listener().take();
        if let Some(listener) = listener {
            listener.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_ring_is_heard_once_by_who_listens() {
        let bell = Arc::new(Bell::default());
        let count = Arc::new(Count::default());
        let (rope, ear) = (Waker::from(Arc::clone(&bell)), Waker::from(Arc::clone(&count)));
        let heard = || count.0.load(Ordering::Relaxed);
        bell.listen(&ear);
        assert_eq!((heard(), bell.has_rung()), (0, false));
        rope.wake_by_ref();
        rope.wake_by_ref();
        assert_eq!((heard(), bell.has_rung()), (1, true));
        bell.listen(&ear);
        assert_eq!(heard(), 2, "it rang before anybody listened");
        bell.hush();
        rope.wake_by_ref();
        assert_eq!((heard(), bell.has_rung()), (2, true), "nobody listens");
    }
}
