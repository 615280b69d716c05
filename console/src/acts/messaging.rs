//! Acts on senders and suppressions.

use super::{
    Act,
    Kind::{self, Cleared, Records, Text, Whole, Wholes, Words},
    Then::{Back, Shown, To},
    act,
};

pub(super) const ACTS: &[Act] = &[
    act("createSender", SENDER, "The sender {name} is made. Test it before you write to many.", To("/senders/{id}")),
    act("changeSender", SENDER, "The sender {name} is saved.", To("/senders/{id}")),
    act("deleteSender", &[], "The sender is deleted.", To("/senders")),
    act(
        "testSender",
        &[("to", Text), ("records", Records), ("addresses", Words)],
        "",
        Shown("messaging/sender_test.html"),
    ),
    act(
        "addSuppression",
        &[("channel", Text), ("address", Cleared), ("note", Text)],
        "Nothing is sent to this address any more.",
        Back,
    ),
    act("lookUpSuppression", &[("channel", Text), ("address", Cleared)], "", Shown("messaging/suppression_found.html")),
    act("liftSuppression", &[("why", Cleared)], "The address may be written to again.", Back),
    act("undoUnsubscription", &[("why", Cleared)], "The unsubscription is undone.", Back),
];

/// The form of a sender, new or not.
const SENDER: &[(&str, Kind)] = &[
    ("name", Cleared),
    ("connection_id", Text),
    ("from_name", Cleared),
    ("from_address", Cleared),
    ("reply_to", Text),
    ("postal_address", Cleared),
    ("footer", Text),
    ("rate_per_second", Whole),
    ("daily_cap", Whole),
    ("warm_up", Wholes),
    ("quiet.from", Text),
    ("quiet.to", Text),
    ("bounce_domain", Text),
];
