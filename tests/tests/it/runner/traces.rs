//! An attempt is a span of its own below what enqueued its job, and what it enqueues is below the attempt.

use std::sync::{Arc, Mutex};

use herald_base::telemetry::{TraceContext, traceparent};
use herald_db::query;
use herald_ledger::NewJob;
use herald_tests::{TestDatabase, on_both_engines, wait_until};
use herald_worker::runner::{Done, Failure};

use super::{handler, skip_waiting, working};
use crate::ground::{self, enqueue, enqueue_one, noop, number};

on_both_engines! { attempts_and_what_they_enqueue_are_one_trace }

/// An attempt: its step, the traceparent in its row, and the span it ran in.
type Seen = (String, Option<String>, TraceContext);

async fn attempts_and_what_they_enqueue_are_one_trace(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
    let process = {
        let (db, seen) = (db.clone(), seen.clone());
        let run = handler(move |attempt| {
            let (db, seen) = (db.clone(), seen.clone());
            async move {
                let job = attempt.job;
                let here = traceparent().expect("a handler runs in a span").parse().unwrap();
                let step = job.args.0["step"].as_str().unwrap_or("first").to_owned();
                seen.lock().unwrap().push((step.clone(), job.traceparent.clone(), here));
                let next = |step: &str| NewJob { args: serde_json::json!({ "step": step }), ..noop(workspace) };
                match (step.as_str(), job.attempt) {
                    ("first", 1) => Err(Failure::Retry { error: "once more".to_owned(), after: None }),
                    ("first", _) => {
                        enqueue(&db, vec![next("enqueued")]).await;
                        Ok(Done { then: vec![next("follow-up")], ..Done::default() })
                    }
                    _ => Ok(Done::default()),
                }
            }
        });
        working(database, run).await
    };
    let id = enqueue_one(db, noop(workspace)).await;
    wait_until("all three are done", async || {
        skip_waiting(db).await;
        number(db, "select count(*) from jobs where state = 'succeeded'").await == 3
    })
    .await;
    process.stop().await;

    let seen = seen.lock().unwrap().clone();
    assert_eq!(seen.len(), 4);
    assert!(seen.iter().all(|(_, _, span)| span.trace_id() == id.simple().to_string()), "{seen:?}");
    let mut spans: Vec<_> = seen.iter().map(|(_, _, span)| span.span_id()).collect();
    spans.sort();
    spans.dedup();
    assert_eq!(spans.len(), 4, "each attempt is a span of its own");
    assert_eq!((&seen[0].1, &seen[1].1), (&None, &None));
    let second = seen[1].2.to_string();
    for (step, parent, _) in &seen[2..] {
        assert_eq!(parent.as_deref(), Some(second.as_str()), "{step} hangs below the attempt that caused it");
    }
    let (rows,): (i64,) = query("select count(*) from jobs where traceparent = $1").bind(second).one(db).await.unwrap();
    assert_eq!(rows, 2);
}
