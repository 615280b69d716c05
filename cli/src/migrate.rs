//! `herald migrate`: migrates the database to this version.

use std::process::ExitCode;

use anyhow::Context;
use herald_base::{
    clock::Clock,
    data_folder::{DataFolder, DataFolderError},
    ids::Ids,
};
use herald_invitations as domain;
use herald_providers::files::Files;

use crate::{
    args::{Common, Migrate},
    home,
};

#[expect(clippy::print_stdout, reason = "the command's answer")]
pub(crate) async fn run(common: &Common, options: Migrate) -> anyhow::Result<ExitCode> {
    let settings = home::settings(common)?;
    herald_base::private::make_folder(&common.data).with_context(|| format!("making {}", common.data.display()))?;
    let db = home::open_database(&home::database(&settings, &common.data), Clock::system(), Ids::random()).await?;
    db.migrate().await.context("bringing the database up to this version")?;
    println!("the database is up to date");
    if domain::has_old_files(&db).await? {
        // The folder is shared: a scheduler may be about to do the same, and processes of the earlier version may still
        // run.
        match DataFolder::share(&common.data) {
            Ok(folder) => {
                let files = Files::open(&settings.files, folder.files())?;
                home::move_files(&db, &files, false).await?;
                println!("the files are in the folders of this version");
            }
            Err(DataFolderError::InUse { .. }) => {
                println!("another process uses the data folder: Herald moves the files at the next start")
            }
            Err(error) => return Err(error.into()),
        }
    }
    if options.accept_link_key {
        // The folder is shared: the processes with the old key may still run.
        let links = home::new_signer(&settings, &DataFolder::share(&common.data)?, &Ids::random())?;
        domain::accept_link_key(&db, &links).await.context("storing the link key")?;
        println!("the link key is now {}: start every process with it", links.fingerprint());
    }
    db.close().await;
    Ok(ExitCode::SUCCESS)
}
