//! Workspaces, tokens, templates and the remarks about a list.

use herald_db::Json;
use herald_invitations as domain;
use herald_invitations::ImportProblem;
use herald_tests::{TestDatabase, on_both_engines};
use uuid::Uuid;

use crate::{
    ground,
    guest_list::{self, new_template},
};

on_both_engines! {
    the_default_workspace_is_made_once,
    a_token_opens_its_workspace_and_no_other_text_does,
    the_same_version_of_a_template_is_one_row,
    templates_are_listed_newest_first_page_by_page,
    a_remark_is_kept_once_and_listed_by_line,
}

async fn the_default_workspace_is_made_once(database: &TestDatabase) {
    let first = herald_people::ensure_default_workspace(&database.db).await.unwrap();
    assert_eq!(herald_people::ensure_default_workspace(&database.db).await.unwrap(), first);
    // The other one is the installation's own.
    assert_eq!(ground::number(&database.db, "select count(*) from workspaces").await, 2);
}

async fn a_token_opens_its_workspace_and_no_other_text_does(database: &TestDatabase) {
    let db = &database.db;
    let (one, two) = (ground::workspace(db).await, ground::workspace_named(db, "two").await);
    assert!(!herald_people::has_keys(db).await.unwrap());
    let token = herald_people::first_key(db, one, "first start").await.unwrap();
    let other = herald_people::first_key(db, two, "first start").await.unwrap();
    assert!(herald_people::has_keys(db).await.unwrap());
    assert_ne!(token, other);
    let opened = herald_people::check_key(db, &token).await.unwrap().unwrap();
    assert_eq!(opened.workspace_id, one);
    assert_eq!(herald_people::check_key(db, &other).await.unwrap().unwrap().workspace_id, two);
    for wrong in ["", "herald_", &token[..token.len() - 1], &format!("{token} "), &token.to_lowercase(), "a\0b"] {
        assert!(herald_people::check_key(db, wrong).await.unwrap().is_none(), "{wrong:?}");
    }
    let (stored,): (String,) =
        herald_db::query("select token_hash from api_tokens where workspace_id = $1").bind(one).one(db).await.unwrap();
    assert!(!stored.contains(&token) && stored.len() == 64, "only a hash is kept");
}

async fn the_same_version_of_a_template_is_one_row(database: &TestDatabase) {
    let db = &database.db;
    let (one, two) = (ground::workspace(db).await, ground::workspace_named(db, "two").await);
    let first = guest_list::template(db, one, "gala", "v1").await;
    let again = guest_list::template(db, one, "gala", "v1").await;
    assert_eq!(again.id, first.id);
    let newer = guest_list::template(db, one, "gala", "v2").await;
    let elsewhere = guest_list::template(db, two, "gala", "v1").await;
    assert!(newer.id != first.id && elsewhere.id != first.id);
    let read = domain::find_template(db, one, first.id).await.unwrap().unwrap();
    let given = new_template("gala", "v1");
    assert_eq!((read.name, read.version, read.manifest), (given.name, given.version, given.manifest));
    assert_eq!((read.files, read.width, read.height), (Json(given.files), 1_080, 1_350));
    assert_eq!(read.created_at, db.now());
    assert!(domain::find_template(db, two, first.id).await.unwrap().is_none());
}

async fn templates_are_listed_newest_first_page_by_page(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let mut ids = Vec::new();
    for version in 0..5 {
        ids.push(guest_list::template(db, workspace, "gala", &version.to_string()).await.id);
    }
    ids.sort_unstable_by(|a, b| b.cmp(a));
    let first: Vec<Uuid> =
        domain::list_templates(db, workspace, false, None, 3).await.unwrap().iter().map(|row| row.id).collect();
    let second: Vec<Uuid> = domain::list_templates(db, workspace, false, Some(first[2]), 3)
        .await
        .unwrap()
        .iter()
        .map(|row| row.id)
        .collect();
    assert_eq!([first, second].concat(), ids);
    let other = ground::workspace_named(db, "other").await;
    assert!(domain::list_templates(db, other, false, None, 3).await.unwrap().is_empty());
}

fn problem(line: i64, fatal: bool, message: &str) -> ImportProblem {
    ImportProblem { line, guest: "Zoë".to_owned(), fatal, message: message.to_owned() }
}

async fn a_remark_is_kept_once_and_listed_by_line(database: &TestDatabase) {
    let db = &database.db;
    let started = guest_list::start(db, "a", guest_list::options()).await;
    let run = started.run.id;
    // In an order that neither the lines nor the alphabet of a locale has.
    let remarks = [problem(20, true, "no name"), problem(3, false, "b"), problem(3, false, "B"), problem(3, true, "a")];
    for again in 0..2 {
        let mut tx = db.begin().await.unwrap();
        domain::add_problems(&mut tx, started.workspace, run, &remarks[again..]).await.unwrap();
        domain::add_problems(&mut tx, started.workspace, run, &[]).await.unwrap();
        tx.commit().await.unwrap();
    }
    let listed = domain::list_problems(db, started.workspace, run, 100).await.unwrap();
    assert_eq!(
        listed,
        [problem(3, false, "B"), problem(3, true, "a"), problem(3, false, "b"), problem(20, true, "no name")]
    );
    assert_eq!(domain::list_problems(db, started.workspace, run, 2).await.unwrap().len(), 2);
    let other = ground::workspace_named(db, "other").await;
    assert!(domain::list_problems(db, other, run, 100).await.unwrap().is_empty());
}
