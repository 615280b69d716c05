//! Contacts and who is the same person.

use std::{collections::BTreeMap, time::Duration};

use herald_shared::{
    db::Db,
    domain::{self, Contact, Guest, Upserted},
};
use herald_tests::{TestDatabase, on_both_engines};
use uuid::Uuid;

use crate::ground;

on_both_engines! {
    a_guest_becomes_a_contact_with_all_their_fields,
    the_same_list_again_changes_nothing,
    a_guest_is_known_by_external_id_then_email_then_row,
    a_list_of_thousands_is_taken_in_whole,
    two_rows_of_one_person_in_one_chunk_are_one_contact,
    a_field_left_empty_keeps_its_old_value,
    an_external_id_that_is_new_is_added_to_the_known_email,
    an_email_of_another_contact_is_not_taken_from_them,
    a_new_contact_does_not_take_the_email_of_another,
    two_new_guests_with_one_email_and_two_ids_are_two_contacts,
    contacts_of_another_workspace_are_other_people,
}

async fn upsert(db: &Db, workspace: Uuid, guests: &[Guest]) -> Vec<Upserted> {
    let mut tx = db.begin().await.unwrap();
    let upserted = domain::upsert_guests(&mut tx, workspace, guests).await.unwrap();
    tx.commit().await.unwrap();
    upserted
}

async fn contact(db: &Db, workspace: Uuid, id: Uuid) -> Contact {
    domain::contact(db, workspace, id).await.unwrap().expect("the contact is there")
}

fn guest(row_key: &str, external_id: Option<&str>, email: Option<&str>, name: &str) -> Guest {
    Guest {
        row_key: row_key.to_owned(),
        external_id: external_id.map(str::to_owned),
        email: email.map(str::to_owned),
        name: name.to_owned(),
        ..Guest::default()
    }
}

async fn a_guest_becomes_a_contact_with_all_their_fields(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let fields = BTreeMap::from([("شركة".to_owned(), "مثال".to_owned()), ("Table".to_owned(), String::new())]);
    let given = Guest {
        phone: Some("+4915550100".to_owned()),
        picture: Some("https://example.com/p.jpg".to_owned()),
        fields: fields.clone(),
        ..guest("row", Some("42"), Some("zoe@example.org"), "Zoë Ångström-O'Brien")
    };
    let upserted = upsert(db, workspace, &[given]).await;
    assert_eq!((upserted.len(), upserted[0].changed, &upserted[0].note), (1, false, &None));
    let row = contact(db, workspace, upserted[0].contact_id).await;
    assert_eq!((row.name.as_str(), row.external_id.as_deref()), ("Zoë Ångström-O'Brien", Some("42")));
    assert_eq!((row.email.as_deref(), row.phone.as_deref()), (Some("zoe@example.org"), Some("+4915550100")));
    assert_eq!((row.picture.as_deref(), row.fields.0), (Some("https://example.com/p.jpg"), fields));
    assert_eq!((row.invitation_link, row.lucky_number), (None, None));
    assert_eq!((row.created_at, row.updated_at), (db.now(), db.now()));
}

async fn the_same_list_again_changes_nothing(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let list = [
        guest("l:1", Some("1"), Some("one@example.org"), "One"),
        guest("l:2", None, Some("two@example.org"), "Two"),
        guest("l:3", None, None, "Three"),
    ];
    let first = upsert(db, workspace, &list).await;
    db.clock().advance(Duration::from_secs(1));
    assert_eq!(upsert(db, workspace, &list).await, first);
    for upserted in &first {
        let row = contact(db, workspace, upserted.contact_id).await;
        assert_eq!(row.updated_at, TestDatabase::start());
    }
    assert_eq!(ground::number(db, "select count(*) from contacts").await, 3);
}

async fn a_guest_is_known_by_external_id_then_email_then_row(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let first = upsert(
        db,
        workspace,
        &[
            guest("a", Some("1"), Some("one@example.org"), "One"),
            guest("b", None, Some("two@example.org"), "Two"),
            guest("c", None, None, "Three"),
        ],
    )
    .await;
    db.clock().advance(Duration::from_secs(1));
    let second = upsert(
        db,
        workspace,
        &[
            guest("x", Some("1"), Some("new@example.org"), "One Renamed"),
            guest("y", None, Some("two@example.org"), "Two"),
            guest("c", None, None, "Three Renamed"),
            guest("d", None, None, "Three"),
        ],
    )
    .await;
    let ids = |upserted: &[Upserted]| upserted.iter().map(|upserted| upserted.contact_id).collect::<Vec<_>>();
    assert_eq!(ids(&second)[..3], ids(&first));
    assert!(!ids(&first).contains(&second[3].contact_id), "another row without id or e-mail is another person");
    let changed: Vec<bool> = second.iter().map(|upserted| upserted.changed).collect();
    assert_eq!(changed, [true, false, true, false]);
    let one = contact(db, workspace, first[0].contact_id).await;
    assert_eq!((one.name.as_str(), one.email.as_deref()), ("One Renamed", Some("new@example.org")));
    assert_eq!(one.updated_at, db.now());
}

async fn a_list_of_thousands_is_taken_in_whole(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let list: Vec<Guest> = (0..2_500)
        .map(|n| guest(&format!("l:{n}"), None, Some(&format!("g{n}@example.org")), &format!("Guest {n}")))
        .collect();
    let upserted = upsert(db, workspace, &list).await;
    assert_eq!(upserted.len(), 2_500);
    assert_eq!(ground::number(db, "select count(*) from contacts").await, 2_500);
    let last = contact(db, workspace, upserted[2_499].contact_id).await;
    assert_eq!(last.name, "Guest 2499");
    assert_eq!(upsert(db, workspace, &list).await, upserted);
    assert!(upsert(db, workspace, &[]).await.is_empty());
}

