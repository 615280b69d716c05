//! Each command and option does what its help says.

mod invite;
mod operate;
mod others;
mod schedules;
mod up;
