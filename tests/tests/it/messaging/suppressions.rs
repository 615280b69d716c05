//! Addresses that are not written to.

use std::{collections::BTreeSet, time::Duration};

use herald_app::holders::HOLDERS;
use herald_base::vault::Vault;
use herald_contacts::{Channel, NewConsent, Profile, add_consent, create_contact, erase_contact, held_of};
use herald_db::{Db, EngineKind, query};
use herald_messaging::{
    MessagingError, NewSuppression, Suppression, SuppressionFilter, SuppressionReason, add_suppressions,
    find_suppression, lift_suppression, list_suppressions, suppress_by_hand, suppressed, suppression_of,
    undo_unsubscription,
};
use herald_tests::{TestDatabase, app::vault, on_both_engines};
use uuid::Uuid;

use crate::ground;

on_both_engines! {
    an_address_is_suppressed_once_however_it_is_written,
    the_persons_own_will_replaces_another_reason_and_never_the_other_way,
    a_chunk_of_recipients_is_asked_for_at_once,
    a_suppression_outlives_the_contact_and_the_key,
    the_suppressions_of_a_workspace_are_its_own,
    without_a_key_nobody_is_said_to_be_free,
    what_a_person_wants_is_lifted_only_by_a_newer_consent,
    only_a_fresh_unsubscription_is_undone,
    the_list_is_filtered_and_paged,
    an_address_is_found_by_an_index,
}

async fn sealed(database: &TestDatabase) -> (&Db, Uuid) {
    let db = &database.db;
    db.seal_with(vault(db).sealer());
    (db, ground::workspace(db).await)
}

fn new(channel: Channel, address: &str, reason: SuppressionReason) -> NewSuppression {
    NewSuppression {
        channel,
        address: address.to_owned(),
        reason,
        source: "test".to_owned(),
        note: None,
        contact_id: None,
        consent_id: None,
    }
}

async fn add(db: &Db, workspace: Uuid, all: Vec<NewSuppression>) -> usize {
    let mut tx = db.begin().await.unwrap();
    let changed = add_suppressions(&mut tx, workspace, all).await.unwrap();
    tx.commit().await.unwrap();
    changed
}

async fn of(db: &Db, workspace: Uuid, channel: Channel, address: &str) -> Option<Suppression> {
    let mut tx = db.begin().await.unwrap();
    suppression_of(&mut tx, workspace, channel, address).await.unwrap()
}

async fn an_address_is_suppressed_once_however_it_is_written(database: &TestDatabase) {
    let (db, workspace) = sealed(database).await;
    let by_hand = |address: &'static str| new(Channel::Email, address, SuppressionReason::ByHand);
    assert_eq!(add(db, workspace, vec![by_hand("ana@example.com"), by_hand(" Ana@EXAMPLE.com ")]).await, 1);
    assert_eq!(add(db, workspace, vec![by_hand("ANA@example.com")]).await, 0);
    let found = of(db, workspace, Channel::Email, "Ana@Example.Com").await.unwrap();
    assert_eq!((found.reason, found.source.as_str()), (SuppressionReason::ByHand, "test"));
    // Another channel is another matter.
    assert_eq!(of(db, workspace, Channel::Phone, "+34600000001").await, None);
    let stop = new(Channel::Whatsapp, "+34 600 000 001", SuppressionReason::Stop);
    assert_eq!(add(db, workspace, vec![stop]).await, 1);
    assert!(of(db, workspace, Channel::Whatsapp, "0034600000001").await.is_some());
    assert_eq!(of(db, workspace, Channel::Phone, "+34600000001").await, None);
    // By a person: a text that is no address is refused.
    let actor = ground::person(workspace);
    let refused = suppress_by_hand(db, &actor, (Channel::Email, "nobody"), None).await.unwrap_err();
    assert!(refused.to_string().contains("ann@example.com"), "{refused}");
    let (_, is_new) = suppress_by_hand(db, &actor, (Channel::Email, "bo@example.com"), Some("rang us")).await.unwrap();
    assert!(is_new);
    let (row, is_new) = suppress_by_hand(db, &actor, (Channel::Email, "BO@example.com"), Some("again")).await.unwrap();
    assert_eq!((is_new, row.note.as_deref()), (false, Some("rang us")));
}

