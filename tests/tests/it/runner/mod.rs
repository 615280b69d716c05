//! Runner and scheduler together, over the wire of one process, with handlers made for the test.
//!
//! The clock stands still unless a test moves it, and the scheduler's tick is an hour: whatever happens in these tests
//! happens because something woke it.

mod acts;
mod away;
mod failures;
mod letters;
mod life;
mod restart;
mod stopping;
mod traces;

use std::{future::Future, sync::Arc};

use chrono::{DateTime, Utc};
use herald_db::{Db, query};
use herald_tests::{
    App, TestDatabase,
    app::{Process, Work},
};
use herald_worker::runner::{Attempt, Done, Failure, Handler, QueueShare};

use crate::ground::QUEUE;

/// Works on the queue of the plain jobs, two at a time.
async fn working(database: &TestDatabase, handler: Handler) -> Process {
    working_on(database, vec![plain_jobs()], handler).await
}

async fn working_on(database: &TestDatabase, queues: Vec<QueueShare>, handler: Handler) -> Process {
    App::on(database).start().await.work(Work::on(queues, handler))
}

fn plain_jobs() -> QueueShare {
    QueueShare { queue: QUEUE.to_owned(), concurrency: 2, prefetch: 8 }
}

fn handler<F, R>(run: F) -> Handler
where
    F: Fn(Attempt) -> R + Send + Sync + 'static,
    R: Future<Output = Result<Done, Failure>> + Send + 'static,
{
    Arc::new(move |attempt| Box::pin(run(attempt)))
}

/// Moves the clock to when the next job comes due, if until then nothing can happen.
async fn skip_waiting(db: &Db) {
    let busy = "select count(*) from jobs where state = 'running' or (state = 'ready' and run_at <= $1)";
    let (busy,): (i64,) = query(busy).bind(db.now()).one(db).await.unwrap();
    let (next,): (Option<DateTime<Utc>>,) =
        query("select min(run_at) from jobs where state = 'ready'").one(db).await.unwrap();
    if let (0, Some(next)) = (busy, next) {
        db.clock().advance((next - db.now()).to_std().unwrap_or_default());
    }
}

/// A handler that has nothing to do.
fn does_nothing() -> Handler {
    handler(async |_| Ok(Done::default()))
}
