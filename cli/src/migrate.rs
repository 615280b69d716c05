//! `herald migrate`: brings the database up to this version.

use std::process::ExitCode;

use anyhow::Context;
use herald_shared::{clock::Clock, data_folder::DataFolder, db::Db, domain, ids::Ids};

use crate::{
    args::{Common, Migrate},
    home,
};

#[expect(clippy::print_stdout, reason = "the command's answer")]
pub(crate) async fn run(common: &Common, options: Migrate) -> anyhow::Result<ExitCode> {
    let settings = home::settings(common)?;
    std::fs::create_dir_all(&common.data).with_context(|| format!("making {}", common.data.display()))?;
    let db = Db::connect(&home::database(&settings, &common.data), Clock::system(), Ids::random())
        .await
        .context("opening the database")?;
    db.migrate().await.context("bringing the database up to this version")?;
    println!("the database is up to date");
    if options.accept_link_key {
        // Shared: the processes with the old key may still run.
        let links = home::signer(&settings, &DataFolder::share(&common.data)?, &Ids::random())?;
        domain::accept_link_key(&db, &links).await.context("noting the key of the links")?;
        println!("the key of the links is now {}: start every process with it", links.fingerprint());
    }
    db.close().await;
    Ok(ExitCode::SUCCESS)
}
