use base64::{Engine, engine::general_purpose::STANDARD};
use reqwest::header::HeaderMap;
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair},
};
use rsa::{
    RsaPrivateKey,
    pkcs1v15::SigningKey,
    pkcs8::EncodePublicKey,
    rand_core::OsRng,
    sha2::Sha256,
    signature::{SignatureEncoding, Signer},
};
use secrecy::SecretString;
use serde_json::json;

use super::*;

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap()
}

fn headers(all: &[(&'static str, &str)]) -> HeaderMap {
    all.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
}

const NOW: i64 = 1_700_000_000;

#[test]
fn sendgrid_is_believed_by_its_signature_alone() {
    let random = SystemRandom::new();
    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, document.as_ref(), &random).unwrap();
    // What stands before the point in a public key of P-256.
    let mut der = hex::decode("3059301306072a8648ce3d020106082a8648ce3d030107034200").unwrap();
    der.extend_from_slice(pair.public_key().as_ref());
    let sendgrid = SendGrid::new(&STANDARD.encode(&der)).unwrap();
    let body = json!([
        { "event": "bounce", "type": "bounce", "status": "5.1.1", "reason": "550 5.1.1 no such user",
          "smtp-id": "<a@example.com>", "sg_event_id": "1", "timestamp": NOW - 5 },
        { "event": "bounce", "type": "blocked", "status": "5.2.2", "reason": "552 mailbox full",
          "smtp-id": "<b@example.com>", "sg_event_id": "2", "timestamp": NOW },
        { "event": "spamreport", "smtp-id": "<c@example.com>", "sg_event_id": "3", "timestamp": NOW },
        { "event": "dropped", "reason": "Bounced Address", "smtp-id": "<d@example.com>", "sg_event_id": "4" },
        { "event": "open", "sg_event_id": "5" },
        "nonsense",
    ])
    .to_string();
    let signed = format!("{NOW}{body}");
    let signature = STANDARD.encode(pair.sign(&random, signed.as_bytes()).unwrap());
    let sent = |time: &str, signature: &str| {
        headers(&[
            ("x-twilio-email-event-webhook-timestamp", time),
            ("x-twilio-email-event-webhook-signature", signature),
        ])
    };
    let genuine = sent(&NOW.to_string(), &signature);
    let events = sendgrid.read(&genuine, body.as_bytes(), at(NOW)).unwrap();
    let told: Vec<_> = events.iter().map(|event| (event.key.as_str(), event.what.clone())).collect();
    assert_eq!(
        told,
        [
            ("1", MailTold::Bounced(Class::Hard)),
            ("2", MailTold::Bounced(Class::Soft)),
            ("3", MailTold::Complained),
            ("4", MailTold::Dropped),
        ]
    );
    assert_eq!(
        (events[0].named.as_slice(), events[0].at),
        (["<a@example.com>".to_owned()].as_slice(), Some(at(NOW - 5)))
    );
    for (headers, body, now) in [
        (HeaderMap::new(), body.as_str(), NOW),
        (genuine.clone(), "[]", NOW),
        (genuine.clone(), body.as_str(), NOW + 3_600),
        (sent(&(NOW + 1).to_string(), &signature), body.as_str(), NOW),
        (sent(&NOW.to_string(), "AAAA"), body.as_str(), NOW),
    ] {
        let refused = sendgrid.read(&headers, body.as_bytes(), at(now)).unwrap_err();
        assert!(matches!(refused, NotTaken::NotGenuine(_)), "{refused:?}");
    }
    assert!(SendGrid::new("AAAA").is_err());
}

#[test]
fn postmark_comes_with_its_name_and_password() {
    let postmark = Postmark::new(&SecretString::from("herald:a long password!")).unwrap();
    let body = json!({ "RecordType": "Bounce", "ID": 42, "Type": "Transient", "MessageID": "x",
        "Details": "smtp;550 5.1.1 The email account does not exist", "Metadata": { "herald": "<a@example.com>" },
        "BouncedAt": "2026-03-01T12:00:00Z" })
    .to_string();
    let with = |login: &str| headers(&[("authorization", &format!("Basic {}", STANDARD.encode(login)))]);
    let events = postmark.read(&with("herald:a long password!"), body.as_bytes()).unwrap();
    // The mail server's words, not Postmark's.
    assert_eq!((events.len(), &events[0].what), (1, &MailTold::Bounced(Class::Hard)));
    assert_eq!((events[0].key.as_str(), &events[0].named), ("Bounce:42", &vec!["<a@example.com>".to_owned()]));
    for headers in [with("herald:another password"), with(""), HeaderMap::new()] {
        assert!(matches!(postmark.read(&headers, body.as_bytes()), Err(NotTaken::NotGenuine(_))));
    }
    let genuine = with("herald:a long password!");
    for (body, what) in [
        (json!({ "RecordType": "SpamComplaint", "ID": 1, "Type": "SpamComplaint" }), Some(MailTold::Complained)),
        (json!({ "RecordType": "Delivery", "MessageID": "x", "Recipient": "a" }), Some(MailTold::Delivered)),
        (json!({ "RecordType": "Bounce", "ID": 1, "Type": "AutoResponder" }), None),
        (json!({ "RecordType": "Open", "MessageID": "x" }), None),
    ] {
        let events = postmark.read(&genuine, body.to_string().as_bytes()).unwrap();
        assert_eq!(events.first().map(|event| event.what.clone()), what, "{body}");
    }
    assert!(Postmark::new(&SecretString::from("herald:short")).is_err());
    assert!(matches!(postmark.read(&genuine, b"{"), Err(NotTaken::Unreadable(_))));
}

#[test]
fn mailgun_signs_in_the_body() {
    let key = "a key of Mailgun's own";
    let mailgun = Mailgun::new(&SecretString::from(key)).unwrap();
    let signature = |time: i64| {
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, key.as_bytes());
        hex::encode(ring::hmac::sign(&key, format!("{time}token").as_bytes()))
    };
    let body = |time: i64, signature: &str, event: serde_json::Value| {
        json!({ "signature": { "timestamp": time.to_string(), "token": "token", "signature": signature },
            "event-data": event })
        .to_string()
    };
    let failed = json!({ "event": "failed", "severity": "permanent", "id": "e1", "timestamp": 1_700_000_000.25,
        "delivery-status": { "code": 552, "message": "mailbox is full" },
        "message": { "headers": { "message-id": "a@example.com" } } });
    let genuine = body(NOW, &signature(NOW), failed.clone());
    let events = mailgun.read(genuine.as_bytes(), at(NOW)).unwrap();
    assert_eq!((events[0].what.clone(), events[0].at), (MailTold::Bounced(Class::Soft), Some(at(NOW))));
    assert_eq!(events[0].named, ["a@example.com"]);
    let mut temporary = failed.clone();
    temporary["severity"] = json!("temporary");
    assert_eq!(mailgun.read(body(NOW, &signature(NOW), temporary).as_bytes(), at(NOW)).unwrap(), []);
    for (body, now) in [
        (body(NOW, &signature(NOW + 1), failed.clone()), NOW),
        (genuine, NOW + 86_400),
        ("{}".to_owned(), NOW),
        ("[".to_owned(), NOW),
    ] {
        assert!(matches!(mailgun.read(body.as_bytes(), at(now)), Err(NotTaken::NotGenuine(_))), "{body}");
    }
}

