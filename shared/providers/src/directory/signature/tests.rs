use reqwest::header::HeaderName;

use super::*;

/// The test vector of the Standard Webhooks libraries.
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
const BODY: &[u8] = br#"{"test": 2432232314}"#;
const SIGNED: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

fn sent() -> DateTime<Utc> {
    DateTime::from_timestamp(1_614_265_330, 0).unwrap()
}

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    pairs.iter().map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap())).collect()
}

fn standard(secrets: &str) -> Signature {
    Signature::new(Scheme::Standard, &secrets.into()).unwrap()
}

#[test]
fn the_published_vector_is_genuine_and_every_other_byte_is_not() {
    let with = |id: &str, timestamp: &str, signature: &str| {
        headers(&[("webhook-id", id), ("webhook-timestamp", timestamp), ("webhook-signature", signature)])
    };
    let check = standard(SECRET);
    let good = with(ID, "1614265330", SIGNED);
    assert_eq!(check.check(&good, BODY, sent()).unwrap(), Checked { id: ID.to_owned(), sent_at: Some(sent()) });
    // During a change of secrets, both ends have two secrets.
    let two = standard(&format!("whsec_{} {SECRET}", STANDARD.encode([7; 24])));
    assert!(two.check(&with(ID, "1614265330", &format!("v1,AAAA v2,x {SIGNED}")), BODY, sent()).is_ok());
    for (headers, body) in [
        (with(ID, "1614265330", SIGNED), &b"{\"test\":2432232314}"[..]),
        (with("msg_other", "1614265330", SIGNED), BODY),
        (with(ID, "1614265331", SIGNED), BODY),
        (with(ID, "1614265330", &SIGNED.replace("v1,", "v2,")), BODY),
        (with(ID, "1614265330", &SIGNED.replace('g', "h")), BODY),
        (with(ID, "1614265330", ""), BODY),
        (with("", "1614265330", SIGNED), BODY),
        (HeaderMap::new(), BODY),
    ] {
        assert!(check.check(&headers, body, sent()).is_err(), "{headers:?}");
    }
    assert!(standard("").check(&good, BODY, sent()).is_err(), "without a secret nothing is genuine");
}

#[test]
fn an_old_one_is_refused_although_it_is_signed() {
    let good = headers(&[("webhook-id", ID), ("webhook-timestamp", "1614265330"), ("webhook-signature", SIGNED)]);
    let check = standard(SECRET);
    for seconds in [-300, 300] {
        assert!(check.check(&good, BODY, sent() + TimeDelta::seconds(seconds)).is_ok());
    }
    for seconds in [-301, 301] {
        assert!(check.check(&good, BODY, sent() + TimeDelta::seconds(seconds)).is_err());
    }
}

fn own(signed: &str, id_header: &str, timestamp_header: &str, hash: Hash, encoding: Encoding) -> Signature {
    let scheme = Scheme::Hmac {
        header: "x-crm-signature".to_owned(),
        prefix: "sha=".to_owned(),
        hash,
        encoding,
        signed: signed.to_owned(),
        id_header: id_header.to_owned(),
        timestamp_header: timestamp_header.to_owned(),
    };
    Signature::new(scheme, &"a-secret-of-sixteen-or-more".into()).unwrap()
}

fn signature<M: Mac + KeyInit>(text: &[u8]) -> Vec<u8> {
    let mac = <M as Mac>::new_from_slice(b"a-secret-of-sixteen-or-more").unwrap();
    mac.chain_update(text).finalize().into_bytes().to_vec()
}

#[test]
fn a_crm_may_sign_in_its_own_way() {
    let hex = format!("sha={}", hex::encode(signature::<Hmac<Sha256>>(BODY)));
    let plain = own("{body}", "", "", Hash::Sha256, Encoding::Hex);
    let found = plain.check(&headers(&[("x-crm-signature", &hex)]), BODY, sent()).unwrap();
    assert_eq!(found, Checked { id: format!("sha256:{}", hex::encode(Sha256::digest(BODY))), sent_at: None });
    assert!(
        plain.check(&headers(&[("x-crm-signature", &hex[4..])]), BODY, sent()).is_err(),
        "the prefix belongs to it"
    );

    let text = [b"7:1614265330:".as_slice(), BODY].concat();
    let base64 = format!("sha={}", STANDARD.encode(signature::<Hmac<Sha512>>(&text)));
    let whole = own("{id}:{timestamp}:{body}", "x-id", "x-time", Hash::Sha512, Encoding::Base64);
    let sent_with = |id: &str, time: &str| headers(&[("x-crm-signature", &base64), ("x-id", id), ("x-time", time)]);
    let found = whole.check(&sent_with("7", "1614265330"), BODY, sent()).unwrap();
    assert_eq!(found, Checked { id: "7".to_owned(), sent_at: Some(sent()) });
    assert!(whole.check(&sent_with("8", "1614265330"), BODY, sent()).is_err());
    assert!(whole.check(&headers(&[("x-crm-signature", &base64), ("x-id", "7")]), BODY, sent()).is_err());
}

#[test]
fn an_id_that_anybody_could_change_is_not_believed() {
    let hex = format!("sha={}", hex::encode(signature::<Hmac<Sha256>>(BODY)));
    let check = own("{body}", "x-id", "", Hash::Sha256, Encoding::Hex);
    let id = |id: &str| check.check(&headers(&[("x-crm-signature", &hex), ("x-id", id)]), BODY, sent()).unwrap().id;
    assert_eq!(id("7"), id("8"));
}

#[test]
fn a_body_that_looks_like_a_place_is_signed_as_it_is() {
    assert_eq!(fill("{id}.{body}é{x}", "1", "2", b"{timestamp}{id}"), "1.{timestamp}{id}é{x}".as_bytes());
}

#[test]
fn a_secret_that_is_none_is_refused_and_shown_nowhere() {
    for secret in ["whsec_short", "whsec_!!!", "c2hvcnQ="] {
        assert!(Signature::new(Scheme::Standard, &secret.into()).is_err(), "{secret}");
    }
    let shown = format!("{:?}", standard(SECRET));
    assert!(!shown.contains("MfKQ") && shown.contains("secrets: 1"), "{shown}");
}
