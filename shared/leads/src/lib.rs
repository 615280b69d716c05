//! Leads: what contacts may become customers for, who looks after them, and when somebody speaks with them next.

mod edit;
mod error;
mod example;
mod holder;
mod import;
pub mod jobs;
mod lead;
mod list;
mod note;
mod numbers;
mod people;
mod remind;
mod report;
mod rules;
mod status;

pub use edit::{NewLead, Seen, Whose, change_lead, create_lead};
pub use error::{LeadError, Result};
pub use example::{add_example, remove_example};
pub use holder::{HOLDER, report_files};
pub use import::{
    LEAD_ID, LeadsUndone, forget_lead_images, lead_columns, take_lead_chunk, undo_lead_chunk, would_do_leads,
};
pub use lead::{Lead, find_lead};
pub use list::{
    CountBy, Due, FollowUpCursor, LeadCount, LeadFilter, count_leads, is_due_today, list_follow_ups, list_leads,
};
pub use note::{LeadNote, add_lead_note, list_lead_notes};
pub use numbers::{Answered, LeadNumbers, LeadShare, LeadsAnswered, LeadsOfDay, MOST_DAYS, lead_numbers};
pub use people::{LeadPeople, people_of_leads};
pub use remind::{RemindError, Reminded, remind_due};
pub use report::{
    DAILY_LEADS, Fonts, LocalDay, Report, ReportError, ReportFormat, ReportPlan, ReportSubscriber, WrittenReport,
    find_report, list_reports, list_subscribers, missing_days, note_report, report_key, report_news, report_plan,
    set_report_plan, subscribe, unsubscribe, write_daily_leads, write_report,
};
pub use rules::LeadFields;
pub use status::{LeadStatus, Outcome, list_statuses, set_statuses};
