//! Invitations that come from Mautic and go into Drive or a bucket: the worker's own handlers, against servers that
//! behave and fail as the real ones do.

mod chaos;
mod clients;
mod inside;
mod outreach;
mod pictures;
mod trouble;
mod whole;

use outreach::Outreach;
