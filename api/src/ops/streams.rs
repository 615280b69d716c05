//! Changes as they happen: server-sent events of a job, a batch, or the queues.
//!
//! ```text
//! id: 3
//! event: change
//! data: {"state":"running", …}
//! ```
//!
//! The current state comes first, then each change. The stream of a job or a batch ends when the job or the batch has
//! ended. All watchers of a subject share one reader of the database, which runs only while somebody watches.
//!
//! Streams work the same in one process and in a fleet, because the reader reads the ledger. Herald checks the rights
//! of a watcher again by the rules of the gate ([`standing`]), and limits the number of streams ([`places`]).
//!
//! A browser's `EventSource` cannot send the `Authorization` header, and a token in an address would appear in logs. So
//! browsers must read the stream with `fetch`.

mod places;
mod standing;

use std::{
    collections::HashMap,
    convert::Infallible,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use axum::{
    extract::State,
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures::{Stream, stream};
use herald_db::Db;
use herald_ledger as ledger;
use serde_json::Value;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use self::{
    places::{Place, Places},
    standing::Standing,
};
use crate::{
    Api,
    front::{auth::Workspace, input::Id, problem::Problem},
};

/// The interval at which a watched subject is read.
const PERIOD: Duration = Duration::from_millis(300);
/// The interval at which a quiet stream sends a heartbeat.
const HEARTBEAT: Duration = Duration::from_secs(15);

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(job)).routes(routes!(batch)).routes(routes!(queues))
}

/// Streams the changes of a job until it ends.
///
/// The stream holds server-sent events named `change`. The `data` of each is the answer to a `GET` of the resource.
/// The first event holds the current state.
#[utoipa::path(get, path = "/jobs/{id}/events", operation_id = "watchJob", tag = "events",
    responses(
        (status = 200, description = "A stream of events", content_type = "text/event-stream", body = String),
    )
)]
async fn job(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    Id(id): Id,
    standing: Standing,
) -> Result<Response, Problem> {
    open(&api, Subject::Job(workspace, id), standing).await
}

/// Streams the changes of a batch until it ends.
///
/// The stream holds server-sent events named `change`. The `data` of each is the answer to a `GET` of the resource.
/// The first event holds the current state.
#[utoipa::path(get, path = "/batches/{id}/events", operation_id = "watchBatch", tag = "events",
    responses(
        (status = 200, description = "A stream of events", content_type = "text/event-stream", body = String),
    )
)]
async fn batch(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    Id(id): Id,
    standing: Standing,
) -> Result<Response, Problem> {
    open(&api, Subject::Batch(workspace, id), standing).await
}

/// Streams the changes of the queues.
///
/// The stream holds server-sent events named `change`. The `data` of each is the answer to a `GET` of the resource.
/// The first event holds the current state.
#[utoipa::path(get, path = "/queues/events", operation_id = "watchQueues", tag = "events",
    responses(
        (status = 200, description = "A stream of events", content_type = "text/event-stream", body = String),
    )
)]
async fn queues(State(api): State<Api>, standing: Standing) -> Result<Response, Problem> {
    open(&api, Subject::Queues, standing).await
}

/// The subject of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Subject {
    Job(Uuid, Uuid),
    Batch(Uuid, Uuid),
    Queues,
}

/// The state of a watched subject.
#[derive(Clone, Debug, PartialEq)]
struct Snapshot {
    data: Value,
    ended: bool,
}

impl Subject {
    /// Reads the current state; `None` if the subject does not exist.
    async fn read(self, db: &Db) -> Result<Option<Snapshot>, herald_db::DbError> {
        let snapshot = |data: Value, ended| Snapshot { data, ended };
        let as_json = |value: serde_json::Result<Value>| value.unwrap_or_default();
        Ok(match self {
            Self::Job(workspace, id) => ledger::find_job(db, workspace, id).await?.map(|job| {
                let ended = job.state.has_ended();
                snapshot(as_json(serde_json::to_value(job)), ended)
            }),
            Self::Batch(workspace, id) => ledger::find_batch(db, workspace, id).await?.map(|batch| {
                let ended = batch.finished_at.is_some();
                snapshot(as_json(serde_json::to_value(batch)), ended)
            }),
            Self::Queues => {
                let queues = ledger::list_queues(db).await?;
                Some(snapshot(serde_json::json!({ "items": as_json(serde_json::to_value(queues)) }), false))
            }
        })
    }
}

