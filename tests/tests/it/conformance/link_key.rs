//! The key of the links: one for all processes of a database.

use chrono::TimeDelta;
use herald_base::links::LinkSigner;
use herald_invitations as domain;
use herald_invitations::LinkKeyError;
use herald_tests::{TestDatabase, on_both_engines};

on_both_engines! {
    the_first_process_settles_the_key_and_one_with_another_is_refused,
}

async fn the_first_process_settles_the_key_and_one_with_another_is_refused(database: &TestDatabase) {
    let db = &database.db;
    let signer = |key: u8| LinkSigner::new("https://invites.example.com", [key; 32], TimeDelta::days(1));
    assert_eq!(domain::known_link_key(db).await.unwrap(), None);
    for _ in 0..2 {
        domain::check_link_key(db, &signer(7)).await.unwrap();
    }
    assert_eq!(domain::known_link_key(db).await.unwrap(), Some(signer(7).fingerprint()));
    let refused = domain::check_link_key(db, &signer(8)).await.unwrap_err();
    assert!(matches!(&refused, LinkKeyError::Differs { .. }));
    assert!(refused.to_string().contains("herald migrate --accept-link-key"), "{refused}");

    domain::accept_link_key(db, &signer(8).opening([[7; 32]])).await.unwrap();
    domain::check_link_key(db, &signer(8)).await.unwrap();
    assert!(domain::check_link_key(db, &signer(7)).await.is_err());
}
