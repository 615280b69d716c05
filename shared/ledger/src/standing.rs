//! What a person or a key may do in a workspace at this moment. The people's domain knows it; the ledger asks.

use herald_base::{role::Role, scope::Scope};

/// What somebody may do in a workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Their role; `None` if they have none there, or not any more.
    pub role: Option<Role>,
    /// May do what concerns the whole installation.
    pub platform_admin: bool,
    /// What a key may touch; everything its role may, if nothing is named.
    pub scopes: Option<Vec<Scope>>,
}

impl Standing {
    /// A caller with no rights at all.
    pub const NOBODY: Self = Self { role: None, platform_admin: false, scopes: None };

    /// Of the operator, who works at the machine itself and may do everything.
    pub fn operator() -> Self {
        Self { role: Some(Role::Owner), platform_admin: true, scopes: None }
    }

    /// Whether the scopes, if there are any, let this area be changed.
    pub fn may_write(&self, area: &str) -> bool {
        self.scopes.as_ref().is_none_or(|scopes| scopes.iter().any(|scope| scope.write && scope.area == area))
    }

    /// Whether the scopes, if there are any, let this area be read.
    pub fn may_read(&self, area: &str) -> bool {
        self.scopes.as_ref().is_none_or(|scopes| scopes.iter().any(|scope| scope.area == area))
    }
}
