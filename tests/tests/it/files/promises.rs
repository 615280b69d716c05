//! What every file store promises, whatever it stands on.

use bytes::Bytes;
use futures::TryStreamExt;
use herald_base::{clock::Clock, ids::Ids};
use herald_invitations::sweep::sweep;
use herald_providers::files::{Files, FilesError, Key};
use herald_tests::{EngineKind, TestDatabase};
use std::io::Read;
use tempfile::TempDir;

use super::{WORKSPACE, bucket, key, large, listed, small};

/// Makes two tests of each function: one on a folder, one on a bucket.
macro_rules! in_both_stores {
    ($($test:ident),+ $(,)?) => {$(
        mod $test {
            #[tokio::test]
            async fn folder() {
                let folder = tempfile::TempDir::with_prefix("herald-test-").unwrap();
                super::$test(&herald_providers::files::Files::local(folder.path().join("files")).unwrap()).await;
            }

            #[tokio::test]
            async fn bucket() {
                let (server, files) = super::bucket().await;
                super::$test(&files).await;
                assert_eq!(server.unfinished(), 0);
            }
        }
    )+};
}

in_both_stores! {
    what_is_put_is_got_and_what_is_deleted_is_missing,
    a_file_named_by_its_content_is_written_once,
    a_large_file_goes_through_in_parts_and_comes_back_whole,
    content_that_breaks_off_leaves_nothing_and_keeps_what_was_there,
    a_copy_is_the_same_and_replaces_what_was_there,
    a_list_has_every_key_of_its_folder_and_no_other,
    a_file_over_the_limit_is_refused_before_it_is_read,
    a_key_cannot_leave_the_store,
}

async fn what_is_put_is_got_and_what_is_deleted_is_missing(files: &Files) {
    files.put(&key("a/b.txt"), small()).await.unwrap();
    assert_eq!(files.get(&key("a/b.txt"), 100).await.unwrap(), small());
    files.put(&key("a/b.txt"), Bytes::from_static(b"two")).await.unwrap();
    assert_eq!(files.get(&key("a/b.txt"), 100).await.unwrap(), "two");
    assert_eq!(files.size(&key("a/b.txt")).await.unwrap(), Some(3));
    for _ in 0..2 {
        files.delete(&key("a/b.txt")).await.unwrap();
    }
    assert_eq!(files.size(&key("a/b.txt")).await.unwrap(), None);
    assert!(matches!(files.get(&key("a/b.txt"), 100).await,
            Err(FilesError::Missing(missing)) if missing == key("a/b.txt").as_str()));
    assert!(matches!(files.stream(&key("a/b.txt")).await.err(), Some(FilesError::Missing(_))));
    assert!(matches!(files.open_here(&key("a/b.txt"), 100).await, Err(FilesError::Missing(_))));
    assert!(matches!(files.copy(&key("a/b.txt"), &key("c")).await, Err(FilesError::Missing(_))));
}

async fn a_file_named_by_its_content_is_written_once(files: &Files) {
    files.put_once(&key("a"), small()).await.unwrap();
    files.put_once(&key("a"), Bytes::from_static(b"other")).await.unwrap();
    files.put_once_from(&key("a"), b"another".as_slice()).await.unwrap();
    assert_eq!(files.get(&key("a"), 100).await.unwrap(), small());
    files.put_once_from(&key("empty"), b"".as_slice()).await.unwrap();
    assert_eq!(files.size(&key("empty")).await.unwrap(), Some(0));
}

async fn a_large_file_goes_through_in_parts_and_comes_back_whole(files: &Files) {
    let content = large();
    files.put_from(&key("large"), content.as_slice()).await.unwrap();
    assert_eq!(files.size(&key("large")).await.unwrap(), Some(content.len() as u64));
    let (size, stream) = files.stream(&key("large")).await.unwrap();
    assert_eq!(size, content.len() as u64);
    let chunks: Vec<Bytes> = stream.try_collect().await.unwrap();
    assert!(chunks.concat() == content, "what is streamed is what was written");
    let mut here = Vec::new();
    files.open_here(&key("large"), size).await.unwrap().read_to_end(&mut here).unwrap();
    assert!(here == content, "what is opened here is what was written");
}

