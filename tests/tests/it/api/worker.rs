//! What a worker would do, written straight into the ledger.

use std::time::Duration;

use bytes::Bytes;
use herald_app::jobs::InvitationRender;
use herald_contacts::Person;
use herald_invitations as domain;
use herald_invitations::{ImportProblem, Invitee, Published, Rendered, Uploaded, results};
use herald_ledger as ledger;
use herald_ledger::{Demand, Finished, Leased, Outcome};
use herald_providers::files::Key;
use herald_worker::runner::{Attempt, Failure};
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::Service;

/// Leases what is due in a queue.
pub(super) async fn lease(service: &Service, queue: &str) -> Vec<Leased> {
    let demand = [Demand { queue: queue.to_owned(), limit: 100, waiting: 0 }];
    ledger::dispatch(&service.db, &demand, "test", Duration::from_secs(30)).await.unwrap().jobs
}

/// Waits until a job is due in a queue, and leases it.
pub(super) async fn lease_next(service: &Service, queue: &str) -> Leased {
    loop {
        if let Some(job) = lease(service, queue).await.into_iter().next() {
            return job;
        }
        service.db.nudged().await;
    }
}

pub(super) async fn commit(service: &Service, job: Leased, outcome: Outcome) {
    let committed = ledger::commit(&service.db, &[Finished { job, outcome }]).await.unwrap();
    assert_eq!(committed.written, 1);
}

/// Does the jobs that wait, each once. What removes an import or an export in a month stays.
pub(super) async fn work(service: &Service) {
    service.leaves(&["import.forget", "export.forget"]);
    loop {
        let jobs = lease(service, "control").await;
        if jobs.is_empty() {
            return;
        }
        for job in jobs {
            let outcome = outcome(service, &job).await;
            commit(service, job, outcome).await;
        }
    }
}

/// What the handler of a job makes of it.
pub(super) async fn outcome(service: &Service, job: &Leased) -> Outcome {
    let attempt = Attempt { job: job.clone(), cancelled: CancellationToken::new() };
    match service.handlers()(attempt).await {
        Ok(done) => Outcome::Done { result: done.result, changes: done.changes, then: done.then },
        Err(Failure::Fail(error)) => Outcome::Dead { error },
        Err(Failure::Cancelled) => Outcome::Cancelled,
        Err(other) => panic!("{other:?}"),
    }
}

pub(super) fn done() -> Outcome {
    Outcome::Done { result: None, changes: Vec::new(), then: Vec::new() }
}

/// Runs the import of a run: these guests, and one row that is no guest.
pub(super) async fn import(service: &Service, run_id: Uuid, names: &[&str]) {
    let job = lease(service, "control").await.into_iter().find(|job| job.kind == "contacts.import").unwrap();
    let db = &service.db;
    let run = domain::find_run(db, service.workspace, run_id).await.unwrap().unwrap();
    let guests: Vec<Person> = names
        .iter()
        .map(|name| Person { row_key: (*name).to_owned(), name: (*name).to_owned(), ..Person::default() })
        .collect();
    let mut tx = db.begin().await.unwrap();
    let upserted = herald_contacts::upsert_people(&mut tx, service.workspace, &guests).await.unwrap();
    let invitees: Vec<_> =
        upserted.iter().zip(1..).map(|(guest, at)| Invitee::new(guest.contact_id, at, None)).collect();
    let (prepared, jobs) =
        domain::prepare_invitations(&mut tx, service.workspace, &run, &invitees, &service.links, &mut Vec::new())
            .await
            .unwrap();
    let problem = ImportProblem {
        line: 9,
        guest: String::new(),
        fatal: true,
        message: "the guest has no name; fill it in".into(),
    };
    domain::add_problems(&mut tx, service.workspace, run_id, &[problem]).await.unwrap();
    let rows = i64::try_from(names.len()).unwrap() + 1;
    assert!(domain::take_chunk(&mut tx, service.workspace, run_id, (0, rows), prepared, 1).await.unwrap());
    ledger::enqueue(&mut tx, jobs).await.unwrap();
    domain::import_finished(&mut tx, service.workspace, run_id).await.unwrap();
    tx.commit().await.unwrap();
    commit(service, job, done()).await;
}

/// Ends the guests' jobs in the order they were leased: made, or failed for this reason. A test that wants the results
/// calls [`summarise`] as well; without it, the job that writes them is left.
pub(super) async fn finish(service: &Service, ends: &[Result<(), &str>]) {
    service.leaves(&["invitation.summary"]);
    let mut jobs = lease(service, "cpu").await;
    jobs.sort_by_key(|job| job.id);
    assert_eq!(jobs.len(), ends.len());
    for (job, end) in jobs.into_iter().zip(ends) {
        let args: InvitationRender = serde_json::from_value(job.args.0.clone()).unwrap();
        let outcome = match end {
            Ok(()) => made(service, args.invitation_id).await,
            Err(reason) => Outcome::Dead { error: (*reason).to_owned() },
        };
        commit(service, job, outcome).await;
    }
}

async fn made(service: &Service, invitation_id: Uuid) -> Outcome {
    let file = Key::invitation(service.workspace, "gala", "1", invitation_id, "png");
    service.files.put(&file, Bytes::from_static(b"a picture")).await.unwrap();
    let file = String::from(file);
    let changes = vec![
        Rendered {
            invitation_id,
            rendering: file.clone(),
            sha256: hex::encode(Sha256::digest(b"a picture")),
            bytes: 9,
            notes: vec!["the name was set smaller to fit".to_owned()],
        }
        .into(),
        Uploaded { invitation_id, file, outside: None }.into(),
        Published { invitation_id }.into(),
    ];
    Outcome::Done { result: None, changes, then: Vec::new() }
}

/// Writes a run's results, as its summary job does.
pub(super) async fn summarise(service: &Service, run_id: Uuid) {
    let job = lease(service, "control").await.into_iter().find(|job| job.kind == "invitation.summary").unwrap();
    let run = domain::find_run(&service.db, service.workspace, run_id).await.unwrap().unwrap();
    let table = results::write(&service.db, &service.files, service.workspace, &run, Vec::new()).await.unwrap();
    service.files.put(&results::key(service.workspace, run_id), table.into()).await.unwrap();
    commit(service, job, done()).await;
}

/// A message of a campaign to an address, written straight into the ledger of messages.
pub(super) async fn message(
    service: &Service,
    id: Uuid,
    contact_id: Option<Uuid>,
    address: &str,
    language: Option<&str>,
) {
    let mut tx = service.db.begin().await.unwrap();
    let campaign = service.db.new_id();
    herald_db::query(
        "insert into campaigns (id, workspace_id, name, channel, state, version, audience, settings, round, created_by,
           created_at, updated_at)
         values ($1, $2, 'News', 'email', 'sent', 1, $3, $3, 1, 'test', $4, $4)",
    )
    .bind(campaign)
    .bind(service.workspace)
    .bind(serde_json::json!({}))
    .bind(service.db.now())
    .execute(&mut tx)
    .await
    .unwrap();
    herald_db::query(
        "insert into messages (id, workspace_id, campaign_id, contact_id, step, channel, address, address_key, language,
           params, state, tries, updated_at)
         values ($1, $2, $3, $4, 1, 'email', $5, $5, $6, $7, 'sent', 1, $8)",
    )
    .bind(id)
    .bind(service.workspace)
    .bind(campaign)
    .bind(contact_id)
    .bind(address)
    .bind(language)
    .bind(serde_json::json!({}))
    .bind(service.db.now())
    .execute(&mut tx)
    .await
    .unwrap();
    tx.commit().await.unwrap();
}
