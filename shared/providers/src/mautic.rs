//! Mautic: who is invited, where their pictures are, and where their invitations are written back.
//!
//! Speaks the REST API of Mautic 4 and later (<https://developer.mautic.org/#rest-api>) and takes what it answers
//! leniently: ids as numbers or text, lists as objects or arrays, however PHP happened to write them. Lists are read by
//! keyset, never by offset. What is written is read back from the answer, since Mautic cuts long values and ignores
//! unknown fields without a word. No field that identifies a contact is ever written: Mautic would merge two people.

mod account;
mod batch;
mod check;
mod client;
mod contact;
mod contacts;
mod errors;
mod fields;
mod forms;
mod lenient;
mod picture;
mod segments;
mod site;
mod token;
pub mod webhook;
mod write_back;

pub use self::account::{MauticAuth, MauticSecret, MauticSettings};
pub use self::{
    check::check,
    client::Mautic,
    contact::MauticContact,
    contacts::Selection,
    fields::{ContactField, Fields},
    forms::{Form, FormField, Submission},
    picture::{Picture, PictureField},
    segments::Segments,
    write_back::WriteBack,
};
