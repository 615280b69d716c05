//! Key files, and the signatures of their keys.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::DateTime;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::{
    super::{DRIVE_SCOPE, ServiceAccount, Signer},
    KEY,
};
use crate::{
    Class,
    google::{GoogleAuth, GoogleSecret},
};

fn key_file() -> Value {
    json!({
        "type": "service_account", "project_id": "herald", "private_key_id": "key-1", "private_key": KEY.as_str(),
        "client_email": "herald@agency.iam.gserviceaccount.com", "token_uri": "https://oauth2.googleapis.com/token",
    })
}

fn part(text: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap()
}

#[test]
fn an_assertion_says_what_google_asks_for_and_is_signed() {
    let signer = Signer::new("herald@agency.iam.gserviceaccount.com", "key-1", &KEY.to_owned().into()).unwrap();
    let now = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
    let (url, subject) = ("https://oauth2.googleapis.com/token", Some("ann@example.com"));
    let jwt = signer.assertion(DRIVE_SCOPE, subject, url, now).unwrap();
    let (signed, signature) = jwt.expose_secret().rsplit_once('.').unwrap();
    let (header, claims) = signed.split_once('.').unwrap();
    assert_eq!(part(header), json!({ "alg": "RS256", "typ": "JWT", "kid": "key-1" }));
    assert_eq!(
        part(claims),
        json!({
            "iss": "herald@agency.iam.gserviceaccount.com", "sub": "ann@example.com", "aud": url,
            "scope": "https://www.googleapis.com/auth/drive", "iat": 1_789_999_990, "exp": 1_790_003_590,
        })
    );
    let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, signer.public_key());
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    public.verify(signed.as_bytes(), &signature).unwrap();
    assert!(public.verify(b"something else", &signature).is_err());
    let alone = signer.assertion(DRIVE_SCOPE, None, url, now).unwrap();
    assert!(part(alone.expose_secret().split('.').nth(1).unwrap()).get("sub").is_none());
}

#[test]
fn a_key_file_becomes_a_connection_whose_key_does_not_show() {
    let account = ServiceAccount::parse(&key_file().to_string()).unwrap();
    assert_eq!(account.token_uri.as_deref(), Some("https://oauth2.googleapis.com/token"));
    assert!(!format!("{account:?}").contains("MII"));
    let (auth, secret) = account.connection(Some("ann@example.com".into()));
    assert_eq!(
        auth,
        GoogleAuth::ServiceAccount {
            client_email: "herald@agency.iam.gserviceaccount.com".into(),
            private_key_id: "key-1".into(),
            subject: Some("ann@example.com".into()),
        }
    );
    assert!(!format!("{secret:?}").contains("MII"));
    assert!(
        matches!(secret, GoogleSecret::ServiceAccount { private_key } if private_key.expose_secret() == KEY.as_str())
    );
}

#[test]
fn a_key_whose_line_ends_were_written_out_is_read() {
    let mut file = key_file();
    file["private_key"] = KEY.replace('\n', "\\n").into();
    ServiceAccount::parse(&file.to_string()).unwrap();
}

#[test]
fn what_is_no_key_file_is_named_and_never_shown() {
    let with = |field: &str, value: Value| {
        let mut file = key_file();
        file[field] = value;
        file.to_string()
    };
    let without = |field: &str| {
        let mut file = key_file();
        file.as_object_mut().unwrap().remove(field);
        file.to_string()
    };
    let body = KEY.lines().nth(1).unwrap();
    for (json, said) in [
        ("no json".to_owned(), "not the key file of a service account"),
        (json!({ "web": { "client_id": "1" } }).to_string(), "the file of an OAuth client"),
        (json!({ "installed": {} }).to_string(), "the file of an OAuth client"),
        (with("type", "authorized_user".into()), "the sign-in of a person"),
        (with("type", "external_account".into()), "\"type\" is not"),
        (without("client_email"), "no \"client_email\""),
        (without("private_key_id"), "no \"private_key_id\""),
        (without("private_key"), "no \"private_key\""),
        (with("private_key", format!("-----BEGIN RSA PRIVATE KEY-----\n{body}").into()), "PKCS#1"),
        (with("private_key", format!("-----BEGIN ENCRYPTED PRIVATE KEY-----\n{body}").into()), "is encrypted"),
        (with("private_key", body.into()), "not in PEM"),
        (with("private_key", KEY.replace(body, "????").into()), "is damaged"),
        (with("private_key", KEY.replace(body, "").into()), "not an RSA key of 2048 to 4096 bits"),
    ] {
        let error = ServiceAccount::parse(&json).unwrap_err();
        assert_eq!(error.class, Class::Config);
        assert!(error.message.contains(said), "{said}: {error}");
        assert!(!format!("{error} {error:?}").contains(body), "{said}");
    }
}
