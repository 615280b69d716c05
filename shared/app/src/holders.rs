//! The list of all domains that hold something about people.

use herald_contacts::Holder;

/// Every holder. A domain that refers to another one's rows stands before it, for it is erased first.
pub static HOLDERS: &[Holder] =
    &[herald_invitations::HOLDER, herald_leads::HOLDER, herald_messaging::HOLDER, herald_contacts::HOLDER];
