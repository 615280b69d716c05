//! Large files go in pieces, and go on where they were cut.

use std::sync::{Arc, Mutex};

use herald_providers::{
    Class, Meter, Result,
    google::{Drive, NewFile, Stored},
};
use herald_tests::fakes::{Fault, GoogleCall};

use super::{large, new_file, with_content, with_folder};

/// Uploads, and keeps the addresses of the uploads as a job does.
macro_rules! upload {
    ($drive:expr, $file:expr, $session:expr, $sessions:expr) => {
        $drive
            .upload(
                $file,
                $session,
                async |session| {
                    $sessions.lock().unwrap().push(session);
                    Ok(())
                },
                &Meter::free(),
            )
            .await
    };
}

#[tokio::test]
async fn a_large_file_goes_in_pieces() {
    let (google, drive, folder) = with_folder().await;
    let file = new_file(&drive, &folder, large(3, 1)).await;
    let sessions = Mutex::new(Vec::new());
    let stored = upload!(drive, &file, None, sessions).unwrap();
    assert_eq!(stored.sha256.as_deref(), Some(file.sha256.as_str()));
    assert_eq!(google.file(&file.id).unwrap().bytes, file.bytes);
    assert_eq!((google.requests(GoogleCall::Begin), google.requests(GoogleCall::Chunk)), (1, 4));
    assert_eq!(sessions.into_inner().unwrap().len(), 1);
}

#[tokio::test]
async fn after_a_cut_only_what_is_missing_is_sent() {
    let (google, drive, folder) = with_folder().await;
    let file = new_file(&drive, &folder, large(3, 1)).await;
    let sessions = Mutex::new(Vec::new());
    // The first piece arrives, its answer does not; Google is asked, and knows.
    google.fail_next(GoogleCall::Chunk, Fault::LostAnswer, 1);
    upload!(drive, &file, None, sessions).unwrap();
    assert_eq!(google.file(&file.id).unwrap().bytes, file.bytes);
    assert_eq!((google.requests(GoogleCall::Begin), google.requests(GoogleCall::Chunk)), (1, 5));
}

#[tokio::test]
async fn the_next_try_goes_on_where_the_last_one_ended() {
    let (google, drive, folder) = with_folder().await;
    let file = new_file(&drive, &folder, large(3, 1)).await;
    let sessions = Mutex::new(Vec::new());
    google.fail_next(GoogleCall::Chunk, Fault::LostAnswer, 1);
    google.fail_next(GoogleCall::Chunk, Fault::CutBefore, 1);
    assert_eq!(upload!(drive, &file, None, sessions).unwrap_err().class, Class::Down);
    let kept = sessions.lock().unwrap().pop();
    upload!(drive, &file, kept, sessions).unwrap();
    assert_eq!(google.file(&file.id).unwrap().bytes, file.bytes);
    // One piece that arrived unanswered, one question, three pieces more.
    assert_eq!((google.requests(GoogleCall::Begin), google.requests(GoogleCall::Chunk)), (1, 5));
}

#[tokio::test]
async fn a_line_that_breaks_at_the_same_piece_again_ends_the_try() {
    let (google, drive, folder) = with_folder().await;
    let file = new_file(&drive, &folder, large(3, 1)).await;
    let sessions = Mutex::new(Vec::new());
    google.faults().fail_next(Some("google chunk"), Fault::Server(503), 1);
    upload!(drive, &file, None, sessions).unwrap();
    let other = new_file(&drive, &folder, large(3, 2)).await;
    google.fail_next(GoogleCall::Chunk, Fault::Server(503), 2);
    assert_eq!(upload!(drive, &other, None, sessions).unwrap_err().class, Class::Down);
}

#[tokio::test]
async fn a_forgotten_upload_begins_anew() {
    let (google, drive, folder) = with_folder().await;
    let file = new_file(&drive, &folder, large(2, 1)).await;
    let sessions = Mutex::new(Vec::new());
    google.fail_next(GoogleCall::Chunk, Fault::CutBefore, 2);
    upload!(drive, &file, None, sessions).unwrap_err();
    google.lose_sessions();
    let kept = sessions.lock().unwrap().pop();
    upload!(drive, &file, kept, sessions).unwrap();
    assert_eq!(sessions.lock().unwrap().len(), 1, "the new upload's address is kept too");
    assert_eq!((google.files().len(), google.file(&file.id).unwrap().versions), (1, 1));
}

#[tokio::test]
async fn the_last_answer_lost_does_not_upload_twice() {
    let (google, drive, folder) = with_folder().await;
    let file = new_file(&drive, &folder, large(2, 1)).await;
    let sessions = Mutex::new(Vec::new());
    // Of three pieces the third arrives, but neither its answer nor the one to the question.
    google.fail_next(GoogleCall::Chunk, Fault::Twice, 2);
    google.fail_next(GoogleCall::Chunk, Fault::LostAnswer, 2);
    upload!(drive, &file, None, sessions).unwrap_err();
    let kept = sessions.lock().unwrap().pop();
    upload!(drive, &file, kept, sessions).unwrap();
    // And if the address was lost with the process:
    upload!(drive, &file, None, sessions).unwrap();
    assert_eq!((google.files().len(), google.file(&file.id).unwrap().versions), (1, 1));
}

#[tokio::test]
async fn an_upload_that_began_with_other_content_ends_with_the_new() {
    let (google, drive, folder) = with_folder().await;
    let file = new_file(&drive, &folder, large(2, 1)).await;
    let sessions = Mutex::new(Vec::new());
    let first = upload!(drive, &file, None, sessions).unwrap();
    let kept = sessions.lock().unwrap().pop();
    let newer = with_content(&file, large(2, 9));
    let second = upload!(drive, &newer, kept, sessions).unwrap();
    assert_eq!(second.link, first.link);
    assert_eq!(google.file(&file.id).unwrap().bytes, newer.bytes);
}

#[tokio::test]
async fn an_address_that_is_not_drives_gets_no_token() {
    let (google, drive, folder) = with_folder().await;
    let file = new_file(&drive, &folder, large(2, 1)).await;
    let sessions = Mutex::new(Vec::new());
    let foreign = Some("http://127.0.0.1:9/upload?upload_id=1".into());
    upload!(drive, &file, foreign, sessions).unwrap();
    assert_eq!(google.requests(GoogleCall::Begin), 1);
}

#[tokio::test]
async fn an_address_that_cannot_be_kept_ends_the_try_before_the_first_byte() {
    let (google, drive, folder) = with_folder().await;
    let file = new_file(&drive, &folder, large(2, 1)).await;
    let full = || herald_providers::ProviderError::new(Class::Transient, "the database is away");
    let refused = drive.upload(&file, None, async |_| Err(full()), &Meter::free()).await;
    assert_eq!(refused.unwrap_err(), full());
    assert_eq!(google.requests(GoogleCall::Chunk), 0);
}

#[tokio::test]
async fn an_upload_can_run_in_a_task_of_its_own() {
    async fn job(drive: Drive, file: NewFile) -> Result<Stored> {
        let sessions = Arc::new(Mutex::new(Vec::new()));
        let keep = move |session| {
            let sessions = sessions.clone();
            async move {
                sessions.lock().unwrap().push(session);
                Ok(())
            }
        };
        drive.upload(&file, None, keep, &Meter::free()).await
    }
    let (google, drive, folder) = with_folder().await;
    let file = new_file(&drive, &folder, large(2, 1)).await;
    let id = file.id.clone();
    tokio::spawn(job(drive, file)).await.unwrap().unwrap();
    assert!(google.file(&id).is_some());
}
