//! A bucket that fails: what passes is tried again, what does not is told with its cure, and nothing is ever half
//! there.

use herald_providers::files::{BucketProblem, Files, FilesError};
use herald_tests::{FakeS3, S3Call, S3Fault, wait_until};

use super::{bucket, key, large, listed, problem, small};

#[tokio::test]
async fn bursts_of_slow_down_and_lost_connections_are_sat_out() {
    for fault in [S3Fault::SlowDown, S3Fault::Internal, S3Fault::CutBefore, S3Fault::LostAnswer] {
        let (server, files) = bucket().await;
        for call in [S3Call::Put, S3Call::Head, S3Call::Get, S3Call::Copy, S3Call::List, S3Call::Delete] {
            server.fail(call, fault, 2);
        }
        files.put(&key("a"), small()).await.unwrap();
        assert_eq!(files.size(&key("a")).await.unwrap(), Some(13), "{fault:?}");
        assert_eq!(files.get(&key("a"), 100).await.unwrap(), small());
        files.replace(&key("a"), &key("b")).await.unwrap();
        assert_eq!(listed(&files, "").await, ["a", "b"]);
        files.delete(&key("a")).await.unwrap();
        assert_eq!(server.keys(), [format!("herald/{}", key("b"))], "{fault:?}");
        assert_eq!(server.faults_left(), 0, "{fault:?}");
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_read_on_from_there() {
    let (server, files) = bucket().await;
    let content = large();
    files.put_from(&key("large"), content.as_slice()).await.unwrap();
    server.fail(S3Call::Get, S3Fault::CutBody, 2);
    assert!(files.get(&key("large"), u64::MAX).await.unwrap() == content);
    server.fail(S3Call::Get, S3Fault::CutBody, 1);
    let (_, stream) = files.stream(&key("large")).await.unwrap();
    assert!(futures::TryStreamExt::try_collect::<Vec<_>>(stream).await.unwrap().concat() == content);
    assert_eq!(server.faults_left(), 0);
}

#[tokio::test]
async fn a_large_file_gets_there_through_every_passing_fault() {
    let (server, files) = bucket().await;
    let content = large();
    for (call, fault) in [
        (S3Call::Begin, S3Fault::SlowDown),
        (S3Call::Part, S3Fault::CutBefore),
        (S3Call::Part, S3Fault::LostAnswer),
        (S3Call::Complete, S3Fault::SlowDown),
    ] {
        server.fail(call, fault, 1);
    }
    files.put_from(&key("large"), content.as_slice()).await.unwrap();
    assert!(files.get(&key("large"), u64::MAX).await.unwrap() == content);
    assert_eq!((server.faults_left(), server.unfinished()), (0, 0));
}

#[tokio::test]
async fn a_large_file_is_there_though_the_answer_to_its_last_call_was_lost() {
    let (server, files) = bucket().await;
    files.put(&key("large"), small()).await.unwrap();
    server.fail(S3Call::Complete, S3Fault::LostAnswer, 1);
    let content = large();
    files.put_from(&key("large"), content.as_slice()).await.unwrap();
    assert!(files.get(&key("large"), u64::MAX).await.unwrap() == content);
    assert_eq!(server.unfinished(), 0);
}

#[tokio::test]
async fn a_large_file_that_fails_is_not_there_and_its_parts_are_taken_away() {
    for call in [S3Call::Part, S3Call::Complete] {
        let (server, files) = bucket().await;
        files.put(&key("large"), small()).await.unwrap();
        server.fail(call, S3Fault::Denied, 1);
        let failed = files.put_from(&key("large"), large().as_slice()).await;
        assert_eq!(problem(failed), BucketProblem::Denied, "{call:?}");
        wait_until("the parts are taken away", async || server.unfinished() == 0).await;
        assert_eq!(files.get(&key("large"), 100).await.unwrap(), small(), "what was there stays");
    }
}

#[tokio::test]
async fn a_large_file_nobody_waits_for_any_more_is_taken_away() {
    let (server, files) = bucket().await;
    let (mut feed, content) = tokio::io::duplex(1 << 20);
    let writing = tokio::spawn(async move { files.put_from(&key("large"), content).await });
    tokio::io::AsyncWriteExt::write_all(&mut feed, &large()[..9 << 20]).await.unwrap();
    wait_until("a part has been sent", async || server.count(S3Call::Part) == 1).await;
    writing.abort();
    wait_until("the parts are taken away", async || server.unfinished() == 0).await;
    assert!(server.keys().is_empty());
}

#[tokio::test]
async fn what_does_not_pass_is_told_at_once() {
    let (server, files) = bucket().await;
    server.fail(S3Call::Put, S3Fault::Denied, 1);
    assert_eq!(problem(files.put(&key("a"), small()).await), BucketProblem::Denied);
    server.fail(S3Call::Head, S3Fault::Denied, 1);
    assert_eq!(problem(files.put_once(&key("a"), small()).await), BucketProblem::Denied);
    server.refuse_time(true);
    assert_eq!(problem(files.put(&key("a"), small()).await), BucketProblem::ClockSkew);
    server.refuse_time(false);

    let mut settings = server.settings("herald");
    settings.access_key_id = "ANOTHER".to_owned();
    assert_eq!(problem(Files::bucket(&settings).unwrap().put(&key("a"), small()).await), BucketProblem::WrongKey);
    let mut settings = server.settings("herald");
    settings.url = "s3://nowhere".to_owned();
    let told = Files::bucket(&settings).unwrap().put(&key("a"), small()).await.unwrap_err().to_string();
    assert!(told.starts_with("s3://nowhere does not exist: make the bucket"), "{told}");
    assert!(server.keys().is_empty());
    assert_eq!(server.count(S3Call::Put), 4, "none of them was tried again");
}

#[tokio::test]
async fn a_server_that_stays_busy_or_away_is_given_up_on() {
    let (server, files) = bucket().await;
    server.fail(S3Call::Put, S3Fault::SlowDown, 100);
    assert_eq!(problem(files.put(&key("a"), small()).await), BucketProblem::Busy);
    let mut settings = server.settings("herald");
    drop(server);
    settings.retry_seconds = 1;
    settings.endpoint = "http://127.0.0.1:1".to_owned();
    let away = Files::bucket(&settings).unwrap().put(&key("a"), small()).await;
    let told = away.as_ref().unwrap_err().to_string();
    assert!(told.contains("files.endpoint") && told.contains("refused"), "{told}");
    assert!(problem(away).may_pass());
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up_on() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut settings = FakeS3::start().await.settings("herald");
    settings.endpoint = format!("http://{}", silent.local_addr().unwrap());
    settings.timeout_seconds = 1;
    settings.retry_seconds = 1;
    let error = Files::bucket(&settings).unwrap().get(&key("a"), 100).await.unwrap_err();
    assert!(
        matches!(&error, FilesError::Bucket { problem: BucketProblem::Unreachable(why), .. } if why.contains("no ")),
        "{error}"
    );
}