async fn the_persons_own_will_replaces_another_reason_and_never_the_other_way(database: &TestDatabase) {
    use SuppressionReason::{ByHand, Complaint, HardBounce, Unsubscribed};
    let (db, workspace) = sealed(database).await;
    let mut ids = BTreeSet::new();
    for (reason, changed, holds) in [
        (HardBounce, 1, HardBounce),
        (ByHand, 0, HardBounce),
        (Unsubscribed, 1, Unsubscribed),
        (Complaint, 0, Unsubscribed),
        (HardBounce, 0, Unsubscribed),
    ] {
        assert_eq!(add(db, workspace, vec![new(Channel::Email, "ana@example.com", reason)]).await, changed, "{reason}");
        let row = of(db, workspace, Channel::Email, "ana@example.com").await.unwrap();
        assert_eq!(row.reason, holds, "{reason}");
        ids.insert(row.id);
    }
    assert_eq!(ids.len(), 1);
    // In one call, too.
    let both =
        vec![new(Channel::Email, "bo@example.com", HardBounce), new(Channel::Email, "bo@example.com", Complaint)];
    assert_eq!(add(db, workspace, both).await, 1);
    assert_eq!(of(db, workspace, Channel::Email, "bo@example.com").await.unwrap().reason, Complaint);
}

async fn a_chunk_of_recipients_is_asked_for_at_once(database: &TestDatabase) {
    let (db, workspace) = sealed(database).await;
    let address = |n: usize| format!("guest{n}@example.com");
    let every_third = (0..500).step_by(3).map(|n| new(Channel::Email, &address(n), SuppressionReason::Unsubscribed));
    assert_eq!(add(db, workspace, every_third.collect()).await, 167);
    let all: Vec<String> = (0..500).map(|n| address(n).to_uppercase()).collect();
    let mut tx = db.begin().await.unwrap();
    let found = suppressed(&mut tx, workspace, Channel::Email, &all).await.unwrap();
    assert_eq!(found.len(), 167);
    // As they were given.
    assert!(found.contains_key("GUEST0@EXAMPLE.COM") && !found.contains_key("GUEST1@EXAMPLE.COM"));
    assert!(suppressed(&mut tx, workspace, Channel::Email, &[]).await.unwrap().is_empty());
}

async fn a_suppression_outlives_the_contact_and_the_key(database: &TestDatabase) {
    herald_app::jobs::install();
    let (db, workspace) = sealed(database).await;
    let actor = ground::person(workspace);
    let ana = Profile {
        name: Some("Ana Example".to_owned()),
        email: Some("ana@example.com".to_owned()),
        ..Profile::default()
    };
    let contact = create_contact(db, &actor, ana.clone(), "api").await.unwrap();
    let (row, _) =
        suppress_by_hand(db, &actor, (Channel::Email, "ana@example.com"), Some("asked us to")).await.unwrap();
    assert_eq!(row.contact_id, Some(contact.id));
    let held = held_of(db, workspace, HOLDERS, contact.id).await.unwrap().unwrap();
    assert_eq!(held.records["suppressions"].len(), 1);
    erase_contact(db, &actor, HOLDERS, (contact.id, held.total())).await.unwrap().unwrap();
    let row = find_suppression(db, workspace, row.id).await.unwrap().unwrap();
    assert_eq!((row.contact_id, row.note), (None, None));
    // An import or a person may bring the contact back; it stays suppressed.
    create_contact(db, &actor, ana, "api").await.unwrap();
    assert!(of(db, workspace, Channel::Email, "ana@example.com").await.is_some());
    // Under a new key, as long as the old one is there.
    let later = database.connect(db.clock().clone(), db.ids().clone()).await;
    later.seal_with(Vault::new([10; 32], [[9; 32]], db.ids().clone()).sealer());
    assert!(of(&later, workspace, Channel::Email, "ana@example.com").await.is_some());
    let same = new(Channel::Email, "ana@example.com", SuppressionReason::ByHand);
    assert_eq!(add(&later, workspace, vec![same]).await, 0);
    // The row itself tells nobody the address.
    let (hash,): (String,) =
        query("select hash from suppressions where workspace_id = $1").bind(workspace).one(db).await.unwrap();
    assert!(hash.len() > 64 && !hash.contains('@'), "{hash}");
}

