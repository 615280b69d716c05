//! Contacts and who is the same person.

use std::{collections::BTreeMap, time::Duration};

use herald_contacts::{Contact, Person, Upserted};
use herald_db::{Db, query};
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
    guests_with_one_email_and_two_ids_are_two_contacts,
    guests_with_one_email_and_two_names_are_two_contacts,
    a_corrected_name_is_the_same_guest_only_with_an_id,
    a_list_without_ids_finds_the_guests_of_one_with_ids_and_the_other_way_round,
    a_guest_whose_address_or_id_comes_later_is_the_same_guest,
    an_address_of_a_thousand_guests_is_read_once_a_guest,
    a_contact_of_an_older_release_keeps_its_identity,
    contacts_of_another_workspace_are_other_people,
}

async fn upsert(db: &Db, workspace: Uuid, guests: &[Person]) -> Vec<Upserted> {
    let mut tx = db.begin().await.unwrap();
    let upserted = herald_contacts::upsert_people(&mut tx, workspace, guests).await.unwrap();
    tx.commit().await.unwrap();
    upserted
}

async fn contact(db: &Db, workspace: Uuid, id: Uuid) -> Contact {
    herald_contacts::find_contact(db, workspace, id).await.unwrap().expect("the contact is there")
}

fn guest(row_key: &str, external_id: Option<&str>, email: Option<&str>, name: &str) -> Person {
    Person {
        row_key: row_key.to_owned(),
        external_id: external_id.map(str::to_owned),
        email: email.map(str::to_owned),
        name: name.to_owned(),
        ..Person::default()
    }
}

