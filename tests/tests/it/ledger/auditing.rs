//! The log of who did what: one chain a workspace, in which a change shows.

use herald_shared::{
    clock::Clock,
    ids::Ids,
    ledger::audit::{self, Actor, AuditFilter, Entry},
};
use herald_tests::{TestDatabase, on_both_engines};
use serde_json::json;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::ground;

on_both_engines! {
    the_audit_log_is_one_chain_however_many_write,
    a_changed_or_missing_row_of_the_audit_log_shows,
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
    let verified = audit::verify(db, workspace).await.unwrap();
    assert_eq!((verified.rows, verified.broken), (36, None));
    assert_eq!(audit::verify(db, other).await.unwrap().rows, 12);
    let rows = audit::log(db, workspace, &AuditFilter::default(), 100).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.seq).collect::<Vec<_>>(), (1..=36).rev().collect::<Vec<_>>());
    assert_eq!((rows[0].hash.as_str(), rows[0].action.as_str()), (verified.head.as_str(), "test.act"));
    let page = AuditFilter { before: Some(3), action: Some("test.act".to_owned()), ..AuditFilter::default() };
    assert_eq!(audit::log(db, workspace, &page, 100).await.unwrap().len(), 2);
    let nobody = AuditFilter { who: Some("cli:nobody".to_owned()), ..AuditFilter::default() };
    assert!(audit::log(db, workspace, &nobody, 100).await.unwrap().is_empty());
}

async fn a_changed_or_missing_row_of_the_audit_log_shows(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let empty = audit::verify(db, workspace).await.unwrap();
    assert_eq!((empty.rows, empty.broken), (0, None));
    let actor = Actor::cli(workspace, "test");
    for act in ["a.one", "a.two", "a.three"] {
        let mut tx = db.begin().await.unwrap();
        audit::record(&mut tx, &actor, Entry::of(act, "it")).await.unwrap();
        tx.commit().await.unwrap();
    }
    assert_eq!(audit::verify(db, workspace).await.unwrap().broken, None);
    ground::run_sql(db, "update audit_log set who = 'cli:nobody' where seq = 2").await;
    let broken = audit::verify(db, workspace).await.unwrap();
    assert_eq!((broken.rows, broken.broken.as_deref()), (1, Some("row 2 was changed")));
    ground::run_sql(db, "update audit_log set who = 'cli:test' where seq = 2").await;
    assert_eq!(audit::verify(db, workspace).await.unwrap().broken, None);
    ground::run_sql(db, "delete from audit_log where seq = 3").await;
    assert!(audit::verify(db, workspace).await.unwrap().broken.unwrap().contains("ends at row 2"));
    ground::run_sql(db, "delete from audit_log where seq = 1").await;
    assert_eq!(audit::verify(db, workspace).await.unwrap().broken.as_deref(), Some("row 1 is missing"));
}
