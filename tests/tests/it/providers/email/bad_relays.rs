//! Mail servers that take several commands at once, and servers that do what they should not.

use std::time::Duration;

use herald_providers::{
    Class,
    email::{Mailbox, Message},
};
use herald_tests::fakes::{FakeSmtp, SmtpCall, SmtpFault, SmtpPlace};

use tokio::task::JoinSet;

use super::{message, send_together, served};

fn pipelining() -> SmtpPlace {
    SmtpPlace { pipelining: true, ..SmtpPlace::default() }
}

/// The words of the mails, without those of opening and closing.
fn of_mails(server: &FakeSmtp) -> Vec<String> {
    let words = server.said().into_iter().map(|(word, _)| word);
    words.filter(|word| matches!(word.as_str(), "MAIL" | "RCPT" | "DATA" | "RSET")).collect()
}

#[tokio::test]
async fn commands_go_together_only_where_the_server_says_that_it_takes_them() {
    for pipelining in [false, true] {
        let place = SmtpPlace { pipelining, ..SmtpPlace::default() };
        let (server, mailer, _post) = served(place, "max_connections = 3").await;
        send_together(&mailer, 30).await;
        assert_eq!((server.mails().len(), server.early()), (30, 0), "{pipelining}");
        assert_eq!(of_mails(&server).len(), 90);
    }
}

#[tokio::test]
async fn several_commands_at_once_cost_two_round_trips_and_not_four() {
    for (place, rounds) in [(SmtpPlace::default(), 4), (pipelining(), 2)] {
        let (server, mailer, _post) = served(place, "").await;
        mailer.send(&message(0)).await.unwrap();
        let before = server.rounds();
        for id in 1..=5 {
            mailer.send(&message(id)).await.unwrap();
        }
        assert_eq!((server.mails().len(), server.rounds() - before), (6, 5 * rounds));
    }
}

#[tokio::test]
async fn a_refusal_has_the_same_class_and_leaves_the_connection_in_step() {
    for place in [SmtpPlace::default(), pipelining(), SmtpPlace { takes_data_anyway: true, ..pipelining() }] {
        let (server, mailer, _post) = served(place, "").await;
        for (call, said, class) in [
            (SmtpCall::Recipient, "451 4.7.1 Greylisted, try again in 60 seconds", Class::Transient),
            (SmtpCall::Recipient, "550 5.1.1 <ann@example.org>: User unknown", Class::Recipient),
            (SmtpCall::Sender, "553 5.7.1 Sender address rejected: not owned by user", Class::Config),
            (SmtpCall::Data, "451 4.3.0 Local error", Class::Transient),
            (SmtpCall::Content, "552 5.3.4 Message too big", Class::Recipient),
        ] {
            server.fail(call, SmtpFault::Says(said));
            let error = mailer.send(&message(1)).await.unwrap_err();
            assert_eq!(error.class, class, "{said}: {error}");
        }
        mailer.send(&message(1)).await.unwrap();
        assert_eq!((server.mails().len(), server.connections(), server.early()), (1, 1, 0));
    }
}

#[tokio::test]
async fn a_server_that_refuses_the_recipient_and_waits_for_the_mail_gets_a_lone_dot() {
    let (server, mailer, _post) = served(SmtpPlace { takes_data_anyway: true, ..pipelining() }, "").await;
    server.fail_for("ann@example.org", SmtpCall::Recipient, SmtpFault::Says("550 5.1.1 User unknown"));
    let error = mailer.send(&message(1)).await.unwrap_err();
    let refusal = error.refusal.unwrap();
    assert!(refusal.is_of_address && refusal.is_no_such_address(), "{error:?}");
    assert_eq!(server.for_nobody(), [Vec::<u8>::new()], "nothing of the mail was said");
    assert!(server.mails().is_empty());
}

