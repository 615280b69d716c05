//! Contacts, forms and pictures.

use herald_base::clock::Clock;
use herald_providers::{
    Class, Meter,
    mautic::{Mautic, MauticContact, Picture, PictureField, Selection, webhook},
};
use herald_tests::fakes::{FakeMautic, Fault, MauticCall};

use super::{client, guests, unsigned, user};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n and what comes after it";

/// Everybody of a selection, page by page, with what happens after each page.
async fn everybody(
    mautic: &Mautic,
    selection: &Selection,
    only_without: Option<&str>,
    mut after_page: impl FnMut(&[MauticContact]),
) -> Vec<i64> {
    let (mut ids, mut after) = (Vec::new(), 0);
    loop {
        let page = mautic.contacts_after(selection, after, 10, only_without, &Meter::free()).await.unwrap();
        after_page(&page);
        ids.extend(page.iter().map(|contact| contact.id));
        after = page.last().map_or(after, |contact| contact.id);
        if page.len() < 10 {
            return ids;
        }
    }
}

#[tokio::test]
async fn a_segment_is_read_to_its_end_although_contacts_go_away_meanwhile() {
    let server = FakeMautic::start().await;
    let all = guests(&server, 40);
    let vips: Vec<u64> = all.iter().skip(5).map(|id| unsigned(*id)).collect();
    server.add_segment("vip", &vips);
    let vip = Selection::Segment("vip".to_owned());
    // One that was read goes away: by offset, the next page would skip somebody.
    let read = everybody(&user(&server), &vip, None, |page| {
        if let Some(first) = page.first().filter(|_| page.len() == 10) {
            server.delete_contact(unsigned(first.id));
        }
    })
    .await;
    assert_eq!(read, all[5..]);
    let nobody = Selection::Segment("nobody".to_owned());
    assert!(everybody(&user(&server), &nobody, None, |_| ()).await.is_empty());
}

#[tokio::test]
async fn only_contacts_without_a_link_are_asked_for() {
    let server = FakeMautic::start().await;
    server.add_field("invitation_link", "url", 191);
    let all = guests(&server, 25);
    for id in all.iter().filter(|id| *id % 2 == 0) {
        server.set_field(unsigned(*id), "invitation_link", "https://drive.example.com/1");
    }
    let search = Selection::Search("email:*@example.com".to_owned());
    let read = everybody(&client(&server, &Clock::system()), &search, Some("invitation_link"), |_| ()).await;
    assert_eq!(read, all.iter().copied().filter(|id| id % 2 == 1).collect::<Vec<_>>());
    let everyone = everybody(&user(&server), &search, None, |_| ()).await;
    assert_eq!(everyone, all);
}

#[tokio::test]
async fn what_was_sent_in_leads_to_the_contacts_and_their_pictures() {
    let server = FakeMautic::start().await;
    server.add_form(3, "Gala", &[("email", "email"), ("photo", "file")]);
    server.add_form(4, "Other", &[("email", "email")]);
    let all = guests(&server, 12);
    for id in &all {
        server.submit(4, unsigned(*id), &[]);
        let submission = server.submit(3, unsigned(*id), &[("photo", "face.png")]);
        server.put_file(submission, "photo", PNG, true);
    }
    server.delete_contact(unsigned(all[1]));
    let (mautic, meter) = (user(&server), Meter::free());

    let form = mautic.form(3, &meter).await.unwrap();
    assert_eq!((form.name.as_str(), form.uploads().count()), ("Gala", 1));
    let first = mautic.submissions(3, 0, 10, &meter).await.unwrap();
    let rest = mautic.submissions(3, first.last().unwrap().id, 10, &meter).await.unwrap();
    assert_eq!((first.len(), rest.len()), (10, 2));
    assert!(first.iter().chain(&rest).is_sorted_by_key(|submission| submission.id));
    assert_eq!(first[1].contact_id, None, "the contact is gone");
    assert_eq!(mautic.submissions(3, rest.last().unwrap().id, 10, &meter).await.unwrap(), []);

    let contacts = mautic.contacts_by_ids(&[all[7], all[1], all[0], all[7]], &meter).await.unwrap();
    assert_eq!(contacts.iter().map(|contact| contact.id).collect::<Vec<_>>(), [all[0], all[7]]);
    assert_eq!(
        (contacts[0].name(), contacts[0].email()),
        ("Ann Example".to_owned(), Some("guest0@example.com".to_owned()))
    );
    assert_eq!(mautic.contacts_by_ids(&[], &meter).await.unwrap(), []);

    let field = PictureField::FormFile { alias: "photo".to_owned() };
    let Some(Picture::FormFile { submission, alias }) = field.picture(Some(&contacts[0]), Some(&first[0])) else {
        panic!("the submission has a picture")
    };
    assert_eq!(mautic.form_file(submission, &alias, 1 << 20, &meter).await.unwrap(), PNG);
}

