//! `herald migrate`: brings the database up to this version.

use std::process::ExitCode;

use anyhow::Context;
use herald_shared::{clock::Clock, db::Db, ids::Ids};

use crate::{args::Common, home};

#[expect(clippy::print_stdout, reason = "the command's answer")]
pub(crate) async fn run(common: &Common) -> anyhow::Result<ExitCode> {
    let settings = home::settings(common)?;
    std::fs::create_dir_all(&common.data).with_context(|| format!("making {}", common.data.display()))?;
    let db = Db::connect(&home::database(&settings, &common.data), Clock::system(), Ids::random())
        .await
        .context("opening the database")?;
    db.migrate().await.context("bringing the database up to this version")?;
    db.close().await;
    println!("the database is up to date");
    Ok(ExitCode::SUCCESS)
}
