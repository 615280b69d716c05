//! The log of who did what: one chain a workspace, in which a change shows.

use std::time::Duration;

use chrono::TimeDelta;
use herald_base::{clock::Clock, ids::Ids, vault::Vault};
use herald_db::Db;
use herald_ledger::audit::{self, Actor, AuditFilter, Checkpoint, Entry};
use herald_tests::{TestDatabase, app::vault, on_both_engines};
use serde_json::json;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::ground;

on_both_engines! {
    the_audit_log_is_one_chain_however_many_write,
    a_changed_or_missing_row_of_the_audit_log_shows,
    a_time_is_a_place_in_the_log,
    an_end_that_is_cut_off_with_its_head_shows_for_good,
    what_is_written_without_the_key_cannot_replace_what_was_written_with_it,
    rows_of_an_older_version_stay_and_the_chain_goes_on_sealed,
    a_log_that_is_replaced_whole_shows_to_who_has_a_checkpoint,
    a_seal_of_a_key_that_is_not_here_is_named,
}

async fn the_audit_log_is_one_chain_however_many_write(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let other = ground::workspace_named(db, "other").await;
    let mut writing = JoinSet::new();
    for seed in 1..=6_u64 {
        let db = database.connect(Clock::manual(db.now()), Ids::seeded(seed)).await;
        writing.spawn(async move {
            for turn in 0..10 {
                let workspace = if turn % 5 == 4 { other } else { workspace };
                let mut tx = db.begin().await.unwrap();
                let entry = Entry::of("test.act\0", turn)
                    .affecting(turn)
                    .with(json!({"seed": seed, "text": "ü\0\"", "f": 1.50}));
                let actor = Actor::key(workspace, Uuid::nil(), "a\0b", Some(format!("request-{seed}")));
                audit::record(&mut tx, &actor, entry).await.unwrap();
                // Some acts fail after all.
                if turn % 4 == 3 { drop(tx) } else { tx.commit().await.unwrap() }
            }
        });
    }
    writing.join_all().await;
    let verified = audit::verify(db, workspace, None).await.unwrap();
    assert_eq!((verified.rows, verified.broken), (36, None));
    assert_eq!(audit::verify(db, other, None).await.unwrap().rows, 12);
    let rows = audit::log(db, workspace, &AuditFilter::default(), 100).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.seq).collect::<Vec<_>>(), (1..=36).rev().collect::<Vec<_>>());
    assert_eq!((rows[0].hash.as_str(), rows[0].action.as_str()), (verified.head.as_str(), "test.act"));
    let page = AuditFilter { before: Some(3), action: Some("test.act".to_owned()), ..AuditFilter::default() };
    assert_eq!(audit::log(db, workspace, &page, 100).await.unwrap().len(), 2);
    let nobody = AuditFilter { who: Some("cli:nobody".to_owned()), ..AuditFilter::default() };
    assert!(audit::log(db, workspace, &nobody, 100).await.unwrap().is_empty());
}

async fn a_time_is_a_place_in_the_log(database: &TestDatabase) {
    let db = &database.db;
    let (workspace, other) = (ground::workspace(db).await, ground::workspace_named(db, "other").await);
    let began = db.now();
    for hour in 0..4 {
        for workspace in [workspace, other] {
            let mut tx = db.begin().await.unwrap();
            audit::record(&mut tx, &Actor::cli(workspace, "test"), Entry::of("test.act", hour)).await.unwrap();
            tx.commit().await.unwrap();
        }
        db.clock().advance(Duration::from_secs(3_600));
    }
    let of = async |after: Option<i64>, before: Option<i64>| {
        let at = |hours: i64| began + TimeDelta::hours(hours);
        let filter = AuditFilter { at_after: after.map(at), at_before: before.map(at), ..AuditFilter::default() };
        let rows = audit::log(db, workspace, &filter, 100).await.unwrap();
        rows.into_iter().map(|row| row.target).collect::<Vec<_>>()
    };
    assert_eq!(of(Some(1), None).await, ["3", "2", "1"]);
    assert_eq!(of(None, Some(1)).await, ["0"]);
    assert_eq!(of(Some(1), Some(3)).await, ["2", "1"]);
    assert_eq!(of(Some(-9), Some(9)).await.len(), 4);
    assert!(of(Some(9), None).await.is_empty());
    assert!(of(None, Some(0)).await.is_empty());
}

