//! Files, folders, who sees them, and what is answered about them.

use std::time::Duration;

use herald_tests::fakes::{FakeGoogle, Fault, GoogleCall};
use reqwest::Method;
use serde_json::{Value, json};

use super::{Drive, Said, send};

fn named(name: &str, parent: &str) -> Value {
    json!({"name": name, "parents": [parent]})
}

fn refused(said: &Said) -> (u16, String) {
    (said.status, said.reason())
}

#[tokio::test]
async fn an_id_in_use_is_refused_and_an_invented_one_is_not_usable() {
    let google = FakeGoogle::start().await;
    let drive = Drive::of_user(&google, FakeGoogle::DRIVE_FILE).await;
    let id = drive.new_id().await;
    let metadata = json!({"id": id, "name": "ann.png"});
    assert_eq!(drive.put(&metadata, b"ann").await.id(), id);
    let again = drive.put(&metadata, b"ann").await;
    assert_eq!(refused(&again), (409, "fileIdInUse".to_owned()));
    assert_eq!((google.files().len(), google.files()[0].versions), (1, 1));
    let invented = drive.put(&json!({"id": "1234567890123456789012345678901ab"}), b"ann").await;
    assert_eq!(refused(&invented), (400, "invalid".to_owned()));

    // An id stays used when its file is gone.
    assert_eq!(drive.send(Method::DELETE, &format!("/files/{id}"), None).await.unwrap().status, 204);
    assert_eq!(refused(&drive.put(&metadata, b"ann").await), (409, "fileIdInUse".to_owned()));
    assert_eq!(refused(&drive.get(&format!("/files/{id}")).await), (404, "notFound".to_owned()));
}

#[tokio::test]
async fn a_bare_service_account_has_no_storage_but_in_a_shared_drive() {
    let google = FakeGoogle::start().await;
    let drive = Drive::of_robot(&google, None).await;
    let folder = google.add_folder("Gala");
    assert_eq!(refused(&drive.put(&named("a", &folder), b"a").await), (404, "notFound".to_owned()));
    google.share(&folder, FakeGoogle::SERVICE_ACCOUNT, "reader");
    assert_eq!(drive.put(&named("a", &folder), b"a").await.reason(), "insufficientFilePermissions");
    google.share(&folder, FakeGoogle::SERVICE_ACCOUNT, "writer");
    let said = drive.put(&named("a", &folder), b"a").await;
    assert_eq!(refused(&said), (403, "storageQuotaExceeded".to_owned()));
    assert!(
        said.json()["error"]["message"].as_str().unwrap().starts_with("Service Accounts do not have storage quota")
    );

    let shared = google.add_shared_drive("Events", &[(FakeGoogle::SERVICE_ACCOUNT, "fileOrganizer")]);
    let id = drive.put(&named("a", &shared), b"a").await.id();
    // Without the flag, what is in a shared drive is not there; only managers delete for good.
    assert_eq!(drive.get(&format!("/files/{id}")).await.status, 404);
    let said = drive.get(&format!("/files/{id}?supportsAllDrives=true&fields=*")).await.json();
    assert_eq!((said["driveId"].as_str(), said.get("shared")), (Some(shared.as_str()), None));
    let deleted = drive.send(Method::DELETE, &format!("/files/{id}?supportsAllDrives=true"), None).await.unwrap();
    assert_eq!(refused(&deleted), (403, "insufficientFilePermissions".to_owned()));
    let found = |path: &'static str| async { drive.get(path).await.json()["files"].as_array().unwrap().len() };
    assert_eq!(found("/files?supportsAllDrives=true&q=trashed=false").await, 1, "only the shared folder");
    assert_eq!(found("/files?supportsAllDrives=true&includeItemsFromAllDrives=true").await, 2);
}

#[tokio::test]
async fn the_narrow_scope_sees_what_the_app_made_or_was_given() {
    let google = FakeGoogle::start().await;
    let drive = Drive::of_user(&google, FakeGoogle::DRIVE_FILE).await;
    let by_hand = google.add_folder("By hand");
    assert_eq!(refused(&drive.put(&named("a", &by_hand), b"a").await), (404, "notFound".to_owned()));
    google.open_with_app(&by_hand);
    assert_eq!(drive.put(&named("a", &by_hand), b"a").await.status, 200);
    let none = Drive::of_user(&google, "https://www.googleapis.com/auth/calendar").await;
    assert_eq!(refused(&none.get("/files").await), (403, "insufficientPermissions".to_owned()));
}

