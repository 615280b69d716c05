//! A fleet's schedulers hear over Redis that a schedule was changed in another process.

use std::time::Duration;

use herald_base::ids::Ids;
use herald_ledger::schedules;
use herald_tests::{EngineKind, TestDatabase, wait_until};

use super::{OneScheduler, redis};
use crate::ground::{self, number, person, schedule};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_schedule_made_in_another_process_is_fired_by_one_of_the_fleet() {
    let database = TestDatabase::new(EngineKind::Postgres).await;
    let (_, wire) = redis().await;
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    // By themselves they look again only in an hour.
    let mut schedulers = Vec::new();
    for seed in 1..=2 {
        schedulers.push(OneScheduler::start(&database.connect(db.clock().clone(), Ids::seeded(seed)).await, &wire));
    }
    schedules::create(db, &person(workspace), schedule(workspace)).await.unwrap();
    db.clock().advance(Duration::from_secs(60));
    wait_until("the schedule has fired", async || {
        // Told again: a scheduler that is only just coming up hears nothing.
        wire.tell_schedules().await.unwrap();
        number(db, "select count(*) from jobs").await > 0
    })
    .await;
    for scheduler in schedulers {
        scheduler.stop().await;
    }
    assert_eq!(number(db, "select count(*) from jobs").await, 1);
}
