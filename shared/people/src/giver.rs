//! What a person or a program may pass on: nobody gives more than they hold, and a gift ends with its giver.
//!
//! A key and an invitation link remember the person behind them (their maker), and are worth at most what that person
//! is worth in the workspace at the moment of use. A key or link that the command line or the installation made has no
//! maker.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{NewKey, PeopleError, Result, Role, Scope};

/// Whose something is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Maker {
    /// The person behind it; `None` where the installation itself made it.
    pub user_id: Option<Uuid>,
    /// The key that was used to make it, if a program made it.
    pub key_id: Option<Uuid>,
}

/// What the giver holds.
#[derive(Clone, Debug)]
pub struct Giver {
    /// The giver's role in the workspace.
    pub role: Role,
    /// Whether the giver administers the installation.
    pub platform_admin: bool,
    /// The scopes of a narrow key. `None`: everything that the role may.
    pub scopes: Option<Vec<Scope>>,
    /// When the giver's own key ends.
    pub expires_at: Option<DateTime<Utc>>,
    /// Whose the gift is.
    pub maker: Maker,
}

impl Giver {
    /// The installation itself: the command line, on the machine that holds the database.
    pub fn installation() -> Self {
        Self { role: Role::Owner, platform_admin: true, scopes: None, expires_at: None, maker: Maker::default() }
    }

    /// Whether the giver's scopes hold this one.
    pub fn holds(&self, wanted: &Scope) -> bool {
        self.scopes.as_ref().is_none_or(|scopes| scopes.iter().any(|scope| scope.holds(wanted)))
    }

    /// Checks that the giver may give a person this role.
    ///
    /// # Errors
    /// [`PeopleError::Narrow`], [`PeopleError::AboveOwn`].
    pub fn may_give(&self, wanted: Role) -> Result<()> {
        if self.scopes.is_some() {
            // A role is everything that it may, in every area: more than any scope.
            return Err(PeopleError::Narrow("a key with scopes cannot give a person a role: use a key without scopes"));
        }
        if wanted > self.role {
            return Err(PeopleError::AboveOwn { own: self.role, wanted });
        }
        Ok(())
    }

    /// Checks that the giver may make this key.
    ///
    /// # Errors
    /// [`PeopleError::Narrow`], [`PeopleError::AboveOwn`], [`PeopleError::NotAdmin`], [`PeopleError::Field`].
    pub(super) fn may_make(&self, new: &NewKey) -> Result<()> {
        if new.role > self.role {
            return Err(PeopleError::AboveOwn { own: self.role, wanted: new.role });
        }
        if new.platform_admin && !self.platform_admin {
            return Err(PeopleError::NotAdmin);
        }
        let within = match (&self.scopes, &new.scopes) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(_), Some(wanted)) => wanted.iter().all(|scope| self.holds(scope)),
        };
        if !within {
            return Err(PeopleError::Narrow(
                "a key with scopes can only create keys with the same scopes or fewer: set scopes",
            ));
        }
        if self.expires_at.is_some_and(|end| new.expires_at.is_none_or(|wanted| wanted > end)) {
            return Err(PeopleError::Narrow(
                "a key that expires can only create keys that expire no later: set expires_at",
            ));
        }
        Ok(())
    }
}

/// The role that counts now: the given one, or the maker's present one if that is lower; `None` if the maker has no
/// role any more.
pub(super) fn effective(given: Role, maker: Option<Uuid>, makers_role: Option<&str>) -> Option<Role> {
    match maker {
        None => Some(given),
        Some(_) => makers_role?.parse().ok().map(|present: Role| present.min(given)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn narrow(scopes: &[&str]) -> Giver {
        let scopes = Some(scopes.iter().map(|scope| scope.parse().unwrap()).collect());
        Giver { role: Role::Agency, platform_admin: false, scopes, ..Giver::installation() }
    }

    fn key(role: Role, scopes: &[&str]) -> NewKey {
        let scopes = (!scopes.is_empty()).then(|| scopes.iter().map(|scope| scope.parse().unwrap()).collect());
        NewKey { name: "test".to_owned(), role, platform_admin: false, scopes, expires_at: None }
    }

    #[test]
    fn a_narrow_giver_gives_keys_within_its_own_scopes_and_no_role() {
        let giver = narrow(&["keys:write", "jobs:read"]);
        for scopes in [&["jobs:read"][..], &["keys:read"], &["keys:write", "jobs:read"]] {
            giver.may_make(&key(Role::Agency, scopes)).unwrap();
        }
        for scopes in [&[][..], &["jobs:write"], &["jobs:read", "members:read"]] {
            assert!(matches!(giver.may_make(&key(Role::Viewer, scopes)), Err(PeopleError::Narrow(_))), "{scopes:?}");
        }
        assert!(matches!(giver.may_make(&key(Role::Owner, &["jobs:read"])), Err(PeopleError::AboveOwn { .. })));
        assert!(Role::ALL.into_iter().all(|role| matches!(giver.may_give(role), Err(PeopleError::Narrow(_)))));
    }

    #[test]
    fn what_is_given_lasts_no_longer_than_the_giver() {
        let end = DateTime::from_timestamp(1_000, 0);
        let giver = Giver { expires_at: end, ..Giver::installation() };
        let until = |expires_at| NewKey { expires_at, ..key(Role::Viewer, &[]) };
        giver.may_make(&until(end)).unwrap();
        assert!(giver.may_make(&until(None)).is_err());
        assert!(giver.may_make(&until(DateTime::from_timestamp(1_001, 0))).is_err());
    }

    #[test]
    fn the_lower_of_two_roles_counts_and_none_opens_nothing() {
        let maker = Some(Uuid::max());
        assert_eq!(effective(Role::Owner, None, None), Some(Role::Owner));
        assert_eq!(effective(Role::Agency, maker, Some("staff")), Some(Role::Staff));
        assert_eq!(effective(Role::Viewer, maker, Some("owner")), Some(Role::Viewer));
        assert_eq!(effective(Role::Viewer, maker, None), None);
        assert_eq!(effective(Role::Viewer, maker, Some("king")), None);
    }
}