#[tokio::test]
async fn files_are_answered_as_far_as_asked_for_and_inherit_from_their_folder() {
    let google = FakeGoogle::start().await;
    let drive = Drive::of_user(&google, FakeGoogle::DRIVE_FILE).await;
    let folder = drive.folder("Gala", "root").await.id();
    let id = drive.put(&named("ann.png", &folder), b"ann").await.id();
    let usual = drive.get(&format!("/files/{id}")).await.json();
    let kind = json!({"kind": "drive#file", "id": id, "name": "ann.png", "mimeType": "image/png"});
    assert_eq!(usual, kind, "no link unless asked for");
    let fields = "fields=size,md5Checksum,sha256Checksum,webViewLink,shared,trashed";
    let said = drive.get(&format!("/files/{id}?{fields}")).await.json();
    let view = format!("{}/file/d/{id}/view?usp=drivesdk", google.origin());
    let expected = json!({"size": "3", "md5Checksum": "7e0d7f8a5d96c24ffcc840f31bce72b2", "webViewLink": view,
        "sha256Checksum": google.files()[0].sha256, "shared": false, "trashed": false});
    assert_eq!(said, expected);
    assert_eq!(refused(&drive.get(&format!("/files/{id}?fields=link")).await), (400, "invalidParameter".to_owned()));
    assert_eq!(send(Method::GET, &view, &[], "").await.unwrap().status, 403);

    let anyone = json!({"type": "anyone", "role": "reader", "allowFileDiscovery": false});
    let given = drive.post(&format!("/files/{folder}/permissions"), anyone.clone()).await.json();
    assert_eq!(given, json!({"kind": "drive#permission", "id": "anyoneWithLink", "type": "anyone", "role": "reader"}));
    let said = drive.get(&format!("/files/{id}?fields=shared,permissionIds")).await.json();
    assert_eq!(said, json!({"shared": true, "permissionIds": ["anyoneWithLink"]}));
    let listed = drive.get(&format!("/files/{id}/permissions?fields=permissions/role")).await.json();
    assert_eq!(listed, json!({"permissions": [{"role": "owner"}, {"role": "reader"}]}));
    assert_eq!(send(Method::GET, &view, &[], "").await.unwrap().status, 200);
    let raw = send(Method::GET, &format!("{}/file/d/{id}/raw", google.origin()), &[], "").await.unwrap();
    assert_eq!((&raw.body[..], raw.header("content-type")), (&b"ann"[..], "image/png"));
    let loud = drive.post(&format!("/files/{folder}/permissions?sendNotificationEmail=false"), anyone.clone()).await;
    assert_eq!(loud.status, 400);

    google.trash(&folder, true);
    assert_eq!(drive.get(&format!("/files/{id}?fields=trashed")).await.json(), json!({"trashed": true}));
    google.forbid_public_links(true);
    let said = drive.post(&format!("/files/{folder}/permissions"), anyone).await;
    assert_eq!(refused(&said), (403, "publishOutNotPermitted".to_owned()));
}

