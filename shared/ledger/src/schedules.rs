//! Schedules: jobs that come again by the calendar, each tick once for the whole fleet.
//!
//! A [`Timetable`] says when the ticks are. A [`Schedule`] is a row with an expression, a time zone and a job; people
//! make, change, pause and remove them. A scheduler that finds one due ([`due()`]) makes a [`Plan`] of what became due
//! and carries it out ([`fire()`]): in one transaction `next_run` moves on, if nobody else has moved it, and the job is
//! put in the ledger. What people do stands in the audit log; what fires by itself does not.

mod check;
mod due;
mod edit;
mod fire;
mod held;
mod row;
mod timetable;
mod told;

pub use check::{Flaw, Flaws};
pub use due::{Due, MOST_CAUGHT_UP, ON_TIME, Plan};
pub use edit::{
    Change, NewSchedule, RunNow, ScheduleError, change, change_if, create, create_within, pause, remove, resume,
    run_now,
};
pub use fire::{Fired, fire};
pub use held::{MOST_LOST, adopt, note_lost};
pub use row::{Missed, Overlap, Schedule, due, find_schedule, find_schedule_named, list_schedules, next_due};
pub use timetable::{Expression, ExpressionError, Timetable, ZoneError, zone};
