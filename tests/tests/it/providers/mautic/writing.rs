//! Links and numbers written back.

use herald_base::clock::Clock;
use herald_providers::{
    Class, Meter, Result,
    mautic::{Fields, Mautic, WriteBack},
};
use herald_tests::fakes::{FakeMautic, Fault, MauticCall};

use super::{client, guests, unsigned, user};

const LINK: &str = "invitation_link";
const NUMBER: &str = "lucky_number";

async fn server(length: usize) -> FakeMautic {
    let server = FakeMautic::start().await;
    server.add_field(LINK, "text", length);
    server.add_field(NUMBER, "text", 64);
    server
}

fn fields() -> Fields {
    Fields::new(LINK, Some(NUMBER.to_owned())).unwrap()
}

fn link(id: i64) -> String {
    format!("https://drive.google.com/file/d/1AbCdEfGhIjKlMnOpQrStUvWxYz-{id:05}/view?usp=drivesdk")
}

fn items(ids: &[i64]) -> Vec<WriteBack> {
    let item = |id: &i64| WriteBack { contact_id: *id, link: link(*id), number: format!("{id:04}") };
    ids.iter().map(item).collect()
}

async fn write(mautic: &Mautic, ids: &[i64]) -> Vec<Result<()>> {
    mautic.write(&items(ids), &fields(), &Meter::free()).await
}

/// Everybody of `ids` has what is theirs, and nobody was harmed.
#[track_caller]
fn assert_written(server: &FakeMautic, ids: &[i64]) {
    for id in ids {
        let contact = server.contact(unsigned(*id)).unwrap();
        assert_eq!(contact[LINK], link(*id));
        assert_eq!(contact[NUMBER], format!("{id:04}"));
        assert!(contact["email"].ends_with("@example.com") && contact["firstname"] == "Ann");
    }
    assert_eq!((server.merges(), server.wipes(), server.shifted_rows()), (0, 0, 0));
}

#[track_caller]
fn classes(results: &[Result<()>]) -> Vec<Option<Class>> {
    results.iter().map(|result| result.as_ref().err().map(|error| error.class)).collect()
}

#[tokio::test]
async fn many_are_written_in_groups_and_each_once() {
    let server = server(191).await;
    let ids = guests(&server, 120);
    assert!(write(&client(&server, &Clock::system()), &ids).await.iter().all(Result::is_ok));
    assert_written(&server, &ids);
    assert_eq!((server.requests(MauticCall::Batch), server.requests(MauticCall::Edit)), (3, 0));
    assert!(server.writes(LINK).values().all(|writes| writes.count == 1));

    assert_eq!(write(&user(&server), &ids[..1]).await, [Ok(())]);
    assert_eq!(server.requests(MauticCall::Edit), 1);
    assert_eq!(write(&user(&server), &[]).await, []);
}

#[tokio::test]
async fn a_link_that_was_cut_is_an_error_of_the_field_and_ends_the_writing() {
    let server = server(64).await;
    let ids = guests(&server, 120);
    for some in [&ids[..1], &ids] {
        let results = write(&user(&server), some).await;
        for result in results {
            let error = result.unwrap_err();
            assert_eq!(error.class, Class::Config);
            assert!(error.message.contains("cut the link to 64 characters"), "{error}");
        }
    }
    assert_eq!(server.requests(MauticCall::Batch), 1, "the others would have been cut as well");
}

#[tokio::test]
async fn a_field_that_mautic_does_not_have_is_named() {
    let server = FakeMautic::start().await;
    server.add_field(LINK, "text", 191);
    let ids = guests(&server, 3);
    for some in [&ids[..1], &ids] {
        let results = write(&user(&server), some).await;
        let says =
            |error: &herald_providers::ProviderError| error.message.contains(&format!("no contact field «{NUMBER}»"));
        assert!(results.iter().all(|result| result.as_ref().is_err_and(says)), "{results:?}");
    }
}

