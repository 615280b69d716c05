//! Acts on campaigns and their messages.

use super::{
    Act,
    Kind::{self, Cleared, Flag, Hours, Json, Many, Missing, Pairs, Subjects, Text, Time, Whole, Words},
    Then::{Back, To},
    act,
};

pub(super) const ACTS: &[Act] = &[
    act("createCampaign", CAMPAIGN, "The campaign {name} is a draft now.", To("/campaigns/{id}")),
    act(
        "changeCampaign",
        CAMPAIGN,
        "The campaign {name} is saved. It is a draft until it is submitted and approved.",
        To("/campaigns/{id}"),
    ),
    act(
        "setCampaignWhatsapp",
        &[("template_id", Text), ("variables", Pairs)],
        "What the campaign says is saved. It is a draft until it is submitted and approved.",
        Back,
    ),
    act("duplicateCampaign", &[], "This is the copy. It is a draft.", To("/campaigns/{id}")),
    act(
        "testCampaign",
        &[("to", Text), ("user_id", Text), ("contact_id", Text)],
        "The test is on its way.",
        To("/campaigns/{id}/tests/{job_id}"),
    ),
    act("submitCampaign", &[], "{name} waits for approval.", Back),
    act("approveCampaign", &[], "{name} is approved as it is.", Back),
    act("rejectCampaign", &[("reason", Cleared)], "{name} is a draft again. Its makers see the reason.", Back),
    act("scheduleCampaign", &[], "{name} begins at its time.", Back),
    act("sendCampaign", &[], "{name} is being sent.", Back),
    act("pauseCampaign", &[], "{name} is paused. No further message goes out.", Back),
    act("resumeCampaign", &[], "{name} goes on.", Back),
    act("checkCampaign", &[], "The audience is looked through again.", Back),
    act("cancelCampaign", &[], "{name} is cancelled. Messages that were not sent stay unsent.", Back),
    act("retryMessages", &[("message_id", Text)], "Messages that are tried again: {messages}.", Back),
    act(
        "decideMessages",
        &[("decision", Text), ("message_id", Text)],
        "Messages that you decided about: {messages}.",
        Back,
    ),
];

/// The form of a campaign, new or not. Only a new one has a channel.
const CAMPAIGN: &[(&str, Kind)] = &[
    ("name", Cleared),
    ("channel", Text),
    ("sender_id", Text),
    ("template_id", Text),
    ("audience.everybody", Flag),
    ("audience.segments", Many),
    ("audience.tags", Words),
    ("audience.events", Many),
    ("audience.rule", Json),
    ("audience.without_segments", Many),
    ("audience.without_tags", Words),
    ("settings.purpose", Text),
    ("settings.consent", Text),
    ("settings.shared_address", Text),
    ("settings.time_zone", Text),
    ("settings.hours", Hours),
    ("settings.expires_at", Time),
    ("settings.pause_at_percent", Whole),
    ("settings.missing", Missing),
    ("settings.ab", Subjects),
    ("settings.tracking", Text),
    ("settings.archive", Flag),
    ("send_at", Time),
];