#[tokio::test]
async fn lists_find_by_condition_in_pages_and_may_lag_behind() {
    let google = FakeGoogle::start().await;
    let drive = Drive::of_user(&google, FakeGoogle::DRIVE_FILE).await;
    let folder = drive.folder("O'Hara", "root").await.id();
    for at in 0..5 {
        let mut metadata = named(&format!("{at}.png"), &folder);
        metadata["appProperties"] = json!({"contact": at.to_string()});
        assert_eq!(drive.put(&metadata, b"x").await.status, 200);
    }
    let list = async |q: &str, more: &str| {
        let q = url::form_urlencoded::byte_serialize(q.as_bytes()).collect::<String>();
        drive.get(&format!("/files?q={q}{more}")).await
    };
    let inside = format!("'{folder}' in parents and trashed=false");
    let (mut names, mut token) = (Vec::new(), String::new());
    loop {
        let page =
            list(&inside, &format!("&pageSize=2&fields=nextPageToken,files(name)&pageToken={token}")).await.json();
        names.extend(page["files"].as_array().unwrap().iter().map(|file| file["name"].as_str().unwrap().to_owned()));
        match page["nextPageToken"].as_str() {
            Some(next) => token = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(names, ["4.png", "3.png", "2.png", "1.png", "0.png"]);
    let found = async |q: &str| list(q, "").await.json()["files"].as_array().unwrap().len();
    assert_eq!(found("appProperties has { key='contact' and value='3' }").await, 1);
    assert_eq!(found(r"name = 'O\'Hara' and mimeType = 'application/vnd.google-apps.folder'").await, 1);
    assert_eq!(list("name = 'O'Hara'", "").await.reason(), "invalid");
    assert_eq!(list("'nowhere' in parents", "").await.status, 404);

    google.search_lags(true);
    drive.put(&named("5.png", &folder), b"x").await;
    assert_eq!(found(&inside).await, 5);
    google.search_lags(false);
    assert_eq!(found(&inside).await, 6);
}

#[tokio::test]
async fn a_change_keeps_the_id_and_clears_what_is_null() {
    let google = FakeGoogle::start().await;
    let drive = Drive::of_user(&google, FakeGoogle::DRIVE_FILE).await;
    let metadata = json!({"name": "ann.png", "appProperties": {"contact": "1", "tpl": "7"}});
    let id = drive.put(&metadata, b"old").await.id();
    let change = json!({"appProperties": {"tpl": null, "sha256": "x"}});
    assert_eq!(drive.upload(Method::PATCH, &format!("/{id}"), &change, b"new").await.unwrap().id(), id);
    let file = google.file(&id).unwrap();
    assert_eq!((&file.bytes[..], file.versions), (&b"new"[..], 2));
    let noted: Vec<_> = file.app_properties.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    assert_eq!(noted, [("contact", "1"), ("sha256", "x")]);
    for wrong in [json!({"parents": ["root"]}), json!({"id": id})] {
        assert_eq!(drive.patch(&format!("/files/{id}"), wrong).await.reason(), "fieldNotWritable");
    }
    assert_eq!(drive.patch(&format!("/files/{id}"), json!({"trashed": true})).await.status, 200);
    assert!(google.file(&id).unwrap().trashed);
}

#[tokio::test]
async fn a_quota_is_counted_in_units_and_what_exceeds_it_is_refused_and_remembered() {
    let google = FakeGoogle::start().await;
    let drive = Drive::of_user(&google, FakeGoogle::DRIVE_FILE).await;
    google.quota(Some(12), Duration::from_secs(3600));
    google.units(GoogleCall::List, 5);
    assert_eq!(drive.get("/files").await.status, 200);
    assert_eq!(drive.get("/files").await.status, 200);
    let mut reasons: Vec<_> = [drive.get("/files").await, drive.get("/files").await].iter().map(refused).collect();
    reasons.sort();
    assert_eq!(reasons, [(403, "userRateLimitExceeded".to_owned()), (429, "rateLimitExceeded".to_owned())]);
    assert_eq!(drive.get("/files/generateIds").await.status, 200, "two units are left");
    assert_eq!((google.quota_exceeded(), google.busiest_window()), (2, 21));
    assert_eq!(google.requests(GoogleCall::List), 4);
}

#[tokio::test]
async fn every_reason_of_the_table_can_be_brought_about() {
    let google = FakeGoogle::start().await;
    let drive = Drive::of_user(&google, FakeGoogle::DRIVE_FILE).await;
    for (status, reason) in [
        (400, "badRequest"),
        (400, "invalid"),
        (401, "authError"),
        (403, "userRateLimitExceeded"),
        (403, "rateLimitExceeded"),
        (403, "sharingRateLimitExceeded"),
        (403, "dailyLimitExceeded"),
        (403, "quotaExceeded"),
        (403, "storageQuotaExceeded"),
        (403, "teamDriveFileLimitExceeded"),
        (403, "numChildrenInNonRootLimitExceeded"),
        (403, "insufficientFilePermissions"),
        (403, "appNotAuthorizedToFile"),
        (403, "domainPolicy"),
        (403, "cannotShareTeamDriveTopFolderWithAnyoneOrDomains"),
        (404, "notFound"),
        (409, "fileIdInUse"),
        (500, "backendError"),
    ] {
        google.fail_next(GoogleCall::Ids, Fault::Reason(reason), 1);
        let said = drive.get("/files/generateIds").await;
        assert_eq!(refused(&said), (status, reason.to_owned()));
        assert_eq!(said.json()["error"]["code"], status);
    }
}
