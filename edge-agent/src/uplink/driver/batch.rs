//! From the outbox's rows to batches.

use std::{sync::Arc, time::Duration};

use prost::Message as _;
use proto::{
    chain,
    limits::{BATCH_BYTES_MAX, BATCH_HEAD_BYTES_MAX, ITEMS_PER_BATCH_MAX, LOST_PER_BATCH_MAX},
    sender::{BatchRequest, Drafted},
    sign::Domain,
    v1::up::Message,
};

use super::{Driver, mono};
use crate::outbox::{ReadError, SlabLimits, Stream};

const READ_RETRY: Duration = Duration::from_secs(1);
const SLAB: SlabLimits = SlabLimits {
    items_max: ITEMS_PER_BATCH_MAX,
    bytes_max: BATCH_BYTES_MAX - BATCH_HEAD_BYTES_MAX,
    lost_max: LOST_PER_BATCH_MAX,
};

impl Driver {
    /// Tells the sender what changed since it was last told.
    pub(super) fn tell_of_outbox(&mut self) {
        // An error means that the outbox is closed; what it held last still counts.
        if !self.snapshots.has_changed().unwrap_or(false) {
            return;
        }
        let snapshot = Arc::clone(&self.snapshots.borrow_and_update());
        let mut gone = std::mem::take(&mut self.told);
        for stream in &snapshot.streams {
            let before = gone.remove(&stream.id);
            self.tell_of_stream(before, stream);
            self.told.insert(stream.id, *stream);
        }
        for id in gone.into_keys() {
            self.sender.forget(id);
        }
    }

    fn tell_of_stream(&mut self, before: Option<Stream>, stream: &Stream) {
        let Stream { id, base, next, .. } = *stream;
        if before.is_none_or(|before| before.next < next) {
            self.sender.stored(id, next);
        }
        if before.map_or(1, |before| before.base) < base {
            self.sender.evicted(id, base);
        }
    }

    pub(super) async fn send_batch(&mut self, request: BatchRequest) {
        let (stream, from, end) = (request.stream, request.first_seq, request.end_seq);
        let mut draft = request.draft();
        if from < end {
            match self.outbox.read(stream, from, SLAB).await {
                Ok(slab) if !slab.lost.is_empty() => {
                    // It asks again, and then for what follows.
                    slab.lost
                        .into_iter()
                        .for_each(|lost| self.sender.lost(stream, lost));
                    return;
                }
                Ok(slab) => {
                    let mut before = slab.prev_chain;
                    for (seq, item) in (slab.first_seq..).zip(slab.items) {
                        let after = chain::after(&before, &item);
                        if !draft.push(seq, &before, item) {
                            break;
                        }
                        before = after;
                    }
                }
                Err(ReadError::UnknownStream { .. }) => return self.sender.forget(stream),
                Err(error) => {
                    tracing::warn!(%error, "outbox cannot be read, trying again");
                    return tokio::time::sleep(READ_RETRY).await;
                }
            }
        }
        match draft.finish(self.sender.agent()) {
            Drafted::Batch(batch, receipt) => {
                let envelope = self.seal(Domain::Batch, batch.encode_to_vec());
                if self.send(Message::Batch(envelope)).await {
                    self.sender.sent(receipt, mono(self.origin));
                    self.report.send_modify(|state| state.batches_sent += 1);
                }
            }
            Drafted::Hole(stream, lost) => self.sender.lost(stream, lost),
        }
    }
}