/// The subjects that are being watched. Clones share the same state.
#[derive(Clone)]
pub struct Streams(Arc<Inner>);

struct Inner {
    watched: Mutex<HashMap<Subject, watch::Sender<Snapshot>>>,
    places: Places,
    /// The token that ends every stream.
    stop: CancellationToken,
}

impl Streams {
    /// Creates the streams. They end when `stop` is cancelled, because a shutdown must not wait for watchers.
    pub fn new(stop: CancellationToken) -> Self {
        Self(Arc::new(Inner { watched: Mutex::default(), places: Places::default(), stop }))
    }

    fn watched(&self) -> MutexGuard<'_, HashMap<Subject, watch::Sender<Snapshot>>> {
        self.0.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Watches a subject whose state is `now`, with the existing reader or a new one.
    fn watch(&self, db: &Db, subject: Subject, now: Snapshot) -> watch::Receiver<Snapshot> {
        let mut watched = self.watched();
        if let Some(sender) = watched.get(&subject) {
            return sender.subscribe();
        }
        let (sender, receiver) = watch::channel(now);
        watched.insert(subject, sender.clone());
        tokio::spawn(self.clone().follow(db.clone(), subject, sender));
        receiver
    }

    /// Reads the subject until nobody watches it or it has ended.
    async fn follow(self, db: Db, subject: Subject, sender: watch::Sender<Snapshot>) {
        let mut pause = PERIOD;
        loop {
            tokio::select! {
                () = self.0.stop.cancelled() => break,
                () = tokio::time::sleep(pause) => {}
            }
            let began = Instant::now();
            let read = subject.read(&db).await;
            // Counting the jobs of a long queue takes a while, and the reads should be only a small part of the
            // database's work.
            pause = PERIOD.max(began.elapsed() * 10);
            match read {
                Ok(Some(now)) => {
                    let ended = now.ended;
                    sender.send_if_modified(|before| {
                        let changed = *before != now;
                        *before = now;
                        changed
                    });
                    if ended {
                        break;
                    }
                }
                // The subject was deleted.
                Ok(None) => break,
                Err(error) => tracing::warn!(%error, "what is watched could not be read, will try again"),
            }
            let mut watched = self.watched();
            if sender.receiver_count() == 0 {
                watched.remove(&subject);
                return;
            }
        }
        self.watched().remove(&subject);
    }
}

async fn open(api: &Api, subject: Subject, standing: Standing) -> Result<Response, Problem> {
    let place = api.streams.0.places.take(standing.caller, standing.workspace)?;
    let Some(now) = subject.read(&api.db).await? else {
        return Err(match subject {
            Subject::Job(_, id) => Problem::missing("job", id),
            Subject::Batch(_, id) => Problem::missing("batch", id),
            Subject::Queues => Problem::missing("queue", ""),
        });
    };
    let mut receiver = api.streams.watch(&api.db, subject, now);
    // Start with the state that the reader has seen, not with the one read above. The reader may have seen a change in
    // between, and reports each change only once.
    let now = receiver.borrow_and_update().clone();
    let watcher = Watcher { receiver, stop: api.streams.0.stop.clone(), standing, _place: place };
    Ok(Sse::new(changes(now, watcher)).keep_alive(KeepAlive::new().interval(HEARTBEAT)).into_response())
}

/// The reader of one stream.
struct Watcher {
    receiver: watch::Receiver<Snapshot>,
    stop: CancellationToken,
    standing: Standing,
    _place: Place,
}

impl Watcher {
    /// Returns the next change; `None` when the stream or all streams end.
    async fn next(&mut self) -> Option<Snapshot> {
        tokio::select! {
            () = self.stop.cancelled() => return None,
            () = self.standing.ends() => return None,
            changed = self.receiver.changed() => changed.ok()?,
        }
        let snapshot = self.receiver.borrow_and_update().clone();
        self.standing.holds().await.then_some(snapshot)
    }
}

/// The current state and every change, until the subject, the process, or the right to watch ends.
fn changes(now: Snapshot, watcher: Watcher) -> impl Stream<Item = Result<Event, Infallible>> {
    stream::unfold((Some(now), watcher, 0_u64, false), |(first, mut watcher, number, over)| async move {
        if over {
            return None;
        }
        let snapshot = match first {
            Some(now) => now,
            None => watcher.next().await?,
        };
        let event = Event::default().id(number.to_string()).event("change").data(snapshot.data.to_string());
        Some((Ok(event), (None, watcher, number + 1, snapshot.ended)))
    })
}
