//! Enqueueing up to 100,000 jobs at once.
//!
//! The body first goes to a temporary file, and Herald counts its rows on the way. It refuses a body with too many
//! rows, or one that cannot be split into rows, before it enqueues anything. Then a thread reads the file, a thousand
//! rows at a time, and checks them in memory. Meanwhile, the previous thousand is looked up and enqueued in one
//! transaction. A row with a flaw is reported and does not stop the others.
//!
//! With an `Idempotency-Key`, each transaction also records its progress ([`idempotency::Steps`]) and the hash of the
//! body. A repeated request after a crash continues after the last committed transaction. It enqueues no row twice,
//! whatever happened to the jobs meanwhile, and its answer is the one that the first request would have got.

use std::{fs::File, io::Seek};

use axum::{
    Json,
    extract::{Request, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use futures::StreamExt;
use herald_ledger::{
    Draft, Entered, Way,
    audit::{self, Actor, Entry},
    idempotency::{self, Begun, Steps},
    orders::{self, AT_ONCE, Flaw, MOST, Order},
    rows::{Format, Rows, RowsError, Splitter},
};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    Api,
    front::{
        actor::By,
        idempotency::{self as keys, BodyHash},
        input, limits,
        problem::{Kind, Problem},
        upload::Spool,
    },
};

/// The media type of a body that has one row in each line.
const NDJSON: &str = "application/x-ndjson";
/// The name under which the ledger records the progress of a request.
const STEPS: &str = "jobs/bulk";
/// The number of flaws that an answer lists.
const SHOWN: usize = 100;
/// The number of chunks, of a thousand rows each, that are read ahead.
const AHEAD: usize = 2;

/// The result for the rows.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[schema(as = JobsEnqueued)]
pub(super) struct Tally {
    /// The number of rows.
    rows: u64,
    /// The number of rows that became jobs.
    accepted: u64,
    /// The number of rows with the unique key of a job that waits or runs.
    duplicates: u64,
    /// The number of rows that were refused.
    refused: u64,
    /// Why rows were refused, in their order: at most 100.
    errors: Vec<RowError>,
    /// The number of refused rows that are not in `errors`.
    more_errors: u64,
}

/// Why a row was refused.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(super) struct RowError {
    /// The number of the row, counted from 1.
    row: u64,
    /// The field, as a JSON pointer into the row.
    pointer: String,
    /// What is wrong and what to do about it.
    detail: String,
}

/// The result of checking a thousand rows.
type Chunk = Vec<Result<Draft, Flaw>>;

/// Enqueues up to 100,000 jobs.
///
/// The body has one job in each line (NDJSON), or is an array. Herald reports rows with errors and enqueues the others,
/// a thousand in one transaction. With an `Idempotency-Key`, a repeated request after a failure continues where the
/// first request stopped.
#[utoipa::path(post, path = "/jobs/bulk", operation_id = "createJobs", tag = "jobs",
    request_body(content((String = "application/x-ndjson"), (Vec<Order> = "application/json"))),
    responses(
        (status = 202, description = "What became of the rows", body = Tally),
    )
)]
pub(super) async fn add(State(api): State<Api>, By(actor): By, request: Request) -> Result<Response, Problem> {
    let format = format(request.headers())?;
    let key = keys::sent(request.headers())?;
    let mut spool = Spool::new().await?;
    let hash = receive(&api, request, format, &mut spool).await?;
    let mut steps = match key {
        None => None,
        Some(key) => match idempotency::begun(&api.db, actor.workspace_id, STEPS, &key, &hash).await? {
            Begun::Here(steps) => Some(steps),
            Begun::AnotherBody => return Err(keys::reused()),
        },
    };
    let noted = steps.as_ref().and_then(|steps| steps.noted.as_deref());
    let mut tally: Tally = match noted {
        Some(noted) => serde_json::from_slice(noted).map_err(|error| Problem::internal(&error))?,
        None => Tally::default(),
    };
    let mut file = spool.blocking().await?;
    let (sender, mut chunks) = mpsc::channel(AHEAD);
    let (workspace, now, done) = (actor.workspace_id, api.db.now(), tally.rows);
    let reading = tokio::task::spawn_blocking(move || {
        file.rewind()?;
        read(file, format, done, (workspace, now), &sender)
    });
    while let Some(chunk) = chunks.recv().await {
        enqueue(&api, &actor, chunk, &mut tally, steps.as_mut()).await?;
    }
    let read = reading.await.map_err(|panic| Problem::internal(&panic))?;
    read.map_err(unreadable)?;
    let mut response = (StatusCode::ACCEPTED, Json(tally)).into_response();
    response.extensions_mut().insert(BodyHash(hash));
    Ok(response)
}

