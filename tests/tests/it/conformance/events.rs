//! Events and the format of their numbers.

use herald_base::{clock::Clock, ids::Ids};
use herald_db::{Db, query};
use herald_invitations as domain;
use herald_invitations::{EventError, NumberFormat};
use herald_tests::{EngineKind, TestDatabase, on_both_engines};
use uuid::Uuid;

use crate::ground;

on_both_engines! {
    names_with_one_slug_are_different_events,
    long_names_that_are_cut_alike_are_different_events,
    an_event_of_an_older_release_is_found_by_name_and_slug,
    events_of_one_name_that_an_older_release_kept_apart_stay_apart,
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
    for again in ["حفل Spring-Gala 2027!", "حفل  SPRING-gala 2027! ", " حفل-spring-gala-2027"] {
        let again = domain::ensure_event(db, workspace, again, &format("", 3)).await.unwrap();
        assert_eq!((again.id, again.number_prefix.as_str(), again.number_digits), (made.id, "VIP-", 5));
    }
    let read = domain::find_event(db, workspace, made.id).await.unwrap().unwrap();
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
    assert!(domain::find_event(db, two, here.id).await.unwrap().is_none());
}

async fn names_with_one_slug_are_different_events(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let mut made = Vec::new();
    for (name, slug) in
        [("C++ Night", "c-night"), ("C# Night", "c-night-2"), ("C Night", "c-night-3"), ("c-night-2!", "c-night-2-2")]
    {
        let event = domain::ensure_event(db, workspace, name, &format("", 4)).await.unwrap();
        assert_eq!((event.name.as_str(), event.slug.as_str()), (name, slug));
        made.push(event.id);
    }
    for (name, at) in
        [("c++ night", 0), ("C#  Night", 1), ("c night", 2), ("c-night", 0), ("c-night-2", 1), ("c-night-3", 2)]
    {
        let found = domain::ensure_event(db, workspace, name, &format("", 4)).await.unwrap();
        assert_eq!(found.id, made[at], "{name}");
    }
    // A name is stronger than a slug.
    let other = ground::workspace_named(db, "two").await;
    let slugged = domain::ensure_event(db, other, "C Night", &format("", 4)).await.unwrap();
    assert_eq!(domain::ensure_event(db, other, "c-night", &format("", 4)).await.unwrap().id, slugged.id);
    assert_eq!(ground::number(db, "select count(*) from events").await, 5);
}

async fn long_names_that_are_cut_alike_are_different_events(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let name = |city: &str| format!("{} in {city}", "Annual meeting of the friends of very long names ".repeat(2));
    let bonn = domain::ensure_event(db, workspace, &name("Bonn"), &format("", 4)).await.unwrap();
    let bern = domain::ensure_event(db, workspace, &name("Bern"), &format("", 4)).await.unwrap();
    assert_ne!(bonn.id, bern.id);
    assert_eq!(bern.slug, format!("{}-2", bonn.slug));
    assert_eq!(domain::ensure_event(db, workspace, &name("bonn"), &format("", 4)).await.unwrap().id, bonn.id);
}

/// Makes events look as an older release left them.
async fn forget_name_keys(db: &Db, workspace: Uuid) {
    let mut tx = db.begin().await.unwrap();
    query("update events set name_key = null where workspace_id = $1").bind(workspace).execute(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
}

async fn an_event_of_an_older_release_is_found_by_name_and_slug(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let old = domain::ensure_event(db, workspace, "C++ Night", &format("OLD-", 4)).await.unwrap();
    for name in ["c++ night", "c-night"] {
        forget_name_keys(db, workspace).await;
        let found = domain::ensure_event(db, workspace, name, &format("", 4)).await.unwrap();
        assert_eq!((found.id, found.slug.as_str()), (old.id, "c-night"));
    }
    forget_name_keys(db, workspace).await;
    let new = domain::ensure_event(db, workspace, "C# Night", &format("", 4)).await.unwrap();
    assert_eq!((new.id == old.id, new.slug.as_str()), (false, "c-night-2"));
}

async fn events_of_one_name_that_an_older_release_kept_apart_stay_apart(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let older = domain::ensure_event(db, workspace, "Caf\u{e9}", &format("", 4)).await.unwrap();
    let younger = domain::ensure_event(db, workspace, "Another", &format("", 4)).await.unwrap();
    // Its slug was made of a name whose accent stood alone.
    let mut tx = db.begin().await.unwrap();
    let renamed = query("update events set name = $3, slug = 'cafe' where workspace_id = $1 and id = $2");
    let renamed = renamed.bind(workspace).bind(younger.id).bind("Cafe\u{301}");
    renamed.execute(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
    forget_name_keys(db, workspace).await;
    let found = domain::ensure_event(db, workspace, "Café", &format("", 4)).await.unwrap();
    assert_eq!(found.id, older.id);
    assert_eq!(domain::ensure_event(db, workspace, "cafe", &format("", 4)).await.unwrap().id, younger.id);
}

#[tokio::test]
async fn events_of_one_slug_made_by_many_at_once_have_slugs_of_their_own() {
    let database = TestDatabase::new(EngineKind::Postgres).await;
    let workspace = ground::workspace(&database.db).await;
    let mut ensuring = tokio::task::JoinSet::new();
    for seed in 1..6 {
        let db = database.connect(Clock::system(), Ids::seeded(seed)).await;
        let name = format!("C{} Night", "+".repeat(usize::try_from(seed).unwrap()));
        ensuring.spawn(async move { domain::ensure_event(&db, workspace, &name, &format("", 4)).await.unwrap() });
    }
    let mut made: Vec<(String, String)> =
        ensuring.join_all().await.into_iter().map(|event| (event.slug, event.name)).collect();
    made.sort();
    let slugs: Vec<&str> = made.iter().map(|(slug, _)| slug.as_str()).collect();
    assert_eq!(slugs, ["c-night", "c-night-2", "c-night-3", "c-night-4", "c-night-5"], "{made:?}");
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
