//! Files are uploaded once, whatever happens on the way.

use herald_providers::{Class, Meter, google::Drive};
use herald_tests::fakes::{FakeGoogle, Fault, GoogleCall};

use super::{account, drive, new_file, with_content, with_folder};

async fn upload(
    drive: &Drive,
    file: &herald_providers::google::NewFile,
) -> herald_providers::Result<herald_providers::google::Stored> {
    drive.upload(file, None, async |_| panic!("a small file goes in one request"), &Meter::free()).await
}

#[tokio::test]
async fn a_file_is_uploaded_with_what_is_said_of_it() {
    let google = FakeGoogle::start().await;
    let shared = google.add_shared_drive("Events", &[(FakeGoogle::SERVICE_ACCOUNT, "fileOrganizer")]);
    let drive = drive(&google, account(&google, None));
    let file = new_file(&drive, &shared, "picture").await;
    let stored = upload(&drive, &file).await.unwrap();
    let there = google.file(&file.id).unwrap();
    assert_eq!(stored.link, there.web_view_link);
    assert_eq!((stored.sha256.as_deref(), stored.size), (Some(file.sha256.as_str()), 7));
    assert_eq!((there.bytes, there.name.as_str()), (file.bytes.clone(), "invite-7.png"));
    assert_eq!((there.parents, there.mime_type.as_str()), (vec![shared], "image/png"));
    assert_eq!(there.app_properties, file.app_properties);
    assert_eq!(drive.file(&file.id, &Meter::free()).await.unwrap(), Some(stored));
}

#[tokio::test]
async fn a_lost_answer_is_not_uploaded_twice() {
    let (google, drive, folder) = with_folder().await;
    let file = new_file(&drive, &folder, "picture").await;
    google.fail_next(GoogleCall::Upload, Fault::LostAnswer, 1);
    assert_eq!(upload(&drive, &file).await.unwrap_err().class, Class::Down);
    let stored = upload(&drive, &file).await.unwrap();
    assert_eq!(stored.id, file.id);
    assert_eq!(google.files().len(), 1);
    assert_eq!(google.file(&file.id).unwrap().versions, 1);
}

#[tokio::test]
async fn other_content_replaces_what_the_id_has_and_the_link_stays() {
    let (google, drive, folder) = with_folder().await;
    let file = new_file(&drive, &folder, "first").await;
    let first = upload(&drive, &file).await.unwrap();
    // Of the same length, so that only the checksum tells.
    let second = upload(&drive, &with_content(&file, "other")).await.unwrap();
    assert_eq!((&second.link, google.files().len()), (&first.link, 1));
    let third = drive.replace(&file.id, &with_content(&file, "the third"), &Meter::free()).await.unwrap();
    assert_eq!(third.link, first.link);
    let there = google.file(&file.id).unwrap();
    assert_eq!((there.bytes.as_ref(), there.versions), (b"the third".as_slice(), 3));
}

#[tokio::test]
async fn a_file_that_was_deleted_for_good_needs_a_new_id() {
    let (google, drive, folder) = with_folder().await;
    let file = new_file(&drive, &folder, "picture").await;
    upload(&drive, &file).await.unwrap();
    google.remove(&file.id);
    let error = upload(&drive, &file).await.unwrap_err();
    assert_eq!(error.class, Class::Recipient);
    assert!(error.message.contains("upload it as a new file"), "{error}");
    assert_eq!(drive.file(&file.id, &Meter::free()).await.unwrap(), None);
    assert_eq!(drive.replace(&file.id, &file, &Meter::free()).await.unwrap_err().class, Class::Recipient);
}

#[tokio::test]
async fn a_file_in_the_trash_is_named() {
    let (google, drive, folder) = with_folder().await;
    let file = new_file(&drive, &folder, "picture").await;
    upload(&drive, &file).await.unwrap();
    google.trash(&folder, true);
    for file in [file.clone(), with_content(&file, "other")] {
        let error = upload(&drive, &file).await.unwrap_err();
        assert_eq!(error.class, Class::Config);
        assert!(error.message.contains("restore the folder"), "{error}");
    }
}

#[tokio::test]
async fn errors_have_the_class_of_their_reason() {
    let (google, drive, folder) = with_folder().await;
    let file = new_file(&drive, &folder, "picture").await;
    for (fault, class, wait) in [
        (Fault::Reason("userRateLimitExceeded"), Class::Rate, Some(10)),
        (Fault::TooMany { retry_after: Some(42) }, Class::Rate, Some(42)),
        (Fault::TooMany { retry_after: None }, Class::Rate, Some(10)),
        (Fault::Reason("dailyLimitExceeded"), Class::Rate, Some(3600)),
        (Fault::Reason("storageQuotaExceeded"), Class::Config, None),
        (Fault::Reason("teamDriveFileLimitExceeded"), Class::Config, None),
        (Fault::Reason("insufficientFilePermissions"), Class::Config, None),
        (Fault::Reason("badRequest"), Class::Recipient, None),
        (Fault::Server(500), Class::Transient, None),
        (Fault::Server(502), Class::Down, None),
        (Fault::Server(503), Class::Down, None),
        (Fault::CutBefore, Class::Down, None),
        (Fault::CutBody, Class::Down, None),
    ] {
        google.fail_next(GoogleCall::Upload, fault, 1);
        let error = upload(&drive, &file).await.unwrap_err();
        assert_eq!(error.class, class, "{fault:?}: {error}");
        assert_eq!(error.retry_after.map(|wait| wait.as_secs()), wait, "{fault:?}");
    }
    upload(&drive, &file).await.unwrap();
    assert_eq!(google.file(&file.id).unwrap().versions, 1);
}

#[tokio::test]
async fn a_folder_that_is_gone_stops_everything() {
    let (google, drive, folder) = with_folder().await;
    let file = new_file(&drive, &folder, "picture").await;
    google.remove(&folder);
    let error = upload(&drive, &file).await.unwrap_err();
    assert_eq!(error.class, Class::Config);
    assert!(error.message.contains(&folder), "{error}");
}

#[tokio::test]
async fn a_thousand_ids_come_at_once_and_no_two_are_the_same() {
    let (google, drive, _) = with_folder().await;
    let mut ids = drive.reserve_ids(1000, &Meter::free()).await.unwrap();
    ids.sort();
    ids.dedup();
    assert_eq!((ids.len(), google.requests(GoogleCall::Ids)), (1000, 1));
}
