//! Live updates as server-sent events (WHATWG HTML, 9.2).

use std::{convert::Infallible, time::Duration};

use axum::{
    Extension,
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue},
    response::{IntoResponse, Response, Sse, sse::Event as Message},
};
use futures::stream::{self, Stream};
use serde::Deserialize;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use super::{
    extract::QueryString,
    problem::{Problem, ProblemBody},
};
use crate::{
    api::{
        ApiState,
        auth::Principal,
        feed::{Ahead, Feed, FeedEnd, Update},
        slots::Slot,
    },
    metrics::Held,
    store::{Change, Cursor},
};

/// How often a message `alive` shows both sides that the other is there (a page does not hear
/// comments), and whether the caller may still read is looked at again.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How long a browser waits before it comes back.
const RETRY: Duration = Duration::from_secs(3);
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Asked {
    /// As `Last-Event-ID`, for the first connection; the header wins.
    after: Option<Cursor>,
}

/// What happens, as it happens, resumed by `Last-Event-ID`.
///
/// Messages are named `event`, `alert`, `camera` and `agent`; their data is the row as the lists
/// have it, their id the cursor to resume from. What is only a report, such as a frame rate, has
/// no id. A message `alive` comes every 15 seconds and says only that. A message `reset` says that the cursor is unknown here, for the store was restored from
/// a backup: load the lists again. A reader that is too slow is told so in a comment and cut off.
#[utoipa::path(
    get,
    path = "/api/v1/stream",
    operation_id = "streamChanges",
    tag = "events",
    params(
        Asked,
        ("Last-Event-ID" = Option<i64>, Header, description = "the last message's id")
    ),
    responses(
        (status = 200, description = "messages without end", body = String,
            content_type = "text/event-stream"),
        (status = 429, description = "too many streams", body = ProblemBody,
            content_type = "application/problem+json")
    )
)]
pub(super) async fn stream(
    State(state): State<ApiState>,
    Extension(principal): Extension<Principal>,
    QueryString(asked): QueryString<Asked>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let after = last_event_id(&headers)?.or(asked.after);
    let slot = state.streams.take(principal.actor()).ok_or_else(|| {
        Problem::too_many(
            "too many live streams are open; close one",
            Duration::from_secs(10),
        )
    })?;
    let mut opening = vec![Message::default().retry(RETRY).comment("vong")];
    let feed = match after {
        None => Feed::from_now(state.store.clone()),
        Some(cursor) => match Feed::after(state.store.clone(), cursor).await {
            Ok(feed) => feed,
            Err(Ahead { head }) => {
                opening.push(message(
                    Some(head),
                    "reset",
                    &serde_json::json!({ "head": head }),
                ));
                Feed::after(state.store.clone(), head)
                    .await
                    .unwrap_or_else(|Ahead { .. }| Feed::from_now(state.store.clone()))
            }
        },
    };
    let held = state.metrics.subscriber();
    let mut pulse = interval_at(Instant::now() + KEEP_ALIVE, KEEP_ALIVE);
    pulse.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let subscriber = Subscriber {
        feed,
        principal,
        pulse,
        opening: opening.into_iter(),
        state,
        _held: held,
        _slot: slot,
    };
    let mut response = Sse::new(subscriber.messages()).into_response();
    // Reverse proxies must pass each message on at once.
    let unbuffered = HeaderValue::from_static("no");
    response
        .headers_mut()
        .insert("x-accel-buffering", unbuffered);
    Ok(response)
}

fn last_event_id(headers: &HeaderMap) -> Result<Option<Cursor>, Problem> {
    let Some(value) = headers.get(LAST_EVENT_ID) else {
        return Ok(None);
    };
    let number = value.to_str().ok().and_then(|text| text.parse().ok());
    match number {
        Some(number) if 0 <= number => Ok(Some(Cursor(number))),
        _ => Err(Problem::bad_request(
            "Last-Event-ID: not an id that this stream has given",
        )),
    }
}

struct Subscriber {
    feed: Feed,
    principal: Principal,
    pulse: Interval,
    opening: std::vec::IntoIter<Message>,
    state: ApiState,
    _held: Held,
    _slot: Slot<String>,
}

impl Subscriber {
    fn messages(self) -> impl Stream<Item = Result<Message, Infallible>> {
        stream::unfold(Some(self), |subscriber| async move {
            let mut subscriber = subscriber?;
            match subscriber.next().await {
                Ok(message) => Some((Ok(message), Some(subscriber))),
                Err(farewell) => Some((Ok(farewell), None)),
            }
        })
    }

    /// The next message, or the last one.
    async fn next(&mut self) -> Result<Message, Message> {
        if let Some(message) = self.opening.next() {
            return Ok(message);
        }
        tokio::select! {
            biased;
            () = self.state.shutdown.cancelled() => {
                Err(Message::default().comment("the centre is stopping; come back"))
            }
            _ = self.pulse.tick() => match self.principal.still_holds(&self.state.store).await {
                Ok(true) => Ok(Message::default().event("alive").data("{}")),
                Ok(false) => Err(Message::default().comment("signed out")),
                Err(error) => {
                    tracing::warn!(%error, "live stream ended");
                    Err(Message::default().comment("the centre failed; come back"))
                }
            },
            update = self.feed.next() => self.tell(update),
        }
    }

    fn tell(&self, update: Result<Update, FeedEnd>) -> Result<Message, Message> {
        match update {
            Ok(Update { cursor, change }) => Ok(match change {
                Change::Event(row) => message(cursor, "event", &*row),
                Change::Alert(row) => message(cursor, "alert", &*row),
                Change::Camera(row) => message(cursor, "camera", &*row),
                Change::Agent(row) => message(cursor, "agent", &*row),
            }),
            Err(FeedEnd::Slow { resume }) => {
                self.state.metrics.subscriber_dropped();
                let text = format!("too slow; resume with Last-Event-ID: {}", resume.0);
                Err(Message::default().comment(text))
            }
            Err(FeedEnd::Closed) => Err(Message::default().comment("the centre is stopping")),
            Err(FeedEnd::Store(error)) => {
                tracing::warn!(%error, "live stream ended");
                Err(Message::default().comment("the centre failed; come back"))
            }
        }
    }
}

fn message(cursor: Option<Cursor>, name: &str, row: &impl serde::Serialize) -> Message {
    let message = Message::default().event(name);
    let message = match cursor {
        Some(cursor) => message.id(cursor.0.to_string()),
        None => message,
    };
    // Rows hold numbers, texts and lists of them: they always serialise. If one did not, a reader
    // would rather have a hole that it can see.
    message
        .json_data(row)
        .unwrap_or_else(|_| Message::default().event("unreadable").data(name))
}
