//! Nobody reaches over the fence between workspaces: not with a job whose arguments name what is another's, and no
//! statement that Herald runs.

use std::{sync::Arc, time::Duration};

use herald_app::jobs::{
    ContactsImport, ContactsPull, FaceCrop, InvitationPublish, InvitationRender, InvitationSummary, InvitationUpload,
};
use herald_base::ids::Ids;
use herald_db::{Bulk, Db, query};
use herald_invitations as domain;
use herald_invitations::{
    InvitationEnded, InvitationReopened, Outside, PortraitReady, Published, Rendered, RunEnded, RunReopened, Uploaded,
};
use herald_ledger as ledger;
use herald_ledger::{Change, Finished, Leased, NewJob, Outcome, Payload};
use herald_tests::{TestDatabase, fence::Fence, on_both_engines};
use uuid::Uuid;

use crate::{
    ground,
    guest_list::{self, Started},
};

on_both_engines! {
    jobs_that_name_what_is_anothers_change_nothing_of_it,
    facts_of_anothers_rows_change_nothing,
    a_job_joins_no_batch_of_another_workspace,
    a_statement_that_names_no_workspace_is_caught,
}

/// What must stay as it is: everything of a workspace that a job's end could change.
async fn rows(db: &Db, workspace: Uuid) -> Vec<(Uuid, String, String)> {
    let mut all = Vec::new();
    for sql in [
        "select id, state || step, coalesce(reason, '') || coalesce(portrait, '') || coalesce(file, '')
         from invitations where workspace_id = $1",
        "select id, state || coalesce(reason, ''),
           cast(total * 1000000 + made * 100000 + failed * 10000 + rejected * 1000 + cancelled * 100 + already as text)
         from invitation_runs where workspace_id = $1",
        "select id, coalesce(invitation_link, ''), coalesce(lucky_number, '') from contacts where workspace_id = $1",
        "select invitation_id, remote_id, coalesce(link, '') from uploads where workspace_id = $1",
        "select id, state, cast(total * 10000 + succeeded * 100 + dead * 10 + cancelled as text)
         from batches where workspace_id = $1",
    ] {
        let found: Vec<(Uuid, String, String)> = query(sql).bind(workspace).all(db).await.unwrap();
        all.extend(found);
    }
    all.sort();
    all
}

/// A job of every kind whose end changes the domain, or that reads what its arguments name.
fn named(of: Uuid, invitation_id: Uuid, run_id: Uuid) -> Vec<NewJob> {
    let connection_id = Uuid::from_u128(5);
    let jobs = [
        FaceCrop { invitation_id }.job(of),
        InvitationRender { invitation_id }.job(of),
        InvitationUpload { invitation_id, account: None }.job(of),
        InvitationPublish { invitation_id, account: None }.job(of),
        ContactsImport { run_id, account: None }.job(of),
        ContactsPull { run_id, connection_id }.job(of),
        InvitationSummary { run_id }.job(of),
    ];
    jobs.into_iter().map(|job| NewJob { queue: ground::QUEUE.to_owned(), ..job }).collect()
}

async fn leased(db: &Db, job: NewJob) -> Leased {
    let id = ground::enqueue_one(db, job).await;
    let leased = ground::lease(db, 10).await;
    leased.into_iter().find(|job| job.id == id).expect("the job was leased")
}

fn died(job: Leased) -> Finished {
    let error = "it cannot be done".to_owned();
    Finished { job, outcome: Outcome::Dead { error } }
}

/// Everything that ends a job and brings it back, once each.
async fn end_in_every_way(db: &Db, workspace: Uuid, job: &NewJob) {
    let dead = leased(db, job.clone()).await;
    let id = dead.id;
    ground::commit(db, vec![died(dead)]).await;
    assert!(ledger::retry_job(db, workspace, id, 3).await.unwrap());
    ledger::cancel_job(db, workspace, id).await.unwrap();
    assert!(ledger::retry_job(db, workspace, id, 3).await.unwrap());
    let running = ground::lease(db, 10).await.into_iter().find(|job| job.id == id).unwrap();
    ledger::cancel_job(db, workspace, id).await.unwrap();
    ground::commit(db, vec![Finished { job: running, outcome: Outcome::Cancelled }]).await;
    ground::enqueue_one(db, NewJob { expires_at: Some(db.now() + Duration::from_secs(1)), ..job.clone() }).await;
    db.clock().advance(Duration::from_secs(2));
    assert_eq!(ledger::drop_expired(db).await.unwrap(), 1);
}

/// The run with guests who wait, who failed, and who were cancelled, one after the other.
async fn in_every_state(db: &Db, victim: &Started, mut act: impl AsyncFnMut()) {
    act().await;
    for job in ground::lease_from(db, "cpu", 10).await {
        ground::commit(db, vec![died(job)]).await;
    }
    act().await;
    domain::retry_failed(db, victim.workspace, victim.run.id).await.unwrap().unwrap();
    domain::cancel_run(db, victim.workspace, victim.run.id).await.unwrap().unwrap();
    act().await;
}

