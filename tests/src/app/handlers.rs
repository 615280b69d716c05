//! The handlers of jobs, as a worker's process has them.

use std::path::PathBuf;

use herald_accounts::Clients;
use herald_app::config::Settings;
use herald_base::{image_format::ImageFormat, links::LinkSigner};
use herald_db::Db;
use herald_people::People;
use herald_providers::{email::Mailer, files::Files};
use herald_sheets as csv;
use herald_worker::{
    fetch::ProbeCall,
    invitations::write_back::WriteBacks,
    jobs::{Context, Folders},
    studio::Studio,
};

/// What the handlers work with. Pictures are drawn in this process, and mails lie with the files if no mail server is
/// set.
pub(super) fn context(db: &Db, files: Files, links: LinkSigner, settings: &Settings, accounts: Clients) -> Context {
    let folder = PathBuf::from(files.place("mails"));
    Context {
        db: db.clone(),
        files,
        links,
        studio: Studio::in_process(settings).expect("the studio has its fonts"),
        probe: ProbeCall::new("").expect("no address is fine"),
        import: csv::Options::default(),
        workbooks: herald_worker::workbooks::Workbooks::Here,
        people: People::from_settings(db, &accounts, settings).expect("the settings of people fit"),
        mailer: Mailer::from_settings(settings, &folder, db.clock().clone()).expect("the settings of mails fit"),
        accounts,
        write_back: WriteBacks::default(),
        folders: Folders::default(),
        format: ImageFormat::Jpeg,
    }
}
