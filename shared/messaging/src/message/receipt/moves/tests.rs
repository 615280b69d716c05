use chrono::TimeDelta;
use herald_contacts::Channel;
use uuid::Uuid;

use super::*;

fn message(state: MessageState) -> Held {
    Held {
        id: Uuid::from_u128(1),
        campaign_id: Uuid::from_u128(2),
        contact_id: Some(Uuid::from_u128(3)),
        channel: Channel::Email,
        address: "ana@example.com".to_owned(),
        state,
        cause: None,
        reason: None,
        sent_at: Some(DateTime::UNIX_EPOCH),
        delivered_at: None,
        opened_at: None,
        bounced_at: None,
        complained_at: None,
    }
}

fn at(minutes: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes)
}

fn bounced(class: BounceClass) -> Told {
    Told::Bounced { class, status: None, reason: "no".to_owned() }
}

fn failed() -> Told {
    Told::Failed { cause: "refused".to_owned(), reason: "no".to_owned() }
}

#[test]
fn a_receipt_only_moves_a_message_forward() {
    use BounceClass::{Hard, Policy, Soft};
    use MessageState::{Claimed, Delivered, Failed, Pending, Sent, Suppressed, Unknown};
    for (from, what, to) in [
        (Unknown, Told::Sent, Sent),
        (Claimed, Told::Sent, Sent),
        (Sent, Told::Sent, Sent),
        (Delivered, Told::Sent, Delivered),
        (Failed, Told::Sent, Failed),
        (Sent, Told::Delivered, Delivered),
        (Unknown, Told::Delivered, Delivered),
        (Failed, Told::Delivered, Failed),
        (Suppressed, Told::Delivered, Suppressed),
        (Sent, Told::Read, Delivered),
        (Sent, failed(), Failed),
        (Unknown, failed(), Failed),
        (Delivered, failed(), Delivered),
        (Pending, failed(), Pending),
        (Sent, bounced(Hard), Failed),
        (Delivered, bounced(Soft), Failed),
        (Unknown, bounced(Policy), Failed),
        (Suppressed, bounced(Hard), Suppressed),
        (Pending, bounced(Soft), Pending),
        (Sent, Told::Complained, Delivered),
        (Claimed, Told::Complained, Delivered),
        (Failed, Told::Complained, Failed),
    ] {
        let mut one = message(from);
        let mut follows = Follows::default();
        one.take(what.clone(), at(1), &mut follows);
        assert_eq!(one.state, to, "{from} and {what:?}");
        let (state, activities) = (one.state, follows.activities.len());
        assert!(!one.take(what.clone(), at(1), &mut follows), "{from} and {what:?} twice");
        assert_eq!((one.state, follows.activities.len()), (state, activities), "{what:?}");
    }
}

#[test]
fn what_waits_is_not_sent_again_once_it_is_known_to_have_arrived() {
    let mut again = message(MessageState::Pending);
    assert!(again.take(Told::Delivered, at(1), &mut Follows::default()));
    assert_eq!(again.state, MessageState::Delivered);
    let mut never_tried = Held { sent_at: None, ..message(MessageState::Pending) };
    assert!(!never_tried.take(Told::Delivered, at(1), &mut Follows::default()));
    assert_eq!((never_tried.state, never_tried.delivered_at), (MessageState::Pending, None));
    let mut lost = Held { cause: Some("lost".to_owned()), ..message(MessageState::Failed) };
    assert!(lost.take(Told::Delivered, at(1), &mut Follows::default()));
    assert_eq!((lost.state, lost.cause), (MessageState::Delivered, None));
}

#[test]
fn only_an_address_that_does_not_exist_and_a_complaint_suppress() {
    for (what, reason, soft) in [
        (bounced(BounceClass::Hard), Some(SuppressionReason::HardBounce), 0),
        (bounced(BounceClass::Soft), None, 1),
        (bounced(BounceClass::Policy), None, 0),
        (Told::Complained, Some(SuppressionReason::Complaint), 0),
        (failed(), None, 0),
    ] {
        let mut follows = Follows::default();
        message(MessageState::Sent).take(what.clone(), at(1), &mut follows);
        assert_eq!(follows.suppressions.first().map(|one| one.reason), reason, "{what:?}");
        assert_eq!(follows.soft.len(), soft, "{what:?}");
        let mut erased = Held { address: String::new(), contact_id: None, ..message(MessageState::Sent) };
        let mut follows = Follows::default();
        assert!(erased.take(what, at(1), &mut follows));
        assert!(follows.suppressions.is_empty() && follows.soft.is_empty() && follows.activities.is_empty());
    }
}

#[test]
fn a_worse_answer_counts_and_an_answer_to_an_earlier_try_does_not() {
    let mut one = message(MessageState::Sent);
    let mut follows = Follows::default();
    assert!(one.take(bounced(BounceClass::Soft), at(5), &mut follows));
    assert!(!one.take(bounced(BounceClass::Policy), at(6), &mut follows));
    // A person has it tried again, and it is sent.
    one.state = MessageState::Sent;
    assert!(!one.take(bounced(BounceClass::Soft), at(5), &mut follows));
    assert!(one.take(bounced(BounceClass::Soft), at(9), &mut follows));
    assert!(one.take(bounced(BounceClass::Hard), at(9), &mut follows));
    assert_eq!(one.cause.as_deref(), Some("no_such_address"));
    assert!(!one.take(bounced(BounceClass::Hard), at(10), &mut follows));
}

#[test]
fn a_status_tells_the_word_on_the_message() {
    assert_eq!(BounceClass::Soft.cause(Some("5.2.2")), "mailbox_full");
    assert_eq!(BounceClass::Soft.cause(Some("4.4.1")), "bounced");
    assert_eq!(BounceClass::Hard.cause(None), "no_such_address");
    let mut one = message(MessageState::Sent);
    let told =
        Told::Bounced { class: BounceClass::Hard, status: Some("5.1.1".to_owned()), reason: "a\r\nb".to_owned() };
    assert!(one.take(told, at(1), &mut Follows::default()));
    assert_eq!(one.reason.as_deref(), Some("the message came back (5.1.1): ab"));
}
