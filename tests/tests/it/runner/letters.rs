//! Letters about accounts, as a worker sends them: once, whole, and not when they are too late.

use std::{path::Path, time::Duration};

use herald_db::{Db, query};
use herald_people::{Device, People, Registration};
use herald_tests::{
    App, TestDatabase,
    app::{Process, Work},
    fakes::smtp::Mail,
    on_both_engines, wait_until,
};
use herald_worker::runner::QueueShare;
use uuid::Uuid;

use crate::ground::number;

on_both_engines! {
    a_code_arrives_as_a_letter_and_is_forgotten_here,
    a_code_that_is_over_is_not_sent,
}

const LEFT: &str = "select count(*) from jobs where kind = 'account.mail' and state in ('ready', 'running')";

/// Sends the app's letters.
fn sending(app: &App) -> Process {
    app.work(Work::on(vec![QueueShare::new("email", 2)], app.handlers()))
}

async fn register(people: &People) -> Uuid {
    let ann = Registration {
        email: "Ann@example.com".to_owned(),
        password: "tricky lamp on the ocean".into(),
        locale: "en".to_owned(),
        time_zone: "UTC".to_owned(),
        invitation: None,
    };
    people.register(ann).await.unwrap().verification_id
}

fn mails(folder: &Path) -> Vec<Mail> {
    let outbox = folder.join("files/mails/outbox");
    let Ok(entries) = std::fs::read_dir(outbox) else { return Vec::new() };
    entries.map(|entry| Mail::read(&std::fs::read(entry.unwrap().path()).unwrap())).collect()
}

async fn sealed(db: &Db) -> i64 {
    number(db, "select count(*) from letters where sent_at is null").await
}

async fn a_code_arrives_as_a_letter_and_is_forgotten_here(database: &TestDatabase) {
    let app = App::on(database).start().await;
    let process = sending(&app);
    let id = register(&app.people).await;
    wait_until("the letter is sent", async || number(&database.db, LEFT).await == 0).await;
    let sent = mails(app.folder.path());
    assert_eq!(sent.len(), 1);
    let text = sent[0].text();
    let code = text.split(|c: char| !c.is_ascii_digit()).find(|word| word.len() == 8).expect("a code of eight digits");
    assert_eq!(sealed(&database.db).await, 0);
    let kept: Vec<(Vec<u8>,)> = query("select sealed from letters").all(&database.db).await.unwrap();
    assert!(kept.iter().all(|(bytes,)| bytes.is_empty()));
    app.people.verify(id, code, &Device::default()).await.unwrap();
    process.stop().await;
}

async fn a_code_that_is_over_is_not_sent(database: &TestDatabase) {
    let db = &database.db;
    let app = App::on(database).start().await;
    register(&app.people).await;
    db.clock().advance(Duration::from_secs(601));
    let process = sending(&app);
    wait_until("the letter is dropped", async || number(db, LEFT).await == 0).await;
    assert!(mails(app.folder.path()).is_empty());
    assert_eq!(number(db, "select count(*) from jobs where kind = 'account.mail' and state = 'cancelled'").await, 1);
    process.stop().await;
}
