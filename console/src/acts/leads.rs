//! Acts on leads, and the reports about them.

use super::{
    Act,
    Kind::{Cleared, Flag, Money, Statuses, Text},
    Then::{Back, To},
    act,
};

pub(super) const ACTS: &[Act] = &[
    act(
        "createLead",
        &[
            ("contact_id", Text),
            ("contact.name", Text),
            ("contact.email", Text),
            ("contact.phone", Text),
            ("lead.need", Cleared),
            ("lead.status", Text),
            ("lead.value_minor", Money),
            ("lead.currency", Text),
            ("lead.source", Text),
            ("lead.owner_id", Text),
            ("lead.follow_up_at", Text),
            ("lead.follow_up_zone", Text),
        ],
        "The lead of {name} is made.",
        To("/leads/{id}"),
    ),
    act(
        "changeLead",
        &[
            ("need", Cleared),
            ("status", Text),
            ("value_minor", Money),
            ("currency", Cleared),
            ("source", Cleared),
            ("owner_id", Cleared),
            ("follow_up_at", Cleared),
            ("follow_up_zone", Text),
        ],
        "The lead of {name} is saved.",
        Back,
    ),
    act(
        "createJob",
        &[("kind", Text), ("args.day", Text), ("args.time_zone", Text)],
        "The report is being made. It stands in the list in a moment.",
        Back,
    ),
    act("addLeadNote", &[("text", Cleared)], "The note is written down.", Back),
    act("setLeadStatuses", &[("statuses", Statuses)], "The steps of leads are saved.", Back),
    act(
        "setReportPlan",
        &[("on", Flag), ("at", Cleared), ("time_zone", Cleared)],
        "Herald keeps to that from the next report on.",
        Back,
    ),
    act("subscribeToReports", &[], "The next report is mailed there, too.", Back),
    act("unsubscribeFromReports", &[], "No more reports are mailed there.", Back),
];
