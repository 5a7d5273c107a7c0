//! What has just changed, for those who watch.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::broadcast;

use super::rows::{Agent, Alert, Camera, Cursor, Event};

/// How many changes a slow watcher may fall behind before it must resume by cursor.
const BEHIND_MAX: usize = 4096;

/// Something changed; the row as it is after the change.
#[derive(Clone, Debug)]
pub enum Change {
    Event(Arc<Event>),
    Alert(Arc<Alert>),
    Camera(Arc<Camera>),
    Agent(Arc<Agent>),
}

/// Announces changes in the order of their cursors, only after their commit.
#[derive(Debug)]
pub(super) struct Live {
    /// Held while announcing, so that order of cursors is order of arrival.
    head: Mutex<Cursor>,
    sender: broadcast::Sender<(Cursor, Change)>,
}

impl Live {
    pub(super) fn new(head: Cursor) -> Self {
        Self {
            head: Mutex::new(head),
            sender: broadcast::Sender::new(BEHIND_MAX),
        }
    }

    pub(super) fn subscribe(&self) -> broadcast::Receiver<(Cursor, Change)> {
        self.sender.subscribe()
    }

    pub(super) fn head(&self) -> Cursor {
        *self.head.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Announces what a commit changed; `head` is its last cursor.
    pub(super) fn committed(&self, head: Cursor, changes: Vec<(Cursor, Change)>) {
        let mut last = self.head.lock().unwrap_or_else(PoisonError::into_inner);
        *last = head.max(*last);
        for change in changes {
            // An error only says that nobody is watching.
            drop(self.sender.send(change));
        }
    }

    /// Announces what is not stored, such as the state a camera was just reported in.
    pub(super) fn reported(&self, changes: Vec<Change>) {
        let last = self.head.lock().unwrap_or_else(PoisonError::into_inner);
        for change in changes {
            drop(self.sender.send((*last, change)));
        }
    }
}
