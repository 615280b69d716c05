//! Mautic: the source of guests and their pictures, and the place where their invitations are written back.
//!
//! The client uses the REST API of Mautic 4 and later (<https://developer.mautic.org/#rest-api>). It reads answers
//! leniently: PHP may write ids as numbers or text, and lists as objects or arrays. Lists are read by keyset, never by
//! offset. Written values are read back from the answer, because Mautic cuts long values and ignores unknown fields
//! silently. The client never writes a field that identifies a contact: Mautic would merge two people.

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
