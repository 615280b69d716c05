//! Messaging: campaigns that write to many people, with a row for every recipient that says what became of the message.

mod archive;
mod campaign;
mod error;
mod example;
mod holder;
pub mod jobs;
mod message;
mod sender;
mod suppression;
pub mod template;
mod thing;
mod tracking;
mod unsubscribe;

pub use archive::{Archived, archive_url, archived_campaign, open_archive_token};
pub use campaign::{
    Approver, Audience, AudienceCount, Campaign, CampaignCounts, CampaignEvent, CampaignExport, CampaignExportError,
    CampaignFields, CampaignFilter, CampaignSettings, CampaignState, ConsentPolicy, Fonts, NewCampaign, Purpose,
    SendingHours, SharedAddress, approve_campaign, begin_due, cancel_campaign, change_campaign, count_audience,
    counts_of, create_campaign, duplicate_campaign, export_campaigns, fail_campaign, find_campaign, list_campaign_log,
    list_campaigns, pause_campaign, pause_for, recount, reject_campaign, resume_campaign, schedule_campaign,
    send_campaign, submit_campaign,
};
pub use error::{MessagingError, Result};
pub use example::{add_example, remove_example, stop_example};
pub use holder::HOLDER;
pub use message::{
    CHUNK, Claimed, Decision, Message, MessageFilter, MessageOutcome, MessageState, PLANNED_AT_ONCE, Planned, Planning,
    Tried, Turn, TurnOf, abandon, cut_again, decide_unknown, end_planning, find_message, list_messages, plan_next,
    put_down, retry_failed, suppress_waiting, take_turn,
};
pub use sender::{
    Alignment, Check, Quiet, Records, SeenSender, Sender, SenderFields, Standing, TxtRecord, alignment, begin_warm_up,
    change_sender, create_sender, find_sender, list_senders, remove_sender, senders_over,
};
pub use suppression::{
    NewSuppression, Suppression, SuppressionFilter, SuppressionReason, UNDO_DAYS, add_suppression, add_suppressions,
    find_suppression, lift_suppression, list_suppressions, suppress_by_hand, suppressed, suppression_of,
    undo_unsubscription,
};
pub use thing::SENDER;
pub use tracking::{
    CampaignTracking, HourTouches, LinkTouches, NewTrackingConsent, Reached, Request, Touches, TrackedLinks,
    TrackedPlace, Tracker, Tracking, TrackingConsent, VariantTouches, add_tracking_consent, list_tracking_consents,
    location, open_tracked, recount_tracking, robot, set_tracking_wish, tracked_links, tracked_url, tracking_of,
    tracking_wish,
};
pub use unsubscribe::{
    Preference, Recipient, Through, open_unsubscribe_token, preferences_of, preferences_url, recipient_of,
    set_preferences, unsubscribe, unsubscribe_token, unsubscribe_url, unsubscribed_since,
};
