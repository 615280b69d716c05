//! What Mautic lists, what was sent in with its forms, and what it sends by itself.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use herald_tests::fakes::{FakeMautic, MauticCall};
use hmac::{Hmac, Mac};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::Sha256;

use super::{ask, send};

async fn get(mautic: &FakeMautic, path: &str) -> Value {
    let said = ask(mautic, Method::GET, path, None).await.unwrap();
    assert_eq!(said.status, 200, "{said:?}");
    said.json()
}

/// The ids of a list, sorted.
fn ids(list: &Value) -> Vec<u64> {
    let Some(contacts) = list["contacts"].as_object() else { return Vec::new() };
    let mut ids: Vec<u64> = contacts.keys().map(|id| id.parse().unwrap()).collect();
    ids.sort_unstable();
    ids
}

#[tokio::test]
async fn contacts_are_an_object_or_an_empty_list_in_pages_of_thirty() {
    let mautic = FakeMautic::start().await;
    let none = get(&mautic, "/contacts").await;
    assert_eq!(none, json!({"total": "0", "contacts": []}));
    for at in 0..35 {
        mautic.add_contact(&[("firstname", &format!("Guest {at}")), ("email", &format!("guest{at}@example.com"))]);
    }
    let page = get(&mautic, "/contacts?orderBy=id").await;
    assert_eq!((&page["total"], ids(&page)), (&json!("35"), (1..=30).collect()));
    assert_eq!(page["contacts"]["7"]["fields"]["all"]["email"], "guest6@example.com");
    let newest = get(&mautic, "/contacts?limit=2&orderBy=id&orderByDir=DESC").await;
    assert_eq!(ids(&newest), [34, 35]);
    let rest = get(&mautic, "/contacts?start=30&limit=100&orderBy=id&minimal=1").await;
    assert_eq!(ids(&rest), (31..=35).collect::<Vec<_>>());
    assert!(rest["contacts"]["31"].get("tags").is_none() && page["contacts"]["1"].get("tags").is_some());
}

#[tokio::test]
async fn conditions_and_commands_choose_contacts() {
    let mautic = FakeMautic::start().await;
    mautic.add_field("invitation_link", "url", 191);
    for (name, city) in [("Ann", "Bonn"), ("Ben", "Kiel"), ("Cem", "Bonn"), ("Dee", "")] {
        mautic.add_contact(&[("firstname", name), ("email", &format!("{name}@example.com")), ("city", city)]);
    }
    mautic.set_field(2, "invitation_link", "https://example.com/2");
    mautic.set_field(4, "city", "");
    mautic.add_segment("gala", &[1, 2, 9]);
    mautic.tag(3, "vip");
    let found = async |query: &str| ids(&get(&mautic, &format!("/contacts?{query}")).await);
    let first = |expression: &str, column: &str, value: &str| {
        format!("where[0][col]={column}&where[0][expr]={expression}&where[0][val]={value}")
    };
    for (query, expected) in [
        (first("gt", "id", "2"), vec![3, 4]),
        (first("lte", "id", "1"), vec![1]),
        (first("eq", "city", "bonn"), vec![1, 3]),
        (first("neq", "city", "Bonn"), vec![2]),
        (first("in", "id", "1,4"), vec![1, 4]),
        (first("isEmpty", "invitation_link", ""), vec![1, 3, 4]),
        (first("isNotEmpty", "invitation_link", ""), vec![2]),
        (first("like", "firstname", "%25e%25"), vec![2, 3, 4]),
        (format!("{}&where[1][col]=city&where[1][expr]=eq&where[1][val]=Kiel", first("gt", "id", "1")), vec![2]),
        ("search=segment:gala".to_owned(), vec![1, 2]),
        ("search=segment:nowhere".to_owned(), vec![]),
        ("search=ids:2,3".to_owned(), vec![2, 3]),
        ("search=tag:vip".to_owned(), vec![3]),
        ("search=!tag:vip".to_owned(), vec![1, 2, 4]),
        ("search=email:b*".to_owned(), vec![2]),
        ("search=segment:gala+ann".to_owned(), vec![1]),
    ] {
        assert_eq!(found(&query).await, expected, "{query}");
    }
    let unknown =
        ask(&mautic, Method::GET, &format!("/contacts?{}", first("eq", "dateModified", "x")), None).await.unwrap();
    assert_eq!(unknown.status, 500, "columns are named as in the database");
    let lists = get(&mautic, "/segments").await;
    assert_eq!(lists["lists"]["1"]["alias"], "gala");
}

