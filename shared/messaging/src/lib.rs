//! Messaging: campaigns that write to many people, with a row for every recipient that says what became of the message.

mod error;
mod holder;
pub mod jobs;
mod sender;
mod suppression;
pub mod template;
mod thing;
mod unsubscribe;

pub use error::{MessagingError, Result};
pub use holder::HOLDER;
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
pub use unsubscribe::{
    Preference, Recipient, Through, open_unsubscribe_token, preferences_of, preferences_url, recipient_of,
    set_preferences, unsubscribe, unsubscribe_token, unsubscribe_url, unsubscribed_since,
};