async fn a_guest_becomes_a_contact_with_all_their_fields(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let fields = BTreeMap::from([("شركة".to_owned(), "مثال".to_owned()), ("Table".to_owned(), String::new())]);
    let given = Person {
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
    let list: Vec<Person> = (0..2_500)
        .map(|n| guest(&format!("l:{n}"), None, Some(&format!("g{n}@example.org")), &format!("Person {n}")))
        .collect();
    let upserted = upsert(db, workspace, &list).await;
    assert_eq!(upserted.len(), 2_500);
    assert_eq!(ground::number(db, "select count(*) from contacts").await, 2_500);
    let last = contact(db, workspace, upserted[2_499].contact_id).await;
    assert_eq!(last.name, "Person 2499");
    assert_eq!(upsert(db, workspace, &list).await, upserted);
    assert!(upsert(db, workspace, &[]).await.is_empty());
}

async fn two_rows_of_one_person_in_one_chunk_are_one_contact(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let upserted = upsert(
        db,
        workspace,
        &[guest("1", None, Some("zoe@example.org"), "Zoe"), guest("2", None, Some("zoe@example.org"), "ZOË")],
    )
    .await;
    assert_eq!(upserted[0].contact_id, upserted[1].contact_id);
    assert_eq!(contact(db, workspace, upserted[0].contact_id).await.name, "ZOË");
    assert_eq!(ground::number(db, "select count(*) from contacts").await, 1);
}

async fn a_field_left_empty_keeps_its_old_value(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let full = Person {
        phone: Some("+4915550100".to_owned()),
        picture: Some("file:zoe.jpg".to_owned()),
        fields: BTreeMap::from([("table".to_owned(), "7".to_owned())]),
        ..guest("1", Some("1"), Some("zoe@example.org"), "Zoë")
    };
    let id = upsert(db, workspace, &[full]).await[0].contact_id;
    let sparse = Person {
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

/// A family with one address.
const FAMILY: Option<&str> = Some("family@example.org");

fn ids(upserted: &[Upserted]) -> Vec<Uuid> {
    upserted.iter().map(|upserted| upserted.contact_id).collect()
}

async fn guests_with_one_email_and_two_ids_are_two_contacts(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let list =
        [("K-1", "Ansel"), ("K-2", "Perpetua"), ("K-3", "Ansel")].map(|(id, name)| guest(id, Some(id), FAMILY, name));
    let together = upsert(db, workspace, &list).await;
    assert_eq!(ground::number(db, "select count(*) from contacts").await, 3);
    let notes: Vec<bool> = together.iter().map(|upserted| upserted.note.is_some()).collect();
    assert_eq!(notes, [false, true, true]);
    let note = together[1].note.as_deref().unwrap();
    assert!(note.starts_with("\"Ansel\" has the same e-mail: kept as another guest"), "{note}");
    for upserted in &together {
        assert_eq!(contact(db, workspace, upserted.contact_id).await.email.as_deref(), FAMILY);
    }
    assert_eq!(ids(&upsert(db, workspace, &list).await), ids(&together), "the same list again");

    // The same in lists that come one after the other.
    let other = ground::workspace_named(db, "two").await;
    let mut found = Vec::new();
    for guest in &list {
        found.extend(upsert(db, other, std::slice::from_ref(guest)).await);
    }
    assert_eq!(found.iter().map(|upserted| upserted.note.is_some()).collect::<Vec<_>>(), notes);
    for (guest, upserted) in list.iter().zip(&found) {
        let row = contact(db, other, upserted.contact_id).await;
        assert_eq!((row.external_id, row.name), (guest.external_id.clone(), guest.name.clone()));
    }
    assert_eq!(ground::number(db, "select count(*) from contacts").await, 6);
}

async fn guests_with_one_email_and_two_names_are_two_contacts(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let list = ["Ansel Brightwater", "Perpetua Brightwater"].map(|name| guest(name, None, FAMILY, name));
    let together = upsert(db, workspace, &list).await;
    assert_ne!(together[0].contact_id, together[1].contact_id);
    assert_eq!((together[0].note.is_some(), together[1].note.is_some()), (false, true));
    // Each is found again, however the name is written.
    let spelled = ["BRIGHTWATER, Perpetua", "ansel  brightwater"].map(|name| guest(name, None, FAMILY, name));
    let again = upsert(db, workspace, &spelled).await;
    assert_eq!(ids(&again), [together[1].contact_id, together[0].contact_id]);
    // A third person is not one of the two.
    let third = upsert(db, workspace, &[guest("3", None, FAMILY, "Toddy Brightwater")]).await;
    assert!(third[0].note.is_some() && !ids(&together).contains(&third[0].contact_id));
    assert_eq!(ground::number(db, "select count(*) from contacts").await, 3);
}

async fn a_corrected_name_is_the_same_guest_only_with_an_id(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let zoe = Some("zoe@example.org");
    let typo = upsert(db, workspace, &[guest("1", None, zoe, "Zeo Example")]).await;
    let corrected = upsert(db, workspace, &[guest("1", None, zoe, "Zoe Example")]).await;
    assert_ne!(corrected[0].contact_id, typo[0].contact_id);
    let note = corrected[0].note.as_deref().unwrap();
    assert!(
        note.contains("\"Zeo Example\" has the same e-mail")
            && note.contains("write the name the same way or give the id"),
        "{note}"
    );

    let typo = upsert(db, workspace, &[guest("1", Some("7"), Some("cy@example.org"), "Yc")]).await;
    let corrected = upsert(db, workspace, &[guest("1", Some("7"), Some("cy@example.org"), "Cy")]).await;
    assert_eq!((corrected[0].contact_id, &corrected[0].note), (typo[0].contact_id, &None));
    assert_eq!(contact(db, workspace, typo[0].contact_id).await.name, "Cy");
    // The name it had is free for somebody else.
    let other = upsert(db, workspace, &[guest("2", None, Some("cy@example.org"), "Yc")]).await;
    assert_ne!(other[0].contact_id, typo[0].contact_id);
}

async fn a_list_without_ids_finds_the_guests_of_one_with_ids_and_the_other_way_round(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let with = [guest("1", Some("K-1"), FAMILY, "Ansel"), guest("2", Some("K-2"), FAMILY, "Perpetua")];
    let without = [guest("1", None, FAMILY, "Perpetua"), guest("2", None, FAMILY, "Ansel")];
    let first = ids(&upsert(db, workspace, &with).await);
    assert_eq!(ids(&upsert(db, workspace, &without).await), [first[1], first[0]]);
    assert_eq!(ids(&upsert(db, workspace, &with).await), first);

    let other = ground::workspace_named(db, "two").await;
    let first = ids(&upsert(db, other, &without).await);
    assert_eq!(ids(&upsert(db, other, &with).await), [first[1], first[0]]);
    assert_eq!(contact(db, other, first[0]).await.external_id.as_deref(), Some("K-2"));
    // Who has an id is nobody who has another.
    let third = upsert(db, other, &[guest("3", Some("K-3"), FAMILY, "Ansel")]).await;
    assert!(!first.contains(&third[0].contact_id));
}

async fn a_guest_whose_address_or_id_comes_later_is_the_same_guest(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let bare = upsert(db, workspace, &[guest("e:ann-1", None, None, "Ann"), guest("e:bo-1", None, None, "Bo")]).await;
    let before = |key: &str, guest: Person| Person { row_key_before: Some(key.to_owned()), ..guest };
    let later = [
        before("e:ann-1", guest("", None, Some("ann@example.org"), "Ann")),
        before("e:bo-1", guest("", Some("7"), None, "Bo")),
    ];
    assert_eq!(ids(&upsert(db, workspace, &later).await), ids(&bare));
    assert_eq!(ids(&upsert(db, workspace, &later).await), ids(&bare));
    // From then on they are known by it, so that another Ann of the event is somebody else.
    let namesakes =
        [guest("e:ann-1", None, None, "Ann"), before("e:ann-1", guest("", None, Some("ann.two@example.org"), "Ann"))];
    assert!(ids(&upsert(db, workspace, &namesakes).await).iter().all(|id| !ids(&bare).contains(id)));
}

async fn an_address_of_a_thousand_guests_is_read_once_a_guest(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let list: Vec<Person> =
        (0..1_000).map(|n| guest("", Some(&format!("K-{n}")), FAMILY, &format!("Person {n}"))).collect();
    let mut first = Vec::new();
    for chunk in list.chunks(250) {
        first.extend(ids(&upsert(db, workspace, chunk).await));
    }
    assert_eq!(first.iter().collect::<std::collections::HashSet<_>>().len(), 1_000);
    let again = upsert(db, workspace, &list).await;
    assert_eq!(ids(&again), first);
    assert!(again.iter().all(|upserted| upserted.note.is_some()));
}

async fn a_contact_of_an_older_release_keeps_its_identity(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let list = [
        guest("", None, Some("zoe@example.org"), "Zoë"),
        guest("", Some("7"), Some("bo@example.org"), "Bo"),
        guest("e:cy-1", None, None, "Cy"),
    ];
    let old = ids(&upsert(db, workspace, &list).await);
    let as_it_was = || async {
        let mut tx = db.begin().await.unwrap();
        let sql =
            "update contacts set name_key = null, dedupe_key = case when external_id is null and email is not null
                     then 'email:' || email else dedupe_key end where workspace_id = $1";
        query(sql).bind(workspace).execute(&mut tx).await.unwrap();
        tx.commit().await.unwrap();
    };
    as_it_was().await;
    assert_eq!(ids(&upsert(db, workspace, &list).await), old);
    as_it_was().await;
    let spelled = [guest("", None, Some("zoe@example.org"), "ZOE"), guest("", None, Some("bo@example.org"), "bo")];
    assert_eq!(ids(&upsert(db, workspace, &spelled).await), old[..2]);
    as_it_was().await;
    let new = [guest("", None, Some("zoe@example.org"), "Yan"), guest("", Some("8"), Some("zoe@example.org"), "Zoë")];
    let new = upsert(db, workspace, &new).await;
    assert_eq!((old.contains(&new[0].contact_id), new[1].contact_id), (false, old[0]));
    assert!(new[0].note.as_deref().is_some_and(|note| note.contains("has the same e-mail")), "{new:?}");
}

async fn contacts_of_another_workspace_are_other_people(database: &TestDatabase) {
    let db = &database.db;
    let (one, two) = (ground::workspace(db).await, ground::workspace_named(db, "two").await);
    let list = [guest("1", Some("1"), Some("zoe@example.org"), "Zoë")];
    let here = upsert(db, one, &list).await[0].contact_id;
    let there = upsert(db, two, &list).await[0].contact_id;
    assert_ne!(here, there);
    assert!(herald_contacts::find_contact(db, two, here).await.unwrap().is_none());
}
