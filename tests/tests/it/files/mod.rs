//! The file store, in a folder and in a bucket: the same promises, and a bucket's ways to fail.

mod faults;
mod old_layout;
mod promises;
mod workspaces;
mod writers;

use bytes::Bytes;
use futures::TryStreamExt;
use herald_providers::files::{Area, BucketProblem, Files, FilesError, Key, folder};
use herald_tests::FakeS3;
use uuid::Uuid;

/// More than two parts.
fn large() -> Vec<u8> {
    (0..20 << 20).map(|at: usize| (at % 251) as u8).collect()
}

/// The workspace whose files these are.
const WORKSPACE: Uuid = Uuid::from_u128(1);

fn key(name: &str) -> Key {
    Key::new(WORKSPACE, Area::Lists, name)
}

/// The keys in a folder of the workspace, without what they all begin with.
async fn listed(files: &Files, name: &str) -> Vec<String> {
    let lists = folder(WORKSPACE, Area::Lists);
    let prefix = if name.is_empty() { lists.clone() } else { format!("{lists}/{name}") };
    let found: Vec<String> = files.list(&prefix).try_collect().await.unwrap();
    let mut names: Vec<_> = found.iter().map(|key| key[lists.len() + 1..].to_owned()).collect();
    names.sort();
    names
}

async fn bucket() -> (FakeS3, Files) {
    let server = FakeS3::start().await;
    let files = Files::bucket(&server.settings("herald")).unwrap();
    (server, files)
}

#[track_caller]
fn problem(result: Result<(), FilesError>) -> BucketProblem {
    match result {
        Err(FilesError::Bucket { place, problem }) => {
            assert_eq!(place, "s3://guests/herald");
            problem
        }
        other => panic!("{other:?}"),
    }
}

fn small() -> Bytes {
    Bytes::from_static(b"an invitation")
}
