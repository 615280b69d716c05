//! `invitation.start`: starts a run as planned, such as every night or when a form was filled in.

use serde::{Deserialize, Serialize};

use super::{JobKind, Payload};
use crate::domain::PlannedRun;

/// Arguments of `invitation.start`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct InvitationStart {
    /// The run.
    #[serde(flatten)]
    pub run: PlannedRun,
}

impl Payload for InvitationStart {
    const KIND: JobKind = JobKind::InvitationStart;
}
