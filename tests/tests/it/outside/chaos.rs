//! A thousand guests, a tenth of all requests going wrong in every way, and workers killed in the middle of what they
//! do.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use herald_tests::{TestDatabase, on_both_engines, wait_until};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use sha2::{Digest, Sha256};

use super::{Outreach, outreach::pass_time};

on_both_engines! {
    a_thousand_guests_have_one_file_and_one_link_each_whatever_fails,
}

const GUESTS: u64 = 1_000;
const SHARE: f64 = 0.10;
const SEED: u64 = 4;
const KILLS: usize = 8;

async fn a_thousand_guests_have_one_file_and_one_link_each_whatever_fails(database: &TestDatabase) {
    let app = Outreach::start(database).await;
    // No limit: it is the faults that are looked at.
    let mut tx = database.db.begin().await.unwrap();
    let limits = herald_ledger::QueueLimits { rate_seconds: 1, ..Default::default() };
    herald_ledger::set_limits(&mut tx, "drive", &limits).await.unwrap();
    tx.commit().await.unwrap();
    app.guests(GUESTS);
    for faults in [app.google().faults(), app.mautic().faults()] {
        faults.storm(SEED, SHARE);
        faults.latest(Duration::from_millis(5));
    }
    let id = app.begin(&app.plan()).await;
    let mut lots = StdRng::seed_from_u64(SEED);
    for kill in 1..=KILLS {
        let worker = app.begin_work();
        let until = i64::try_from(GUESTS).unwrap() * i64::try_from(kill).unwrap() / 10 + lots.random_range(0..50);
        wait_until("some more are made", async || {
            pass_time(&app.db).await;
            let run = app.run(id).await;
            run.made >= until || run.has_ended()
        })
        .await;
        worker.kill(&app.db).await;
    }
    let worker = app.begin_work();
    let run = app.ended(id).await;
    worker.stop().await;
    assert_eq!((run.state.as_str(), run.made, run.failed), ("complete", 1_000, 0), "{:?}", run.reason);

    let injected: usize =
        app.google().faults().injected().values().chain(app.mautic().faults().injected().values()).sum();
    assert!(injected > 100, "{injected} faults are too few to show anything");
    let files = app.google().files();
    assert_eq!(files.len(), 1_000);
    let by_link: BTreeMap<&str, _> = files.iter().map(|file| (file.web_view_link.as_str(), file)).collect();
    assert_eq!(app.google().folders().iter().filter(|folder| folder.name == "Gala").count(), 1);
    let contacts = app.mautic().contacts();
    assert_eq!(contacts.len(), 1_000);
    let links: BTreeSet<&String> = contacts.values().map(|contact| &contact["invitation_link"]).collect();
    let numbers: BTreeSet<&String> = contacts.values().map(|contact| &contact["lucky_number"]).collect();
    assert_eq!((links.len(), numbers.len()), (1_000, 1_000));
    for contact in contacts.values() {
        let file = by_link[contact["invitation_link"].as_str()];
        assert_eq!(file.name, format!("invitation-{}.jpg", contact["lucky_number"]));
        assert_eq!(file.sha256, hex::encode(Sha256::digest(&file.bytes)));
        assert_eq!(file.app_properties["sha256"], file.sha256);
        assert!(file.public);
    }
    // Each contact was only ever given one link.
    assert!(app.mautic().writes("invitation_link").values().all(|writes| writes.values.len() == 1));
    assert_eq!((app.mautic().merges(), app.mautic().wipes(), app.mautic().deleted().len()), (0, 0, 0));
    assert_eq!((app.mautic().truncations(), app.mautic().shifted_rows()), (0, 0));
}
