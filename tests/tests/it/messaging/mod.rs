//! Messages to many people: what each statement of the domain promises, on both engines.

mod senders;
mod suppressions;
