//! Folders, sharing, and what a test of the connection says.

use herald_providers::{
    Class, Meter,
    google::{Drive, GoogleAuth, ShareError, check},
};
use herald_tests::fakes::{FakeGoogle, Fault, GoogleCall};

use super::{account, drive, new_file, person, with_folder};

#[tokio::test]
async fn a_folder_is_made_once_and_what_lies_in_it_is_shared_with_it() {
    let (google, drive, folder) = with_folder().await;
    let meter = Meter::free();
    let id = drive.reserve_ids(1, &meter).await.unwrap().remove(0);
    google.fail_next(GoogleCall::Create, Fault::LostAnswer, 1);
    assert_eq!(drive.create_folder(&id, "Ann's gala", &folder, &meter).await.unwrap_err().class, Class::Down);
    drive.create_folder(&id, "Ann's gala", &folder, &meter).await.unwrap();
    drive.share_with_link(&id, &meter).await.unwrap();
    drive.share_with_link(&id, &meter).await.unwrap();
    let made = drive.folder(&id, &meter).await.unwrap();
    assert_eq!((made.name.as_str(), made.shared, made.can_add_children), ("Ann's gala", true, true));
    assert_eq!((made.drive_id, made.trashed), (None, false));
    assert_eq!(google.folders().len(), 2);
    let permissions = google.file(&id).unwrap().permissions;
    assert_eq!(permissions.len(), 1);
    assert_eq!((permissions[0].role.as_str(), permissions[0].discoverable), ("reader", false));
    let file = new_file(&drive, &id, "picture").await;
    let stored = drive.upload(&file, None, async |_| Ok(()), &meter).await.unwrap();
    assert_eq!(stored.shared, Some(true));
}

#[tokio::test]
async fn links_that_the_organisation_forbids_are_told_apart() {
    let (google, drive, folder) = with_folder().await;
    google.forbid_public_links(true);
    let error = drive.share_with_link(&folder, &Meter::free()).await.unwrap_err();
    assert!(matches!(&error, ShareError::Forbidden(error) if error.class == Class::Config), "{error:?}");
    google.fail_next(GoogleCall::Share, Fault::Reason("sharingRateLimitExceeded"), 1);
    let error = drive.share_with_link(&folder, &Meter::free()).await.unwrap_err();
    assert!(matches!(&error, ShareError::Failed(error) if error.class == Class::Rate), "{error:?}");
}

#[tokio::test]
async fn what_is_no_folder_or_not_there_is_named() {
    let (_google, drive, folder) = with_folder().await;
    let meter = Meter::free();
    let file = new_file(&drive, &folder, "picture").await;
    drive.upload(&file, None, async |_| Ok(()), &meter).await.unwrap();
    for (id, said) in [(file.id.as_str(), "is not a folder"), ("nowhere", "no folder nowhere")] {
        let error = drive.folder(id, &meter).await.unwrap_err();
        assert_eq!(error.class, Class::Config);
        assert!(error.message.contains(said), "{error}");
    }
}

/// What a test of the connection finds wrong.
async fn wrong(drive: &Drive, folder: &str, auth: &GoogleAuth) -> Vec<String> {
    let found = check(drive, Some(folder), auth).await;
    found.into_iter().filter(|finding| !finding.ok).map(|finding| finding.text).collect()
}

#[tokio::test]
async fn a_test_of_the_connection_names_each_thing_that_is_wrong() {
    let google = FakeGoogle::start().await;
    let folder = google.add_folder("Gala");
    let (auth, secret) = person(&google);
    let by_person = drive(&google, (auth.clone(), secret));
    assert_eq!(wrong(&by_person, &folder, &auth).await, Vec::<String>::new());
    google.trash(&folder, true);
    let found = wrong(&by_person, &folder, &auth).await;
    assert!(found.len() == 1 && found[0].contains("in the trash"), "{found:?}");
    google.trash(&folder, false);
    google.fail_next(GoogleCall::About, Fault::Reason("accessNotConfigured"), 1);
    let found = wrong(&by_person, &folder, &auth).await;
    assert!(found.len() == 1 && found[0].contains("not enabled"), "{found:?}");
    google.revoke_consent();
    google.expire_tokens();
    let found = wrong(&by_person, &folder, &auth).await;
    assert!(found.len() == 1 && found[0].contains("no longer accepts the consent"), "{found:?}");

    let (auth, secret) = account(&google, None);
    let bare = drive(&google, (auth.clone(), secret));
    let found = wrong(&bare, &folder, &auth).await;
    assert!(found.len() == 1 && found[0].contains("share the folder with that account"), "{found:?}");
    google.share(&folder, FakeGoogle::SERVICE_ACCOUNT, "reader");
    let found = wrong(&bare, &folder, &auth).await;
    assert!(found.len() == 2 && found[0].contains("Shared Drive") && found[1].contains("may not write"), "{found:?}");
    let shared = google.add_shared_drive("Events", &[(FakeGoogle::SERVICE_ACCOUNT, "fileOrganizer")]);
    assert_eq!(wrong(&bare, &shared, &auth).await, Vec::<String>::new());
}
