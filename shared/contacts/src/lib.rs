//! Contacts: the people whom a workspace knows, whatever it knows them for. With them their tags, what they agreed to,
//! and what happened with them.

mod activity;
mod address;
mod chosen;
mod consent;
mod contact;
mod edit;
mod enqueue;
mod error;
mod example;
mod export;
mod export_effect;
mod field;
mod find;
mod holders;
mod import;
pub mod jobs;
mod known_contacts;
mod merge;
mod note;
mod rules;
mod segment;
mod tag;
mod thing;
mod upsert;

use enqueue::enqueue;

pub use activity::{Activity, NewActivity, add_note, forget_activities, list_activities, record_activities};
pub use address::{
    Address, AddressChange, NewAddress, Verification, add_address, address_spelt, addresses_of, change_address,
    contact_with_address, list_addresses, make_address_primary, remove_address, verify_address,
};
pub use chosen::{ChosenAct, change_chosen};
pub use consent::{
    Consent, NewConsent, add_consent, has_agreed_since, list_consents, take_back_withdrawal, write_consent,
};
pub use contact::{Channel, Contact, ContactNow, Listed, contacts_now, contacts_of, find_contact, listed_contacts};
pub use edit::{Seen, change_contact, create_contact, set_trashed, take_contact};
pub use error::ContactError;
pub use example::{ExamplePerson, add_example_people, example_people, remove_example_people};
pub use export::{
    EXPORT_DAYS, Export, ExportFormat, ExportState, ExportWhat, cancel_export, create_export, export_ended,
    export_expired, find_export, list_exports, note_export_rows,
};
pub use field::{
    ContactField, ContactFieldChange, FieldType, Misfits, NewContactField, change_contact_field, create_contact_field,
    find_contact_field, list_contact_fields, misfits_of, remove_contact_field,
};
pub use find::{ContactFilter, count_contacts, list_contacts};
pub use holders::{
    Erasure, HOLDER, Held, Holder, Holding, Move, Whom, Words, contact_files, erase_contact, erasure_done,
    export_contact, find_erasure, held_of, list_erasures,
};
pub use import::{
    AroundContacts, CONTACT_ID, DecidedPeople, ForgetError, Import, ImportChunk, ImportColumn, ImportFlaw, ImportMode,
    ImportOptions, ImportPiece, ImportReport, ImportRow, ImportState, ImportTally, ImportWhat, LateRefusals,
    MoreColumns, NewImport, ReadImport, RefusedRow, RowCheck, RowPerson, RowRefusal, UNDO_DAYS, UndoneChunk, WouldDo,
    cancel_import, change_import, create_import, decide_people, find_import, forget_import, import_ended, import_row,
    list_imports, next_import_chunk, note_import_checked, read_import, start_import, take_import_chunk, undo_import,
    undo_import_chunk, would_do, write_people,
};
pub use merge::{
    Duplicate, Merge, NewMerge, Undone, duplicates_of, forget_merges, list_merges, merge_contacts, undo_merge,
};
pub use note::{Invited, forget_invited, move_picture, note_invited, remove_contacts, set_picture};
pub use rules::Profile;
pub use segment::{
    ActivityRule, Comparison, ConsentRule, FieldRule, LeadOutcome, LeadRule, MemberTable, Rule, SeenSegment, Segment,
    Snapshot, SnapshotMember, SnapshotUse, change_segment, check_rule, create_segment, filled_fields, find_segment,
    find_snapshot, first_members, forget_snapshots, list_segments, list_snapshots, remove_segment, segment_meant,
    segment_named, snapshot_members, snapshot_of, take_snapshot, thin_snapshot, whole_rule, write_members,
};
pub use tag::{Tag, list_tags, remove_tag, tags_of};
pub use thing::{CONTACT, ERASURE, EXPORT, IMPORT};
pub use upsert::{Person, Upserted, upsert_people};