#[tokio::test]
async fn a_form_that_is_not_there_stops_everything_that_reads_it() {
    let server = FakeMautic::start().await;
    for error in [
        user(&server).form(3, &Meter::free()).await.unwrap_err(),
        user(&server).submissions(3, 0, 10, &Meter::free()).await.unwrap_err(),
    ] {
        assert_eq!(error.class, Class::Config);
        assert!(error.message.contains("no form 3"), "{error}");
    }
}

#[tokio::test]
async fn an_upload_that_cannot_be_used_says_why() {
    let server = FakeMautic::start().await;
    server.add_form(3, "Gala", &[("photo", "file")]);
    let guest = server.add_contact(&[]);
    let submit = |name: &str, bytes: &'static [u8], public: bool| {
        let submission = server.submit(3, guest, &[("photo", name)]);
        server.put_file(submission, "photo", bytes, public);
        i64::try_from(submission).unwrap()
    };
    let page = b"<!DOCTYPE html><title>Login</title>";
    for (submission, says) in [
        (submit("face.png", PNG, false), "is not public"),
        (submit("face.png", page, true), "is not public"),
        (submit("face.html", page, true), "is not public"),
        (submit("notes.pdf", b"%PDF-1.7 and so on", true), "not a JPEG, PNG, WebP or GIF"),
        (submit("empty.png", b"", true), "not a JPEG, PNG, WebP or GIF"),
        (submit("large.png", &[b'x'; 3 << 20], true), "larger than 1 MB"),
        (4711, "no longer"),
    ] {
        let error = user(&server).form_file(submission, "photo", 1 << 20, &Meter::free()).await.unwrap_err();
        assert_eq!(error.class, Class::Recipient, "{error}");
        assert!(error.message.contains(says), "{error}");
    }

    let picture = submit("face.png", PNG, true);
    for (fault, class) in [
        (Fault::Server(503), Class::Down),
        (Fault::Server(500), Class::Transient),
        (Fault::CutBody, Class::Down),
        (Fault::LostAnswer, Class::Down),
        (Fault::TooMany { retry_after: Some(3) }, Class::Rate),
    ] {
        server.fail_next(MauticCall::File, fault, 1);
        let error = user(&server).form_file(picture, "photo", 1 << 20, &Meter::free()).await.unwrap_err();
        assert_eq!(error.class, class, "{fault:?}: {error}");
    }
    assert_eq!(user(&server).form_file(picture, "photo", 1 << 20, &Meter::free()).await.unwrap(), PNG);
}

#[tokio::test]
async fn a_signed_event_names_the_submission() {
    let server = FakeMautic::start().await;
    server.add_form(3, "Gala", &[("city", "text")]);
    let guest = server.add_contact(&[("firstname", "Zoë")]);
    let submission = server.submit(3, guest, &[("city", "Málaga/Málaga")]);
    for (kind, form_id, submission_id) in
        [("mautic.form_on_submit", Some(3), Some(submission)), ("mautic.lead_post_save_new", None, None)]
    {
        let sent = server.webhook("a secret", kind, submission);
        let (_, signature) = sent.headers.iter().find(|(name, _)| *name == webhook::SIGNATURE).unwrap();
        assert!(webhook::verify(&"a secret".into(), &sent.body, signature));
        assert!(!webhook::verify(&"another".into(), &sent.body, signature));
        let [event] = webhook::events(&sent.body).try_into().unwrap();
        assert_eq!(event.kind, kind);
        assert_eq!((event.form_id, event.submission_id.map(unsigned)), (form_id, submission_id));
        assert_eq!(event.contact_id.map(unsigned), Some(guest));
    }
}
