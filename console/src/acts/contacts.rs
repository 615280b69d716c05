//! Acts on contacts, their addresses and fields, tags, and segments.

use super::{
    Act,
    Kind::{self, Cleared, Json, Many, Pairs, Text, Whole, Words},
    Then::{Back, To},
    act,
};

pub(super) const ACTS: &[Act] = &[
    act("createContact", CONTACT, "{name} is a contact now.", To("/contacts/{id}")),
    act("changeContact", CONTACT, "{name} is saved.", To("/contacts/{id}")),
    act("trashContact", &[], "The contact is in the trash. It can be taken out again.", Back),
    act("restoreContact", &[], "{name} is out of the trash.", Back),
    act(
        "changeChosenContacts",
        &[("ids", Many), ("act", Text), ("tag", Text)],
        "Contacts that have changed: {changed}.",
        Back,
    ),
    act(
        "eraseContact",
        &[("records", Whole)],
        "The person is erased. This list keeps that it was done.",
        To("/erasures"),
    ),
    act(
        "mergeContacts",
        &[("contact_id", Text), ("take", Many), ("updated_at", Text), ("other_updated_at", Text)],
        "Both are {name} now.",
        To("/contacts/{id}"),
    ),
    act("undoMerge", &[], "Both are contacts again. What was edited since stays with {name}.", Back),
    act("addContactNote", &[("text", Cleared)], "The note is in the timeline.", Back),
    act(
        "addConsent",
        &[("channel", Text), ("given", Json), ("wording", Cleared), ("source", Cleared), ("proof", Text)],
        "It is written down.",
        Back,
    ),
    act(
        "addAddress",
        &[("kind", Text), ("value", Cleared), ("label", Text), ("verified_how", Text)],
        "{value} is an address of the contact.",
        Back,
    ),
    act("changeAddress", &[("value", Text), ("label", Cleared)], "{value} is saved.", Back),
    act("makeAddressPrimary", &[], "{value} is the primary address now. The old one stays.", Back),
    act("verifyAddress", &[("verified", Json), ("how", Text)], "It is written down.", Back),
    act("removeAddress", &[], "The address is removed.", Back),
    act(
        "createContactField",
        &[("label", Cleared), ("key", Text), ("type", Text), ("choices", Words)],
        "{label} has a type now.",
        To("/contact-fields/{id}"),
    ),
    act(
        "changeContactField",
        &[("label", Text), ("type", Text), ("choices", Words), ("position", Whole)],
        "{label} is saved.",
        Back,
    ),
    act("deleteContactField", &[], "The field is text again. Its values stay.", To("/contact-fields")),
    act("deleteTag", &[], "The tag is gone from all contacts.", To("/tags")),
    act("createSegment", SEGMENT, "The segment {name} is made.", To("/segments/{id}")),
    act("changeSegment", SEGMENT, "The segment {name} is saved.", To("/segments/{id}")),
    act("deleteSegment", &[], "The segment is deleted.", Back),
];

/// The form of a contact, new or not.
const CONTACT: &[(&str, Kind)] = &[
    ("name", Cleared),
    ("email", Cleared),
    ("phone", Cleared),
    ("external_id", Cleared),
    ("locale", Cleared),
    ("time_zone", Cleared),
    ("country", Cleared),
    ("preferred_channel", Text),
    ("tags", Words),
    ("fields", Pairs),
];

/// The form of a segment, new or not.
const SEGMENT: &[(&str, Kind)] = &[("name", Text), ("rule", Json)];
