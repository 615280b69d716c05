//! In whose name a workspace writes.

use chrono::NaiveTime;
use herald_accounts::{ConnectionError, NewConnection, Typed, find_connection_named, remove, save};
use herald_contacts::Channel;
use herald_db::Db;
use herald_messaging::{
    MessagingError, Quiet, Sender, SenderFields, begin_warm_up, change_sender, create_sender, find_sender,
    list_senders, remove_sender, senders_over,
};
use herald_tests::{TestDatabase, app::vault, on_both_engines};
use serde_json::json;
use uuid::Uuid;

use crate::ground;

on_both_engines! {
    a_sender_is_made_changed_and_deleted,
    of_two_changes_over_one_state_the_second_is_refused,
    a_sender_sends_over_a_mail_server_of_its_workspace,
    the_first_days_are_counted_from_the_first_message,
}

fn fields(name: &str) -> SenderFields {
    SenderFields {
        name: name.to_owned(),
        channel: Channel::Email,
        connection_id: None,
        relays: Vec::new(),
        from_name: "Spring Agency".to_owned(),
        from_address: "news@example.com".to_owned(),
        reply_to: String::new(),
        postal_address: "1 Example Street".to_owned(),
        footer: String::new(),
        rate_per_second: None,
        daily_cap: None,
        warm_up: Vec::new(),
        quiet: None,
        bounce_domain: String::new(),
    }
}

fn always() -> herald_messaging::SeenSender {
    Box::new(|_| true)
}

async fn connected(db: &Db, workspace: Uuid, name: &str, typed: serde_json::Value) -> Uuid {
    let (settings, credentials) = serde_json::from_value::<Typed>(typed).unwrap().read().unwrap();
    let mut tx = db.begin().await.unwrap();
    let id = save(&mut tx, &vault(db), workspace, NewConnection { name, settings, credentials }).await.unwrap();
    tx.commit().await.unwrap();
    id
}

async fn a_sender_is_made_changed_and_deleted(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let actor = ground::person(workspace);
    let time = |hour| NaiveTime::from_hms_opt(hour, 0, 0).unwrap();
    let quiet = Quiet { from: time(21), to: time(8) };
    let whole = SenderFields {
        reply_to: "office@example.com".to_owned(),
        rate_per_second: Some(20),
        daily_cap: Some(5_000),
        warm_up: vec![50, 100],
        quiet: Some(quiet),
        bounce_domain: "bounces.example.com".to_owned(),
        ..fields("Newsletter")
    };
    let made = create_sender(db, &actor, whole).await.unwrap();
    assert_eq!(find_sender(db, workspace, made.id).await.unwrap(), Some(made.clone()));
    assert_eq!((made.warm_up.0.as_slice(), made.quiet.as_ref().map(|quiet| quiet.0)), (&[50, 100][..], Some(quiet)));
    let taken = create_sender(db, &actor, fields("NEWSLETTER")).await.unwrap_err();
    assert!(matches!(taken, MessagingError::NameTaken { .. }), "{taken}");
    create_sender(db, &actor, fields("Events")).await.unwrap();
    let names: Vec<String> = list_senders(db, workspace).await.unwrap().into_iter().map(|one| one.name).collect();
    assert_eq!(names, ["Events", "Newsletter"]);
    let changed = change_sender(db, &actor, made.id, fields("Letters"), always()).await.unwrap().unwrap();
    // What is left out is empty.
    assert_eq!((changed.reply_to, changed.rate_per_second, changed.quiet), (None, None, None));
    let taken = change_sender(db, &actor, made.id, fields("Events"), always()).await.unwrap_err();
    assert!(matches!(taken, MessagingError::NameTaken { .. }), "{taken}");
    let other = ground::workspace_named(db, "other").await;
    assert_eq!(find_sender(db, other, made.id).await.unwrap(), None);
    assert!(!remove_sender(db, &ground::person(other), made.id).await.unwrap());
    assert!(remove_sender(db, &actor, made.id).await.unwrap());
    assert!(!remove_sender(db, &actor, made.id).await.unwrap());
}

async fn of_two_changes_over_one_state_the_second_is_refused(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let actor = ground::person(workspace);
    let made = create_sender(db, &actor, fields("Newsletter")).await.unwrap();
    let seen = || {
        let seen = made.clone();
        Box::new(move |now: &Sender| *now == seen)
    };
    database.db.clock().advance(std::time::Duration::from_secs(1));
    change_sender(db, &actor, made.id, fields("Letters"), seen()).await.unwrap();
    let late = change_sender(db, &actor, made.id, fields("News"), seen()).await.unwrap_err();
    assert!(matches!(late, MessagingError::Changed), "{late}");
}

async fn a_sender_sends_over_a_mail_server_of_its_workspace(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let actor = ground::person(workspace);
    let relay = connected(db, workspace, "relay", json!({ "provider": "smtp", "host": "smtp.example.com" })).await;
    let mautic = json!({ "provider": "mautic", "url": "https://crm.example.com", "user": "u", "password": "p" });
    let crm = connected(db, workspace, "crm", mautic).await;
    let over = |id| SenderFields { connection_id: Some(id), ..fields("Newsletter") };
    for (id, says) in [(crm, "not a mail server"), (Uuid::from_u128(7), "no connection")] {
        let refused = create_sender(db, &actor, over(id)).await.unwrap_err();
        assert!(refused.to_string().contains(says), "{refused}");
    }
    let other = ground::person(ground::workspace_named(db, "other").await);
    let refused = create_sender(db, &other, over(relay)).await.unwrap_err();
    assert!(refused.to_string().contains("no connection"), "{refused}");
    let made = create_sender(db, &actor, over(relay)).await.unwrap();
    assert_eq!(senders_over(db, workspace, relay).await.unwrap(), ["Newsletter"]);
    let mut tx = db.begin().await.unwrap();
    let used = remove(&mut tx, workspace, relay).await.unwrap_err();
    assert!(matches!(used, ConnectionError::InUse), "{used}");
    drop(tx);
    assert!(find_connection_named(db, workspace, "relay").await.unwrap().is_some());
    remove_sender(db, &actor, made.id).await.unwrap();
    let mut tx = db.begin().await.unwrap();
    assert!(remove(&mut tx, workspace, relay).await.unwrap());
    tx.commit().await.unwrap();
}

async fn the_first_days_are_counted_from_the_first_message(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let warm = SenderFields { warm_up: vec![50, 100], ..fields("Newsletter") };
    let made = create_sender(db, &ground::person(workspace), warm).await.unwrap();
    let day = std::time::Duration::from_secs(86_400);
    let cap = async || {
        let sender = find_sender(db, workspace, made.id).await.unwrap().unwrap();
        sender.cap_on(db.now())
    };
    database.db.clock().advance(day * 3);
    assert_eq!(cap().await, Some(50));
    for expected in [Some(50), Some(100), None] {
        let mut tx = db.begin().await.unwrap();
        begin_warm_up(&mut tx, workspace, made.id).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(cap().await, expected);
        database.db.clock().advance(day);
    }
}
