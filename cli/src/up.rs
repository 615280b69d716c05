//! `herald up`: API, worker and scheduler in one process.

use std::process::ExitCode;

use anyhow::Context;
use herald_api::Api;
use herald_shared::{config::EnvironmentKind, domain, telemetry};
use tokio::net::TcpListener;

use crate::{
    args::{Common, Up},
    bundled,
    engine::Engine,
    home::{self, Home},
    stop,
};

pub(crate) async fn run(common: &Common, options: Up) -> anyhow::Result<ExitCode> {
    let settings = home::settings(common)?;
    home::start_logging(&settings.log)?;
    let metrics = telemetry::start_metrics();
    if settings.environment == EnvironmentKind::Production && settings.http.public_url.contains("//127.0.0.1") {
        anyhow::bail!(
            "setting http.public_url is {}, which no guest can open: set it to the address guests reach this machine by",
            settings.http.public_url
        );
    }
    let listen = options.listen.unwrap_or_else(|| settings.http.listen.clone());
    let home = Home::open(common, settings).await?;
    let listener = TcpListener::bind(&listen).await.with_context(|| {
        format!("listening on {listen}: choose another address with --listen or the setting http.listen")
    })?;
    let address = listener.local_addr()?;
    if !domain::has_tokens(&home.db).await? {
        let token = domain::make_token(&home.db, home.workspace_id, "admin").await?;
        say(&format!("admin token, shown this once: {token}"));
    }
    // So that the first request needs no template of its own.
    domain::store_template(&home.db, &home.files, home.workspace_id, None, &bundled::template()?).await?;
    let stop = stop::on_signal();
    let engine = Engine::start(&home)?;
    let api = Api {
        db: home.db.clone(),
        wire: engine.wire.clone(),
        files: home.files.clone(),
        links: home.links.clone(),
        settings: home.settings.clone(),
        metrics,
    };
    say(&format!("herald serves http://{address} (data in {})", home.folder.root().display()));
    let served = herald_api::serve(listener, api, stop.clone()).await;
    stop.cancel();
    engine.stop().await;
    home.close().await;
    served.context("serving")?;
    Ok(ExitCode::SUCCESS)
}

#[expect(clippy::print_stdout, reason = "what the person who starts it needs to know")]
fn say(text: &str) {
    println!("{text}");
}
