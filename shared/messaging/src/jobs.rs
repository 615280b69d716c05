//! The kinds of job of this domain.

mod campaign_dispatch;
mod message_email;
mod sender_test;

pub use campaign_dispatch::CampaignDispatch;
pub use message_email::MessageEmail;
pub use sender_test::SenderTest;
