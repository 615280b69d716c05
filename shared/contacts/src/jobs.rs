//! The kinds of job about contacts.

mod contact_erase;
mod export_forget;
mod export_run;
mod import_check;
mod import_forget;
mod import_run;
mod import_undo;

pub use contact_erase::ContactErase;
pub use export_forget::ExportForget;
pub use export_run::ExportRun;
pub use import_check::ImportCheck;
pub use import_forget::ImportForget;
pub use import_run::ImportRun;
pub use import_undo::ImportUndo;
