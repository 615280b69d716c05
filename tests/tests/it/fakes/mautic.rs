//! Mautic's traps, and who may ask.

use std::time::Duration;

use herald_tests::fakes::{FakeMautic, MauticCall};
use reqwest::Method;
use serde_json::{Value, json};

use super::{Said, ask, form, send};

const LINK: &str = "https://drive.google.com/file/d/1AbCdEfGhIjKlMnOpQrStUvWxYz0123456/view?usp=drivesdk";

async fn patch(mautic: &FakeMautic, path: &str, body: Value) -> Said {
    ask(mautic, Method::PATCH, path, Some(body)).await.unwrap()
}

fn field(mautic: &FakeMautic, contact: u64, alias: &str) -> Option<String> {
    mautic.contact(contact).and_then(|fields| fields.get(alias).cloned())
}

#[tokio::test]
async fn a_unique_field_in_an_edit_merges_two_contacts() {
    let mautic = FakeMautic::start().await;
    let ann = mautic.add_contact(&[("firstname", "Ann"), ("email", "ann@example.com")]);
    let ben = mautic.add_contact(&[("firstname", "Ben"), ("email", "ben@example.com"), ("city", "Bonn")]);
    let said = patch(&mautic, &format!("/contacts/{ben}/edit"), json!({"email": "ANN@example.com"})).await;
    assert_eq!(said.json()["contact"]["id"], ann, "the answer is about another contact");
    assert_eq!((mautic.merges(), mautic.deleted()), (1, vec![ben]));
    assert_eq!(field(&mautic, ann, "city").as_deref(), Some("Bonn"));
    assert_eq!(field(&mautic, ann, "firstname").as_deref(), Some("Ann"));
    let gone = patch(&mautic, &format!("/contacts/{ben}/edit"), json!({"city": "Kiel"})).await;
    assert_eq!((gone.status, gone.json()["errors"][0]["message"].as_str()), (404, Some("Item was not found.")));
    // A field that is not unique merges nobody.
    let cem = mautic.add_contact(&[("city", "Bonn")]);
    patch(&mautic, &format!("/contacts/{cem}/edit"), json!({"firstname": "Ann", "city": "Bonn"})).await;
    assert_eq!(mautic.merges(), 1);
}

#[tokio::test]
async fn a_value_is_cut_to_its_field_without_a_word_and_an_unknown_field_is_passed_over() {
    let mautic = FakeMautic::start().await;
    mautic.add_field("short_link", "url", 64);
    mautic.add_field("invitation_link", "url", 191);
    mautic.add_field("seats", "number", 64);
    let ann = mautic.add_contact(&[]);
    let path = format!("/contacts/{ann}/edit");
    let body = json!({"short_link": LINK, "invitation_link": LINK, "no_field": "x", "seats": "0042"});
    let said = patch(&mautic, &path, body).await;
    let all = &said.json()["contact"]["fields"]["all"];
    assert_eq!((said.status, all["short_link"].as_str().unwrap().len()), (200, 64));
    assert_eq!((all["invitation_link"].as_str(), all.get("no_field")), (Some(LINK), None));
    assert_eq!(all["seats"], "42", "a number keeps no zeros before it");
    assert_eq!(mautic.truncations(), 1);
    // Empty and zero change nothing, unless that is asked for.
    patch(&mautic, &path, json!({"invitation_link": "", "seats": 0})).await;
    assert_eq!(field(&mautic, ann, "invitation_link").as_deref(), Some(LINK));
    assert_eq!(field(&mautic, ann, "seats").as_deref(), Some("42"));
    patch(&mautic, &path, json!({"invitation_link": "", "overwriteWithBlank": true})).await;
    assert_eq!(field(&mautic, ann, "invitation_link"), None);

    let writes = &mautic.writes("invitation_link")[&ann];
    assert_eq!((writes.count, writes.values.contains(LINK)), (2, true));
}

#[tokio::test]
async fn put_wipes_what_it_does_not_name() {
    let mautic = FakeMautic::start().await;
    let ann = mautic.add_contact(&[("firstname", "Ann"), ("city", "Bonn")]);
    let body = Some(json!({"firstname": "Anna"}));
    let said = ask(&mautic, Method::PUT, &format!("/contacts/{ann}/edit"), body).await.unwrap();
    assert_eq!((said.status, mautic.wipes()), (200, 1));
    assert_eq!((field(&mautic, ann, "firstname").as_deref(), field(&mautic, ann, "city")), (Some("Anna"), None));
}