#[tokio::test]
async fn a_relay_that_greylists_is_asked_again_by_whoever_sends_and_takes_it_then() {
    for place in [SmtpPlace::default(), pipelining()] {
        let (server, mailer, _post) = served(place, "").await;
        server.fail(SmtpCall::Recipient, SmtpFault::Says("450 4.2.0 Greylisted; try again in 120 seconds"));
        let error = mailer.send(&message(1)).await.unwrap_err();
        assert_eq!((error.class, error.retry_after), (Class::Transient, Some(Duration::from_secs(120))));
        assert!(error.refusal.is_some_and(|refusal| refusal.is_for_now()), "{error:?}");
        mailer.send(&message(1)).await.unwrap();
        assert_eq!(server.mails().len(), 1);
    }
}

#[tokio::test]
async fn a_relay_that_stalls_is_not_waited_for() {
    let (server, mailer, _post) = served(pipelining(), "timeout_seconds = 1").await;
    for (call, class) in [
        (SmtpCall::Greeting, Class::Down),
        (SmtpCall::Sender, Class::Transient),
        (SmtpCall::Recipient, Class::Transient),
        (SmtpCall::Data, Class::Transient),
    ] {
        server.fail(call, SmtpFault::IsSilent);
        assert_eq!(mailer.send(&message(1)).await.unwrap_err().class, class, "{call:?}");
    }
    assert!(server.mails().is_empty());
    mailer.send(&message(1)).await.unwrap();
    assert_eq!((server.mails().len(), server.connections()), (1, 5));
}

#[tokio::test]
async fn a_relay_that_answers_late_is_believed_in_time_and_its_answer_is_nobody_elses() {
    let (server, mailer, _post) = served(pipelining(), "timeout_seconds = 1").await;
    // The answer to a whole mail may take four times as long as any other.
    server.fail(SmtpCall::Content, SmtpFault::IsLate(Duration::from_millis(1_500)));
    mailer.send(&message(1)).await.unwrap();
    server.fail(SmtpCall::Recipient, SmtpFault::IsLate(Duration::from_millis(1_500)));
    assert_eq!(mailer.send(&message(2)).await.unwrap_err().class, Class::Transient);
    server.fail(SmtpCall::Content, SmtpFault::IsLate(Duration::from_millis(4_500)));
    assert_eq!(mailer.send(&message(3)).await.unwrap_err().class, Class::Unknown, "it is among those it has taken");
    // Had its connection been kept, this mail would be told that it was taken by the answer to the one before.
    server.fail(SmtpCall::Content, SmtpFault::Says("554 5.6.0 no"));
    assert_eq!(mailer.send(&message(4)).await.unwrap_err().class, Class::Recipient);
    let taken: Vec<String> = server.mails().iter().filter_map(|taken| taken.mail.header("message-id")).collect();
    assert!(taken.len() == 2 && taken[0].contains("0001@") && taken[1].contains("0003@"), "{taken:?}");
}

#[tokio::test]
async fn a_relay_that_cuts_after_data_never_gets_the_mail_a_second_time_by_itself() {
    for place in [SmtpPlace::default(), pipelining()] {
        let (server, mailer, _post) = served(place, "").await;
        mailer.send(&message(1)).await.unwrap();
        // Before it asks for the mail: nothing was handed over.
        server.fail(SmtpCall::Data, SmtpFault::HangsUp);
        let began = server.connections();
        let ended = mailer.send(&message(2)).await;
        assert!(ended.is_ok(), "a connection that was idle before is replaced: {ended:?}");
        assert_eq!((server.mails().len(), server.connections()), (2, began + 1));
        // In the middle of a mail that no buffer between the two can hold: its end was not written.
        server.fail(SmtpCall::Begun, SmtpFault::HangsUp);
        let long = Message { text: format!("{}\n", "x".repeat(60)).repeat(130_000), ..message(3) };
        let ended = mailer.send(&long).await;
        assert!(ended.as_ref().is_ok_and(|_| server.mails().len() == 3), "it was sent once, over another: {ended:?}");
        // After the end: nobody knows.
        server.fail(SmtpCall::Content, SmtpFault::HangsUp);
        assert_eq!(mailer.send(&message(4)).await.unwrap_err().class, Class::Unknown);
        assert_eq!(server.mails().len(), 4);
    }
}

