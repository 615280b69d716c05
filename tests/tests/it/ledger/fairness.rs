//! Rule 9: one workspace's million-row campaign does not starve another's ten invitations.

use herald_ledger::NewJob;
use herald_tests::{TestDatabase, on_both_engines};
use uuid::Uuid;

use crate::ground::{self, enqueue, lease, noop, run_sql};

on_both_engines! {
    a_campaign_of_100_000_does_not_starve_ten_invitations,
    a_demand_smaller_than_the_number_of_workspaces_reaches_each_of_them,
    what_one_workspace_does_not_need_the_others_get,
    urgency_counts_within_a_workspace,
    a_batch_of_a_workspace_does_not_starve_its_other_batches,
    what_has_waited_for_a_minute_gets_its_part_however_much_is_more_urgent,
}

fn of(jobs: &[herald_ledger::Leased], workspace: Uuid) -> usize {
    jobs.iter().filter(|job| job.workspace_id == workspace).count()
}

async fn a_campaign_of_100_000_does_not_starve_ten_invitations(database: &TestDatabase) {
    let db = &database.db;
    let (campaign, invitations) = (ground::workspace(db).await, ground::workspace_named(db, "small").await);
    enqueue(db, vec![noop(campaign); 1_000]).await;
    // The rest of the campaign, made where it is made fastest. All of it is due long before the invitations.
    let doubled = match db.kind() {
        herald_tests::EngineKind::Postgres => "gen_random_uuid()",
        herald_tests::EngineKind::Sqlite => "randomblob(16)",
    };
    run_sql(
        db,
        &format!(
            "insert into jobs (id, workspace_id, kind, queue, args, state, priority, attempt, max_attempts, run_at, \
             cancel_requested, created_at)
             select {doubled}, workspace_id, kind, queue, args, state, priority, attempt, max_attempts, run_at, \
             cancel_requested, created_at
             from jobs, (values (1), (2), (3), (4), (5), (6), (7), (8), (9), (10), (11)) as a, (values (1), (2), (3), \
             (4), (5), (6), (7), (8), (9)) as b"
        ),
    )
    .await;
    assert_eq!(ground::number(db, "select count(*) from jobs").await, 100_000);
    db.clock().advance(std::time::Duration::from_secs(60));
    enqueue(db, vec![noop(invitations); 10]).await;
    let mut leased = 0;
    for _ in 0..5 {
        let round = lease(db, 4).await;
        assert_eq!((round.len(), of(&round, invitations)), (4, 2), "half of each round is the small one's");
        leased += of(&round, invitations);
    }
    assert_eq!(leased, 10);
    assert_eq!(of(&lease(db, 4).await, campaign), 4);
}

/// A worker that takes one job at a time must not be the campaign's alone.
async fn a_demand_smaller_than_the_number_of_workspaces_reaches_each_of_them(database: &TestDatabase) {
    let db = &database.db;
    let mut small = Vec::new();
    let campaign = ground::workspace(db).await;
    enqueue(db, vec![noop(campaign); 500]).await;
    db.clock().advance(std::time::Duration::from_secs(60));
    for name in ["a", "b", "c"] {
        let workspace = ground::workspace_named(db, name).await;
        enqueue(db, vec![noop(workspace); 10]).await;
        small.push(workspace);
    }
    let mut leased = Vec::new();
    for _ in 0..120 {
        leased.extend(lease(db, 1).await);
    }
    assert_eq!(leased.len(), 120);
    for workspace in small {
        assert_eq!(of(&leased, workspace), 10);
    }
}

async fn what_one_workspace_does_not_need_the_others_get(database: &TestDatabase) {
    let db = &database.db;
    let (big, small) = (ground::workspace(db).await, ground::workspace_named(db, "small").await);
    enqueue(db, vec![noop(big); 50]).await;
    enqueue(db, vec![noop(small); 3]).await;
    let round = lease(db, 20).await;
    assert_eq!((of(&round, big), of(&round, small)), (17, 3));
    assert_eq!(lease(db, 100).await.len(), 33);
}

async fn a_batch_of_a_workspace_does_not_starve_its_other_batches(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let (campaign, _) = ground::batch_of(db, workspace, None, vec![noop(workspace); 2_000]).await;
    db.clock().advance(std::time::Duration::from_secs(10));
    let (small, _) = ground::batch_of(db, workspace, None, vec![noop(workspace); 10]).await;
    enqueue(db, vec![noop(workspace); 10]).await;
    let of = |jobs: &[herald_ledger::Leased], batch| jobs.iter().filter(|job| job.batch_id == batch).count();
    let round = lease(db, 15).await;
    assert_eq!([Some(campaign), Some(small), None].map(|batch| of(&round, batch)), [5, 5, 5]);
    let rest = lease(db, 100).await;
    assert_eq!([Some(campaign), Some(small), None].map(|batch| of(&rest, batch)), [90, 5, 5]);
}

async fn what_has_waited_for_a_minute_gets_its_part_however_much_is_more_urgent(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    enqueue(db, vec![NewJob { priority: 9, ..noop(workspace) }; 50]).await;
    enqueue(db, vec![NewJob { priority: -9, ..noop(workspace) }; 500]).await;
    let late = async || ground::number(db, "select count(*) from jobs where priority = 9 and state = 'running'").await;
    assert_eq!(lease(db, 80).await.len(), 80);
    assert_eq!(late().await, 0);
    db.clock().advance(std::time::Duration::from_secs(61));
    assert_eq!(lease(db, 80).await.len(), 80);
    assert_eq!(late().await, 10);
}

async fn urgency_counts_within_a_workspace(database: &TestDatabase) {
    let db = &database.db;
    let (one, two) = (ground::workspace(db).await, ground::workspace_named(db, "two").await);
    let with = |workspace, priority| NewJob { priority, ..noop(workspace) };
    enqueue(db, vec![with(one, 9); 5]).await;
    enqueue(db, vec![with(two, 0), with(two, 0), with(two, -1)]).await;
    let round = lease(db, 4).await;
    assert_eq!((of(&round, one), of(&round, two)), (2, 2), "the less urgent workspace has its share all the same");
    assert!(ground::number(db, "select count(*) from jobs where state = 'running' and priority = -1").await == 1);
}
