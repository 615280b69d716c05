//! Mails as files, where there is no mail server.

use herald_base::clock::Clock;
use herald_providers::{Class, email::Mailer};
use herald_tests::fakes::smtp::Mail;

use super::{Mailroom, message, noon};

#[tokio::test]
async fn a_mail_is_a_file_that_mail_programs_read() {
    let mailroom = Mailroom::new();
    let mailer = mailroom.mailer("from = \"Herald <herald@example.com>\"");
    assert!(mailer.is_outbox() && !mailroom.outbox().exists());
    let mut mail = message(7);
    mail.subject = "آپ کا کوڈ 王小明 🎉".to_owned();
    let receipt = mailer.send(&mail).await.unwrap();
    let names: Vec<String> = std::fs::read_dir(mailroom.outbox())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(names, ["20261126T120000.000000Z-00000000-0000-0000-0000-000000000007.eml"]);
    assert_eq!(receipt.said, names[0]);
    let file = mailroom.outbox().join(&names[0]);
    let read = Mail::read(&std::fs::read(&file).unwrap());
    assert_eq!(read.header("subject").unwrap(), mail.subject);
    assert_eq!(read.header("message-id").unwrap(), receipt.message_id);
    assert!(read.text().contains("482913") && read.html().contains("482913"));

    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&file), mode(&mailroom.outbox())), (0o600, 0o700));
    }
}

#[tokio::test]
async fn the_files_sort_by_time_and_say_nothing_about_who_gets_them() {
    let mailroom = Mailroom::new();
    let settings = mailroom.settings("", "").unwrap();
    let clock = Clock::manual(noon());
    let mailer = Mailer::from_settings(&settings, mailroom.folder.path(), clock.clone()).unwrap();
    let mut said = Vec::new();
    for id in [9, 3, 5] {
        said.push(mailer.send(&message(id)).await.unwrap().said);
        clock.advance(std::time::Duration::from_micros(1));
    }
    assert!(said.is_sorted(), "{said:?}");
    assert!(said.iter().all(|name| !name.contains("ann") && !name.contains('@')), "{said:?}");
}

#[tokio::test]
async fn an_outbox_that_cannot_be_written_needs_a_person() {
    let mailroom = Mailroom::new();
    std::fs::write(mailroom.outbox(), "a file in the way").unwrap();
    let mailer = mailroom.mailer("");
    let error = mailer.send(&message(1)).await.unwrap_err();
    assert_eq!(error.class, Class::Config, "{error}");
    assert!(error.message.contains("outbox"), "{error}");
    assert!(!mailer.check().await[0].ok);
    std::fs::remove_file(mailroom.outbox()).unwrap();
    assert!(mailer.check().await[0].ok);
    assert_eq!(std::fs::read_dir(mailroom.outbox()).unwrap().count(), 0, "a check leaves nothing behind");
}

#[tokio::test]
async fn in_production_mails_must_reach_people() {
    let mailroom = Mailroom::new();
    let refused = |lines: &str| {
        let settings = mailroom.settings("environment = \"production\"", lines).unwrap();
        Mailer::from_settings(&settings, mailroom.folder.path(), Clock::system()).map(|mailer| mailer.is_outbox())
    };
    let error = refused("").unwrap_err().to_string();
    assert!(error.contains("set mail.host") && error.contains("mail.allow_outbox = true"), "{error}");
    assert!(refused("allow_outbox = true").unwrap());
    assert!(!refused("host = \"localhost\"").unwrap());
}
