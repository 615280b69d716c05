//! What becomes of a mail when its server says no, says nothing, or is gone.

use std::time::Duration;

use herald_providers::Class;
use herald_tests::fakes::{SmtpCall, SmtpFault, SmtpPlace};

use super::{Mailroom, message, send_together, served};

#[tokio::test]
async fn a_refusal_has_its_class_and_the_connection_goes_on() {
    let (server, mailer, _post) = served(SmtpPlace::default(), "").await;
    for (call, said, class, wait) in [
        (SmtpCall::Recipient, "451 4.7.1 Greylisted, try again in 60 seconds", Class::Transient, Some(60)),
        (SmtpCall::Recipient, "550 5.1.1 <ann@example.org>: User unknown", Class::Recipient, None),
        (SmtpCall::Sender, "553 5.7.1 Sender address rejected: not owned by user", Class::Config, None),
        (SmtpCall::Sender, "454 Throttling failure: Maximum sending rate exceeded.", Class::Rate, None),
        (SmtpCall::Data, "451 4.3.0 Local error", Class::Transient, None),
        (SmtpCall::Content, "552 5.3.4 Message too big", Class::Recipient, None),
        (
            SmtpCall::Content,
            "550-5.7.26 This mail is unauthenticated\r\n550 5.7.26 See example.com",
            Class::Config,
            None,
        ),
    ] {
        server.fail(call, SmtpFault::Says(said));
        let error = mailer.send(&message(1)).await.unwrap_err();
        assert_eq!((error.class, error.retry_after), (class, wait.map(Duration::from_secs)), "{said}: {error}");
        assert!(!error.message.contains("ann@"), "{error}");
    }
    assert!(server.mails().is_empty());
    mailer.send(&message(1)).await.unwrap();
    assert_eq!((server.mails().len(), server.connections()), (1, 1));
}

#[tokio::test]
async fn a_server_that_takes_nothing_at_the_moment_is_down() {
    let (server, mailer, _post) = served(SmtpPlace::default(), "").await;
    server.fail(SmtpCall::Greeting, SmtpFault::Says("421 4.3.2 Service not available"));
    server.fail(SmtpCall::Greeting, SmtpFault::HangsUp);
    for _ in 0..2 {
        assert_eq!(mailer.send(&message(1)).await.unwrap_err().class, Class::Down);
    }
    let lines = format!("host = \"127.0.0.1\"\ntls = \"none\"\nport = {}", server.port());
    drop(server);
    // Its port is free as soon as the task that listened has ended.
    let mailer = Mailroom::new().mailer(&lines);
    herald_tests::wait_until("nobody listens", async || {
        mailer.send(&message(1)).await.is_err_and(|error| error.message.contains("refuses the connection"))
    })
    .await;
}

#[tokio::test]
async fn a_mail_whose_answer_is_lost_may_have_been_sent() {
    let (server, mailer, _post) = served(SmtpPlace::default(), "").await;
    server.fail(SmtpCall::Content, SmtpFault::HangsUp);
    let error = mailer.send(&message(1)).await.unwrap_err();
    assert_eq!(error.class, Class::Unknown);
    assert_eq!(server.mails().len(), 1, "it was not sent again by itself");

    // Who decides to send it again sends what can be recognised as the same.
    mailer.send(&message(1)).await.unwrap();
    let mails = server.mails();
    assert_eq!(mails.len(), 2);
    assert_eq!(mails[0].mail, mails[1].mail);
    assert_eq!(mails[0].mail.header("message-id").unwrap(), "<00000000-0000-0000-0000-000000000001@example.com>");
}

