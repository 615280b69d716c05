//! The kinds of job about contacts.

mod import_check;
mod import_forget;
mod import_run;
mod import_undo;

pub use import_check::ImportCheck;
pub use import_forget::ImportForget;
pub use import_run::ImportRun;
pub use import_undo::ImportUndo;
