//! Addresses from which a person has signed in before. The person is let in from there, even while others are kept from
//! guessing.

use std::net::IpAddr;

use super::{Address, People, Result};
use herald_base::boxed;
use herald_db::query;
use herald_ledger::rate_limits::Subject;

/// As many of a person's sessions are looked at, the newest first.
const LOOKED_AT: i64 = 50;

impl People {
    /// Whether the person of this e-mail address has signed in from this network address before (of IPv6, from its
    /// network). Costs the same for an e-mail address that nobody has.
    ///
    /// # Errors
    /// [`super::PeopleError::Db`].
    #[boxed]
    pub async fn is_familiar(&self, email: &str, from: IpAddr) -> Result<bool> {
        let Ok(address) = Address::parse(email) else { return Ok(false) };
        let seen: Vec<(String,)> = query(
            "select s.address from sessions as s join users as u on u.id = s.user_id
             where u.email_key = $1 and s.address is not null order by s.created_at desc limit $2",
        )
        .bind(address.key())
        .bind(LOOKED_AT)
        .all(&self.db)
        .await?;
        let from = Subject::address(from);
        Ok(seen.iter().filter_map(|(text,)| text.parse().ok()).any(|address| Subject::address(address) == from))
    }
}
