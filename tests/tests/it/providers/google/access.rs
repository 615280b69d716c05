//! The three ways of being somebody at Google.

use herald_base::{clock::Clock, ids::Ids};
use herald_providers::{
    Class, Meter,
    google::{Consent, DRIVE_SCOPE, GoogleAuth, GoogleSecret, Tokens},
};
use herald_tests::fakes::{FakeGoogle, Fault, GoogleCall};
use url::Url;

use super::{account, drive, endpoints, http, new_file, with_folder};

const BACK: &str = "http://127.0.0.1:8080/back";

#[tokio::test]
async fn a_bare_service_account_in_a_persons_folder_is_told_the_three_ways() {
    let google = FakeGoogle::start().await;
    let folder = google.add_folder("Gala");
    google.share(&folder, FakeGoogle::SERVICE_ACCOUNT, "writer");
    let drive = drive(&google, account(&google, None));
    let file = new_file(&drive, &folder, "picture").await;
    let error = drive.upload(&file, None, async |_| Ok(()), &Meter::free()).await.unwrap_err();
    assert_eq!(error.class, Class::Config);
    for way in ["Shared Drive", "--subject", "consent"] {
        assert!(error.message.contains(way), "{error}");
    }
}

#[tokio::test]
async fn a_service_account_acts_as_a_person_once_the_domain_lets_it() {
    let google = FakeGoogle::start().await;
    let folder = google.add_folder("Gala");
    let refused = drive(&google, account(&google, Some(FakeGoogle::USER)));
    let error = refused.about(&Meter::free()).await.unwrap_err();
    assert_eq!(error.class, Class::Auth);
    assert!(error.message.contains("Manage domain-wide delegation") && error.message.contains(DRIVE_SCOPE), "{error}");
    google.allow_delegation(true);
    let allowed = drive(&google, account(&google, Some(FakeGoogle::USER)));
    assert_eq!(allowed.about(&Meter::free()).await.unwrap().user_email, FakeGoogle::USER);
    let file = new_file(&allowed, &folder, "picture").await;
    allowed.upload(&file, None, async |_| Ok(()), &Meter::free()).await.unwrap();
    let stranger = drive(&google, account(&google, Some("bob@example.com")));
    let error = stranger.about(&Meter::free()).await.unwrap_err();
    assert!(error.message.contains("no active user bob@example.com"), "{error}");
}

#[tokio::test]
async fn a_refused_token_is_renewed_a_few_times_before_a_person_is_called() {
    let (google, drive, folder) = with_folder().await;
    drive.folder(&folder, &Meter::free()).await.unwrap();
    google.fail_next(GoogleCall::Get, Fault::Expired, 1);
    drive.folder(&folder, &Meter::free()).await.unwrap();
    assert_eq!(google.requests(GoogleCall::Token), 2);
    // As when others who share the token are refused meanwhile.
    google.fail_next(GoogleCall::Get, Fault::Expired, 4);
    drive.folder(&folder, &Meter::free()).await.unwrap();
    google.fail_next(GoogleCall::Get, Fault::Expired, 5);
    let error = drive.folder(&folder, &Meter::free()).await.unwrap_err();
    assert_eq!(error.class, Class::Auth);
    assert_eq!(google.faults().left(), 0);
}

/// Sends the person to the consent page, and takes the code that they bring back.
async fn visit(url: Url) -> (String, String) {
    let answer = http().client().get(url).send().await.unwrap();
    let back = Url::parse(answer.headers()["location"].to_str().unwrap()).unwrap();
    let word = |name| back.query_pairs().find(|(key, _)| key == name).unwrap().1.into_owned();
    (word("code"), word("state"))
}

#[tokio::test]
async fn a_persons_consent_gives_tokens_until_it_is_withdrawn() {
    let google = FakeGoogle::start().await;
    let (endpoints, secret) = (endpoints(&google), FakeGoogle::CLIENT_SECRET.into());
    // The second time as well: the person had consented before.
    for _ in 0..2 {
        let consent = Consent::begin(&Ids::random());
        let (code, state) = visit(consent.authorize_url(&endpoints, FakeGoogle::CLIENT_ID, BACK, DRIVE_SCOPE)).await;
        assert_eq!(state, consent.state);
        let exchange =
            consent.exchange(&http(), &endpoints, FakeGoogle::CLIENT_ID, &secret, BACK, &code.clone().into()).await;
        let auth = GoogleAuth::User { client_id: FakeGoogle::CLIENT_ID.to_owned() };
        let kept = GoogleSecret::User { client_secret: secret.clone(), refresh_token: Some(exchange.unwrap()) };
        let tokens = Tokens::new(http(), endpoints.clone(), auth, kept, Clock::system()).unwrap();
        tokens.get().await.unwrap();
        // A code works once.
        let again = consent.exchange(&http(), &endpoints, FakeGoogle::CLIENT_ID, &secret, BACK, &code.into()).await;
        assert!(again.unwrap_err().message.contains("already used"));
        google.revoke_consent();
        tokens.refused(&tokens.get().await.unwrap());
        assert_eq!(tokens.get().await.unwrap_err().class, Class::Auth);
    }
}

#[tokio::test]
async fn a_consent_without_drive_or_by_somebody_else_is_refused() {
    let google = FakeGoogle::start().await;
    let (endpoints, secret) = (endpoints(&google), FakeGoogle::CLIENT_SECRET.into());
    let consent = Consent::begin(&Ids::random());
    let url = |scopes| consent.authorize_url(&endpoints, FakeGoogle::CLIENT_ID, BACK, scopes);
    let (code, _) = visit(url(FakeGoogle::DRIVE_FILE)).await;
    let error = consent.exchange(&http(), &endpoints, FakeGoogle::CLIENT_ID, &secret, BACK, &code.into()).await;
    assert!(error.unwrap_err().message.contains("leave the box for Drive ticked"));
    let (code, _) = visit(url(DRIVE_SCOPE)).await;
    let thief = Consent::begin(&Ids::random());
    let error = thief.exchange(&http(), &endpoints, FakeGoogle::CLIENT_ID, &secret, BACK, &code.into()).await;
    assert_eq!(error.unwrap_err().class, Class::Auth);
    let (code, _) = visit(url(DRIVE_SCOPE)).await;
    let wrong = "another secret".into();
    let error = consent.exchange(&http(), &endpoints, FakeGoogle::CLIENT_ID, &wrong, BACK, &code.into()).await;
    assert!(error.unwrap_err().message.contains("does not know the OAuth client"));
}
