//! Changes that a finished job makes in its domain. They are written in the transaction that writes its outcome, so the
//! two can never disagree.
//!
//! The ledger does not know what the changes are. It collects those of a commit by type and has each type write all of
//! its own at once: a statement a type, however many jobs ended.

use std::{
    any::{Any, TypeId},
    fmt::Debug,
    sync::Arc,
};

use futures::future::BoxFuture;
use uuid::Uuid;

use herald_db::{Result, Tx};

/// A change in a domain. Writing one twice changes nothing the second time.
pub trait Effect: Any + Debug + Send + Sync {
    /// Writes changes of this type, each in the workspace that stands with it: that of the job which brought it about.
    /// Rows of other workspaces stay as they are, whatever ids the change names.
    fn write_all<'a>(changes: Vec<(Uuid, &'a Self)>, tx: &'a mut Tx) -> BoxFuture<'a, Result<()>>
    where
        Self: Sized;
}

/// An [`Effect`] of any type.
#[derive(Clone, Debug)]
pub struct Change(Arc<dyn AnyEffect>);

impl<E: Effect> From<E> for Change {
    fn from(effect: E) -> Self {
        Self(Arc::new(effect))
    }
}

impl Change {
    /// The effect, if it is one of this type.
    pub fn is<E: Effect>(&self) -> Option<&E> {
        let any: &dyn Any = self.0.as_any();
        any.downcast_ref()
    }
}

/// What [`Effect`] is where its type is not known.
trait AnyEffect: Debug + Send + Sync {
    fn as_any(&self) -> &dyn Any;

    /// Writes changes that are all of this type.
    fn write_all<'a>(&self, changes: Vec<(Uuid, &'a Change)>, tx: &'a mut Tx) -> BoxFuture<'a, Result<()>>;
}

impl<E: Effect> AnyEffect for E {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn write_all<'a>(&self, changes: Vec<(Uuid, &'a Change)>, tx: &'a mut Tx) -> BoxFuture<'a, Result<()>> {
        let own = |(workspace_id, change): (Uuid, &'a Change)| Some((workspace_id, change.is::<E>()?));
        E::write_all(changes.into_iter().filter_map(own).collect(), tx)
    }
}

/// Writes changes, type by type, in the order in which the types come first.
pub(super) async fn write(tx: &mut Tx, changes: &[(Uuid, Change)]) -> Result<()> {
    let mut groups: Vec<(TypeId, Vec<(Uuid, &Change)>)> = Vec::new();
    for (workspace_id, change) in changes {
        let kind = change.0.as_any().type_id();
        match groups.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, group)) => group.push((*workspace_id, change)),
            None => groups.push((kind, vec![(*workspace_id, change)])),
        }
    }
    for (_, group) in groups {
        let Some((_, first)) = group.first() else { continue };
        first.0.write_all(group, tx).await?;
    }
    Ok(())
}