async fn two_rows_of_one_person_in_one_chunk_are_one_contact(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let upserted = upsert(
        db,
        workspace,
        &[guest("1", None, Some("zoe@example.org"), "Zoe"), guest("2", None, Some("zoe@example.org"), "Zoë")],
    )
    .await;
    assert_eq!(upserted[0].contact_id, upserted[1].contact_id);
    assert_eq!(contact(db, workspace, upserted[0].contact_id).await.name, "Zoë");
    assert_eq!(ground::number(db, "select count(*) from contacts").await, 1);
}

async fn a_field_left_empty_keeps_its_old_value(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let full = Guest {
        phone: Some("+4915550100".to_owned()),
        picture: Some("file:zoe.jpg".to_owned()),
        fields: BTreeMap::from([("table".to_owned(), "7".to_owned())]),
        ..guest("1", Some("1"), Some("zoe@example.org"), "Zoë")
    };
    let id = upsert(db, workspace, &[full]).await[0].contact_id;
    let sparse = Guest {
        fields: BTreeMap::from([("table".to_owned(), String::new()), ("diet".to_owned(), String::new())]),
        ..guest("1", Some("1"), None, "Zoë")
    };
    upsert(db, workspace, &[sparse]).await;
    let row = contact(db, workspace, id).await;
    assert_eq!((row.phone.as_deref(), row.picture.as_deref()), (Some("+4915550100"), Some("file:zoe.jpg")));
    assert_eq!(row.email.as_deref(), Some("zoe@example.org"));
    let expected = [("diet".to_owned(), String::new()), ("table".to_owned(), "7".to_owned())];
    assert_eq!(row.fields.0, BTreeMap::from(expected));
}

async fn an_external_id_that_is_new_is_added_to_the_known_email(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let id = upsert(db, workspace, &[guest("1", None, Some("zoe@example.org"), "Zoë")]).await[0].contact_id;
    let again = upsert(db, workspace, &[guest("1", Some("42"), Some("zoe@example.org"), "Zoë")]).await;
    assert_eq!(again[0].contact_id, id);
    assert_eq!(contact(db, workspace, id).await.external_id.as_deref(), Some("42"));
    // From now on the id is enough.
    let by_id = upsert(db, workspace, &[guest("9", Some("42"), None, "Zoë")]).await;
    assert_eq!(by_id[0].contact_id, id);
}

async fn an_email_of_another_contact_is_not_taken_from_them(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let first = upsert(
        db,
        workspace,
        &[guest("1", Some("1"), Some("one@example.org"), "One"), guest("2", Some("2"), Some("two@example.org"), "Two")],
    )
    .await;
    let again = upsert(db, workspace, &[guest("1", Some("1"), Some("two@example.org"), "One")]).await;
    assert_eq!(again[0].contact_id, first[0].contact_id);
    let note = again[0].note.as_deref().expect("a note says what was not taken over");
    assert!(note.contains("belongs to another contact") && note.contains('1'), "{note}");
    assert_eq!(contact(db, workspace, first[0].contact_id).await.email.as_deref(), Some("one@example.org"));
    assert_eq!(contact(db, workspace, first[1].contact_id).await.email.as_deref(), Some("two@example.org"));
}

async fn a_new_contact_does_not_take_the_email_of_another(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let known = upsert(db, workspace, &[guest("1", Some("1"), Some("shared@example.org"), "One")]).await;
    let new = upsert(
        db,
        workspace,
        &[guest("2", Some("2"), Some("shared@example.org"), "Two"), guest("3", Some("3"), None, "Three")],
    )
    .await;
    assert_ne!(new[0].contact_id, known[0].contact_id);
    assert!(new[0].note.as_deref().is_some_and(|note| note.contains("belongs to another contact")), "{:?}", new[0]);
    assert_eq!(new[1].note, None);
    assert_eq!(contact(db, workspace, new[0].contact_id).await.email, None);
    assert_eq!(contact(db, workspace, known[0].contact_id).await.email.as_deref(), Some("shared@example.org"));
}

async fn two_new_guests_with_one_email_and_two_ids_are_two_contacts(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let new = upsert(
        db,
        workspace,
        &[
            guest("1", Some("1"), Some("home@example.org"), "One"),
            guest("2", Some("2"), Some("home@example.org"), "Two"),
        ],
    )
    .await;
    assert_ne!(new[0].contact_id, new[1].contact_id);
    assert_eq!((new[0].note.is_some(), new[1].note.is_some()), (false, true));
    assert_eq!(contact(db, workspace, new[0].contact_id).await.email.as_deref(), Some("home@example.org"));
    assert_eq!(contact(db, workspace, new[1].contact_id).await.email, None);
}

async fn contacts_of_another_workspace_are_other_people(database: &TestDatabase) {
    let db = &database.db;
    let (one, two) = (ground::workspace(db).await, ground::workspace_named(db, "two").await);
    let list = [guest("1", Some("1"), Some("zoe@example.org"), "Zoë")];
    let here = upsert(db, one, &list).await[0].contact_id;
    let there = upsert(db, two, &list).await[0].contact_id;
    assert_ne!(here, there);
    assert!(domain::contact(db, two, here).await.unwrap().is_none());
}
