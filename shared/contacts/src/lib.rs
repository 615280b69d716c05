//! Contacts: the people whom a workspace knows, whatever it knows them for. With them their tags, what they agreed to,
//! and what happened with them.

mod activity;
mod consent;
mod contact;
mod edit;
mod error;
mod find;
mod known_contacts;
mod note;
mod rules;
mod tag;
mod thing;
mod upsert;

pub use activity::{Activity, NewActivity, add_note, list_activities, record_activities};
pub use consent::{Consent, NewConsent, add_consent, list_consents};
pub use contact::{Channel, Contact, Listed, find_contact, listed_contacts};
pub use edit::{Seen, change_contact, create_contact, set_trashed, take_contact};
pub use error::ContactError;
pub use find::{ContactFilter, count_contacts, list_contacts};
pub use note::{Invited, move_picture, note_invited, remove_contacts, set_picture};
pub use rules::Profile;
pub use tag::{Tag, list_tags, remove_tag, tags_of};
pub use thing::CONTACT;
pub use upsert::{Person, Upserted, upsert_people};
