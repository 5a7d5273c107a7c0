//! Between the handles and the writer.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use proto::{Lane, StreamId};
use tokio::sync::{Notify, oneshot, watch};

use super::{
    PutError, ReadError,
    queue::{Entry, Queue},
    store::Mark,
    stream::{Placed, Slab, SlabLimits, Snapshot},
};

/// Reads that may wait for the writer; the uplink has one at a time.
const READS_MAX: usize = 16;
/// An acknowledgement may wait this long for a commit to share: if it is lost, the item is sent
/// again and the centre knows it.
const MARK_DELAY: Duration = Duration::from_secs(1);

pub(super) struct Read {
    pub(super) id: StreamId,
    pub(super) from: u64,
    pub(super) limits: SlabLimits,
    pub(super) answer: oneshot::Sender<Result<Slab, ReadError>>,
}

#[derive(Default)]
struct State {
    queue: Queue,
    reads: VecDeque<Read>,
    marks: BTreeMap<StreamId, Mark>,
    marks_since: Option<Instant>,
    /// The writer has taken entries, and has not come back for more.
    committing: bool,
    closing: bool,
}

/// What the writer is to do next.
#[derive(Default)]
pub(super) struct Work {
    pub(super) entries: Vec<(Lane, Entry)>,
    pub(super) marks: BTreeMap<StreamId, Mark>,
    pub(super) reads: VecDeque<Read>,
    /// Nothing will come after this.
    pub(super) last: bool,
}

pub(super) struct Shared {
    state: Mutex<State>,
    work: Condvar,
    room: Notify,
    room_blocking: Condvar,
    pub(super) snapshot: watch::Sender<Arc<Snapshot>>,
    /// True once the writer has ended.
    pub(super) ended: watch::Sender<bool>,
}

impl Shared {
    pub(super) fn new(snapshot: Snapshot) -> Self {
        Self {
            state: Mutex::default(),
            work: Condvar::new(),
            room: Notify::new(),
            room_blocking: Condvar::new(),
            snapshot: watch::Sender::new(Arc::new(snapshot)),
            ended: watch::Sender::new(false),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic while it was held left at worst an item half counted; the queue stays usable.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for room until `deadline`, then makes room.
    pub(super) async fn put(
        &self,
        lane: Lane,
        item: Vec<u8>,
        placed: Option<oneshot::Sender<Placed>>,
        deadline: Instant,
    ) -> Result<(), PutError> {
        loop {
            let room = self.room.notified();
            tokio::pin!(room);
            // Counts as waiting from here on: room made after the check below is not missed.
            room.as_mut().enable();
            {
                let mut state = self.lock();
                let late = Instant::now() >= deadline;
                if late || state.closing || state.queue.has_room(lane, item.len()) {
                    return self.push(&mut state, lane, item, placed);
                }
            }
            let _woken_or_late = tokio::time::timeout_at(deadline.into(), room).await.is_ok();
        }
    }

    /// As [`Self::put`], outside the async runtime.
    pub(super) fn put_blocking(
        &self,
        lane: Lane,
        item: Vec<u8>,
        placed: Option<oneshot::Sender<Placed>>,
        deadline: Instant,
    ) -> Result<(), PutError> {
        let mut state = self.lock();
        while !state.closing && !state.queue.has_room(lane, item.len()) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let waited = self.room_blocking.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        self.push(&mut state, lane, item, placed)
    }

    fn push(
        &self,
        state: &mut State,
        lane: Lane,
        item: Vec<u8>,
        placed: Option<oneshot::Sender<Placed>>,
    ) -> Result<(), PutError> {
        if state.closing {
            return Err(PutError::Closed);
        }
        state.queue.push(lane, item, placed, Instant::now());
        self.work.notify_one();
        Ok(())
    }

    /// Gives numbers to items that could not be kept.
    pub(super) fn push_dropped(&self, counts: [u64; 5]) {
        let mut state = self.lock();
        for lane in Lane::ALL {
            if counts[lane.index()] > 0 {
                state
                    .queue
                    .push_dropped(lane, counts[lane.index()], Instant::now());
            }
        }
    }

    pub(super) fn mark(&self, id: StreamId, acked: u64) {
        let mut state = self.lock();
        state.marks.insert(id, acked);
        state.marks_since.get_or_insert_with(Instant::now);
        self.work.notify_one();
    }

    pub(super) fn read(&self, read: Read) -> Result<(), ReadError> {
        let mut state = self.lock();
        if state.closing {
            return Err(ReadError::Closed);
        }
        if state.reads.len() >= READS_MAX {
            return Err(ReadError::Busy);
        }
        state.reads.push_back(read);
        self.work.notify_one();
        Ok(())
    }

    pub(super) fn close(&self) {
        self.lock().closing = true;
        self.work.notify_one();
        self.room.notify_waiters();
        self.room_blocking.notify_all();
    }

    pub(super) fn is_settled(&self) -> bool {
        let state = self.lock();
        state.queue.is_empty() && !state.committing
    }

    /// Blocks until there is something to do, or until `wake`.
    pub(super) fn next(&self, wake: Instant) -> Work {
        let mut state = self.lock();
        state.committing = false;
        loop {
            let now = Instant::now();
            let marks_due = state.marks_since.map(|since| since + MARK_DELAY);
            let due = [state.queue.due(), marks_due, Some(wake)]
                .into_iter()
                .flatten()
                .min();
            let due = due.unwrap_or(wake);
            if state.closing || !state.reads.is_empty() || due <= now {
                break;
            }
            let waited = self.work.wait_timeout(state, due - now);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        let now = Instant::now();
        let due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        let commit = state.closing
            || due(state.queue.due())
            || due(state.marks_since.map(|since| since + MARK_DELAY));
        let mut work = Work {
            reads: std::mem::take(&mut state.reads),
            ..Work::default()
        };
        if commit {
            work.entries = state.queue.take(now);
            state.committing = !work.entries.is_empty();
            work.marks = std::mem::take(&mut state.marks);
            state.marks_since = None;
            self.room.notify_waiters();
            self.room_blocking.notify_all();
        }
        work.last = state.closing && state.queue.is_empty();
        work
    }
}
