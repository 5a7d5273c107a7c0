//! A batch taken in: judged, stored, and its consequences drawn, all in one transaction.

use std::sync::Arc;

use proto::{
    CheckedBatch, CheckedItem, StreamId,
    receiver::{self, Mark, Verdict},
};
use rusqlite::params;

use super::{
    Store, StoreError, alert_moves,
    items::{keep_camera, keep_event, keep_picture, quarantine},
    rows::Event,
    streams,
    time::Timestamp,
    writer::Writing,
};

/// What became of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judged {
    Stored,
    /// Stored before; nothing changed.
    Duplicate,
    /// Something before it is missing; nothing changed.
    Ahead,
    /// It contradicts what is stored: a cloned box, or a forged past. Nothing changed.
    Fork,
}

impl Judged {
    /// For metrics and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stored => "stored",
            Self::Duplicate => "duplicate",
            Self::Ahead => "ahead",
            Self::Fork => "fork",
        }
    }
}

/// A batch after its commit.
#[derive(Debug)]
pub struct Ingested {
    pub judged: Judged,
    /// Everything at or below is stored, or was declared lost.
    pub up_to: u64,
    pub events: Vec<Arc<Event>>,
    /// Items set aside because they are not what they should be.
    pub quarantined: usize,
    /// Numbers declared lost.
    pub lost: u64,
    /// Pictures whose files nothing names any more.
    forgotten: Vec<[u8; 32]>,
}

/// A batch whose signature was proved, with each item decoded or the reason why not.
pub struct Verified {
    batch: CheckedBatch,
    items: Vec<Result<CheckedItem, String>>,
}

impl Verified {
    /// Decodes the items of a batch; the caller has proved who signed it.
    pub fn new(batch: CheckedBatch) -> Self {
        let decode = |item: &Vec<u8>| CheckedItem::decode(item).map_err(|error| error.to_string());
        let items = batch.items().iter().map(decode).collect();
        Self { batch, items }
    }
}

impl Store {
    /// Stores what is new in a batch; returns after the commit.
    pub async fn ingest(&self, verified: Verified, now: Timestamp) -> Result<Ingested, StoreError> {
        // Their files must be there before their rows, and stay until then.
        let mut kept = Vec::new();
        for item in &verified.items {
            if let Ok(CheckedItem::Evidence(picture)) = item {
                kept.push(
                    self.keep_picture(picture.sha256, picture.data.clone())
                        .await?,
                );
            }
        }
        let mut ingested = self.write(move |tx| ingest(tx, verified, now)).await?;
        drop(kept);
        self.forget_pictures(std::mem::take(&mut ingested.forgotten))
            .await;
        Ok(ingested)
    }

    /// A camera's picture is seen in the run `epoch`: ends what earlier runs left open about it.
    pub async fn camera_seen(
        &self,
        agent: &str,
        camera: &str,
        epoch: u64,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (agent, camera) = (agent.to_owned(), camera.to_owned());
        self.write(move |tx| alert_moves::camera_seen(tx, &agent, &camera, epoch, now))
            .await
    }
}

/// What all items of a batch share.
pub(super) struct Source {
    pub(super) agent: String,
    pub(super) stream: StreamId,
    /// The run of the agent that numbers this stream.
    pub(super) run: u64,
    /// That run still goes on, as far as we know.
    pub(super) watched: bool,
    pub(super) now: Timestamp,
}

