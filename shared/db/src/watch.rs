//! What is run on the database, for whoever looks on: the tests, which hold every statement to its workspace.

use std::{
    panic::Location,
    sync::{Arc, OnceLock},
};

use super::{Db, connect::Inner};

/// Is told of each statement, with the place in the code that made it, before it is run.
pub type Watch = Arc<dyn Fn(&str, &'static Location<'static>) + Send + Sync>;

/// Who looks on. Costs one read of a pointer a statement where nobody does.
#[derive(Default)]
pub(super) struct Watched(OnceLock<Watch>);

impl Db {
    /// Tells `watch` of every statement that is run from now on through this handle and its clones. Only the first one
    /// to say so is told.
    pub fn watch(&self, watch: Watch) {
        // Who came first stays.
        let _ = self.inner().watched.0.set(watch);
    }

    pub(super) fn tell(&self, sql: &str, from: &'static Location<'static>) {
        let Inner { watched, .. } = self.inner();
        if let Some(watch) = watched.0.get() {
            watch(sql, from);
        }
    }
}
