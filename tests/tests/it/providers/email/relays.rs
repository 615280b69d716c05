//! Several mail servers for one sender: their shares hold, and whoever is away loses and doubles nothing.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use herald_base::clock::Clock;
use herald_providers::{
    Class,
    email::{Mailer, Relays},
};
use herald_tests::fakes::{FakeSmtp, SmtpCall, SmtpFault, SmtpPlace, TakenMail};
use tokio::{sync::mpsc::UnboundedReceiver, task::JoinSet};

use super::{Mailroom, message, noon, served};

/// Two mail servers and their weights.
struct Two {
    first: FakeSmtp,
    second: FakeSmtp,
    relays: Arc<Relays>,
    clock: Clock,
    _rooms: [Mailroom; 2],
}

impl Two {
    async fn with(weights: [i64; 2]) -> Self {
        let place = SmtpPlace { pipelining: true, ..SmtpPlace::default() };
        let (first, to_first, one) = served(place, "").await;
        let (second, to_second, other) = served(place, "").await;
        let clock = Clock::manual(noon());
        let all: Vec<(Mailer, i64)> = [to_first, to_second].into_iter().zip(weights).collect();
        let relays = Arc::new(Relays::new(all, clock.clone()));
        Self { first, second, relays, clock, _rooms: [one, other] }
    }

    fn taken(&self) -> (usize, usize) {
        (self.first.mails().len(), self.second.mails().len())
    }

    async fn send(&self, ids: std::ops::Range<u128>) {
        for id in ids {
            self.relays.send(&message(id)).await.unwrap();
        }
    }
}

#[tokio::test]
async fn weights_hold_over_a_thousand_mails() {
    let two = Two::with([3, 1]).await;
    let mut sends = JoinSet::new();
    for id in 0..1_000 {
        let relays = two.relays.clone();
        sends.spawn(async move { relays.send(&message(id)).await.map(drop) });
    }
    assert!(sends.join_all().await.into_iter().all(|sent| sent.is_ok()));
    assert_eq!(two.taken(), (750, 250));
    assert!(two.relays.took_one(0) && two.relays.took_one(1) && two.relays.broken().is_empty());
}

/// The ids of the messages that a server took.
fn ids(of: &mut UnboundedReceiver<TakenMail>) -> Vec<String> {
    std::iter::from_fn(|| of.try_recv().ok()).filter_map(|taken| taken.mail.header("message-id")).collect()
}

#[tokio::test]
async fn one_that_dies_in_the_middle_loses_no_mail_and_has_none_sent_twice() {
    let Two { first, second, relays, _rooms, .. } = Two::with([1, 1]).await;
    let (mut by_first, mut by_second) = (first.listen(), second.listen());
    let mut sends = JoinSet::new();
    for id in 0..300 {
        let relays = relays.clone();
        sends.spawn(async move { (id, relays.send(&message(id)).await) });
    }
    let mut taken = Vec::new();
    for _ in 0..40 {
        taken.extend(by_first.recv().await.unwrap().mail.header("message-id"));
    }
    drop(first);
    let ended = sends.join_all().await;
    taken.extend(ids(&mut by_first));
    let of_second = ids(&mut by_second);
    assert!(of_second.len() > 200, "it took over: {}", of_second.len());
    let mut times: BTreeMap<&str, usize> = BTreeMap::new();
    for id in taken.iter().chain(&of_second) {
        *times.entry(id.as_str()).or_default() += 1;
    }
    assert!(times.values().all(|times| *times == 1), "sent twice: {times:?}");
    let mut unknown = 0;
    for (id, sent) in ended {
        let id = format!("<{}@example.com>", uuid::Uuid::from_u128(id));
        match sent {
            Ok(_) => assert!(times.contains_key(id.as_str()), "lost: {id}"),
            Err(error) => {
                assert_eq!(error.class, Class::Unknown, "{error}");
                assert!(!of_second.contains(&id), "its end was unknown, and another server got it: {id}");
                unknown += 1;
            }
        }
    }
    assert!(unknown <= 4, "no more than its connections: {unknown}");
}