async fn the_suppressions_of_a_workspace_are_its_own(database: &TestDatabase) {
    let (db, workspace) = sealed(database).await;
    let other = ground::workspace_named(db, "other").await;
    add(db, workspace, vec![new(Channel::Email, "ana@example.com", SuppressionReason::Complaint)]).await;
    assert_eq!(of(db, other, Channel::Email, "ana@example.com").await, None);
    let row = of(db, workspace, Channel::Email, "ana@example.com").await.unwrap();
    assert_eq!(find_suppression(db, other, row.id).await.unwrap(), None);
    assert_eq!(lift_suppression(db, &ground::person(other), row.id, "ours").await.unwrap(), None);
    // Nor are the hashes the same.
    add(db, other, vec![new(Channel::Email, "ana@example.com", SuppressionReason::Complaint)]).await;
    let hashes: Vec<(String,)> = query("select hash from suppressions where workspace_id in ($1, $2)")
        .bind(workspace)
        .bind(other)
        .all(db)
        .await
        .unwrap();
    assert_eq!(hashes.iter().collect::<BTreeSet<_>>().len(), 2);
}

async fn without_a_key_nobody_is_said_to_be_free(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let mut tx = db.begin().await.unwrap();
    let asked = suppressed(&mut tx, workspace, Channel::Email, &["ana@example.com".to_owned()]).await;
    assert!(matches!(asked, Err(MessagingError::NoKey)), "{asked:?}");
}

async fn what_a_person_wants_is_lifted_only_by_a_newer_consent(database: &TestDatabase) {
    let (db, workspace) = sealed(database).await;
    let actor = ground::person(workspace);
    let profile =
        Profile { name: Some("Ana".to_owned()), email: Some("ana@example.com".to_owned()), ..Profile::default() };
    let contact = create_contact(db, &actor, profile, "api").await.unwrap();
    let agrees = |given| NewConsent {
        channel: Channel::Email,
        given,
        wording: "Write to me.".to_owned(),
        source: "form".to_owned(),
        proof: None,
    };
    add_consent(db, &actor, contact.id, agrees(true)).await.unwrap();
    database.db.clock().advance(Duration::from_secs(1));
    let complaint = NewSuppression {
        contact_id: Some(contact.id),
        ..new(Channel::Email, "ana@example.com", SuppressionReason::Complaint)
    };
    add(db, workspace, vec![complaint]).await;
    let row = of(db, workspace, Channel::Email, "ana@example.com").await.unwrap();
    let refused = lift_suppression(db, &actor, row.id, "she rang").await.unwrap_err();
    assert!(refused.to_string().contains("consent"), "{refused}");
    database.db.clock().advance(Duration::from_secs(1));
    add_consent(db, &actor, contact.id, agrees(true)).await.unwrap();
    for why in ["", " ", &"x".repeat(501)] {
        let refused = lift_suppression(db, &actor, row.id, why).await.unwrap_err();
        assert!(matches!(refused, MessagingError::Field { field: "why", .. }), "{refused}");
    }
    let lifted = lift_suppression(db, &actor, row.id, "she agreed anew").await.unwrap().unwrap();
    assert_eq!(
        (lifted.lifted_by.as_deref(), lifted.lifted_why.as_deref()),
        (Some("cli:test"), Some("she agreed anew"))
    );
    assert_eq!(of(db, workspace, Channel::Email, "ana@example.com").await, None);
    let again = lift_suppression(db, &actor, row.id, "again").await.unwrap_err();
    assert!(matches!(again, MessagingError::WrongState(_)), "{again}");
    // And the address can be suppressed anew.
    assert_eq!(add(db, workspace, vec![new(Channel::Email, "ana@example.com", SuppressionReason::ByHand)]).await, 1);
}

