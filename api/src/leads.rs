//! Leads: what contacts may become customers for, and who speaks with them next.

mod follow_ups;
mod list;
mod numbers;
mod one;
mod report_plan;
mod reports;
mod statuses;

pub(crate) use self::list::filter_of;
use herald_leads::LeadError;
use utoipa_axum::router::OpenApiRouter;

use crate::{
    Api,
    front::problem::{Kind, Problem},
};

/// The endpoints behind a token, below `/api/v1`.
pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .merge(list::routes())
        .merge(follow_ups::routes())
        .merge(numbers::routes())
        .merge(one::routes())
        .merge(statuses::routes())
        .merge(reports::routes())
        .merge(report_plan::routes())
}

impl From<LeadError> for Problem {
    fn from(error: LeadError) -> Self {
        match error {
            LeadError::Field { field, detail } => Self::field(field, detail),
            LeadError::WrongState(_) => Self::new(Kind::WrongState, error),
            LeadError::Changed => Self::new(Kind::PreconditionFailed, error),
            LeadError::Contact(error) => error.into(),
            LeadError::Db(error) => error.into(),
        }
    }
}