#[tokio::test]
async fn a_connection_lost_before_the_mail_was_handed_over_is_no_doubt() {
    let (server, mailer, _post) = served(SmtpPlace::default(), "").await;
    for call in [SmtpCall::Sender, SmtpCall::Recipient, SmtpCall::Data] {
        server.fail(call, SmtpFault::HangsUp);
        assert_eq!(mailer.send(&message(1)).await.unwrap_err().class, Class::Transient, "{call:?}");
    }
    assert!(server.mails().is_empty());
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_not_waited_for_and_its_late_answer_is_nobodys() {
    let (server, mailer, _post) = served(SmtpPlace::default(), "timeout_seconds = 1").await;
    mailer.send(&message(1)).await.unwrap();
    for (call, class) in [
        (SmtpCall::Recipient, Class::Transient),
        (SmtpCall::Greeting, Class::Down),
        (SmtpCall::Content, Class::Unknown),
    ] {
        server.fail(call, SmtpFault::IsSilent);
        assert_eq!(mailer.send(&message(2)).await.unwrap_err().class, class, "{call:?}");
    }
    mailer.send(&message(3)).await.unwrap();
    // Each silence ended its connection: the first, the greeting's, the content's, and the last mail's.
    assert_eq!(server.connections(), 4);
}

#[tokio::test]
async fn a_connection_that_the_server_closed_meanwhile_costs_no_try() {
    let (server, mailer, _post) = served(SmtpPlace::default(), "").await;
    mailer.send(&message(1)).await.unwrap();
    server.fail(SmtpCall::Sender, SmtpFault::HangsUp);
    mailer.send(&message(2)).await.unwrap();
    server.fail(SmtpCall::Sender, SmtpFault::Says("421 4.4.2 Idle for too long"));
    mailer.send(&message(3)).await.unwrap();
    assert_eq!((server.mails().len(), server.connections()), (3, 3));
}

#[tokio::test]
async fn connections_are_used_again_and_are_never_more_than_allowed() {
    let (server, mailer, _post) = served(SmtpPlace::default(), "max_connections = 2").await;
    send_together(&mailer, 20).await;
    assert_eq!(server.mails().len(), 20);
    assert!(server.most_open() <= 2 && server.connections() <= 2, "{}", server.connections());

    let (server, mailer, _post) = served(SmtpPlace::default(), "max_connections = 1").await;
    for id in 0..101 {
        mailer.send(&message(id)).await.unwrap();
    }
    // Many servers close a connection after a hundred mails.
    assert_eq!((server.mails().len(), server.connections()), (101, 2));
}

#[tokio::test]
async fn a_send_that_is_given_up_leaves_no_half_said_connection() {
    let (server, mailer, _post) = served(SmtpPlace::default(), "").await;
    mailer.send(&message(1)).await.unwrap();
    server.fail(SmtpCall::Recipient, SmtpFault::IsSilent);
    let given_up = tokio::time::timeout(Duration::from_millis(200), mailer.send(&message(2))).await;
    assert!(given_up.is_err());
    let receipt = mailer.send(&message(3)).await.unwrap();
    assert!(receipt.said.contains("queued as"), "{receipt:?}");
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn what_is_no_mail_server_is_named() {
    let web = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = web.local_addr().unwrap().port();
    let task = tokio::spawn(async move {
        use tokio::io::AsyncWriteExt;
        let (mut stream, _) = web.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        stream
    });
    let mailer = Mailroom::new().mailer(&format!("host = \"127.0.0.1\"\ntls = \"none\"\nport = {port}"));
    let error = mailer.send(&message(1)).await.unwrap_err();
    assert_eq!(error.class, Class::Config);
    assert!(error.message.contains("is not a mail server"), "{error}");
    drop(task.await.unwrap());
}

#[tokio::test]
async fn a_check_sends_nothing() {
    let (server, mailer, _post) = served(SmtpPlace::default(), "").await;
    let findings = mailer.check().await;
    assert!(findings.iter().all(|finding| finding.ok), "{findings:?}");
    assert!(findings[0].text.contains("encrypted with STARTTLS, and accepts mail.user"), "{findings:?}");
    assert!(server.mails().is_empty() && server.said().iter().all(|(word, _)| word != "MAIL"));
}
