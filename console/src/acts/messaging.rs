//! Acts on senders, suppressions, and templates of messages.

use super::{
    Act,
    Kind::{self, Block, Cleared, Message, Records, Text, Weights, Whole, Wholes, Words},
    Then::{Back, Shown, To},
    act,
};

pub(super) const ACTS: &[Act] = &[
    act("createSender", SENDER, "The sender {name} is made. Test it before you write to many.", To("/senders/{id}")),
    act("changeSender", SENDER, "The sender {name} is saved.", To("/senders/{id}")),
    act("deleteSender", &[], "The sender is deleted.", To("/senders")),
    act(
        "synchroniseWhatsappTemplates",
        &[("connection", Text)],
        "The templates of {connection} are being read. Look again in a moment.",
        Back,
    ),
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
    act("createMessageTemplate", MESSAGE_TEMPLATE, "The template {name} is made.", To("/message-templates/{id}")),
    act(
        "changeMessageTemplate",
        MESSAGE_TEMPLATE,
        "The template {name} is saved as version {version}.",
        To("/message-templates/{id}"),
    ),
    act(
        "restoreMessageTemplate",
        &[("to_version", Whole)],
        "Version {to_version} is the newest version again: {version}.",
        To("/message-templates/{id}"),
    ),
    act("deleteMessageTemplate", &[], "The template is deleted.", Back),
    act(
        "createMessageBlock",
        &[("name", Cleared), ("content", Block)],
        "The block {name} is made.",
        To("/message-blocks"),
    ),
    act("changeMessageBlock", &[("content", Block)], "The block {name} is saved.", To("/message-blocks")),
    act("deleteMessageBlock", &[], "The block is deleted.", Back),
];

/// The form of a template of messages, new or not.
const MESSAGE_TEMPLATE: &[(&str, Kind)] = &[("name", Cleared), ("content", Message)];

/// The form of a sender, new or not.
const SENDER: &[(&str, Kind)] = &[
    ("name", Cleared),
    ("channel", Text),
    ("connection_id", Text),
    ("relays", Weights),
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