async fn only_a_fresh_unsubscription_is_undone(database: &TestDatabase) {
    let (db, workspace) = sealed(database).await;
    let actor = ground::person(workspace);
    for (address, reason) in [
        ("ana@example.com", SuppressionReason::Unsubscribed),
        ("bo@example.com", SuppressionReason::Unsubscribed),
        ("cy@example.com", SuppressionReason::Complaint),
    ] {
        add(db, workspace, vec![new(Channel::Email, address, reason)]).await;
    }
    let id = async |address: &str| of(db, workspace, Channel::Email, address).await.unwrap().id;
    let (ana, bo, cy) = (id("ana@example.com").await, id("bo@example.com").await, id("cy@example.com").await);
    let refused = undo_unsubscription(db, &actor, cy, "a mistake").await.unwrap_err();
    assert!(refused.to_string().contains("complaint"), "{refused}");
    database.db.clock().advance(Duration::from_secs(30 * 86_400));
    assert!(undo_unsubscription(db, &actor, ana, "it was forwarded").await.unwrap().is_some());
    assert_eq!(of(db, workspace, Channel::Email, "ana@example.com").await, None);
    database.db.clock().advance(Duration::from_secs(1));
    let late = undo_unsubscription(db, &actor, bo, "it was forwarded").await.unwrap_err();
    assert!(late.to_string().contains("30 days"), "{late}");
}

async fn the_list_is_filtered_and_paged(database: &TestDatabase) {
    let (db, workspace) = sealed(database).await;
    for (channel, address, reason) in [
        (Channel::Email, "ana@example.com", SuppressionReason::Unsubscribed),
        (Channel::Email, "bo@example.com", SuppressionReason::HardBounce),
        (Channel::Whatsapp, "+34600000001", SuppressionReason::Stop),
        (Channel::Email, "cy@example.com", SuppressionReason::HardBounce),
    ] {
        add(db, workspace, vec![new(channel, address, reason)]).await;
    }
    let list = async |filter, before, limit| list_suppressions(db, workspace, filter, before, limit).await.unwrap();
    let all = list(SuppressionFilter::default(), None, 10).await;
    assert_eq!(all.len(), 4);
    assert!(all.windows(2).all(|pair| pair[0].id > pair[1].id), "the newest first");
    let second = list(SuppressionFilter::default(), Some(all[1].id), 10).await;
    assert_eq!(second, all[2..]);
    let of_email = SuppressionFilter { channel: Some(Channel::Email), ..SuppressionFilter::default() };
    assert_eq!(list(of_email, None, 10).await.len(), 3);
    let bounced = SuppressionFilter { reason: Some(SuppressionReason::HardBounce), ..of_email };
    assert_eq!(list(bounced, None, 1).await, all[..1]);
    lift_suppression(db, &ground::person(workspace), all[0].id, "it works again").await.unwrap();
    assert_eq!(list(bounced, None, 10).await.len(), 1);
    assert_eq!(list(SuppressionFilter { lifted: true, ..bounced }, None, 10).await.len(), 2);
}

async fn an_address_is_found_by_an_index(database: &TestDatabase) {
    let (db, workspace) = sealed(database).await;
    if db.kind() == EngineKind::Postgres {
        // A table of a few rows is read whole there.
        return;
    }
    let plan: Vec<(i64, i64, i64, String)> = query(
        "explain query plan select s.id from json_each('[\"a\"]') as rows cross join suppressions as s
         where s.workspace_id = $1 and s.channel = $2 and s.hash = rows.value and s.lifted_at is null",
    )
    .bind(workspace)
    .bind("email")
    .all(db)
    .await
    .unwrap();
    assert!(plan.iter().any(|(.., line)| line.contains("suppressions_address")), "{plan:?}");
}
