//! The kinds of job of this domain.

mod campaign_check;
mod campaign_dispatch;
mod campaign_test;
mod campaign_winner;
mod message_email;
mod message_reconcile;
mod message_whatsapp;
mod sender_test;
mod whatsapp_templates;

pub use campaign_check::CampaignCheck;
pub use campaign_dispatch::CampaignDispatch;
pub use campaign_test::CampaignTest;
pub use campaign_winner::CampaignWinner;
pub use message_email::MessageEmail;
pub use message_reconcile::MessageReconcile;
pub use message_whatsapp::MessageWhatsapp;
pub use sender_test::SenderTest;
pub use whatsapp_templates::WhatsappTemplates;
