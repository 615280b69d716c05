//! A mail arrives as it was written, in whatever script, and nobody writes headers into it.

use herald_providers::{Class, email::Mailbox};
use herald_tests::fakes::SmtpPlace;

use super::{message, served};

const SUBJECTS: [&str; 5] = [
    "آپ کا تصدیقی کوڈ، عائشہ",
    "您的验证码 — 王小明 女士，请在十分钟之内输入，否则它将失效并且您需要重新申请一个新的验证码",
    "🎉 Einladung für Łukasz 👩‍🔬👨‍👩‍👧‍👦",
    "plain = question? _underscore_ =?utf-8?q?not_a_word?=",
    "x",
];

#[tokio::test]
async fn every_script_arrives_as_it_was_written() {
    let (server, mailer, _post) = served(SmtpPlace::default(), "").await;
    for (id, subject) in (1..).zip(SUBJECTS) {
        let mut mail = message(id);
        mail.subject = subject.to_owned();
        mail.to = Mailbox::new(Some(subject), "ann@example.org").unwrap();
        mail.text = format!("{subject}\n\n.\n..\n.dot\nFrom here\n{}\n", "long ".repeat(400));
        mail.html = Some(format!("<p>{subject}</p>\n.\n"));
        mailer.send(&mail).await.unwrap();
        let taken = server.mails().pop().unwrap().mail;
        // A word joiner keeps a mail program from reading a coded word where somebody wrote what looks like one.
        assert_eq!(taken.header("subject"), Some(subject.replace("=?", "=\u{2060}?")));
        let to = taken.header("to").unwrap();
        assert!(to.contains("<ann@example.org>") && to.replace('\\', "").contains(subject), "{to}");
        assert_eq!(taken.text().trim_end(), mail.text.trim_end());
        assert_eq!(taken.html().trim_end(), mail.html.unwrap().trim_end());
        assert!(taken.raw.is_ascii());
        assert!(taken.raw.split(|byte| *byte == b'\n').all(|line| line.len() < 999));
    }
}

#[tokio::test]
async fn an_account_mail_has_its_headers_once_and_says_that_a_machine_wrote_it() {
    let (server, mailer, _post) = served(SmtpPlace::default(), "reply_to = \"Desk <desk@example.com>\"").await;
    let receipt = mailer.send(&message(7)).await.unwrap();
    let taken = server.mails().pop().unwrap().mail;
    for (name, value) in [
        ("from", "Herald <herald@example.com>"),
        ("reply-to", "Desk <desk@example.com>"),
        ("date", "Thu, 26 Nov 2026 12:00:00 +0000"),
        ("auto-submitted", "auto-generated"),
        ("mime-version", "1.0"),
        ("message-id", "<00000000-0000-0000-0000-000000000007@example.com>"),
    ] {
        assert_eq!((taken.header(name).as_deref(), taken.count(name)), (Some(value), 1), "{name}");
    }
    assert_eq!(receipt.message_id, taken.header("message-id").unwrap());
    assert_eq!(receipt.said, "250 2.0.0 Ok: queued as 4X0fAnn");
    assert!(taken.header("content-type").unwrap().starts_with("multipart/alternative"));
    assert!(taken.text().contains("482913") && taken.html().contains("482913"));
}

#[tokio::test]
async fn nobody_writes_a_header_or_a_command_through_what_they_chose() {
    let (server, mailer, _post) = served(SmtpPlace::default(), "").await;
    for end in ["\r\n", "\n", "\r", "\u{85}", "\u{2028}", "\0\r\n", "\r\n\r\n"] {
        let mut mail = message(1);
        mail.subject = format!("Hello{end}Bcc: bo@example.org{end}.{end}MAIL FROM:<bo@example.org>");
        mail.to = Mailbox::new(Some(&format!("Ann{end}Cc: bo@example.org")), "ann@example.org").unwrap();
        mail.text = format!("Hello{end}.{end}MAIL FROM:<bo@example.org>{end}");
        mail.headers.push(("List-Id".to_owned(), format!("gala{end}Bcc: bo@example.org")));
        mailer.send(&mail).await.unwrap();
    }
    let mails = server.mails();
    assert_eq!(mails.len(), 7);
    for taken in mails {
        assert_eq!((taken.from.as_str(), taken.to.as_str()), ("herald@example.com", "ann@example.org"));
        assert_eq!((taken.mail.count("bcc"), taken.mail.count("cc"), taken.mail.count("to")), (0, 0, 1));
        assert!(taken.mail.header("subject").unwrap().starts_with("Hello Bcc: bo@example.org"));
    }
}

#[tokio::test]
async fn an_address_beyond_ascii_goes_only_where_it_is_understood() {
    let mut mail = message(1);
    mail.to = Mailbox::parse("用户@bücher.example").unwrap();
    let (server, mailer, _post) = served(SmtpPlace::default(), "").await;
    mailer.send(&mail).await.unwrap();
    assert_eq!(server.mails()[0].to, "用户@xn--bcher-kva.example");

    let (server, mailer, _post) = served(SmtpPlace { utf8: false, ..SmtpPlace::default() }, "").await;
    let error = mailer.send(&mail).await.unwrap_err();
    assert_eq!(error.class, Class::Recipient);
    mailer.send(&message(2)).await.unwrap();
    assert_eq!((server.mails().len(), server.connections()), (1, 1));
}