#[tokio::test]
async fn one_that_is_away_is_left_out_until_its_time_is_over() {
    for (call, fault, rests) in [
        (SmtpCall::Greeting, SmtpFault::Says("421 4.3.2 Service not available"), 60),
        (SmtpCall::Greeting, SmtpFault::HangsUp, 60),
        (SmtpCall::Login, SmtpFault::Says("535 5.7.8 Username and Password not accepted"), 300),
        (SmtpCall::Sender, SmtpFault::Says("553 5.7.1 Sender address rejected: not owned by user"), 300),
        (SmtpCall::Sender, SmtpFault::Says("454 Throttling failure: Maximum sending rate exceeded."), 30),
        (SmtpCall::Recipient, SmtpFault::HangsUp, 5),
    ] {
        let two = Two::with([1, 1]).await;
        two.first.fail(call, fault);
        two.send(0..10).await;
        assert_eq!(two.taken(), (0, 10), "{fault:?}");
        assert_eq!(two.relays.broken().len(), usize::from(rests == 300), "{fault:?}");
        two.clock.advance(Duration::from_secs(rests - 1));
        two.send(10..20).await;
        assert_eq!(two.taken(), (0, 20), "{fault:?}");
        two.clock.advance(Duration::from_secs(1));
        two.send(20..30).await;
        assert_eq!(two.taken(), (5, 25), "it does not catch up: {fault:?}");
        assert!(two.relays.broken().is_empty());
    }
}

#[tokio::test]
async fn what_is_about_one_mail_goes_to_no_other_server() {
    let two = Two::with([1, 1]).await;
    for (call, fault, class) in [
        (SmtpCall::Content, SmtpFault::HangsUp, Class::Unknown),
        (SmtpCall::Recipient, SmtpFault::Says("550 5.1.1 User unknown"), Class::Recipient),
        (SmtpCall::Recipient, SmtpFault::Says("451 4.7.1 Greylisted"), Class::Transient),
        (SmtpCall::Content, SmtpFault::Says("552 5.3.4 Message too big"), Class::Recipient),
    ] {
        two.first.fail(call, fault);
        let of_second = two.second.mails().len();
        assert_eq!(two.relays.send(&message(1)).await.unwrap_err().class, class, "{fault:?}");
        assert_eq!(two.second.mails().len(), of_second, "{fault:?}");
        two.send(2..3).await;
        assert_eq!(two.second.mails().len(), of_second + 1, "the next is the second's turn: {fault:?}");
    }
}

#[tokio::test]
async fn when_all_are_away_the_mails_wait_and_only_a_person_can_help_if_none_comes_back_by_itself() {
    let two = Two::with([1, 1]).await;
    two.first.fail(SmtpCall::Login, SmtpFault::Says("535 5.7.8 no"));
    two.second.fail(SmtpCall::Greeting, SmtpFault::Says("421 4.3.2 Service not available"));
    let error = two.relays.send(&message(1)).await.unwrap_err();
    assert_eq!((error.class, error.retry_after), (Class::Down, Some(Duration::from_secs(60))), "{error}");
    // While they are left out, nobody asks them.
    let asked = (two.first.connections(), two.second.connections());
    two.clock.advance(Duration::from_secs(20));
    let error = two.relays.send(&message(2)).await.unwrap_err();
    assert_eq!((error.class, error.retry_after), (Class::Down, Some(Duration::from_secs(40))), "{error}");
    assert_eq!((two.first.connections(), two.second.connections()), asked);
    two.clock.advance(Duration::from_secs(40));
    two.second.fail(SmtpCall::Login, SmtpFault::Says("535 5.7.8 no"));
    let error = two.relays.send(&message(3)).await.unwrap_err();
    assert_eq!(error.class, Class::Auth, "{error}");
    assert_eq!(two.relays.broken().len(), 2);
}
