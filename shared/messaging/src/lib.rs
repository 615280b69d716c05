//! Messaging: campaigns that write to many people, with a row for every recipient that says what became of the message.

mod archive;
mod campaign;
mod error;
mod example;
mod holder;
pub mod jobs;
mod mail_event;
mod message;
mod sender;
mod settings;
mod suppression;
pub mod template;
mod thing;
mod tracking;
mod unsubscribe;
pub mod verp;
mod whatsapp;

pub use archive::{Archived, archive_url, archived_campaign, open_archive_token};
pub use campaign::{
    Approver, Audience, AudienceCount, Campaign, CampaignCause, CampaignCheck, CampaignCounts, CampaignEvent,
    CampaignExport, CampaignExportError, CampaignFields, CampaignFilter, CampaignLoad, CampaignSettings, CampaignState,
    CampaignVariant, CheckState, Checked, ConsentPolicy, Day, FaultyContact, Fonts, FoundFault, MissingPolicy,
    MissingValue, NewCampaign, Purpose, SendingHours, SharedAddress, SubjectTest, WinnerBy, approve_campaign,
    begin_due, campaign_load, cancel_campaign, causes_of, change_campaign, check_again, check_next, check_of,
    choose_winner, content_now, count_audience, counts_of, create_campaign, duplicate_campaign, eta_of,
    export_campaigns, fail_campaign, faulty_contacts, find_campaign, list_campaign_log, list_campaigns, pause_campaign,
    pause_for, recount, reject_campaign, resume_campaign, schedule_campaign, send_campaign, submit_campaign,
    test_message, variants_of,
};
pub use error::{MessagingError, Result};
pub use example::{add_example, remove_example, stop_example};
pub use holder::HOLDER;
pub use mail_event::{
    MailEventKind, MailEventSource, StoredMailEvent, TakenEvents, forget_old_mail_events, list_mail_events, take_mail,
    take_mail_events,
};
pub use message::{
    BounceClass, CHUNK, Claimed, Decision, Message, MessageFilter, MessageOutcome, MessageState, PLANNED_AT_ONCE,
    Planned, Planning, Receipt, ReceiptOf, Received, SoftLimit, Told, Tried, Turn, TurnOf, abandon, cut_again,
    decide_unknown, end_planning, find_message, forget_old_soft_bounces, list_messages, plan_next, put_down, receive,
    retry_failed, suppress_waiting, take_turn,
};
pub use sender::{
    Alignment, Check, Quiet, Records, Relay, SeenSender, Sender, SenderFields, Standing, TxtRecord, alignment,
    begin_warm_up, change_sender, create_sender, find_sender, list_senders, remove_sender, senders_over,
};
pub use settings::BounceSettings;
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
pub use whatsapp::{
    InboundMessage, NewReport, Synchronised, UnknownMessage, WhatsappContent, WhatsappMessage, WhatsappPreview,
    WhatsappTemplate, WhatsappTemplateFilter, find_whatsapp_template, forget_old_reports, known_provider_ids,
    list_inbound, list_whatsapp_templates, note_not_found, preview_whatsapp, stale_whatsapp_accounts,
    synchronise_whatsapp_templates, take_inbound, take_preference, take_reports, unknown_messages, whatsapp_window,
};