async fn jobs_that_name_what_is_anothers_change_nothing_of_it(database: &TestDatabase) {
    let db = &database.db;
    let victim = guest_list::imported(db, "a", 3).await;
    let stranger = ground::workspace_named(db, "stranger").await;
    let guests = domain::run_guests(db, victim.workspace, victim.run.id, None, None, 10).await.unwrap();
    let mut states = std::collections::BTreeSet::new();
    in_every_state(db, &victim, async || {
        let before = rows(db, victim.workspace).await;
        states.insert(before.clone());
        for job in named(stranger, guests[0].id, victim.run.id) {
            end_in_every_way(db, stranger, &job).await;
            assert_eq!(rows(db, victim.workspace).await, before, "{}", job.kind);
        }
    })
    .await;
    assert_eq!(states.len(), 3, "the guests waited, failed, and were cancelled");
    // The same of one's own does change it.
    let before = rows(db, victim.workspace).await;
    let own = NewJob { batch_id: None, ..named(victim.workspace, guests[0].id, victim.run.id).remove(0) };
    let id = ground::enqueue_one(db, own).await;
    ledger::cancel_job(db, victim.workspace, id).await.unwrap();
    assert!(ledger::retry_job(db, victim.workspace, id, 3).await.unwrap());
    assert_ne!(rows(db, victim.workspace).await, before);
}

async fn facts_of_anothers_rows_change_nothing(database: &TestDatabase) {
    let db = &database.db;
    let victim = guest_list::imported(db, "a", 3).await;
    let stranger = ground::workspace_named(db, "stranger").await;
    let guests = domain::run_guests(db, victim.workspace, victim.run.id, None, None, 10).await.unwrap();
    let (invitation_id, run_id, text) = (guests[0].id, victim.run.id, || "theirs".to_owned());
    let outside = Outside { connection_id: Uuid::from_u128(5), remote_id: text(), sha256: text(), link: Some(text()) };
    let changes: Vec<Change> = vec![
        PortraitReady { invitation_id, portrait: Some(text()), notes: vec![text()] }.into(),
        Rendered { invitation_id, rendering: text(), sha256: text(), bytes: 1, notes: vec![] }.into(),
        Uploaded { invitation_id, file: text(), outside: Some(outside) }.into(),
        Published { invitation_id }.into(),
        InvitationEnded::Failed { invitation_id, reason: text() }.into(),
        InvitationReopened { invitation_id }.into(),
        InvitationEnded::Cancelled { invitation_id }.into(),
        RunEnded::Failed { run_id, reason: text() }.into(),
        RunReopened { run_id }.into(),
        RunEnded::Cancelled { run_id }.into(),
    ];
    let done = |job, changes| Finished { job, outcome: Outcome::Done { result: None, changes, then: Vec::new() } };
    in_every_state(db, &victim, async || {
        let before = rows(db, victim.workspace).await;
        for change in &changes {
            let job = leased(db, ground::noop(stranger)).await;
            ground::commit(db, vec![done(job, vec![change.clone()])]).await;
            assert_eq!(rows(db, victim.workspace).await, before, "{change:?}");
        }
    })
    .await;
    // In the workspace's own job they do.
    let before = rows(db, victim.workspace).await;
    let job = leased(db, ground::noop(victim.workspace)).await;
    ground::commit(db, vec![done(job, vec![changes[5].clone()])]).await;
    assert_ne!(rows(db, victim.workspace).await, before);
}

async fn a_job_joins_no_batch_of_another_workspace(database: &TestDatabase) {
    let db = &database.db;
    let own = ground::workspace(db).await;
    let stranger = ground::workspace_named(db, "stranger").await;
    let (batch, _) = ground::batch_of(db, own, None, vec![ground::noop(own)]).await;
    let before = rows(db, own).await;
    let job = ground::enqueue_one(db, NewJob { batch_id: Some(batch), ..ground::noop(stranger) }).await;
    assert!(ledger::find_job(db, stranger, job).await.unwrap().is_none(), "it was dropped");
    assert_eq!(rows(db, own).await, before);
    // A row that names it all the same counts in no batch of another's.
    let job = ground::enqueue_one(db, ground::noop(stranger)).await;
    ground::run_sql(db, "update jobs set batch_id = (select id from batches) where batch_id is null").await;
    let running = ground::lease(db, 10).await.into_iter().find(|leased| leased.id == job).unwrap();
    assert_eq!(running.batch_id, Some(batch));
    ground::commit(db, vec![ground::dead(running)]).await;
    assert_eq!(rows(db, own).await, before);
}

async fn a_statement_that_names_no_workspace_is_caught(database: &TestDatabase) {
    let db = database.unwatched(Ids::random()).await;
    let fence = Fence::strict();
    fence.learn(&db).await;
    fence.watch(&db);
    let id = Uuid::from_u128(7);
    let mut tx = db.begin().await.unwrap();
    query("update jobs set priority = 0 where workspace_id = $1 and id = $2")
        .bind(id)
        .bind(id)
        .execute(&mut tx)
        .await
        .unwrap();
    assert_eq!(Arc::clone(&fence).faults(), Vec::<String>::new());
    query("update jobs set priority = 0 where id = $1").bind(id).execute(&mut tx).await.unwrap();
    Bulk::new("update contacts set name = rows.name from {rows} where contacts.id = rows.id")
        .column("id", [id].into_iter().collect())
        .column("name", ["Ann Example".to_owned()].into_iter().collect())
        .execute(&mut tx)
        .await
        .unwrap();
    drop(tx);
    query("select name from events where id = $1").bind(id).optional::<(String,)>(&db).await.unwrap();
    let faults = fence.faults();
    assert_eq!(faults.len(), 3, "{faults:?}");
    for table in ["jobs", "contacts", "events"] {
        let told =
            faults.iter().any(|fault| fault.contains(&format!("touches {table}")) && fault.contains("fences.rs:"));
        assert!(told, "{table}: {faults:?}");
    }
}
