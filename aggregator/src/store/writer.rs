//! The one thread that writes. Whatever has arrived is done in one transaction, and answered
//! after its commit: the slower the disk, the larger the groups.

use std::{cell::RefCell, sync::Arc};

use rusqlite::{Connection, OptionalExtension, Params, Row, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use super::{
    Inner, StoreError, alerts, cameras,
    events::changes_after,
    live::Change,
    newest_cursor,
    query::LIMIT_MAX,
    rows::{Cursor, Event},
};

/// How many jobs may wait; a caller beyond waits in its turn.
pub(super) const QUEUE_MAX: usize = 1024;
/// How many jobs share one commit at most, so that the first does not wait for ever.
const GROUP_MAX: usize = 512;

/// Does its work, unless there is no transaction to do it in, and returns how its caller is
/// answered once the commit's outcome is known.
pub(super) type Job = Box<dyn FnOnce(Result<&mut Writing<'_>, StoreError>) -> Answer + Send>;
pub(super) type Answer = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

pub(super) enum Order {
    Write(Job),
    /// Finish what has arrived before, close the store, then answer.
    Stop(oneshot::Sender<()>),
}

/// A transaction under way.
pub(crate) struct Writing<'a> {
    db: &'a Connection,
    next: i64,
    touched: Vec<(Cursor, Touched)>,
    /// Set once SQLite has given up the transaction by itself, as it does on a full disk.
    given_up: RefCell<Option<StoreError>>,
}

enum Touched {
    Event(Arc<Event>),
    Alert(Uuid),
    Camera { agent: String, id: String },
    Agent(String),
}

impl Writing<'_> {
    /// Does `work` wholly or not at all, whatever becomes of the others in the group.
    pub(super) fn apart<T, E: From<StoreError>>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, E>,
    ) -> Result<T, E> {
        if let Some(error) = self.given_up.get_mut() {
            return Err(E::from(error.clone()));
        }
        let (next, touched) = (self.next, self.touched.len());
        self.execute("SAVEPOINT job", [])?;
        let done = work(self);
        let end = if done.is_ok() {
            "RELEASE job"
        } else {
            "ROLLBACK TO job"
        };
        if let Some(error) = self.given_up.get_mut() {
            return done.and(Err(E::from(error.clone())));
        }
        self.execute(end, [])?;
        if done.is_err() {
            self.execute("RELEASE job", [])?;
            self.next = next;
            self.touched.truncate(touched);
        }
        done
    }

    /// For reading inside the transaction.
    pub(super) fn db(&self) -> &Connection {
        self.db
    }

    pub(crate) fn execute(&mut self, sql: &str, params: impl Params) -> Result<usize, StoreError> {
        self.noted(
            self.db
                .prepare_cached(sql)
                .and_then(|mut query| query.execute(params)),
        )
    }

    /// The one row that there must be.
    pub(crate) fn query_row<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        self.noted(
            self.db
                .prepare_cached(sql)
                .and_then(|mut query| query.query_row(params, read)),
        )
    }

    /// The row, if there is one.
    pub(crate) fn find<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, StoreError> {
        let found = self
            .db
            .prepare_cached(sql)
            .and_then(|mut query| query.query_row(params, read));
        self.noted(found.optional())
    }

    pub(crate) fn list<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, StoreError> {
        let listed = self
            .db
            .prepare_cached(sql)
            .and_then(|mut query| query.query_map(params, read)?.collect::<Result<_, _>>());
        self.noted(listed)
    }

    /// Notes the error that made SQLite give up the transaction.
    fn noted<T>(&self, done: rusqlite::Result<T>) -> Result<T, StoreError> {
        done.map_err(|error| {
            let error = StoreError::from(error);
            if self.db.is_autocommit() {
                self.given_up
                    .borrow_mut()
                    .get_or_insert_with(|| error.clone());
            }
            error
        })
    }

    /// The cursor that the next change will get.
    pub(crate) fn cursor(&self) -> Cursor {
        Cursor(self.next)
    }

    /// To be called with each new event, whose cursor was taken from [`Self::cursor`].
    pub(crate) fn event_added(&mut self, event: Arc<Event>) {
        self.touch(Touched::Event(event));
    }

    pub(crate) fn alert_changed(&mut self, id: Uuid) -> Result<(), StoreError> {
        let cursor = self.touch(Touched::Alert(id));
        self.execute(
            "UPDATE alert SET cursor = ?2 WHERE id = ?1",
            (id.as_bytes(), cursor.0),
        )?;
        Ok(())
    }

    pub(crate) fn camera_changed(&mut self, agent: &str, id: &str) -> Result<(), StoreError> {
        let cursor = self.touch(Touched::Camera {
            agent: agent.to_owned(),
            id: id.to_owned(),
        });
        let sql = "UPDATE camera SET cursor = ?3 WHERE agent = ?1 AND id = ?2";
        self.execute(sql, (agent, id, cursor.0))?;
        Ok(())
    }

    pub(crate) fn agent_changed(&mut self, id: &str) -> Result<(), StoreError> {
        let cursor = self.touch(Touched::Agent(id.to_owned()));
        self.execute("UPDATE agent SET cursor = ?2 WHERE id = ?1", (id, cursor.0))?;
        Ok(())
    }

    fn touch(&mut self, what: Touched) -> Cursor {
        let cursor = Cursor(self.next);
        self.next += 1;
        self.touched.push((cursor, what));
        cursor
    }

    /// The rows touched, as they are now; of several changes of one row only the last.
    fn changes(self, inner: &Inner) -> Result<Vec<(Cursor, Change)>, StoreError> {
        let mut changes = Vec::with_capacity(self.touched.len());
        for (at, what) in self.touched {
            let change = match what {
                Touched::Event(event) => Some(Change::Event(event)),
                Touched::Alert(id) => alerts::by_id(self.db, id)?
                    .filter(|alert| alert.cursor == at)
                    .map(|alert| Change::Alert(Arc::new(alert))),
                Touched::Camera { agent, id } => {
                    let found = cameras::by_id(self.db, &inner.presence, &agent, &id)?;
                    let newest = found.filter(|(cursor, _)| *cursor == at);
                    newest.map(|(_, camera)| Change::Camera(Arc::new(camera)))
                }
                Touched::Agent(id) => {
                    let found = super::agents::by_id(self.db, &inner.presence, &id)?;
                    let newest = found.filter(|(cursor, _)| *cursor == at);
                    newest.map(|(_, agent)| Change::Agent(Arc::new(agent)))
                }
            };
            changes.extend(change.map(|change| (at, change)));
        }
        Ok(changes)
    }
}

