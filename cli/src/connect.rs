//! `herald connect`: an account with a provider, tested as soon as it is entered.

mod browser;
pub(crate) mod secret;

use std::{path::Path, process::ExitCode};

use anyhow::{Context, bail};
use herald_accounts as connections;
use herald_accounts::{BucketSettings, Connection, NewConnection, ProviderKind, Typed};
use herald_ledger::audit::{self, Entry};
use herald_providers::email::SmtpServer;

use crate::{
    accounts::{Desk, print},
    args::{self, Common, Connect},
    audit::me,
};

pub(crate) async fn run(common: &Common, command: Connect) -> anyhow::Result<ExitCode> {
    let (name, typed, target) = match &command {
        Connect::Google(options) => (options.name.clone(), google(options)?, options.folder.clone()),
        Connect::Mautic(options) => (options.name.clone(), mautic(options)?, options.form.map(|form| form.to_string())),
        Connect::S3(options) => (options.name.clone(), s3(options)?, None),
        Connect::Smtp(options) => (options.name.clone(), smtp(options)?, None),
        Connect::Twilio(options) => (options.name.clone(), twilio(options)?, None),
        Connect::Meta(options) => (options.name.clone(), meta(options)?, None),
    };
    let consents = matches!(&typed, Typed::Google { client: Some(_), .. });
    let provider = typed.provider();
    let (settings, credentials) = typed.read()?;
    let desk = Desk::open(common).await?;
    desk.clients.check_address(&settings)?;
    let mut tx = desk.db.begin().await?;
    let new = NewConnection { name: &name, settings, credentials };
    let id = connections::save(&mut tx, desk.clients.vault(), desk.workspace_id, new).await?;
    let entry = Entry::of("connection.save", &name).with(serde_json::json!({ "provider": provider.name() }));
    audit::record(&mut tx, &me(desk.workspace_id), entry).await?;
    tx.commit().await?;
    let connection = connections::find_connection(&desk.db, desk.workspace_id, id)
        .await?
        .context("the connection was deleted in the meantime: run the command again")?;
    say(&format!("saved the connection {name:?}; its credentials are encrypted {}", desk.sealed_with()));
    if consents {
        browser::consent(&desk, &connection).await?;
    }
    hints(&desk, &connection, provider);
    let works = desk.test(&connection, target.as_deref(), print).await?;
    desk.close().await;
    Ok(if works { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn google(options: &args::Google) -> anyhow::Result<Typed> {
    let read = |file: &Path| -> anyhow::Result<serde_json::Value> {
        let text = std::fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
        Ok(serde_json::Value::String(text))
    };
    Ok(Typed::Google {
        service_account: options.service_account.as_deref().map(read).transpose()?,
        subject: options.subject.clone(),
        client: options.client.as_deref().map(read).transpose()?,
    })
}

fn mautic(options: &args::Mautic) -> anyhow::Result<Typed> {
    let what = if options.user.is_some() { "password" } else { "secret key" };
    let secret = secret::read(options.secret_file.as_deref(), &format!("{what} in Mautic"))?;
    let webhook_secret = match &options.webhook_secret_file {
        Some(file) => Some(secret::read(Some(file), "")?),
        None => None,
    };
    let (password, client_secret) = if options.user.is_some() { (Some(secret), None) } else { (None, Some(secret)) };
    Ok(Typed::Mautic {
        url: options.url.clone(),
        user: options.user.clone(),
        password,
        client_id: options.client_id.clone(),
        client_secret,
        webhook_secret,
    })
}

fn s3(options: &args::S3) -> anyhow::Result<Typed> {
    if options.endpoint.starts_with("http://") && !options.allow_http {
        bail!(
            "{} has no TLS, so others on the network can read the files: use https, or give --allow-http if you \
             trust the network",
            options.endpoint
        );
    }
    Ok(Typed::S3 {
        bucket: BucketSettings {
            bucket: options.bucket.clone(),
            prefix: options.prefix.clone(),
            endpoint: options.endpoint.clone(),
            region: options.region.clone(),
            access_key_id: options.access_key_id.clone(),
            path_style: !options.virtual_host,
            allow_http: options.allow_http,
        },
        secret_key: secret::read(options.secret_file.as_deref(), "secret key of the bucket")?,
    })
}

fn smtp(options: &args::Smtp) -> anyhow::Result<Typed> {
    let password = match &options.user {
        Some(user) => Some(secret::read(options.secret_file.as_deref(), &format!("password of {user}"))?),
        None => None,
    };
    let server = SmtpServer {
        host: options.host.clone(),
        port: options.port,
        tls: options.tls.into(),
        user: options.user.clone(),
    };
    Ok(Typed::Smtp { server, password })
}

fn twilio(options: &args::Twilio) -> anyhow::Result<Typed> {
    Ok(Typed::Twilio {
        account_sid: options.account_sid.clone(),
        messaging_service_sid: options.messaging_service_sid.clone(),
        auth_token: secret::read(options.secret_file.as_deref(), "auth token at Twilio")?,
    })
}

fn meta(options: &args::Meta) -> anyhow::Result<Typed> {
    Ok(Typed::Meta {
        phone_number_id: options.phone_number_id.clone(),
        business_account_id: options.business_account_id.clone(),
        access_token: secret::read(options.secret_file.as_deref(), "access token of the system user")?,
        app_secret: secret::read(options.app_secret_file.as_deref(), "secret of the app at Meta")?,
        verify_token: secret::read(options.verify_token_file.as_deref(), "word with which Meta verifies the webhook")?,
    })
}

/// Prints the steps that remain to be done elsewhere.
fn hints(desk: &Desk, connection: &Connection, provider: ProviderKind) {
    let base = desk.settings.http.public_url.trim_end_matches('/');
    let address = format!("{base}/webhooks/{}/{}", provider.name(), connection.id);
    match provider {
        ProviderKind::Mautic => {
            say(&format!("to start runs when a person fills in a form, enter this webhook in Mautic: {address}"));
        }
        ProviderKind::Twilio => {
            say(&format!("to hear what people answer, enter this address for incoming messages at Twilio: {address}"));
        }
        ProviderKind::Meta => {
            say(&format!(
                "to hear what becomes of messages and what people answer, enter this webhook in the app at Meta, with \
                 the word that verifies it, and subscribe to messages: {address}"
            ));
        }
        ProviderKind::Google | ProviderKind::S3 | ProviderKind::Smtp => {}
    }
}

#[expect(clippy::print_stdout, reason = "the command's answer")]
fn say(text: &str) {
    println!("{text}");
}
