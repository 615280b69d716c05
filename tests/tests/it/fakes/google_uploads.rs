//! Uploads: one request read strictly, and many that go on where they stopped.

use herald_tests::fakes::{FakeGoogle, Fault, GoogleCall};
use reqwest::Method;
use serde_json::json;

use super::{Drive, Said, send};

const UNIT: usize = 256 << 10;

/// Three chunks, the last a short one.
fn content() -> Vec<u8> {
    (0..2 * UNIT + 5).map(|at| (at % 251) as u8).collect()
}

async fn begin(drive: &Drive<'_>, id: &str, length: usize) -> String {
    let url = format!("{}/files?uploadType=resumable&fields=id,size", drive.google.upload());
    let (metadata, length) = (json!({"id": id, "name": "large.png"}).to_string(), length.to_string());
    let headers = [
        ("authorization", drive.bearer.as_str()),
        ("content-type", "application/json; charset=UTF-8"),
        ("x-upload-content-type", "image/png"),
        ("x-upload-content-length", &length),
    ];
    let said = send(Method::POST, &url, &headers, metadata).await.unwrap();
    assert_eq!(said.status, 200, "{said:?}");
    said.header("location").to_owned()
}

async fn put(session: &str, range: &str, bytes: &[u8]) -> Result<Said, reqwest::Error> {
    send(Method::PUT, session, &[("content-range", range)], bytes.to_vec()).await
}

fn progress(said: &Said) -> (u16, &str) {
    (said.status, said.header("range"))
}

#[tokio::test]
async fn an_upload_in_chunks_goes_on_where_the_server_says_it_stopped() {
    let google = FakeGoogle::start().await;
    let drive = Drive::of_user(&google, FakeGoogle::DRIVE_FILE).await;
    let (id, content) = (drive.new_id().await, content());
    let session = begin(&drive, &id, content.len()).await;
    let total = content.len();
    let question = format!("bytes */{total}");
    assert_eq!(progress(&put(&session, &question, b"").await.unwrap()), (308, ""));
    // The chunk arrived, its answer did not.
    google.fail_next(GoogleCall::Chunk, Fault::LostAnswer, 1);
    put(&session, &format!("bytes 0-{}/{total}", UNIT - 1), &content[..UNIT]).await.unwrap_err();
    assert_eq!(progress(&put(&session, &question, b"").await.unwrap()), (308, "bytes=0-262143"));
    // The same again changes nothing.
    let again = put(&session, &format!("bytes 0-{}/{total}", UNIT - 1), &content[..UNIT]).await.unwrap();
    assert_eq!(progress(&again), (308, "bytes=0-262143"));
    let wrong = put(&session, &format!("bytes {UNIT}-{}/{total}", UNIT + 9), &content[UNIT..UNIT + 10]).await.unwrap();
    assert_eq!(wrong.status, 400, "a chunk is a multiple of 256 KiB");
    let gap = put(&session, &format!("bytes {}-{}/{total}", 2 * UNIT, total - 1), &content[2 * UNIT..]).await.unwrap();
    assert_eq!(gap.status, 400, "nothing may be left out");
    assert_eq!((google.files().len(), google.open_sessions()), (0, 1));

    let done = put(&session, &format!("bytes {UNIT}-{}/{total}", total - 1), &content[UNIT..]).await.unwrap();
    assert_eq!((done.status, done.json()), (200, json!({"id": id, "size": total.to_string()})));
    let asked = put(&session, &question, b"").await.unwrap();
    assert_eq!((asked.status, asked.id()), (200, id.clone()), "whoever missed it may ask again");
    let file = google.file(&id).unwrap();
    assert!(file.bytes == content);
    assert_eq!((file.mime_type.as_str(), google.open_sessions()), ("image/png", 0));
}

#[tokio::test]
async fn a_lost_session_is_404_and_a_second_one_for_the_same_id_409() {
    let google = FakeGoogle::start().await;
    let drive = Drive::of_user(&google, FakeGoogle::DRIVE_FILE).await;
    let id = drive.new_id().await;
    let (one, other) = (begin(&drive, &id, 3).await, begin(&drive, &id, 3).await);
    let third = begin(&drive, &id, 3).await;
    assert_eq!(send(Method::PUT, &one, &[], "ann").await.unwrap().status, 200, "all at once");
    assert_eq!(send(Method::PUT, &other, &[], "ann").await.unwrap().reason(), "fileIdInUse");
    google.lose_sessions();
    assert_eq!(put(&third, "bytes */3", b"").await.unwrap().status, 404);
    assert_eq!((google.files().len(), google.files()[0].versions), (1, 1));
}

#[tokio::test]
async fn a_file_gets_new_bytes_in_chunks_too() {
    let google = FakeGoogle::start().await;
    let drive = Drive::of_user(&google, FakeGoogle::DRIVE_FILE).await;
    let id = drive.put(&json!({"name": "ann.png"}), b"old").await.id();
    let url = format!("{}/files/{id}?uploadType=resumable", google.upload());
    let said = send(Method::PATCH, &url, &[("authorization", drive.bearer.as_str())], "").await.unwrap();
    let done = put(said.header("location"), "bytes 0-2/3", b"new").await.unwrap();
    assert_eq!((done.status, done.id()), (200, id.clone()));
    let file = google.file(&id).unwrap();
    assert_eq!((&file.bytes[..], file.versions, file.name.as_str()), (&b"new"[..], 2, "ann.png"));
}

#[tokio::test]
async fn a_malformed_or_too_large_body_is_refused() {
    let google = FakeGoogle::start().await;
    let drive = Drive::of_user(&google, FakeGoogle::DRIVE_FILE).await;
    let url = format!("{}/files?uploadType=multipart", google.upload());
    let good = "--b\r\nContent-Type: application/json\r\n\r\n{}\r\n--b\r\nContent-Type: image/png\r\n\r\nx\r\n--b--";
    for (kind, body, status) in [
        ("multipart/related; boundary=b", good.to_owned(), 200),
        ("multipart/related; boundary=\"b\"", good.to_owned(), 200),
        ("multipart/form-data; boundary=b", good.to_owned(), 400),
        ("multipart/related", good.to_owned(), 400),
        ("multipart/related; boundary=c", good.to_owned(), 400),
        ("multipart/related; boundary=b", good.replace("application/json", "text/plain"), 400),
        ("multipart/related; boundary=b", good.replace("{}", "{"), 400),
        ("multipart/related; boundary=b", good.trim_end_matches("--").to_owned(), 400),
        ("multipart/related; boundary=b", good.replace("x\r\n", &format!("{}\r\n", "x".repeat((5 << 20) + 1))), 413),
    ] {
        let headers = [("authorization", drive.bearer.as_str()), ("content-type", kind)];
        let said = send(Method::POST, &url, &headers, body).await.unwrap();
        assert_eq!(said.status, status, "{kind}: {said:?}");
    }
    assert_eq!(google.files().len(), 2);
}