#[tokio::test]
async fn a_relay_that_says_421_in_the_middle_costs_a_connection_and_no_mail() {
    for place in [SmtpPlace::default(), pipelining()] {
        let (server, mailer, _post) = served(place, "").await;
        mailer.send(&message(1)).await.unwrap();
        for call in [SmtpCall::Sender, SmtpCall::Recipient] {
            server.fail(call, SmtpFault::Says("421 4.3.2 System is going down"));
            mailer.send(&message(2)).await.unwrap();
        }
        assert_eq!((server.mails().len(), server.connections()), (3, 3));
        // One that wants less is not asked again over the next connection.
        server.fail(SmtpCall::Sender, SmtpFault::Says("421 4.7.28 Unusual rate of mail"));
        assert_eq!(mailer.send(&message(3)).await.unwrap_err().class, Class::Rate);
        assert_eq!((server.mails().len(), server.connections()), (3, 3));
    }
}

#[tokio::test]
async fn a_relay_that_goes_on_in_clear_after_starttls_is_told_nothing() {
    let (server, mailer, _post) = served(pipelining(), "").await;
    server.fail(SmtpCall::StartTls, SmtpFault::GoesOnInClear);
    let error = mailer.send(&message(1)).await.unwrap_err();
    assert_eq!(error.class, Class::Config);
    assert!(error.message.contains("agrees to STARTTLS and goes on unencrypted"), "{error}");
    let words: Vec<String> = server.said().into_iter().map(|(word, _)| word).collect();
    assert_eq!(words, ["EHLO", "STARTTLS"]);
    assert!(server.mails().is_empty());
}

#[tokio::test]
async fn a_server_that_asks_for_less_gets_half_as_many_mails_at_once() {
    let mut most_open = Vec::new();
    for asks in [false, true] {
        let (server, mailer, _post) = served(pipelining(), "max_connections = 8").await;
        if asks {
            server.fail(SmtpCall::Greeting, SmtpFault::Says("421 4.7.0 Too many connections"));
            assert_eq!(mailer.send(&message(0)).await.unwrap_err().class, Class::Rate);
        }
        server.take(Duration::from_millis(50));
        send_together(&mailer, 8).await;
        assert_eq!(server.mails().len(), 8);
        most_open.push(server.most_open());
    }
    assert!(most_open[0] == 6 && most_open[1] <= 4, "{most_open:?}: a domain has three quarters");
}

#[tokio::test]
async fn a_server_that_closes_each_connection_early_is_soon_not_asked_too_often() {
    let (server, mailer, _post) = served(pipelining(), "").await;
    server.take_each(5);
    for id in 0..40 {
        mailer.send(&message(id)).await.unwrap();
    }
    let asked = of_mails(&server).iter().filter(|word| *word == "MAIL").count();
    assert_eq!((server.mails().len(), server.connections(), asked), (40, 8, 43), "three closings made it known");
}

#[tokio::test]
async fn a_domain_whose_mails_stall_leaves_connections_to_the_others() {
    let (server, mailer, _post) = served(pipelining(), "max_connections = 4").await;
    server.fail_for("ann@slow.example", SmtpCall::Recipient, SmtpFault::IsSilent);
    let mut stalled = JoinSet::new();
    for id in 0..8 {
        let mailer = mailer.clone();
        let slow = Message { to: Mailbox::parse("ann@slow.example").unwrap(), ..message(id) };
        stalled.spawn(async move { mailer.send(&slow).await });
    }
    let asked = || of_mails(&server).iter().filter(|word| *word == "RCPT").count();
    herald_tests::wait_until("three mails stall", async || asked() == 3).await;
    for id in 10..20 {
        mailer.send(&message(id)).await.unwrap();
    }
    assert_eq!((server.mails().len(), asked()), (10, 13));
    assert!(stalled.try_join_next().is_none());
}