async fn a_changed_or_missing_row_of_the_audit_log_shows(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let empty = audit::verify(db, workspace, None).await.unwrap();
    assert_eq!((empty.rows, empty.broken), (0, None));
    let actor = Actor::cli(workspace, "test");
    for act in ["a.one", "a.two", "a.three"] {
        let mut tx = db.begin().await.unwrap();
        audit::record(&mut tx, &actor, Entry::of(act, "it")).await.unwrap();
        tx.commit().await.unwrap();
    }
    assert_eq!(audit::verify(db, workspace, None).await.unwrap().broken, None);
    ground::run_sql(db, "update audit_log set who = 'cli:nobody' where seq = 2").await;
    let broken = audit::verify(db, workspace, None).await.unwrap();
    assert_eq!((broken.rows, broken.broken.as_deref()), (1, Some("row 2 was changed")));
    ground::run_sql(db, "update audit_log set who = 'cli:test' where seq = 2").await;
    assert_eq!(audit::verify(db, workspace, None).await.unwrap().broken, None);
    ground::run_sql(db, "delete from audit_log where seq = 3").await;
    assert!(audit::verify(db, workspace, None).await.unwrap().broken.unwrap().contains("ends at row 2"));
    ground::run_sql(db, "delete from audit_log where seq = 1").await;
    assert_eq!(audit::verify(db, workspace, None).await.unwrap().broken.as_deref(), Some("row 1 is missing"));
}

/// A workspace whose log these acts are written to, with the installation's key.
async fn sealed(db: &Db, acts: &[&str]) -> Uuid {
    db.seal_with(vault(db).sealer());
    let workspace = ground::workspace(db).await;
    write(db, workspace, acts).await;
    workspace
}

async fn write(db: &Db, workspace: Uuid, acts: &[&str]) {
    for act in acts {
        let mut tx = db.begin().await.unwrap();
        audit::record(&mut tx, &Actor::cli(workspace, "test"), Entry::of(act, "it")).await.unwrap();
        tx.commit().await.unwrap();
    }
}

async fn broken(db: &Db, workspace: Uuid) -> String {
    audit::verify(db, workspace, None).await.unwrap().broken.expect("what was done to the log shows")
}

/// Cuts the log off after its second row, and makes its head say that it was no longer.
const CUT: [&str; 2] = [
    "delete from audit_log where seq > 2",
    "update audit_heads set seq = 2, hash = (select hash from audit_log as l where l.workspace_id = \
     audit_heads.workspace_id and l.seq = 2)",
];

async fn an_end_that_is_cut_off_with_its_head_shows_for_good(database: &TestDatabase) {
    let db = &database.db;
    let workspace = sealed(db, &["a.one", "a.two", "a.three", "a.four"]).await;
    let whole = audit::verify(db, workspace, None).await.unwrap();
    assert_eq!((whole.rows, whole.unkeyed, whole.sealed, whole.broken), (4, 0, Some(4), None));
    for sql in CUT {
        ground::run_sql(db, sql).await;
    }
    assert!(broken(db, workspace).await.contains("cut off"), "the seal is of row 4");
    ground::run_sql(db, "update audit_heads set sealed_seq = 2").await;
    assert!(broken(db, workspace).await.contains("cut off"), "a seal is of one row");
    // More acts do not cover it up.
    write(db, workspace, &["a.five", "a.six"]).await;
    assert!(broken(db, workspace).await.contains("cut off"));
    ground::run_sql(db, "update audit_heads set sealed_seq = null, seal = null").await;
    assert!(broken(db, workspace).await.contains("is missing"));
    write(db, workspace, &["a.seven"]).await;
    assert!(broken(db, workspace).await.contains("is missing"));
}