fn format(headers: &HeaderMap) -> Result<Format, Problem> {
    if input::is_media_type(headers, NDJSON) {
        return Ok(Format::Lines);
    }
    if input::is_media_type(headers, "application/json") {
        return Ok(Format::Array);
    }
    Err(Problem::new(
        Kind::UnsupportedMediaType,
        format!("the body has the wrong type: send a job a line ({NDJSON}), or a JSON array (application/json)"),
    ))
}

/// Receives the body, and returns its hash.
async fn receive(api: &Api, request: Request, format: Format, spool: &mut Spool) -> Result<String, Problem> {
    let limit = api.settings.http.max_upload_mb << 20;
    let (mut splitter, mut rows) = (Splitter::new(format), 0);
    let chunks = request.into_body().into_data_stream().map(|chunk| {
        let chunk = chunk.map_err(|_| Problem::new(Kind::InvalidRequest, "the body ended early: send it again"))?;
        splitter.push(&chunk, &mut |_| rows += 1).map_err(unreadable)?;
        if rows > MOST {
            return Err(too_many());
        }
        Ok(chunk)
    });
    let taken = spool.take_chunks(chunks, limit).await?.ok_or_else(|| limits::too_large(limit))?;
    splitter.finish(&mut |_| rows += 1).map_err(unreadable)?;
    match rows {
        0 => Err(Problem::field("", "the body has no rows: send a job in each row")),
        rows if rows > MOST => Err(too_many()),
        _ => Ok(taken.sha256),
    }
}

fn too_many() -> Problem {
    Problem::new(Kind::TooLarge, format!("the body has more than {MOST} rows: send them in several requests"))
}

fn unreadable(error: RowsError) -> Problem {
    match error {
        RowsError::Io(error) => error.into(),
        error => Problem::new(Kind::InvalidRequest, error),
    }
}

/// Reads the rows after the first `done` and checks them, until the receiver closes.
fn read(
    file: File,
    format: Format,
    done: u64,
    (workspace, now): (Uuid, DateTime<Utc>),
    chunks: &mpsc::Sender<Chunk>,
) -> Result<(), RowsError> {
    let mut rows = Rows::of(file, format);
    let mut skip = usize::try_from(done).unwrap_or(usize::MAX);
    loop {
        let some = rows.next(if skip > 0 { skip.min(AT_ONCE) } else { AT_ONCE })?;
        if some.is_empty() {
            return Ok(());
        }
        if skip > 0 {
            skip -= some.len();
            continue;
        }
        let looked_at = some.iter().map(|row| Order::read(row)?.draft(workspace, now)).collect();
        if chunks.blocking_send(looked_at).is_err() {
            return Ok(());
        }
    }
}

/// Enqueues the valid rows of a thousand, and counts all of them.
async fn enqueue(
    api: &Api,
    actor: &Actor,
    chunk: Chunk,
    tally: &mut Tally,
    steps: Option<&mut Steps>,
) -> Result<(), Problem> {
    let first = tally.rows + 1;
    let before = tally.accepted;
    let mut drafts = Vec::with_capacity(chunk.len());
    let read: Vec<Result<(), Flaw>> = chunk.into_iter().map(|row| row.map(|draft| drafts.push(draft))).collect();
    let mut tx = api.db.begin().await?;
    let mut taken = orders::take(&mut tx, actor.workspace_id, &actor.who, Way::Api, drafts).await?.into_iter();
    for row in read {
        tally.count(row.and_then(|()| taken.next().expect("an answer for each row that was read")));
    }
    let last = tally.rows;
    if let Some(steps) = steps {
        let noted = serde_json::to_vec(tally).map_err(|error| Problem::internal(&error))?;
        if !steps.note(&mut tx, noted).await? {
            let detail = "another process goes on with this request: try again in a moment";
            return Err(Problem::new(Kind::Unavailable, detail));
        }
    }
    let accepted = tally.accepted - before;
    if accepted > 0 {
        let entry = Entry::of("jobs.enqueue", format!("rows {first} to {last}")).affecting(accepted);
        audit::record(&mut tx, actor, entry).await?;
    }
    Ok(tx.commit().await?)
}

impl Tally {
    fn count(&mut self, row: Result<Entered, Flaw>) {
        self.rows += 1;
        match row {
            Ok(Entered::New(_)) => self.accepted += 1,
            Ok(_) => self.duplicates += 1,
            Err(flaw) => {
                self.refused += 1;
                if self.errors.len() < SHOWN {
                    let Flaw { pointer, detail, .. } = flaw;
                    self.errors.push(RowError { row: self.rows, pointer, detail });
                } else {
                    self.more_errors += 1;
                }
            }
        }
    }
}
