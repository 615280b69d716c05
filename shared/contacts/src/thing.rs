//! What the ids in jobs' arguments can name of this domain.

use herald_ledger::Thing;

/// A contact.
pub const CONTACT: Thing = Thing::new("contact", "contacts");
/// A person who was erased.
pub const ERASURE: Thing = Thing::new("erasure", "erasures");
/// An export.
pub const EXPORT: Thing = Thing::new("export", "exports");
/// An import.
pub const IMPORT: Thing = Thing::new("import", "imports");