#[test]
fn others_sign_as_standard_webhooks_have_it() {
    // The vector of Standard Webhooks.
    let generic = Generic::new(&SecretString::from("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")).unwrap();
    let headers = headers(&[
        ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
        ("webhook-timestamp", "1614265330"),
        ("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
    ]);
    let refused = generic.read(&headers, br#"{"test": 2432232314}"#, at(1_614_265_330)).unwrap_err();
    assert!(matches!(refused, NotTaken::Unreadable(_)), "genuine, and no event: {refused:?}");
    let refused = generic.read(&headers, br#"{"test": 2432232315}"#, at(1_614_265_330)).unwrap_err();
    assert!(matches!(refused, NotTaken::NotGenuine(_)), "{refused:?}");
    let refused = generic.read(&headers, br#"{"test": 2432232314}"#, at(1_614_269_330)).unwrap_err();
    assert!(matches!(refused, NotTaken::NotGenuine(_)), "{refused:?}");
}

/// DER: a tag, a length, a content.
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    [&[tag, 0x82][..], &length, content].concat()
}

/// As much of a certificate as is read: a key in its place.
fn certificate(key: &RsaPrivateKey) -> String {
    let info = key.to_public_key().to_public_key_der().unwrap();
    let part = der(0x30, &[]);
    let before =
        [der(0xA0, &[2, 1, 2]), der(0x02, &[1]), part.clone(), part.clone(), part.clone(), part.clone()].concat();
    let signed = der(0x30, &[before, info.as_bytes().to_vec()].concat());
    let whole = der(0x30, &[signed, part, der(0x03, &[0])].concat());
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", STANDARD.encode(whole))
}

#[tokio::test]
async fn ses_is_believed_by_the_signature_of_a_known_topic() {
    const CERTIFICATE: &str = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem";
    const TOPIC: &str = "arn:aws:sns:eu-west-1:123456789012:bounces";
    let key = RsaPrivateKey::new(&mut OsRng, 2048).unwrap();
    let signing = SigningKey::<Sha256>::new(key.clone());
    let certificates = Certificates::known(&[(CERTIFICATE, &certificate(&key))]);
    let ses = Ses::new(TOPIC).unwrap();
    let bounce = json!({ "notificationType": "Bounce", "mail": { "source": "b+x@bounce.example.com", "headers": [
            { "name": "Subject", "value": "Spring" }, { "name": "Message-ID", "value": "<a@example.com>" } ] },
        "bounce": { "bounceType": "Transient", "bounceSubType": "General", "timestamp": "2026-03-01T12:00:00Z",
            "bouncedRecipients": [{ "emailAddress": "ana@example.com", "status": "5.4.4",
                "diagnosticCode": "smtp; 550 5.4.4 Invalid domain" }] } });
    let envelope = |message: &serde_json::Value, topic: &str, from: &str| {
        let (message, time) = (message.to_string(), "2026-03-01T12:00:01.000Z");
        let signed =
            format!("Message\n{message}\nMessageId\nm1\nTimestamp\n{time}\nTopicArn\n{topic}\nType\nNotification\n");
        json!({ "Type": "Notification", "MessageId": "m1", "TopicArn": topic, "Message": message, "Timestamp": time,
            "SignatureVersion": "2", "SigningCertURL": from,
            "Signature": STANDARD.encode(signing.sign(signed.as_bytes()).to_bytes()) })
    };
    let genuine = envelope(&bounce, TOPIC, CERTIFICATE);
    let (events, confirm) = ses.read(&certificates, genuine.to_string().as_bytes()).await.unwrap();
    // "Transient" says SES, and the mail server that there is no such domain.
    assert_eq!((events.len(), &events[0].what, confirm), (1, &MailTold::Bounced(Class::Hard), None));
    assert_eq!(events[0].named, ["<a@example.com>", "b+x@bounce.example.com"]);
    assert_eq!(events[0].key, "m1");
    let mut changed = genuine.clone();
    changed["Message"] = json!(bounce.to_string().replace("ana@", "bo@"));
    let other_topic = envelope(&bounce, "arn:aws:sns:eu-west-1:999999999999:bounces", CERTIFICATE);
    let mut other_host = genuine.clone();
    let mut refused = vec![changed, other_topic];
    for host in [
        "https://sns.eu-west-1.amazonaws.com.example.net/x.pem",
        "https://example.com/x.pem",
        "http://sns.eu-west-1.amazonaws.com/x.pem",
        "https://sns.eu-west-1.amazonaws.com:8443/x.pem",
        "https://u@sns.eu-west-1.amazonaws.com/x.pem",
        "https://sns.a.b.amazonaws.com/x.pem",
    ] {
        other_host["SigningCertURL"] = json!(host);
        refused.push(other_host.clone());
    }
    for envelope in refused {
        let refused = ses.read(&certificates, envelope.to_string().as_bytes()).await.unwrap_err();
        assert!(matches!(refused, NotTaken::NotGenuine(_)), "{refused:?}: {envelope}");
    }
    let complaint = json!({ "notificationType": "Complaint", "mail": { "source": "x" },
        "complaint": { "complaintFeedbackType": "abuse" } });
    let told = envelope(&complaint, TOPIC, CERTIFICATE);
    let (events, _) = ses.read(&certificates, told.to_string().as_bytes()).await.unwrap();
    assert_eq!(events[0].what, MailTold::Complained);
    assert!(Ses::new("bounces").is_err());
}

#[test]
fn the_mail_servers_word_stands_before_the_services() {
    for (status, said, word, class) in [
        (Some("5.1.1"), "", Some(Class::Soft), Class::Hard),
        (None, "550 user unknown", Some(Class::Soft), Class::Hard),
        (Some("5.0.0"), "550", Some(Class::Hard), Class::Hard),
        (Some("5.2.2"), "over quota", Some(Class::Hard), Class::Soft),
        (None, "", None, Class::Soft),
    ] {
        assert_eq!(bounced(status, said, word), MailTold::Bounced(class), "{status:?} {said}");
    }
}
