//! A campaign: whom it writes to, what, when, and how far it is.
//!
//! ```text
//!          submit            approve            schedule             its time comes
//!   draft ───────▶ in_review ───────▶ approved ─────────▶ scheduled ───────────────▶ sending ───▶ sent
//!     ▲               │                  │  │                 │                       │   ▲
//!     │    reject     │                  │  └──── send now ───┼──────────────────▶    │   │ resume
//!     ├───────────────┘                  │                    │                       ▼   │
//!     └────────── any change ────────────┴────────────────────┘                      paused
//! ```
//!
//! From every state but the last ones it can be `cancelled`. It is `failed` if it cannot be planned.

mod approval;
mod audience;
mod causes;
mod change;
mod check;
mod counts;
mod days;
mod eta;
mod export;
mod list;
mod load;
mod log;
mod minutes;
mod missing;
mod moves;
mod settings;
mod subjects;
mod trial;

use chrono::{DateTime, Utc};
use herald_base::boxed;
use herald_contacts::Channel;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

pub use self::{
    approval::Approver,
    audience::{Audience, AudienceCount, count_audience},
    causes::{CampaignCause, causes_of},
    change::{CampaignFields, NewCampaign, change_campaign, create_campaign, duplicate_campaign},
    check::{
        CampaignCheck, CheckState, Checked, FaultyContact, FoundFault, check_again, check_next, check_of,
        faulty_contacts,
    },
    counts::{CampaignCounts, counts_of, recount},
    days::Day,
    eta::eta_of,
    export::{CampaignExport, CampaignExportError, Fonts, export_campaigns},
    list::{CampaignFilter, list_campaigns},
    load::{CampaignLoad, campaign_load},
    log::{CampaignEvent, list_campaign_log},
    missing::{MissingPolicy, MissingValue},
    moves::{
        approve_campaign, begin_due, cancel_campaign, fail_campaign, pause_campaign, pause_for, reject_campaign,
        resume_campaign, schedule_campaign, send_campaign, submit_campaign,
    },
    settings::{CampaignSettings, ConsentPolicy, Purpose, SendingHours, SharedAddress},
    subjects::{CampaignVariant, SubjectTest, WinnerBy, choose_winner, variants_of},
    trial::{content_now, test_message},
};
pub(crate) use self::{
    check::CheckEnded,
    counts::{count, counts_in},
    log::note,
    minutes::count_minute,
    missing::fill,
    moves::{finish, reopen},
};
use crate::{WhatsappMessage, template::MessageContent};
use herald_db::{Db, FromRow, Json, Result, query};

herald_base::text_enum! {
    /// How far a campaign is.
    pub enum CampaignState, "a campaign is not {:?}" {
        /// It is being written.
        Draft "draft",
        /// It waits for somebody to approve it.
        InReview "in_review",
        /// It was approved.
        Approved "approved",
        /// It waits for its time.
        Scheduled "scheduled",
        /// Its messages go out.
        Sending "sending",
        /// Its messages wait until it is resumed.
        Paused "paused",
        /// Every message has its end.
        Sent "sent",
        /// It was stopped for good.
        Cancelled "cancelled",
        /// It could not be planned.
        Failed "failed",
    }
}

impl CampaignState {
    /// Whether nothing happens with it any more.
    pub fn is_last(self) -> bool {
        matches!(self, Self::Sent | Self::Cancelled | Self::Failed)
    }

    /// Whether it may still be changed. A change takes an approval away.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Draft | Self::InReview | Self::Approved | Self::Scheduled)
    }
}

/// A campaign.
#[derive(Clone, Debug, FromRow, Serialize, ToSchema)]
pub struct Campaign {
    /// Its id.
    pub id: Uuid,
    /// Its name, which only the workspace's people see.
    pub name: String,
    /// The channel over which it goes.
    #[sqlx(try_from = "String")]
    pub channel: Channel,
    /// How far it is.
    #[sqlx(try_from = "String")]
    pub state: CampaignState,
    /// Counted up by every change.
    pub version: i64,
    /// In whose name it is sent.
    pub sender_id: Option<Uuid>,
    /// What it says.
    pub template_id: Option<Uuid>,
    /// In which version. None while it is a draft that takes the newest.
    pub template_version: Option<i64>,
    /// What the template said when the campaign was submitted, with its blocks.
    #[serde(skip)]
    pub content: Option<Json<MessageContent>>,
    /// The template of WhatsApp with its values, as they were when the campaign was submitted.
    #[serde(skip)]
    pub whatsapp: Option<Json<WhatsappMessage>>,
    /// Whom it writes to.
    #[schema(value_type = Audience)]
    pub audience: Json<Audience>,
    /// In which hours, and under which limits.
    #[schema(value_type = CampaignSettings)]
    pub settings: Json<CampaignSettings>,
    /// When it begins.
    pub send_at: Option<DateTime<Utc>>,
    /// Who asked for its approval.
    pub submitted_by: Option<String>,
    /// Who approved it.
    pub approved_by: Option<String>,
    /// When.
    pub approved_at: Option<DateTime<Utc>>,
    /// Of what was approved.
    #[serde(skip)]
    pub approved_hash: Option<String>,
    /// Why it is paused, was sent back, or failed.
    pub reason: Option<String>,
    /// The number of its starts and resumptions.
    #[serde(skip)]
    pub round: i64,
    /// The last contact whose message is planned.
    #[serde(skip)]
    pub planned_to: Option<Uuid>,
    /// When all of its messages were planned.
    pub planned_at: Option<DateTime<Utc>>,
    /// The number of the subject, from 1, that won among those that were tried.
    pub ab_winner: Option<i64>,
    /// When it began.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// Who made it.
    pub created_by: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// The columns of a [`Campaign`], of the table `campaigns`.
macro_rules! campaign_row {
    () => {
        "id, name, channel, state, version, sender_id, template_id, template_version, content, whatsapp, audience, \
         settings, send_at, submitted_by, approved_by, approved_at, approved_hash, reason, round, planned_to, \
         planned_at, started_at, finished_at, created_by, created_at, updated_at, ab_winner"
    };
}
use campaign_row;

/// A campaign of a workspace.
#[boxed]
pub async fn find_campaign(db: &Db, workspace_id: Uuid, id: Uuid) -> Result<Option<Campaign>> {
    query(concat!("select ", campaign_row!(), " from campaigns where workspace_id = $1 and id = $2"))
        .bind(workspace_id)
        .bind(id)
        .optional(db)
        .await
}
