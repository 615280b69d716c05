//! Reports every statement to an observer, such as the tests, which check that each statement names its workspace.

use std::{
    panic::Location,
    sync::{Arc, OnceLock},
};

use super::{Db, connect::Inner};

/// A function that receives each statement, and the place in the code that wrote it, before the statement runs.
pub type Watch = Arc<dyn Fn(&str, &'static Location<'static>) + Send + Sync>;

/// The observer. Without an observer it costs one read of a pointer per statement.
#[derive(Default)]
pub(super) struct Watched(OnceLock<Watch>);

impl Db {
    /// Reports every statement of this handle and its clones to `watch` from now on. Only the first call has an effect.
    pub fn watch(&self, watch: Watch) {
        // The first observer stays.
        let _ = self.inner().watched.0.set(watch);
    }

    pub(super) fn tell(&self, sql: &str, from: &'static Location<'static>) {
        let Inner { watched, .. } = self.inner();
        if let Some(watch) = watched.0.get() {
            watch(sql, from);
        }
    }
}
