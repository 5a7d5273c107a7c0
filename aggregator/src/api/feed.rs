//! Changes in the order of their commits: first those missed, then those that happen, with none
//! lost or repeated where one turns into the other.

use std::{collections::VecDeque, time::Duration};

use tokio::sync::broadcast::{Receiver, error::RecvError};

use crate::store::{Change, Cursor, Store, StoreError};

/// How many missed changes are read at once.
const PAGE: u32 = 256;

/// Follows the store's changes. [`Feed::next`] may be dropped and called again.
pub(super) struct Feed {
    store: Store,
    live: Receiver<(Cursor, Change)>,
    /// Of the last stored change given out; everything up to it was given.
    last: Cursor,
    missed: VecDeque<(Cursor, Change)>,
    catching_up: bool,
    /// Nothing live was given since the catching up: falling behind until then was not the
    /// reader's fault.
    fresh: bool,
}

/// One change.
#[derive(Debug)]
pub(super) struct Update {
    /// Resume after this; `None` for what is not stored, such as a camera's frame rate.
    pub(super) cursor: Option<Cursor>,
    pub(super) change: Change,
}

/// Why there are no more changes.
#[derive(Debug)]
pub(super) enum FeedEnd {
    /// The reader fell behind; everything up to `resume` was given.
    Slow {
        resume: Cursor,
    },
    /// The store was closed.
    Closed,
    Store(StoreError),
}

/// The cursor to resume from is after the last commit: the store was restored from a backup.
#[derive(Debug)]
pub(super) struct Ahead {
    pub(super) head: Cursor,
}

impl Feed {
    /// What happens from now on.
    pub(super) fn from_now(store: Store) -> Self {
        // Subscribed before the head is read: what falls between the two is skipped by its cursor.
        let live = store.live();
        let last = store.head();
        Self {
            store,
            live,
            last,
            missed: VecDeque::new(),
            catching_up: false,
            fresh: true,
        }
    }

    /// What has happened after `cursor`, and then from now on.
    pub(super) async fn after(store: Store, cursor: Cursor) -> Result<Self, Ahead> {
        if store.head() < cursor {
            // A reader may know of a commit an instant before it is announced.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let mut feed = Self::from_now(store);
        if feed.last < cursor {
            return Err(Ahead { head: feed.last });
        }
        feed.catching_up = cursor < feed.last;
        feed.last = cursor;
        Ok(feed)
    }

    /// Everything up to this was given.
    pub(super) fn position(&self) -> Cursor {
        self.last
    }

    /// Waits for the next change.
    pub(super) async fn next(&mut self) -> Result<Update, FeedEnd> {
        loop {
            if let Some((cursor, change)) = self.missed.pop_front() {
                self.last = cursor;
                return Ok(Update {
                    cursor: Some(cursor),
                    change,
                });
            }
            if self.catching_up {
                let page = self.store.changes_since(self.last, PAGE).await;
                self.missed = page.map_err(FeedEnd::Store)?.into();
                self.catching_up = !self.missed.is_empty();
                continue;
            }
            match self.live.recv().await {
                Ok((cursor, change)) => {
                    if let Some(update) = self.pass(cursor, change) {
                        return Ok(update);
                    }
                }
                Err(RecvError::Lagged(_)) if self.fresh => self.catching_up = true,
                Err(RecvError::Lagged(_)) => return Err(FeedEnd::Slow { resume: self.last }),
                Err(RecvError::Closed) => return Err(FeedEnd::Closed),
            }
        }
    }

    /// A live change, unless it was given while catching up.
    fn pass(&mut self, cursor: Cursor, change: Change) -> Option<Update> {
        if self.last < cursor {
            self.last = cursor;
            self.fresh = false;
            return Some(Update {
                cursor: Some(cursor),
                change,
            });
        }
        // Reports are announced under the last commit's cursor. They are states, not events:
        // telling one twice does no harm.
        let report = matches!(change, Change::Camera(_) | Change::Agent(_));
        report.then_some(Update {
            cursor: None,
            change,
        })
    }
}