/// The thread's whole life.
pub(super) fn run(mut db: Connection, inner: &Inner, mut orders: mpsc::Receiver<Order>) {
    while let Some(first) = orders.blocking_recv() {
        let mut jobs = Vec::new();
        let mut stop = None;
        let mut next = Some(first);
        while let Some(order) = next {
            match order {
                Order::Write(job) => jobs.push(job),
                Order::Stop(done) => stop = Some(done),
            }
            let full = GROUP_MAX <= jobs.len() || stop.is_some();
            next = if full { None } else { orders.try_recv().ok() };
        }
        write_group(&mut db, inner, jobs);
        if let Some(done) = stop {
            orders.close();
            if let Err((_, error)) = db.close() {
                tracing::warn!(%error, "store closed with an error");
            }
            // An error says that nobody waits any more.
            done.send(()).unwrap_or_default();
            return;
        }
    }
}

fn write_group(db: &mut Connection, inner: &Inner, jobs: Vec<Job>) {
    let mut answers = Vec::with_capacity(jobs.len());
    let outcome = try_group(db, inner, jobs, &mut answers);
    if let Err(error) = &outcome {
        tracing::error!(%error, "commit failed, nothing of it is stored");
    }
    for answer in answers {
        answer(outcome.clone());
    }
}

fn try_group(
    db: &mut Connection,
    inner: &Inner,
    jobs: Vec<Job>,
    answers: &mut Vec<Answer>,
) -> Result<(), StoreError> {
    let began = db
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .and_then(|tx| Ok((newest_cursor(&tx)?, tx)));
    let (stored, tx) = match began {
        Ok(began) => began,
        Err(error) => {
            let error = StoreError::from(error);
            answers.extend(jobs.into_iter().map(|job| job(Err(error.clone()))));
            return Err(error);
        }
    };
    // A tool beside the server numbers its changes too.
    let announced = inner.live.head();
    let mut writing = Writing {
        db: &tx,
        next: stored.max(announced).0 + 1,
        touched: Vec::new(),
        given_up: RefCell::default(),
    };
    for job in jobs {
        answers.push(job(Ok(&mut writing)));
    }
    if let Some(error) = writing.given_up.take() {
        return Err(error);
    }
    let last = Cursor(writing.next - 1);
    let mut changes = Vec::new();
    if announced < stored {
        changes = changes_after(&tx, &inner.presence, announced, LIMIT_MAX)?;
        changes.retain(|(cursor, _)| *cursor <= stored);
    }
    changes.extend(writing.changes(inner)?);
    tx.commit()?;
    inner.live.committed(last, changes);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Access, Store};

    /// A writer on a store whose disk is full, played by SQLite's own limit.
    fn full_store(dir: &std::path::Path) -> (Connection, Store) {
        let store = Store::open(dir, Access::Serve).unwrap();
        let db = super::super::open_writable(&dir.join("store.sqlite")).unwrap();
        db.pragma_update(None, "max_page_count", 1).unwrap();
        (db, store)
    }

    fn job(answers: &std::sync::mpsc::SyncSender<Result<(), StoreError>>, bytes: i64) -> Job {
        let answers = answers.clone();
        Box::new(move |tx| {
            let done = tx.and_then(|tx| {
                tx.apart(|tx| {
                    tx.execute(
                        "INSERT INTO quarantine (agent, epoch, lane, seq, reason, stored_us, item)
                         VALUES ('a', 1, 0, 1, '', 0, zeroblob(?1))",
                        [bytes],
                    )
                })
            });
            Box::new(move |committed| answers.send(committed.and(done.map(|_| ()))).unwrap())
        })
    }

    #[tokio::test]
    async fn a_full_disk_is_named_to_all_of_a_group_and_nothing_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let (mut db, store) = full_store(dir.path());
        let (sender, answers) = std::sync::mpsc::sync_channel(8);
        let jobs = vec![job(&sender, 10), job(&sender, 1 << 20), job(&sender, 10)];
        write_group(&mut db, &store.inner, jobs);
        for _ in 0..3 {
            let answer = answers.recv().unwrap();
            assert!(matches!(answer, Err(StoreError::Full)), "{answer:?}");
        }
        let kept: i64 = db
            .query_row("SELECT count(*) FROM quarantine", [], |row| row.get(0))
            .unwrap();
        assert_eq!(kept, 0);
        drop(db);
        store.probe_writable().await.unwrap();
        store.close().await;
    }

    #[tokio::test]
    async fn a_job_that_fails_takes_nothing_of_its_group_with_it() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), Access::Serve).unwrap();
        let write = |reason: &'static str, fails: bool| {
            store.write(move |tx| {
                tx.execute(
                    "INSERT INTO quarantine (agent, epoch, lane, seq, reason, stored_us, item)
                     VALUES ('a', 1, 0, 1, ?1, 0, x'')",
                    [reason],
                )?;
                if fails { Err(StoreError::Busy) } else { Ok(()) }
            })
        };
        let (one, two, three) = tokio::join!(
            write("one", false),
            write("two", true),
            write("three", false)
        );
        assert!(one.is_ok() && two.is_err() && three.is_ok());
        let kept: Vec<String> = store
            .read(|db| {
                let mut query = db.prepare("SELECT reason FROM quarantine ORDER BY number")?;
                let rows = query.query_map([], |row| row.get(0))?;
                Ok::<_, StoreError>(rows.collect::<Result<_, _>>()?)
            })
            .await
            .unwrap();
        assert_eq!(kept, ["one", "three"]);
        store.close().await;
        assert!(matches!(
            store.probe_writable().await,
            Err(StoreError::Closed)
        ));
    }
}
