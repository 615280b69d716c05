//! Senders in the browser: the form with several mail servers.

use herald_people::Role;
use herald_tests::{TestDatabase, on_both_engines};
use reqwest::Method;
use serde_json::{Value, json};

use super::Browser;
use crate::api::{Answer, Service};

on_both_engines! {
    the_form_shares_the_mails_of_a_sender_among_mail_servers,
}

async fn connect(service: &Service, name: &str) -> String {
    let typed = json!({ "provider": "smtp", "host": format!("{name}.example.com"), "user": "herald",
        "password": "four tricky words" });
    let saved = Answer::to(service.request(Method::PUT, &format!("/api/v1/connections/{name}")).json(&typed)).await;
    assert!(saved.status.is_success(), "{}", saved.text());
    saved.json()["id"].as_str().unwrap().to_owned()
}

async fn the_form_shares_the_mails_of_a_sender_among_mail_servers(database: &TestDatabase) {
    let service = Service::start(database).await;
    let agency = Browser::member(&service, "ann@example.com", Role::Agency).await;
    let new = "/w/default/senders/new";
    let one = connect(&service, "one").await;
    assert!(!agency.get(new).await.text.contains("Or share the mails"), "there is nothing to share among");
    let two = connect(&service, "two").await;
    let form = agency.get(new).await;
    assert!(form.text.contains("Or share the mails") && form.text.contains("two.example.com"), "{}", form.text);
    let (of_one, of_two) = (format!("relays.{one}"), format!("relays.{two}"));
    let send = async |weight: &str, over: &str| {
        let form = agency.get(new).await;
        let (token, once) = (form.hidden("form_token"), form.hidden("once"));
        let fields = [
            ("form_token", token.as_str()),
            ("once", &once),
            ("back", new),
            ("name", "Bulk"),
            ("from_name", "Example Agency"),
            ("from_address", "bulk@example.com"),
            ("postal_address", "1 Example Street"),
            ("connection_id", over),
            (of_one.as_str(), weight),
            (of_two.as_str(), "1"),
        ];
        agency.send("/w/default/acts/createSender", &fields).await
    };
    for (weight, over, says) in
        [("much", "", "is not a whole number"), ("101", "", "use 1 to 100"), ("3", one.as_str(), "one or the other")]
    {
        let refused = send(weight, over).await;
        assert!(refused.status == 422 && refused.text.contains(says), "{weight}: {}", refused.text);
    }
    let made = send("3", "").await;
    assert_eq!(made.status, 303, "{}", made.text);
    let at = made.header("location").to_owned();
    let stored = service.get(&format!("/api/v1/senders/{}", at.rsplit('/').next().unwrap())).await.json();
    let weight = |id: &str| {
        let relays = stored["relays"].as_array().unwrap();
        relays.iter().find(|relay| relay["connection_id"] == id).map_or(Value::Null, |relay| relay["weight"].clone())
    };
    assert_eq!((weight(&one), weight(&two)), (json!(3), json!(1)), "{stored}");
    let page = agency.get(&at).await;
    assert!(page.text.contains("weight 3") && page.text.contains("weight 1"), "{}", page.text);
    assert!(agency.get("/w/default/senders").await.text.contains("weight 3"));
    let form = agency.get(&format!("{at}/edit")).await;
    let kept = form.text.split_once(&format!("name=\"{of_one}\"")).unwrap().1;
    assert!(kept.split_once('>').unwrap().0.contains("value=\"3\""), "{}", form.text);
}