async fn content_that_breaks_off_leaves_nothing_and_keeps_what_was_there(files: &Files) {
    files.put(&key("old"), small()).await.unwrap();
    for (name, length) in [("new", 10), ("new", 9 << 20), ("old", 10), ("old", 20 << 20)] {
        let content = tokio_util::io::StreamReader::new(futures::stream::iter([
            Ok(Bytes::from(vec![7; length])),
            Err(std::io::Error::other("the guest list broke off")),
        ]));
        let error = files.put_from(&key(name), content).await.unwrap_err().to_string();
        assert!(error.contains("broke off"), "{error}");
    }
    assert_eq!(files.size(&key("new")).await.unwrap(), None);
    assert_eq!(files.get(&key("old"), 100).await.unwrap(), small());
    assert_eq!(listed(files, "").await, ["old"]);
}

async fn a_copy_is_the_same_and_replaces_what_was_there(files: &Files) {
    files.put(&key("from"), small()).await.unwrap();
    files.put(&key("to"), Bytes::from_static(b"before")).await.unwrap();
    files.copy(&key("from"), &key("elsewhere/copy")).await.unwrap();
    for _ in 0..2 {
        files.replace(&key("from"), &key("to")).await.unwrap();
    }
    for name in ["from", "to", "elsewhere/copy"] {
        assert_eq!(files.get(&key(name), 100).await.unwrap(), small(), "{name}");
    }
    assert_eq!(listed(files, "").await, ["elsewhere/copy", "from", "to"]);
}

async fn a_list_has_every_key_of_its_folder_and_no_other(files: &Files) {
    let mut wanted = Vec::new();
    for at in 0..10 {
        files.put(&key(&format!("guests/{at}.jpg")), small()).await.unwrap();
        wanted.push(format!("guests/{at}.jpg"));
    }
    files.put(&key("guests-of-others/1.jpg"), small()).await.unwrap();
    assert_eq!(listed(files, "guests").await, wanted);
    assert!(listed(files, "nobody").await.is_empty());
}

async fn a_file_over_the_limit_is_refused_before_it_is_read(files: &Files) {
    files.put(&key("a"), small()).await.unwrap();
    assert!(matches!(files.get(&key("a"), 12).await, Err(FilesError::TooLarge { bytes: 13, limit: 12, .. })));
    assert_eq!(files.get(&key("a"), 13).await.unwrap(), small());
}

async fn a_key_cannot_leave_the_store(files: &Files) {
    for name in ["../outside", "a/../../outside", "a//b"] {
        assert!(files.put(&key(name), small()).await.is_err(), "{name}");
        assert!(files.open_here(&key(name), 10).await.is_err(), "{name}");
    }
}

#[tokio::test]
async fn a_prefix_keeps_two_installations_of_one_bucket_apart() {
    let (server, files) = bucket().await;
    let other = Files::bucket(&server.settings("other/place")).unwrap();
    files.put(&key("a"), small()).await.unwrap();
    other.put(&key("b"), small()).await.unwrap();
    assert_eq!(server.keys(), [format!("herald/{}", key("a")), format!("other/place/{}", key("b"))]);
    assert_eq!(listed(&files, "").await, ["a"]);
    assert_eq!(other.place("b"), "s3://guests/other/place/b");
}

#[tokio::test]
async fn the_buckets_keys_are_not_shown() {
    let (server, files) = bucket().await;
    let settings = server.settings("herald");
    for shown in [format!("{files:?}"), format!("{settings:?}")] {
        assert!(!shown.contains(&settings.secret_key) && !shown.contains(&settings.access_key_id), "{shown}");
    }
}

#[tokio::test]
async fn nothing_in_a_bucket_is_swept() {
    let (server, files) = bucket().await;
    let database = TestDatabase::new(EngineKind::Sqlite).await;
    let drawing = Key::rendering(WORKSPACE, "aabb", "jpg");
    files.put(&drawing, small()).await.unwrap();
    assert_eq!(sweep(&database.db, &files).await.unwrap(), 0);
    assert_eq!(files.remove_unfinished(None).await.unwrap(), 0);
    assert_eq!(server.keys(), [format!("herald/{drawing}")]);

    let folder = TempDir::with_prefix("herald-test-").unwrap();
    let db = database.connect(Clock::system(), Ids::random()).await;
    let local = Files::local(folder.path().to_owned()).unwrap();
    local.put(&drawing, small()).await.unwrap();
    assert_eq!(sweep(&db, &local).await.unwrap(), 1);
}
