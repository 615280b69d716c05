//! Events and the format of their numbers.

use herald_shared::{
    clock::Clock,
    domain::{self, EventError, NumberFormat},
    ids::Ids,
};
use herald_tests::{EngineKind, TestDatabase, on_both_engines};

use crate::ground;

on_both_engines! {
    an_event_is_made_once_and_keeps_its_number_format,
    a_number_format_or_name_that_cannot_work_is_refused,
    an_event_of_another_workspace_is_not_shown,
}

fn format(prefix: &str, digits: i64) -> NumberFormat {
    NumberFormat { prefix: prefix.to_owned(), digits }
}

async fn an_event_is_made_once_and_keeps_its_number_format(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let made = domain::ensure_event(db, workspace, " حفل Spring-Gala 2027! ", &format("VIP-", 5)).await.unwrap();
    assert_eq!((made.slug.as_str(), made.name.as_str()), ("حفل-spring-gala-2027", "حفل Spring-Gala 2027!"));
    assert_eq!((made.number_prefix.as_str(), made.number_digits, made.numbers_used), ("VIP-", 5, 0));
    let again = domain::ensure_event(db, workspace, "حفل spring gala 2027", &format("", 3)).await.unwrap();
    assert_eq!((again.id, again.number_prefix.as_str(), again.number_digits), (made.id, "VIP-", 5));
    let read = domain::event(db, workspace, made.id).await.unwrap().unwrap();
    assert_eq!((read.slug, read.name, read.created_at), (made.slug, made.name, db.now()));
}

async fn a_number_format_or_name_that_cannot_work_is_refused(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    for bad in [format("", 0), format("", 13), format("a/b", 4), format("0123456789abc", 4)] {
        let refused = domain::ensure_event(db, workspace, "Gala", &bad).await.unwrap_err();
        assert!(matches!(refused, EventError::Format(_)), "{bad:?}: {refused}");
    }
    let refused = domain::ensure_event(db, workspace, " -!- ", &format("", 4)).await.unwrap_err();
    assert!(matches!(refused, EventError::Name(_)), "{refused}");
    assert_eq!(ground::number(db, "select count(*) from events").await, 0);
}

async fn an_event_of_another_workspace_is_not_shown(database: &TestDatabase) {
    let db = &database.db;
    let (one, two) = (ground::workspace(db).await, ground::workspace_named(db, "two").await);
    let here = domain::ensure_event(db, one, "Gala", &format("", 4)).await.unwrap();
    let there = domain::ensure_event(db, two, "Gala", &format("", 6)).await.unwrap();
    assert_ne!(here.id, there.id);
    assert_eq!(there.number_digits, 6);
    assert!(domain::event(db, two, here.id).await.unwrap().is_none());
}

#[tokio::test]
async fn an_event_ensured_by_many_at_once_is_one_event() {
    let database = TestDatabase::new(EngineKind::Postgres).await;
    let workspace = ground::workspace(&database.db).await;
    let mut ensuring = tokio::task::JoinSet::new();
    for seed in 1..6 {
        let db = database.connect(Clock::system(), Ids::seeded(seed)).await;
        ensuring.spawn(async move {
            domain::ensure_event(&db, workspace, "Gala", &NumberFormat { prefix: String::new(), digits: 4 })
                .await
                .unwrap()
                .id
        });
    }
    let ids = ensuring.join_all().await;
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
}
