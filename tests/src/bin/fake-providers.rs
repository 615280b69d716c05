//! Serves the fake providers by themselves, to try Herald against them without any account.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use anyhow::Context as _;
use clap::Parser;
use herald_tests::{
    FakeS3,
    fakes::{FakeCrm, FakeGoogle, FakeMautic, FakeSmtp, Faults, Place, SmtpPlace, SmtpSecurity, demo},
};

/// Serves a fake Google, Mautic, bucket, mail server and CRM on this machine until Ctrl-C. All they hold is in memory.
#[derive(Parser)]
#[command(name = "fake-providers", max_term_width = 100)]
struct Arguments {
    /// The port of Google; Mautic, the bucket, the mail server and the CRM have the four after it. 0: any free ports
    #[arg(long, value_name = "PORT", default_value_t = 8180)]
    port: u16,
    /// Guests in Mautic, each with a form sent in and a picture
    #[arg(long, value_name = "N", default_value_t = 30)]
    guests: usize,
    /// The share of requests that fail in some way
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    faults: f64,
    /// What faults are drawn from
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Milliseconds that every request takes
    #[arg(long, value_name = "MS", default_value_t = 0)]
    latency: u64,
    /// Where the service account's key and the client's secret are written
    #[arg(long, value_name = "DIR", default_value = "fake-providers")]
    out: PathBuf,
}

#[tokio::main]
#[expect(clippy::print_stderr, reason = "the command's answer")]
async fn main() -> ExitCode {
    match serve(&Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

#[expect(clippy::print_stdout, reason = "the command's answer")]
async fn serve(arguments: &Arguments) -> anyhow::Result<()> {
    let port = |offset: u16| if arguments.port == 0 { 0 } else { arguments.port + offset };
    let place = |offset: u16| {
        let faults = match arguments.faults {
            0.0 => Faults::none(),
            share => Faults::random(arguments.seed + u64::from(offset), share),
        };
        faults.latency(Duration::from_millis(arguments.latency));
        Place { port: port(offset), faults, ..Place::default() }
    };
    let google = FakeGoogle::start_at(&place(0)).await;
    let mautic = FakeMautic::start_at(&place(1)).await;
    let bucket = FakeS3::start_at(port(2)).await;
    let crm = FakeCrm::start_at(&place(4)).await;
    demo::staff(&crm);
    let place = SmtpPlace {
        port: port(3),
        security: SmtpSecurity::Clear,
        logins: &[],
        pipelining: true,
        ..SmtpPlace::default()
    };
    let smtp = FakeSmtp::start_as(place).await;
    if arguments.guests > 0 {
        demo::fill(&mautic, arguments.guests);
    }
    let drive = google.add_shared_drive("Events", &[(FakeGoogle::SERVICE_ACCOUNT, "fileOrganizer")]);
    let folder = google.add_folder("Invitations");
    google.share(&folder, FakeGoogle::SERVICE_ACCOUNT, "writer");

    std::fs::create_dir_all(&arguments.out).context("making the folder for the key files")?;
    let (key, secret) = (arguments.out.join("service-account.json"), arguments.out.join("client-secret.json"));
    std::fs::write(&key, google.service_account_key_json()).context("writing the service account's key")?;
    std::fs::write(&secret, google.client_secret_json(&["http://127.0.0.1:8080/connect/google/callback"]))
        .context("writing the client's secret")?;

    let lines = [
        format!("Google         {}", google.origin()),
        format!("  token        {}", google.token_uri()),
        format!("  consent      {}", google.auth_uri()),
        format!("  drive        {}", google.drive()),
        format!("  upload       {}", google.upload()),
        format!("  key file     {} (of {})", key.display(), FakeGoogle::SERVICE_ACCOUNT),
        format!("  client file  {}", secret.display()),
        format!("  folder       {drive} (a shared drive: works with the key file)"),
        format!(
            "  folder       {folder} (in My Drive: has no storage for the key file, works with consent to {})",
            FakeGoogle::DRIVE
        ),
        "Herald calls Mautic and the bucket with HERALD__OUTSIDE__ALLOW_PRIVATE=127.0.0.1 in its environment only."
            .to_owned(),
        format!("Mautic         {}", mautic.url()),
        format!("  user         {} / {}", FakeMautic::USER, FakeMautic::PASSWORD),
        format!("  client       {} / {}", FakeMautic::CLIENT_ID, FakeMautic::CLIENT_SECRET),
        format!("  form         {}, segment {}, {} guests", demo::FORM, demo::SEGMENT, arguments.guests),
        format!(
            "Bucket         {}, bucket {}, access key {}, any secret",
            bucket.endpoint(),
            FakeS3::BUCKET,
            FakeS3::ACCESS_KEY_ID
        ),
        format!(
            "Mail server    mail.host = \"127.0.0.1\", mail.port = {}, mail.tls = \"none\"; \
             what it takes is shown here",
            smtp.port()
        ),
        format!("CRM            crm.url = \"{}\", crm.token = \"{}\"", crm.url(), FakeCrm::TOKEN),
        format!("  people       {} and others, password {:?}", demo::MANAGER, demo::PASSWORD),
        format!("  webhooks     crm.webhook.secret = \"{}\"", FakeCrm::SECRET),
        "Open the first two in a browser to see what they hold. Ctrl-C ends them.".to_owned(),
    ];
    println!("{}", lines.join("\n"));
    let mut mails = smtp.listen();
    loop {
        tokio::select! {
            ended = tokio::signal::ctrl_c() => break ended.context("waiting for Ctrl-C")?,
            Some(taken) = mails.recv() => {
                println!("Mail to {}: {}", taken.to, taken.mail.header("subject").unwrap_or_default());
            }
        }
    }
    for (name, faults) in [("Google", google.faults()), ("Mautic", mautic.faults()), ("CRM", crm.faults())] {
        let injected = faults.injected();
        println!("{name}: {} faults {injected:?}", injected.values().sum::<usize>());
    }
    Ok(())
}
