//! A process that is killed loses nothing: its leases run out, and another one does the work.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use herald_base::ids::Ids;
use herald_ledger::NewJob;
use herald_tests::{
    EngineKind, TestDatabase,
    app::{Process, Work},
    wait_until,
};
use herald_worker::runner::{Done, Failure, Handler};
use serde_json::json;
use tokio::runtime::Runtime;

use super::{handler, plain_jobs, working};
use crate::ground::{self, batch_of, counters, noop, number};

#[test]
fn a_killed_process_loses_no_job_on_sqlite() {
    a_killed_process_loses_no_job(EngineKind::Sqlite);
}

#[test]
fn a_killed_process_loses_no_job_on_postgres() {
    a_killed_process_loses_no_job(EngineKind::Postgres);
}

const JOBS: usize = 300;
const KILLS: usize = 5;

/// Does the work, but for every seventh job it takes, which it holds until the process is gone.
fn leaves_some_unfinished() -> Handler {
    let taken = AtomicUsize::new(0);
    handler(move |attempt| {
        let holds = taken.fetch_add(1, Ordering::SeqCst) % 7 == 6;
        async move {
            if holds {
                return std::future::pending::<Result<Done, Failure>>().await;
            }
            next_step(&attempt.job)
        }
    })
}

/// Every job has one follow-up.
fn next_step(job: &herald_ledger::Leased) -> Result<Done, Failure> {
    let first = job.args.0["first"] == true;
    let next = NewJob { max_attempts: 100, ..noop(job.workspace_id) };
    Ok(Done { then: if first { vec![next] } else { Vec::new() }, ..Done::default() })
}

fn a_killed_process_loses_no_job(engine: EngineKind) {
    let surviving = Runtime::new().unwrap();
    let database = Arc::new(surviving.block_on(TestDatabase::new(engine)));
    let (workspace, batch) = surviving.block_on(async {
        let workspace = ground::workspace(&database.db).await;
        let first = NewJob { args: json!({"first": true}), max_attempts: 100, ..noop(workspace) };
        let (batch, _) = batch_of(&database.db, workspace, None, vec![first; JOBS]).await;
        (workspace, batch)
    });
    for kill in 1..=KILLS {
        let process = Runtime::new().unwrap();
        process.block_on(async {
            let db = database.connect(database.db.clock().clone(), Ids::seeded(kill as u64)).await;
            let done = number(&db, "select count(*) from jobs where state = 'succeeded'").await;
            // What the process before held comes back.
            db.clock().advance(Work::LEASE * 2);
            let _process = Process::start(&db, Work::on(vec![plain_jobs()], leaves_some_unfinished()));
            wait_until("it has done something and hangs", async || {
                number(&db, "select count(*) from jobs where state = 'succeeded'").await > done + 5
            })
            .await;
        });
        // Nothing of it gets to end: no outcome, no handing back.
        process.shutdown_background();
    }
    surviving.block_on(async {
        let db = &database.db;
        assert!(number(db, "select count(*) from jobs where state = 'running'").await > 0, "something was cut off");
        db.clock().advance(Work::LEASE * 2);
        let process = working(&database, handler(|attempt| std::future::ready(next_step(&attempt.job)))).await;
        wait_until("the batch is complete", async || {
            ground::batch(db, workspace, batch).await.state.as_str() == "complete"
        })
        .await;
        process.stop().await;
        let all = 2 * JOBS as i64;
        assert_eq!(counters(&ground::batch(db, workspace, batch).await), (all, all, 0, 0));
        assert_eq!(number(db, "select count(*) from jobs where state = 'succeeded'").await, all);
        assert_eq!(number(db, "select count(*) from jobs").await, all, "no follow-up was lost or made twice");
        database.end().await;
    });
    drop(database);
    surviving.shutdown_timeout(Duration::from_secs(10));
}
