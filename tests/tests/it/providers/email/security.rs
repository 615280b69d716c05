//! Nothing is said in clear that should not be, and no password shows.

use herald_base::clock::Clock;
use herald_providers::{Class, email::Mailer};
use herald_tests::fakes::{FakeSmtp, SmtpCall, SmtpFault, SmtpPlace, SmtpSecurity};

use super::{Mailroom, message, served};

#[tokio::test]
async fn a_mail_goes_encrypted_after_starttls_and_with_a_login() {
    let (server, mailer, _post) = served(SmtpPlace::default(), "").await;
    mailer.send(&message(1)).await.unwrap();
    let mails = server.mails();
    assert_eq!(mails.len(), 1);
    assert!(mails[0].encrypted);
    assert_eq!(mails[0].login.as_deref(), Some(FakeSmtp::USER));
    assert_eq!((mails[0].from.as_str(), mails[0].to.as_str()), (FakeSmtp::USER, "ann@example.org"));
    let in_clear: Vec<String> = server.said().into_iter().filter(|(_, safe)| !safe).map(|(word, _)| word).collect();
    assert_eq!(in_clear, ["EHLO", "STARTTLS"]);
}

#[tokio::test]
async fn a_mail_goes_encrypted_from_the_first_byte() {
    let place = SmtpPlace { security: SmtpSecurity::Tls, ..SmtpPlace::default() };
    let (server, mailer, _post) = served(place, "tls = \"tls\"").await;
    mailer.send(&message(1)).await.unwrap();
    assert!(server.mails()[0].encrypted && server.said().iter().all(|(_, safe)| *safe));
}

#[tokio::test]
async fn a_server_that_offers_no_starttls_is_told_nothing() {
    let place = SmtpPlace { security: SmtpSecurity::Clear, ..SmtpPlace::default() };
    let (server, mailer, _post) = served(place, "").await;
    let error = mailer.send(&message(1)).await.unwrap_err();
    assert_eq!(error.class, Class::Config);
    assert!(error.message.contains("offers no STARTTLS, and Herald sends nothing unencrypted"), "{error}");
    assert_eq!(server.said(), [("EHLO".to_owned(), false)]);
    assert!(server.mails().is_empty());
}

#[tokio::test]
async fn a_server_that_refuses_starttls_is_told_nothing_more() {
    let (server, mailer, _post) = served(SmtpPlace::default(), "").await;
    server.fail(SmtpCall::StartTls, SmtpFault::Says("454 4.7.0 TLS not available due to temporary reason"));
    assert_eq!(mailer.send(&message(1)).await.unwrap_err().class, Class::Transient);
    assert!(server.said().iter().all(|(word, _)| matches!(word.as_str(), "EHLO" | "STARTTLS" | "QUIT")));
}

#[tokio::test]
async fn answers_slipped_in_before_the_encryption_are_noticed() {
    let (server, mailer, _post) = served(SmtpPlace::default(), "").await;
    server.fail(SmtpCall::StartTls, SmtpFault::Says("220 Ready\r\n250 evil.example\r\n235 Accepted"));
    let error = mailer.send(&message(1)).await.unwrap_err();
    assert_eq!(error.class, Class::Config);
    assert!(error.message.contains("the connection may be intercepted"), "{error}");
    assert!(server.mails().is_empty());
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_not_trusted() {
    let (server, mailroom) = (FakeSmtp::start().await, Mailroom::new());
    let lines = server.settings(&mailroom.certificate());
    let lines: String =
        lines.lines().filter(|line| !line.starts_with("ca_file")).map(|line| format!("{line}\n")).collect();
    let error = mailroom.mailer(&lines).send(&message(1)).await.unwrap_err();
    assert_eq!(error.class, Class::Config);
    assert!(
        error.message.contains("certificate that is not trusted") && error.message.contains("mail.ca_file"),
        "{error}"
    );
    assert!(server.said().iter().all(|(word, _)| word != "AUTH"));
}

#[tokio::test]
async fn the_wrong_way_of_encrypting_is_named() {
    let (_server, mailer, _post) = served(SmtpPlace::default(), "tls = \"tls\"").await;
    let error = mailer.send(&message(1)).await.unwrap_err();
    assert_eq!(error.class, Class::Config);
    assert!(error.message.contains("set mail.tls = \"starttls\""), "{error}");
}

#[tokio::test]
async fn both_logins_work_and_a_server_without_one_is_told_no_password() {
    for logins in [&["PLAIN"][..], &["LOGIN"], &["XOAUTH2", "LOGIN"]] {
        let (server, mailer, _post) = served(SmtpPlace { logins, ..SmtpPlace::default() }, "").await;
        mailer.send(&message(1)).await.unwrap();
        assert_eq!(server.mails()[0].login.as_deref(), Some(FakeSmtp::USER), "{logins:?}");
    }
    let (server, mailer, _post) = served(SmtpPlace { logins: &["XOAUTH2"], ..SmtpPlace::default() }, "").await;
    let error = mailer.send(&message(1)).await.unwrap_err();
    assert_eq!(error.class, Class::Config);
    assert!(error.message.contains("offers no login by PLAIN or LOGIN"), "{error}");
    assert!(server.said().iter().all(|(word, _)| word != "AUTH"));
}

#[tokio::test]
async fn a_password_shows_nowhere() {
    let (server, mailer, mailroom) = served(SmtpPlace::default(), "").await;
    let settings = mailroom.settings("", &server.settings(&mailroom.certificate())).unwrap();
    server.fail(SmtpCall::Login, SmtpFault::Says("535 5.7.8 wrong: hunter2-très-secret"));
    let error = mailer.send(&message(1)).await.unwrap_err();
    assert_eq!(error.class, Class::Auth);
    for shown in [format!("{settings:?}"), format!("{mailer:?}"), format!("{error:?} {error}")] {
        assert!(!shown.contains("hunter2") && !shown.contains(FakeSmtp::USER), "{shown}");
    }
    let mut findings = mailer.check().await;
    assert!(findings.remove(0).ok);
    server.fail(SmtpCall::Login, SmtpFault::Says("535 5.7.8 wrong: hunter2-très-secret"));
    let found = mailer.check().await.remove(0);
    assert!(
        !found.ok && found.text.contains("does not accept mail.user") && !found.text.contains("hunter2"),
        "{found:?}"
    );
}

#[tokio::test]
async fn a_certificate_file_that_is_none_is_named() {
    let mailroom = Mailroom::new();
    let file = mailroom.certificate();
    std::fs::write(&file, "nothing").unwrap();
    let settings =
        mailroom.settings("", &format!("host = \"localhost\"\nca_file = {:?}", file.display().to_string())).unwrap();
    let error = format!("{:#}", Mailer::from_settings(&settings, &file, Clock::system()).unwrap_err());
    assert!(error.contains("the setting mail.ca_file") && error.contains("PEM certificates"), "{error}");
}
