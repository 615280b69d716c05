//! The file store, in a folder and in a bucket: the same promises, and a bucket's ways to fail.

mod faults;
mod promises;

use bytes::Bytes;
use herald_shared::files::{BucketProblem, Files, FilesError};
use herald_tests::FakeS3;

/// More than two parts.
fn large() -> Vec<u8> {
    (0..20 << 20).map(|at: usize| (at % 251) as u8).collect()
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
