//! The example people of a workspace: they show what roles are, and nobody can sign in as one of them.

use herald_base::boxed;
use uuid::Uuid;

use super::{Address, People, PeopleError, Result, Role, member, user};
use herald_db::query;
use herald_ledger::audit::{self, Actor, Entry};

/// Who they are: the first part of the address, and the role.
const PEOPLE: &[(&str, Role)] = &[("mira", Role::Agency), ("jonas", Role::Staff), ("aiko", Role::Viewer)];

/// Their address in a workspace. It is of a name that leads nowhere (RFC 2606).
fn address(name: &str, workspace_id: Uuid) -> Result<Address> {
    Address::parse(&format!("{name}-{}@example.invalid", &workspace_id.simple().to_string()[20..]))
        .map_err(|_| PeopleError::Missing("user"))
}

impl People {
    /// Makes the example people members of a workspace, unless they are. Returns how many were made.
    ///
    /// # Errors
    /// [`PeopleError::Db`].
    #[boxed]
    pub async fn add_example(&self, actor: &Actor) -> Result<usize> {
        let workspace_id = actor.workspace_id;
        let mut made = 0;
        let mut tx = self.db.begin().await?;
        for (name, role) in PEOPLE {
            let address = address(name, workspace_id)?;
            // Without a password, nobody signs in.
            let new = user::NewUser {
                address: &address,
                password_hash: None,
                locale: "en",
                time_zone: "UTC",
                platform_admin: false,
            };
            if let Some(id) = user::insert(&mut tx, &new).await? {
                member::add(&mut tx, workspace_id, id, *role).await?;
                made += 1;
            }
        }
        if made > 0 {
            audit::record(&mut tx, actor, Entry::of("example.people", "add").affecting(made)).await?;
        }
        tx.commit().await?;
        Ok(made)
    }

    /// Removes the example people of a workspace with their accounts.
    ///
    /// # Errors
    /// [`PeopleError::Db`].
    #[boxed]
    pub async fn remove_example(&self, actor: &Actor) -> Result<()> {
        let mut tx = self.db.begin().await?;
        for (name, _) in PEOPLE {
            let address = address(name, actor.workspace_id)?;
            let Some(found) = user::by_address(&mut tx, &address).await? else { continue };
            query("delete from members where workspace_id = $1 and user_id = $2")
                .bind(actor.workspace_id)
                .bind(found.id)
                .execute(&mut tx)
                .await?;
            query("delete from users where id = $1 and password_hash is null").bind(found.id).execute(&mut tx).await?;
        }
        audit::record(&mut tx, actor, Entry::of("example.people", "remove")).await?;
        tx.commit().await?;
        Ok(())
    }
}