#[tokio::test]
async fn a_contact_that_is_gone_holds_up_nobody_else() {
    let server = server(191).await;
    let mut ids = guests(&server, 7);
    server.delete_contact(unsigned(ids[2]));
    let results = write(&user(&server), &ids).await;
    let gone = ids.remove(2);
    let expected = [None, None, Some(Class::Recipient), None, None, None, None];
    assert_eq!(classes(&results), expected);
    assert_eq!(classes(&write(&user(&server), &[gone]).await), [Some(Class::Recipient)]);
    assert_written(&server, &ids);
}

#[tokio::test]
async fn a_group_that_mautic_fails_at_is_halved_down_to_single_contacts() {
    let server = server(191).await;
    let ids = guests(&server, 4);
    server.fail_next(MauticCall::Batch, Fault::Server(500), 1);
    assert!(write(&user(&server), &ids).await.iter().all(Result::is_ok));
    assert_eq!((server.requests(MauticCall::Batch), server.requests(MauticCall::Edit)), (3, 0));
    assert_written(&server, &ids);

    server.fail_next(MauticCall::Batch, Fault::Server(500), 3);
    server.fail_next(MauticCall::Edit, Fault::Server(500), 1);
    let results = write(&user(&server), &ids).await;
    assert_eq!(classes(&results), [Some(Class::Transient), None, None, None]);
    assert_eq!((server.requests(MauticCall::Batch), server.requests(MauticCall::Edit)), (6, 4));
}

#[tokio::test]
async fn a_mautic_that_fails_at_everything_is_soon_left_alone() {
    let server = server(191).await;
    let ids = guests(&server, 120);
    server.faults().fail_next(None, Fault::Server(500), 1_000);
    let results = write(&user(&server), &ids).await;
    assert!(classes(&results).iter().all(|class| *class == Some(Class::Transient)));
    assert_eq!(server.requests(MauticCall::Edit), 3);
    assert!(server.requests(MauticCall::Batch) < 10);
}

#[tokio::test]
async fn what_may_have_been_done_is_simply_written_again() {
    let server = server(191).await;
    let ids = guests(&server, 5);
    for fault in [Fault::LostAnswer, Fault::CutBody, Fault::CutBefore] {
        for (call, some) in [(MauticCall::Batch, &ids[..]), (MauticCall::Edit, &ids[..1])] {
            server.fail_next(call, fault, 1);
            let results = write(&user(&server), some).await;
            assert!(classes(&results).iter().all(|class| *class == Some(Class::Down)), "{fault:?}: {results:?}");
        }
    }
    server.fail_next(MauticCall::Batch, Fault::Twice, 1);
    assert!(write(&user(&server), &ids).await.iter().all(Result::is_ok));
    assert_written(&server, &ids);
    assert!(server.writes(LINK).values().all(|writes| writes.values.len() == 1), "never another link");
}

#[tokio::test]
async fn a_limit_ends_the_writing_and_names_the_wait() {
    let server = server(191).await;
    let ids = guests(&server, 120);
    server.fail_next(MauticCall::Batch, Fault::TooMany { retry_after: Some(7) }, 1);
    let results = write(&user(&server), &ids).await;
    let waits = results.iter().map(|result| result.as_ref().unwrap_err().retry_after.unwrap().as_secs());
    assert!(waits.eq(std::iter::repeat_n(7, 120)));
    assert_eq!(server.requests(MauticCall::Batch), 1);
    assert!(classes(&results).iter().all(|class| *class == Some(Class::Rate)));
}

#[tokio::test]
async fn the_same_contact_twice_keeps_what_was_written_last() {
    let server = server(191).await;
    let ids = guests(&server, 2);
    let mut items = items(&[ids[0], ids[1], ids[0]]);
    items[0].link = "https://drive.google.com/older".to_owned();
    let results = user(&server).write(&items, &fields(), &Meter::free()).await;
    assert_eq!(results, [Ok(()), Ok(()), Ok(())]);
    assert_written(&server, &ids);
}
