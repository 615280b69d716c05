//! Settings: a workspace's members, keys and accounts, and the people of the installation.

mod connections;
mod crm;
mod invite;
mod keys;
mod members;
mod standing;
mod users;

use axum::Router;

use crate::{Console, description::Role, visit::Visit};

pub(crate) fn routes() -> Router<Console> {
    Router::new()
        .merge(members::routes())
        .merge(invite::routes())
        .merge(keys::routes())
        .merge(connections::routes())
        .merge(users::routes())
        .merge(crm::routes())
}

/// The roles that a person may give: nobody gives more than they hold.
fn roles(visit: &Visit) -> Vec<&'static str> {
    let own = visit.workspace.as_ref().and_then(|workspace| Role::of(&workspace.role));
    up_to(own)
}

fn up_to(own: Option<Role>) -> Vec<&'static str> {
    let all = ["viewer", "staff", "agency", "owner"];
    all.into_iter().filter(|name| own.is_some_and(|own| Role::of(name).is_some_and(|role| role <= own))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_gives_more_than_they_hold() {
        assert_eq!(up_to(Some(Role::Owner)).len(), 4);
        assert_eq!(up_to(Some(Role::Staff)), ["viewer", "staff"]);
        assert!(up_to(None).is_empty());
    }
}
