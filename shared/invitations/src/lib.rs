//! Events, templates, runs and invitations, and the statements that read and write them.

mod bundled;
mod effect;
mod event;
mod example;
pub mod guest_list;
mod holder;
mod invitation;
pub mod jobs;
mod link_key;
mod mautic_guests;
mod mend;
mod move_files;
mod number;
mod picture;
mod plan;
mod prepare;
mod problem;
mod redraw;
pub mod results;
mod run;
mod run_causes;
mod run_check;
mod run_guests;
mod run_import;
mod run_options;
mod run_resumed;
mod run_retry;
mod run_snapshots;
mod sample;
mod search;
mod segment_fields;
mod source_cursor;
mod stored_templates;
pub mod sweep;
mod template;
mod template_files;
mod template_versions;
mod thing;
mod upload;
mod waiting;

pub use bundled::{badge_template, gala_template};
pub use effect::{
    InvitationEnded, InvitationReopened, Outside, PortraitReady, Published, Rendered, RunEnded, RunReopened, Uploaded,
    end_of_import, end_of_step,
};
pub use event::{Event, EventError, NumberFormat, check_event, ensure_event, event_named, find_event};
pub use example::{EXAMPLE, ExampleFile, example_runs, remove_example};
pub use holder::{HOLDER, invitation_files};
pub use invitation::{
    Invitation, InvitationFile, InvitationRow, InvitationState, archived_guests, field_names, fields_of,
    find_invitation, guest_file, invitation_file, invited_contacts, referenced_files, run_guest, run_guests,
};
pub use link_key::{LinkKeyError, accept_link_key, check_link_key, has_links, is_new, known_link_key};
pub use mautic_guests::{MauticGuest, MauticGuests, MauticGuestsError, MauticPage};
pub use mend::{Mend, Mended, mend_guest};
pub use move_files::{MoveError, Moved, has_old_files, move_files};
pub use number::NumberFormatError;
pub use picture::{PictureSource, picture_mark};
pub use plan::{PlanError, PlannedDestination, PlannedRun, PlannedSource, start_planned};
pub use prepare::{Invitee, Place, Prepared, prepare_invitations};
pub use problem::{ImportProblem, add_problems, list_problems, refused_rows};
pub use redraw::{Redraw, RedrawFrom, redraw};
pub use run::{
    ListedRun, NewRun, Run, RunState, StartedRun, TakeUp, cancel_run, cancel_run_by, find_run, list_runs, start_run,
    start_run_by,
};
pub use run_causes::{RunCause, run_causes};
pub use run_check::{
    CHECK_DAYS, CheckError, CheckPlan, CheckReport, CheckedGuest, NewCheck, RunCheck, crowded_checks, find_check,
    forget_check, keep_check, note_checked_run, take_over_files,
};
pub use run_guests::{FoundGuests, GuestFilter, UNKNOWN_CAUSE, find_guests};
pub use run_import::{import_cursor, import_finished, take_chunk};
pub use run_options::{Destination, MauticSource, PicturePolicy, RunOptions, RunSource};
pub use run_resumed::goes_on_with;
pub use run_retry::{Again, retry_failed, retry_failed_by};
pub use run_snapshots::thin_snapshots;
pub use sample::Sample;
pub use search::{FoundGuest, FoundRun, FoundTemplate, search_guests, search_runs, search_templates};
pub use segment_fields::segment_fields;
pub use source_cursor::{move_source_cursor, source_cursor};
pub use stored_templates::{check_stored_fields, check_stored_files, stored_template};
pub use template::{NewTemplate, TemplateRow, find_template, list_templates, save_template, template_named};
pub use template_files::{
    Storing, TemplateFilesError, check_template, load_template, store_template, store_template_within, template_bundle,
};
pub use template_versions::{TemplateVersion, choose_template, template_versions};
pub use thing::{CHECK, INVITATION, RUN, TEMPLATE, invitation_key};
pub use upload::{
    EventFolder, Upload, add_reserved, event_folder, find_upload, folder_is_ready, forget_folder, forget_upload,
    keep_session, name_folder, name_upload, reserved_left, take_reserved,
};
pub use waiting::{Wait, waits_for};
