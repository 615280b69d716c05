//! Lists of leads. A row is a person, whom `herald-contacts` finds among the contacts or adds to them, and a lead of
//! theirs.
//!
//! The steps of an import, its file and its cursor are the same as of a list of people. This module takes the columns
//! of leads out of the rows, and joins the transaction that takes a chunk in: a chunk is whole or not at all.

mod cells;
mod chunk;
mod columns;
mod decide;
mod known;
mod notes;
mod repeats;
mod state;
mod undo;
mod write;

pub use self::{
    chunk::{take_lead_chunk, would_do_leads},
    columns::{LEAD_ID, lead_columns},
    undo::{LeadsUndone, forget_lead_images, undo_lead_chunk},
};
