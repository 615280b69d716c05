//! A trace travels in the job's row.

use herald_base::telemetry::{Span, TraceContext};
use herald_db::Db;
use herald_ledger as ledger;
use herald_ledger::{Callbacks, NewBatch, NewJob};
use herald_tests::{TestDatabase, on_both_engines};

use crate::ground::{self, commit, done, done_then, enqueue, lease, noop};

on_both_engines! {
    jobs_enqueued_in_a_span_carry_it_and_others_do_not,
    follow_ups_and_the_end_of_a_batch_stay_in_the_trace,
}

const GIVEN: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

fn request(db: &Db) -> Span {
    Span::request("POST /".to_owned(), Some(GIVEN), db.ids(), db.clock())
}

fn trace_of(job: &ledger::Leased) -> Option<TraceContext> {
    job.traceparent.as_deref().map(|text| text.parse().expect("what is in a row is a traceparent"))
}

async fn jobs_enqueued_in_a_span_carry_it_and_others_do_not(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let span = request(db);
    let own = NewJob { traceparent: Some(GIVEN.to_owned()), priority: 2, ..noop(workspace) };
    span.scope(enqueue(db, vec![noop(workspace), own])).await;
    enqueue(db, vec![NewJob { priority: 3, ..noop(workspace) }]).await;
    let jobs = lease(db, 10).await;
    assert_eq!(jobs.len(), 3);
    let mut traces: Vec<_> = jobs.iter().map(|job| job.traceparent.clone()).collect();
    traces.sort();
    let mut expected = [None, Some(GIVEN.to_owned()), Some(span.context().to_string())];
    expected.sort();
    assert_eq!(traces, expected);
    assert_eq!(span.context().trace_id(), "0af7651916cd43dd8448eb211c80319c");
}

async fn follow_ups_and_the_end_of_a_batch_stay_in_the_trace(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let span = request(db);
    let made = async {
        let mut tx = db.begin().await.unwrap();
        let callbacks = Callbacks { on_complete: Some(noop(workspace)), ..Callbacks::default() };
        let new = NewBatch { workspace_id: workspace, name: "traced".to_owned(), callbacks };
        let batch_id = Some(ledger::create_batch(&mut tx, new).await.unwrap());
        ledger::enqueue(&mut tx, vec![NewJob { batch_id, ..noop(workspace) }]).await.unwrap();
        tx.commit().await.unwrap();
    };
    span.scope(made).await;
    let first = lease(db, 10).await.remove(0);
    commit(db, vec![done_then(first, vec![noop(workspace)])]).await;
    let second = lease(db, 10).await.remove(0);
    assert_eq!(trace_of(&second), Some(span.context()));
    commit(db, vec![done(second)]).await;
    let end = lease(db, 10).await.remove(0);
    assert_eq!((trace_of(&end), end.batch_id), (Some(span.context()), None));
}
