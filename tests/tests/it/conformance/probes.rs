//! Probes: batches found by their name.

use std::time::Duration;

use herald_app::probe::Probe;
use herald_base::{clock::Clock, ids::Ids};
use herald_ledger as ledger;
use herald_tests::{TestDatabase, on_both_engines};

use crate::ground;

on_both_engines! {
    a_probe_is_made_once_and_found_by_its_name,
    two_requests_at_once_make_one_probe,
    a_probes_times_are_those_of_its_jobs,
}

async fn a_probe_is_made_once_and_found_by_its_name(database: &TestDatabase) {
    let db = &database.db;
    let workspace_id = ground::workspace(db).await;
    let noon = Probe { workspace_id, name: "noon", tries: Some(3) };
    let (id, new) = herald_app::probe::start_probe(db, noon, 0..3).await.unwrap();
    assert!(new);
    assert_eq!(herald_app::probe::start_probe(db, noon, 0..5).await.unwrap(), (id, false));
    herald_app::probe::add_to_probe(db, noon, 3..4).await.unwrap();
    let batch = ledger::find_batch(db, workspace_id, id).await.unwrap().unwrap();
    assert_eq!((batch.name.as_str(), batch.total), ("probe:noon", 4));
    let filter = ledger::JobFilter { batch_id: Some(id), ..ledger::JobFilter::default() };
    let jobs = ledger::list_jobs(db, workspace_id, &filter, 10).await.unwrap();
    let mut numbers: Vec<_> = jobs.iter().map(|job| job.args.0["number"].as_i64().unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [0, 1, 2, 3]);
    assert!(jobs.iter().all(|job| job.max_attempts == 3 && job.args.0["probe"] == "noon"));
    let evening = Probe { name: "evening", ..noon };
    assert_ne!(herald_app::probe::start_probe(db, evening, 0..1).await.unwrap().0, id);
}

async fn two_requests_at_once_make_one_probe(database: &TestDatabase) {
    let db = &database.db;
    let other = database.connect(Clock::system(), Ids::random()).await;
    let workspace_id = ground::workspace(db).await;
    let probe = Probe { workspace_id, name: "twins", tries: None };
    let (one, two) = tokio::join!(
        herald_app::probe::start_probe(db, probe, 0..50),
        herald_app::probe::start_probe(&other, probe, 0..50)
    );
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_eq!(one.0, two.0);
    assert!(one.1 != two.1, "one of them is new");
    assert_eq!(ledger::find_batch(db, workspace_id, one.0).await.unwrap().unwrap().total, 50);
}

async fn a_probes_times_are_those_of_its_jobs(database: &TestDatabase) {
    let db = &database.db;
    let workspace_id = ground::workspace(db).await;
    let (id, _) =
        herald_app::probe::start_probe(db, Probe { workspace_id, name: "timed", tries: None }, 0..2).await.unwrap();
    assert!(herald_app::probe::probe_times(db, workspace_id, id).await.unwrap().is_none());
    for job in ground::lease_from(db, "sync", 2).await {
        db.clock().advance(Duration::from_secs(1));
        ground::commit(db, vec![ground::done(job)]).await;
    }
    let times = herald_app::probe::probe_times(db, workspace_id, id).await.unwrap().unwrap();
    assert_eq!(
        (times.half, times.most, times.all),
        (Duration::from_secs(2), Duration::from_secs(2), Duration::from_secs(2))
    );
}