fn ingest(
    tx: &mut Writing<'_>,
    verified: Verified,
    now: Timestamp,
) -> Result<Ingested, StoreError> {
    let Verified { batch, items } = verified;
    let current = streams::current_run(tx, batch.agent())?;
    let epoch = batch.stream().epoch;
    let run = match streams::known_run(tx, batch.agent(), epoch)? {
        Some(run) => run,
        // The first Hello of a run names what earlier ones left: this began after it.
        None => current.unwrap_or(epoch),
    };
    let source = Source {
        agent: batch.agent().to_owned(),
        stream: batch.stream(),
        run,
        watched: current == Some(run),
        now,
    };
    let mark = find_mark(tx, &source)?;
    let mut ingested = Ingested {
        judged: Judged::Stored,
        up_to: mark.as_ref().map_or(0, |mark| mark.up_to),
        events: Vec::new(),
        quarantined: 0,
        lost: 0,
        forgotten: Vec::new(),
    };
    let (skip, mark, gaps) = match receiver::judge(mark.as_ref(), &batch) {
        Verdict::Accept { skip, mark, gaps } => (skip, mark, gaps),
        Verdict::Duplicate => {
            return Ok(Ingested {
                judged: Judged::Duplicate,
                ..ingested
            });
        }
        Verdict::Ahead { .. } => {
            let next = batch.last_seq().saturating_add(1);
            streams::raise_announced(tx, &source.agent, source.stream, next)?;
            return Ok(Ingested {
                judged: Judged::Ahead,
                ..ingested
            });
        }
        Verdict::Fork => {
            let note = format!("stream {} contradicts what is stored", source.stream);
            let severity = scene::Severity::Critical;
            alert_moves::notice(tx, &source.agent, "stream_fork", severity, &note, now)?;
            return Ok(Ingested {
                judged: Judged::Fork,
                ..ingested
            });
        }
    };
    for gap in &gaps {
        ingested.lost = ingested.lost.saturating_add(gap.to - gap.from + 1);
        streams::keep_gap(tx, &source.agent, source.stream, gap, now)?;
    }
    let first_seq = batch.first_seq();
    let numbered = (first_seq..).zip(batch.into_items().into_iter().zip(items));
    for (seq, (bytes, item)) in numbered.skip(skip) {
        keep_item(tx, &source, seq, bytes, item, &mut ingested)?;
    }
    keep_mark(tx, &source, &mark)?;
    ingested.up_to = mark.up_to;
    Ok(ingested)
}

fn keep_item(
    tx: &mut Writing<'_>,
    source: &Source,
    seq: u64,
    bytes: Vec<u8>,
    item: Result<CheckedItem, String>,
    ingested: &mut Ingested,
) -> Result<(), StoreError> {
    match item {
        Ok(CheckedItem::Event(event)) => {
            let kept = keep_event(tx, source, seq, &event, bytes)?;
            ingested.events.extend(kept);
        }
        Ok(CheckedItem::CameraSetup(setup)) => keep_camera(tx, source, &setup)?,
        Ok(CheckedItem::Evidence(picture)) => {
            let forgotten = keep_picture(tx, source, &picture)?;
            ingested.forgotten.extend(forgotten);
        }
        Err(reason) => {
            quarantine(tx, source, seq, &bytes, &reason)?;
            ingested.quarantined += 1;
        }
    }
    Ok(())
}

fn find_mark(tx: &Writing<'_>, source: &Source) -> Result<Option<Mark>, StoreError> {
    let key = (
        &source.agent,
        source.stream.epoch.cast_signed(),
        source.stream.lane.number(),
    );
    tx.find(
        "SELECT up_to, chain FROM stream WHERE agent = ?1 AND epoch = ?2 AND lane = ?3",
        key,
        |row| {
            Ok(Mark {
                up_to: row.get::<_, i64>(0)?.cast_unsigned(),
                chain: row.get(1)?,
            })
        },
    )
}

fn keep_mark(tx: &mut Writing<'_>, source: &Source, mark: &Mark) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO stream (agent, epoch, lane, up_to, chain, announced, changed_us, run)
         VALUES (?1, ?2, ?3, ?4, ?5, 0, ?6, ?7)
         ON CONFLICT DO UPDATE SET
            up_to = excluded.up_to, chain = excluded.chain, changed_us = excluded.changed_us",
        params![
            source.agent,
            source.stream.epoch.cast_signed(),
            source.stream.lane.number(),
            mark.up_to.cast_signed(),
            mark.chain,
            source.now.as_micros(),
            source.run.cast_signed(),
        ],
    )?;
    Ok(())
}
