//! Letters about accounts, as a worker sends them: once, whole, and not when they are too late.

use std::{path::Path, sync::Arc, time::Duration};

use herald_accounts::Clients;
use herald_app::config::Settings;
use herald_db::{Db, query};
use herald_people::{Device, People, Registration};
use herald_providers::files::Files;
use herald_tests::{TestDatabase, fakes::smtp::Mail, on_both_engines, wait_until};
use herald_worker::{jobs, runner::QueueShare};
use tempfile::TempDir;
use uuid::Uuid;

use super::Fleet;
use crate::{
    ground::{self, number},
    guest_list::links,
};

on_both_engines! {
    a_code_arrives_as_a_letter_and_is_forgotten_here,
    a_code_that_is_over_is_not_sent,
}

const LEFT: &str = "select count(*) from jobs where kind = 'account.mail' and state in ('ready', 'running')";

struct Post {
    people: People,
    fleet: Fleet,
    folder: TempDir,
}

async fn post(database: &TestDatabase) -> Post {
    let db = &database.db;
    ground::workspace(db).await;
    let folder = TempDir::with_prefix("herald-test-").unwrap();
    let files = Files::local(folder.path().join("files")).unwrap();
    let mut settings = Settings::load(None).unwrap();
    settings.people.password_memory_kib = 8;
    let accounts = Clients::new(db, ground::vault(db), &settings).unwrap();
    let people = People::new(db, &ground::vault(db), &settings.people);
    let context = ground::context(db, files, links(), &settings, accounts);
    let fleet = Fleet::with_queues(db, vec![QueueShare::new("email", 2)], jobs::handler(Arc::new(context)));
    Post { people, fleet, folder }
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
    let post = post(database).await;
    let id = register(&post.people).await;
    wait_until("the letter is sent", async || number(&database.db, LEFT).await == 0).await;
    let sent = mails(post.folder.path());
    assert_eq!(sent.len(), 1);
    let text = sent[0].text();
    let code = text.split(|c: char| !c.is_ascii_digit()).find(|word| word.len() == 8).expect("a code of eight digits");
    assert_eq!(sealed(&database.db).await, 0);
    let kept: Vec<(Vec<u8>,)> = query("select sealed from letters").all(&database.db).await.unwrap();
    assert!(kept.iter().all(|(bytes,)| bytes.is_empty()));
    post.people.verify(id, code, &Device::default()).await.unwrap();
    post.fleet.stop().await;
}

async fn a_code_that_is_over_is_not_sent(database: &TestDatabase) {
    let db = &database.db;
    ground::workspace(db).await;
    let settings = Settings::load(None).unwrap();
    let mut cheap = settings.people.clone();
    cheap.password_memory_kib = 8;
    register(&People::new(db, &ground::vault(db), &cheap)).await;
    db.clock().advance(Duration::from_secs(601));
    let post = post(database).await;
    wait_until("the letter is dropped", async || number(db, LEFT).await == 0).await;
    assert!(mails(post.folder.path()).is_empty());
    assert_eq!(number(db, "select count(*) from jobs where kind = 'account.mail' and state = 'cancelled'").await, 1);
    post.fleet.stop().await;
}
