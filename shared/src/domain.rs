//! What Herald is about: workspaces, contacts, events, templates, runs and invitations, and the statements that read and write them.

mod contact;
mod event;
mod fact;
mod invitation;
mod link_key;
mod number;
mod probe;
mod problem;
mod run;
mod template;
mod template_files;
mod token;
mod workspace;

pub use contact::{Contact, Guest, Listed, Upserted, contact, listed_contacts, upsert_guests};
pub use event::{Event, EventError, NumberFormat, ensure_event, event};
pub use fact::Fact;
pub use invitation::{
    Invitation, InvitationFile, InvitationRow, Prepared, field_names, fields_of, invitation, invitation_file,
    prepare_invitations, referenced_files, run_guests,
};
pub use link_key::{LinkKeyError, accept_link_key, check_link_key, known_link_key};
pub use number::NumberFormatError;
pub use probe::{Probe, ProbeTimes, add_to_probe, probe_times, start_probe};
pub use problem::{ImportProblem, add_problems, problems};
pub use run::{
    NewRun, PicturePolicy, Run, RunOptions, RunSource, StartedRun, cancel_run, import_cursor, import_finished,
    retry_failed, run, runs, start_run, take_chunk,
};
pub use template::{NewTemplate, TemplateRow, save_template, template, template_named, templates};
pub use template_files::{TemplateFilesError, load_template, store_template};
pub use token::{Token, check_token, has_tokens, make_token};
pub use workspace::{DEFAULT_WORKSPACE, ensure_default_workspace};