#[tokio::test]
async fn a_batch_is_always_200_says_per_row_what_happened_and_shifts_after_a_row_without_id() {
    let mautic = FakeMautic::start().await;
    let ids: Vec<u64> = (0..4).map(|_| mautic.add_contact(&[])).collect();
    let row = |id: u64, city: &str| json!({"id": id, "city": city});
    let body = json!([row(ids[0], "A"), row(999, "B"), row(ids[1], "C")]);
    let said = patch(&mautic, "/contacts/batch/edit", body).await;
    assert_eq!((said.status, &said.json()["statusCodes"]), (200, &json!([200, 404, 200])));
    assert_eq!(said.json()["errors"]["1"]["code"], 404);
    assert_eq!(said.json()["contacts"]["2"]["id"], ids[1]);
    assert_eq!(mautic.shifted_rows(), 0);

    let body = json!([row(ids[0], "D"), {"city": "E"}, row(ids[2], "F"), row(ids[3], "G")]);
    let said = patch(&mautic, "/contacts/batch/edit", body).await;
    assert_eq!(said.json()["statusCodes"], json!([200, 200, 200, 404]));
    let cities: Vec<_> = ids.iter().map(|id| field(&mautic, *id, "city").unwrap_or_default()).collect();
    assert_eq!(cities, ["D", "C", "E", "F"], "rows went to the contact of the next");
    assert_eq!(mautic.shifted_rows(), 2);

    let rows = |count: usize| Value::Array(vec![row(ids[0], "H"); count]);
    assert_eq!(patch(&mautic, "/contacts/batch/edit", rows(200)).await.status, 200);
    assert_eq!(patch(&mautic, "/contacts/batch/edit", rows(201)).await.status, 500);
    assert_eq!(mautic.requests(MauticCall::Batch), 4);
}

#[tokio::test]
async fn only_who_may_asks_and_the_answer_says_why_not() {
    let mautic = FakeMautic::start().await;
    let get = async |authorization: &str| {
        let url = format!("{}/api/contacts", mautic.url());
        send(Method::GET, &url, &[("authorization", authorization)], "").await.unwrap()
    };
    let kind = |said: &Said| (said.status, said.json()["errors"][0]["type"].as_str().unwrap_or("none").to_owned());
    assert_eq!(get("Basic aGVyYWxkOndyb25n").await.status, 401);
    let path = "/contacts";
    let known = ask(&mautic, Method::GET, path, None).await.unwrap();
    assert_eq!((known.status, known.header("mautic-version")), (200, "5.2.1"));
    mautic.enable_basic(false);
    let denied = ask(&mautic, Method::GET, path, None).await.unwrap();
    assert_eq!(kind(&denied), (403, "access_denied".to_owned()));

    let token = async |secret: &str| {
        let words =
            [("grant_type", "client_credentials"), ("client_id", FakeMautic::CLIENT_ID), ("client_secret", secret)];
        form(&format!("{}/oauth/v2/token", mautic.url()), &words).await
    };
    assert_eq!(kind(&token("wrong").await), (400, "invalid_client".to_owned()));
    let given = token(FakeMautic::CLIENT_SECRET).await.json();
    assert_eq!((&given["token_type"], &given["expires_in"]), (&json!("bearer"), &json!(3600)));
    let bearer = format!("Bearer {}", given["access_token"].as_str().unwrap());
    assert_eq!(get(&bearer).await.status, 200);
    mautic.expire_tokens();
    assert_eq!(kind(&get(&bearer).await), (401, "invalid_grant".to_owned()));
    mautic.enable_api(false);
    assert_eq!(kind(&get(&bearer).await), (403, "api_disabled".to_owned()));
}

#[tokio::test]
async fn what_exceeds_the_limit_is_429_and_remembered() {
    let mautic = FakeMautic::start().await;
    mautic.limit(Some(2), Duration::from_secs(3600));
    let get = async || ask(&mautic, Method::GET, "/contacts", None).await.unwrap();
    assert_eq!(get().await.header("x-ratelimit-remaining"), "1");
    get().await;
    let said = get().await;
    assert_eq!((said.status, said.header("x-ratelimit-limit")), (429, "2"));
    let message = said.json()["errors"][0]["message"].as_str().unwrap().to_owned();
    assert_eq!(message, "You exceeded the rate limit of 2 API calls per hour.");
    assert_eq!((mautic.quota_exceeded(), mautic.busiest_window()), (1, 3));
}
