//! Each command and option does what its help says.

mod campaign;
mod connect;
mod crm;
mod drawing;
mod invite;
mod jobs;
mod operate;
mod others;
mod people;
mod schedules;
mod up;