#[tokio::test]
async fn fields_tell_their_length_and_whether_they_are_unique() {
    let mautic = FakeMautic::start().await;
    let id = mautic.add_field("invitation_link", "url", 64);
    let fields = get(&mautic, "/fields/contact?limit=100").await;
    let field =
        |alias: &str| fields["fields"].as_array().unwrap().iter().find(|one| one["alias"] == alias).unwrap().clone();
    let link = field("invitation_link");
    assert_eq!((&link["id"], &link["type"], &link["charLengthLimit"]), (&json!(id), &json!("url"), &json!(64)));
    assert_eq!((&field("email")["isUniqueIdentifer"], &link["isUniqueIdentifer"]), (&json!(true), &json!(false)));
}

#[tokio::test]
async fn submissions_are_read_on_from_the_last_one_known() {
    let mautic = FakeMautic::start().await;
    mautic.add_form(3, "Gala", &[("f_name", "text"), ("photo", "file")]);
    let ann = mautic.add_contact(&[("firstname", "Ann")]);
    for at in 0..5 {
        mautic.submit(3, ann, &[("f_name", &format!("Ann {at}")), ("photo", "ann.png")]);
    }
    let form = get(&mautic, "/forms/3").await;
    assert_eq!((&form["form"]["name"], &form["form"]["fields"][1]["type"]), (&json!("Gala"), &json!("file")));
    let after = "where[0][col]=s.id&where[0][expr]=gt&where[0][val]=2&orderBy=s.id&orderByDir=ASC&limit=2";
    let page = get(&mautic, &format!("/forms/3/submissions?{after}")).await;
    assert_eq!(page["total"], "3");
    let seen: Vec<_> = page["submissions"].as_array().unwrap().iter().map(|one| one["id"].as_u64().unwrap()).collect();
    assert_eq!(seen, [3, 4]);
    assert_eq!(page["submissions"][0]["lead"]["id"], ann);
    assert_eq!(page["submissions"][0]["results"], json!({"f_name": "Ann 2", "photo": "ann.png"}));
    assert_eq!(ask(&mautic, Method::GET, "/forms/4/submissions", None).await.unwrap().status, 404);
}

#[tokio::test]
async fn a_file_is_for_everyone_or_behind_the_login_whoever_asks() {
    let mautic = FakeMautic::start().await;
    mautic.add_form(1, "Gala", &[("photo", "file")]);
    let ann = mautic.add_contact(&[]);
    let (public, private) =
        (mautic.submit(1, ann, &[("photo", "ann.png")]), mautic.submit(1, ann, &[("photo", "b.png")]));
    mautic.put_file(public, "photo", "the picture", true);
    mautic.put_file(private, "photo", "the picture", false);
    let fetch = async |submission: u64| {
        let url = format!("{}/forms/results/file/{submission}/photo", mautic.url());
        send(Method::GET, &url, &[], "").await.unwrap()
    };
    let said = fetch(public).await;
    assert_eq!((said.status, said.header("content-type"), &said.body[..]), (200, "image/png", &b"the picture"[..]));
    let said = fetch(private).await;
    assert_eq!((said.status, said.header("location")), (302, format!("{}/s/login", mautic.url()).as_str()));
    let login = send(Method::GET, said.header("location"), &[], "").await.unwrap();
    assert!(login.status == 200 && login.header("content-type").starts_with("text/html"));
    assert_eq!((fetch(99).await.status, mautic.requests(MauticCall::File)), (404, 3));
}

#[tokio::test]
async fn a_webhook_is_signed_over_the_bytes_it_sends() {
    let mautic = FakeMautic::start().await;
    mautic.add_form(1, "Gala", &[("name", "text")]);
    let ann = mautic.add_contact(&[("firstname", "Zoë")]);
    let submission = mautic.submit(1, ann, &[("name", "Zoë")]);
    let hook = mautic.webhook("a secret", "mautic.form_on_submit", submission);
    let header = |name: &str| hook.headers.iter().find(|(key, _)| *key == name).unwrap().1.clone();
    let mut mac = Hmac::<Sha256>::new_from_slice(b"a secret").unwrap();
    mac.update(&hook.body);
    assert_eq!(header("webhook-signature"), STANDARD.encode(mac.finalize().into_bytes()));
    assert_eq!(header("x-origin-base-url"), mautic.url());
    let body: Value = serde_json::from_slice(&hook.body).unwrap();
    assert_eq!(body["mautic.form_on_submit"][0]["submission"]["results"]["name"], "Zoë");
    assert_ne!(body.to_string().as_bytes(), &hook.body[..], "who writes it again gets other bytes");
}
