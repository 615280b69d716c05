//! What the CRM tells by itself.

use std::time::Duration;

use herald_db::query;
use herald_tests::{TestDatabase, on_both_engines};
use rand::{SeedableRng, rngs::StdRng, seq::SliceRandom};
use serde_json::json;

use super::{CrmService, FakeCrm, PASSWORD, add_own, jobs_of, standing};

on_both_engines! {
    who_is_new_different_and_gone_is_so_here,
    a_webhook_that_comes_again_is_done_once,
    whatever_the_order_the_last_word_stays,
    a_late_word_brings_nobody_back,
    what_is_not_signed_now_by_the_crm_is_refused,
    what_cannot_be_read_is_kept_and_shown,
    without_a_secret_nothing_is_believed,
    an_address_that_somebody_has_is_not_taken_over,
}

async fn who_is_new_different_and_gone_is_so_here(database: &TestDatabase) {
    let agency = CrmService::start(database).await;
    let id = agency.crm().add("ann@example.com", "seller", PASSWORD);
    assert_eq!(agency.tell(&agency.crm().event("user_created", id)).await, "user_created: done");
    assert_eq!(agency.standing("ann@example.com").await, standing("active", "staff"));
    agency.crm().change(id, Some("anna@example.com"), Some("manager"), None);
    assert_eq!(agency.tell(&agency.crm().event("user_updated", id)).await, "user_updated: done");
    assert!(agency.user("ann@example.com").await.is_none());
    assert_eq!(agency.standing("anna@example.com").await, standing("active", "agency"));
    // Gone there: out here at once, with every session, and nothing of theirs is deleted.
    let login = super::super::people::login(&agency.service, "anna@example.com", PASSWORD).await;
    let anna = super::super::people::Person::of("anna@example.com", &login.json());
    agency.crm().change(id, None, None, None);
    assert_eq!(agency.tell(&agency.crm().event("user_deleted", id)).await, "user_deleted: done");
    assert_eq!(agency.standing("anna@example.com").await, standing("deactivated", "agency"));
    assert_eq!(anna.get(&agency.service, "/api/v1/me").await.status, 401);
    // And back.
    agency.crm().change(id, None, None, Some(true));
    agency.tell(&agency.crm().event("user_updated", id)).await;
    assert_eq!(agency.standing("anna@example.com").await, standing("active", "agency"));
    assert!(
        agency
            .tell(&FakeCrm::sign("msg_x", database.db.now(), r#"{"type":"brand_updated"}"#))
            .await
            .contains("nothing")
    );
    // What they said is not kept once it is done.
    let kept: Vec<(String,)> =
        query("select id from crm_events where done_at is null or outcome is null").all(&database.db).await.unwrap();
    assert!(kept.is_empty());
    let listed = agency.service.get("/api/v1/crm/users").await.json();
    assert_eq!((&listed["items"][0]["external_id"], &listed["items"][0]["role"]), (&json!("1"), &json!("agency")));
}

async fn a_webhook_that_comes_again_is_done_once(database: &TestDatabase) {
    let agency = CrmService::start(database).await;
    let id = agency.crm().add("ann@example.com", "seller", PASSWORD);
    let webhook = agency.crm().event("user_created", id);
    let (first, second) = tokio::join!(agency.send(&webhook), agency.send(&webhook));
    let mut duplicates = [first.json()["duplicate"].clone(), second.json()["duplicate"].clone()];
    duplicates.sort_by_key(|duplicate| duplicate.as_bool());
    assert_eq!(duplicates, [json!(false), json!(true)]);
    assert_eq!(agency.work().await.len(), 1);
    assert_eq!(agency.send(&webhook).await.json(), json!({ "duplicate": true }));
    assert_eq!((agency.work().await.len(), jobs_of(&agency, "crm.event").await), (0, 1));
    // The job itself, run again after a crash, finds that it is done.
    assert_eq!(agency.service.people.do_crm_event("msg_1").await.unwrap(), "done before");
}

async fn whatever_the_order_the_last_word_stays(database: &TestDatabase) {
    let agency = CrmService::start(database).await;
    let mut lots = StdRng::seed_from_u64(7);
    for round in 0..6 {
        let email = |version: u32| format!("guest{round}v{version}@example.com");
        let id = agency.crm().add(&email(0), "seller", PASSWORD);
        let mut webhooks = vec![agency.crm().event("user_created", id)];
        for version in 1..5 {
            database.db.clock().advance(Duration::from_secs(1));
            agency.crm().change(
                id,
                Some(&email(version)),
                Some(["manager", "seller"][version as usize % 2]),
                Some(version != 2),
            );
            webhooks.push(agency.crm().event("user_updated", id));
        }
        webhooks.shuffle(&mut lots);
        for webhook in &webhooks {
            assert_eq!(agency.send(webhook).await.status, 202);
        }
        // All at once, as several workers would.
        while !agency.work().await.is_empty() {}
        assert_eq!(agency.standing(&email(4)).await, standing("active", "agency"), "round {round}");
        for version in 0..4 {
            assert!(agency.user(&email(version)).await.is_none(), "round {round}");
        }
    }
}

async fn a_late_word_brings_nobody_back(database: &TestDatabase) {
    let agency = CrmService::start(database).await;
    let id = agency.crm().add("ann@example.com", "seller", PASSWORD);
    let created = agency.crm().event("user_created", id);
    agency.crm().change(id, None, None, None);
    let updated = agency.crm().event("user_updated", id);
    database.db.clock().advance(Duration::from_secs(2));
    agency.crm().change(id, None, None, Some(false));
    let deleted = agency.crm().event("user_deleted", id);
    // Deleted before anything else was heard of them.
    assert!(agency.tell(&deleted).await.contains("nobody here"));
    assert!(agency.tell(&created).await.contains("older"));
    assert!(agency.tell(&updated).await.contains("older"));
    assert!(agency.user("ann@example.com").await.is_none());
}

async fn what_is_not_signed_now_by_the_crm_is_refused(database: &TestDatabase) {
    let agency = CrmService::start(database).await;
    let id = agency.crm().add("ann@example.com", "seller", PASSWORD);
    let webhook = agency.crm().event("user_created", id);
    let mut other = webhook.clone();
    other.body = String::from_utf8(webhook.body.to_vec()).unwrap().replace("seller", "manager").into();
    agency.send(&other).await.problem(401, "unauthorized");
    for gone in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        let mut without = webhook.clone();
        without.headers.retain(|(name, _)| *name != gone);
        agency.send(&without).await.problem(401, "unauthorized");
    }
    database.db.clock().advance(Duration::from_secs(302));
    agency.send(&webhook).await.problem(401, "unauthorized");
    let large = FakeCrm::sign("msg_large", database.db.now(), &format!("{{\"type\":\"{}\"}}", "x".repeat(1 << 20)));
    agency.send(&large).await.problem(413, "too-large");
    assert_eq!(jobs_of(&agency, "crm.event").await, 0);
}

async fn what_cannot_be_read_is_kept_and_shown(database: &TestDatabase) {
    let agency = CrmService::start(database).await;
    let now = database.db.now();
    agency.send(&FakeCrm::sign("msg_list", now, "[]")).await.problem(400, "invalid-request");
    agency.send(&FakeCrm::sign("msg_half", now, "{\"type\":")).await.problem(400, "invalid-request");
    agency.send(&FakeCrm::sign("msg_nul", now, r#"{"type":"a\u0000"}"#)).await.problem(400, "invalid-request");
    let lame = FakeCrm::sign("msg_lame", now, r#"{"type":"user_created","data":{"id":7}}"#);
    assert_eq!(agency.send(&lame).await.status, 202);
    let ended = agency.work().await.remove(0).unwrap_err();
    assert!(ended.contains("no id or no address"), "{ended}");
    // An address that is none is a person who is nobody, and says so.
    let broken = r#"{"type":"user_created","data":{"id":8,"email":"ann at example"}}"#;
    assert!(agency.tell(&FakeCrm::sign("msg_broken", now, broken)).await.contains("no e-mail address"));
    assert!(agency.reasons().await[0].contains("correct it in the CRM"));
}

async fn without_a_secret_nothing_is_believed(database: &TestDatabase) {
    let agency = CrmService::start_with(database, |settings| settings.crm.webhook.secret.clear()).await;
    let id = agency.crm().add("ann@example.com", "seller", PASSWORD);
    agency.send(&agency.crm().event("user_created", id)).await.problem(401, "unauthorized");
}

async fn an_address_that_somebody_has_is_not_taken_over(database: &TestDatabase) {
    let agency = CrmService::start(database).await;
    let own = add_own(&agency, "boss@example.com").await;
    let first = agency.crm().add("boss@example.com", "manager", PASSWORD);
    assert!(agency.tell(&agency.crm().event("user_created", first)).await.contains("a password of their own"));
    // Nor by somebody who is here already, nor by two of the CRM's.
    let second = agency.crm().add("ann@example.com", "manager", PASSWORD);
    agency.tell(&agency.crm().event("user_created", second)).await;
    agency.crm().change(second, Some("boss@example.com"), None, None);
    assert!(agency.tell(&agency.crm().event("user_updated", second)).await.contains("somebody else here"));
    let third = agency.crm().add("ANN@example.com", "manager", PASSWORD);
    assert!(agency.tell(&agency.crm().event("user_created", third)).await.contains("has the same address"));
    // And gone there is not gone here.
    agency.crm().change(first, None, None, Some(false));
    agency.tell(&agency.crm().event("user_deleted", first)).await;
    let boss = agency.user("boss@example.com").await.unwrap();
    assert_eq!((boss.id, boss.state.as_str()), (own, "active"));
    assert_eq!(agency.standing("ann@example.com").await, standing("active", "agency"));
}