async fn what_is_written_without_the_key_cannot_replace_what_was_written_with_it(database: &TestDatabase) {
    let db = &database.db;
    let workspace = sealed(db, &["a.one", "a.two", "a.three"]).await;
    for sql in CUT {
        ground::run_sql(db, sql).await;
    }
    // Who has the database, but not the key, writes another ending, as long as the true one and longer.
    let without = database.connect(Clock::manual(db.now()), Ids::seeded(7)).await;
    write(&without, workspace, &["b.three"]).await;
    assert!(broken(db, workspace).await.contains("cut off"));
    write(&without, workspace, &["b.four"]).await;
    write(db, workspace, &["a.five"]).await;
    assert!(broken(db, workspace).await.contains("cut off"));
    ground::run_sql(db, "update audit_log set who = 'cli:nobody' where seq = 1").await;
    assert_eq!(broken(db, workspace).await, "row 1 was changed");
}

async fn rows_of_an_older_version_stay_and_the_chain_goes_on_sealed(database: &TestDatabase) {
    let db = &database.db;
    let older = database.connect(Clock::manual(db.now()), Ids::seeded(7)).await;
    let workspace = ground::workspace(db).await;
    write(&older, workspace, &["a.one", "a.two"]).await;
    sealed(db, &["a.three", "a.four"]).await;
    // While a fleet is brought up to this version, both write.
    write(&older, workspace, &["a.five"]).await;
    let mixed = audit::verify(db, workspace, None).await.unwrap();
    assert_eq!((mixed.rows, mixed.unkeyed, mixed.sealed, mixed.broken), (5, 3, Some(4), None));
    write(db, workspace, &["a.six"]).await;
    let all = audit::verify(db, workspace, None).await.unwrap();
    assert_eq!((all.rows, all.unkeyed, all.sealed, all.broken), (6, 3, Some(6), None));
    ground::run_sql(db, "update audit_log set target = 'another' where seq = 1").await;
    assert_eq!(broken(db, workspace).await, "row 1 was changed");
}

async fn a_log_that_is_replaced_whole_shows_to_who_has_a_checkpoint(database: &TestDatabase) {
    let db = &database.db;
    let workspace = sealed(db, &["a.one", "a.two"]).await;
    let noted = audit::verify(db, workspace, None).await.unwrap().checkpoint.unwrap();
    let noted: Checkpoint = noted.parse().unwrap();
    write(db, workspace, &["a.three"]).await;
    assert_eq!(audit::verify(db, workspace, Some(&noted)).await.unwrap().broken, None);
    for table in ["audit_log", "audit_heads"] {
        ground::run_sql(db, &format!("delete from {table}")).await;
    }
    let empty = audit::verify(db, workspace, Some(&noted)).await.unwrap();
    assert_eq!(empty.broken.as_deref(), Some("the chain ends at row 0, but the checkpoint names row 2"));
    write(db, workspace, &["b.one", "b.two"]).await;
    let another = audit::verify(db, workspace, Some(&noted)).await.unwrap();
    assert_eq!(another.broken.as_deref(), Some("row 2 is not the row of the checkpoint"));
}

async fn a_seal_of_a_key_that_is_not_here_is_named(database: &TestDatabase) {
    let db = &database.db;
    let workspace = sealed(db, &["a.one"]).await;
    let other = database.connect(Clock::manual(db.now()), Ids::seeded(7)).await;
    assert!(broken(&other, workspace).await.contains("a key that this process does not have"));
    other.seal_with(Vault::new([99; 32], [], Ids::seeded(1)).sealer());
    assert!(broken(&other, workspace).await.contains("a key that this process does not have"));
    // With both keys, what the other sealed goes on.
    let both = database.connect(Clock::manual(db.now()), Ids::seeded(8)).await;
    both.seal_with(vault(db).sealer());
    write(&both, workspace, &["a.two"]).await;
    assert_eq!(audit::verify(&both, workspace, None).await.unwrap().broken, None);
}
