//! The kinds of job of this domain.

mod campaign_check;
mod campaign_dispatch;
mod campaign_test;
mod campaign_winner;
mod message_email;
mod sender_test;

pub use campaign_check::CampaignCheck;
pub use campaign_dispatch::CampaignDispatch;
pub use campaign_test::CampaignTest;
pub use campaign_winner::CampaignWinner;
pub use message_email::MessageEmail;
pub use sender_test::SenderTest;
