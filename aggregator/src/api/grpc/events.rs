//! Events, asked for and followed.

use std::pin::Pin;

use futures::stream::{self, Stream};
use proto::v1::{QueryReply, QueryRequest, StoredEvent, SubscribeRequest, events_server::Events};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};
use tonic::{Request, Response, Status};

use super::{RECHECK, rows, store_status};
use crate::{
    api::{
        ApiState,
        auth::Principal,
        feed::{Ahead, Feed, FeedEnd, Update},
        slots::Slot,
    },
    metrics::Held,
    store::{Change, Cursor, EventQuery, LIMIT_MAX, Start},
};

const LIMIT_DEFAULT: u32 = 100;

pub(super) struct Service(pub(super) ApiState);

type Subscription = Pin<Box<dyn Stream<Item = Result<StoredEvent, Status>> + Send>>;

#[tonic::async_trait]
impl Events for Service {
    type SubscribeStream = Subscription;

    async fn subscribe(
        &self,
        request: Request<SubscribeRequest>,
    ) -> Result<Response<Subscription>, Status> {
        let state = self.0.clone();
        let principal = caller(&request)?;
        let asked = request.into_inner();
        let filter = rows::filter(asked.filter)?;
        let resume = rows::cursor("resume_cursor", &asked.resume_cursor)?;
        let slot = state.streams.take(principal.actor()).ok_or_else(|| {
            Status::resource_exhausted("too many live streams are open; close one")
        })?;
        let feed = match resume {
            None => Feed::from_now(state.store.clone()),
            Some(cursor) => Feed::after(state.store.clone(), cursor)
                .await
                .map_err(ahead)?,
        };
        let mut pulse = interval_at(Instant::now() + RECHECK, RECHECK);
        pulse.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let subscriber = Subscriber {
            feed,
            filter,
            principal,
            pulse,
            _held: state.metrics.subscriber(),
            _slot: slot,
            state,
        };
        Ok(Response::new(Box::pin(subscriber.events())))
    }

    async fn query(&self, request: Request<QueryRequest>) -> Result<Response<QueryReply>, Status> {
        let asked = request.into_inner();
        let after = rows::cursor("after_cursor", &asked.after_cursor)?;
        let query = EventQuery {
            start: Start::After(after.unwrap_or_default()),
            limit: limit(asked.limit)?,
            ..rows::filter(asked.filter)?
        };
        let page = self.0.store.events(query).await;
        let page = page.map_err(|error| store_status(&error))?;
        let events = page
            .items
            .iter()
            .map(rows::event)
            .collect::<Result<_, _>>()?;
        let next = page.next.map(|cursor| cursor.0.to_string());
        Ok(Response::new(QueryReply {
            events,
            next_cursor: next.unwrap_or_default(),
        }))
    }
}

/// 0, as protobuf has it when nothing was said, is the default.
pub(super) fn limit(asked: u32) -> Result<u32, Status> {
    match asked {
        0 => Ok(LIMIT_DEFAULT),
        1..=LIMIT_MAX => Ok(asked),
        _ => Err(Status::invalid_argument(format!(
            "limit: {asked} is not 1 to {LIMIT_MAX}"
        ))),
    }
}

/// Who calls; the guard has let nobody else through.
pub(super) fn caller<T>(request: &Request<T>) -> Result<Principal, Status> {
    let found = request.extensions().get::<Principal>();
    found
        .cloned()
        .ok_or_else(|| Status::unauthenticated("send a valid token"))
}

fn ahead(Ahead { head }: Ahead) -> Status {
    Status::out_of_range(format!(
        "resume_cursor is after the last commit, {}: the store was restored from a backup; query \
         again what you need and resume from there",
        head.0
    ))
}

struct Subscriber {
    feed: Feed,
    filter: EventQuery,
    principal: Principal,
    pulse: Interval,
    _held: Held,
    _slot: Slot<String>,
    state: ApiState,
}

impl Subscriber {
    fn events(self) -> impl Stream<Item = Result<StoredEvent, Status>> {
        stream::unfold(Some(self), |subscriber| async move {
            let mut subscriber = subscriber?;
            match subscriber.next().await {
                Ok(event) => Some((Ok(event), Some(subscriber))),
                Err(status) => Some((Err(status), None)),
            }
        })
    }

    async fn next(&mut self) -> Result<StoredEvent, Status> {
        loop {
            let update = tokio::select! {
                biased;
                () = self.state.shutdown.cancelled() => {
                    return Err(Status::unavailable(format!(
                        "the centre is stopping; resume from cursor {}",
                        self.feed.position().0
                    )));
                }
                _ = self.pulse.tick() => {
                    self.recheck().await?;
                    continue;
                }
                update = self.feed.next() => update,
            };
            if let Some(event) = self.tell(update)? {
                return Ok(event);
            }
        }
    }

    async fn recheck(&self) -> Result<(), Status> {
        match self.principal.still_holds(&self.state.store).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(Status::unauthenticated("the token is no longer valid")),
            Err(error) => Err(store_status(&error)),
        }
    }

    fn tell(&self, update: Result<Update, FeedEnd>) -> Result<Option<StoredEvent>, Status> {
        match update {
            Ok(Update {
                change: Change::Event(event),
                ..
            }) if rows::matches(&self.filter, &event) => rows::event(&event).map(Some),
            Ok(_) => Ok(None),
            Err(FeedEnd::Slow { resume }) => {
                self.state.metrics.subscriber_dropped();
                Err(slow(resume))
            }
            Err(FeedEnd::Closed) => Err(Status::unavailable("the centre is stopping")),
            Err(FeedEnd::Store(error)) => Err(store_status(&error)),
        }
    }
}

fn slow(resume: Cursor) -> Status {
    let mut status =
        Status::resource_exhausted(format!("too slow; resume from cursor {}", resume.0));
    status
        .metadata_mut()
        .insert("vong-resume-cursor", resume.0.into());
    status
}
