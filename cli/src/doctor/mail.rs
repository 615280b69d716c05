//! Checks that e-mails can be sent.

use std::path::Path;

use herald_app::config::Settings;
use herald_base::{clock::Clock, ids::Ids};
use herald_providers::email::{Mailbox, Mailer};

use super::Report;
use crate::args::Common;

/// Connects and logs in to the mail server, or writes to the outbox. With an address, it sends a test e-mail to it.
pub(super) async fn check(report: &mut Report, common: &Common, settings: &Settings, mail_to: Option<&str>) {
    let mailer = match mailer(settings, &common.data) {
        Ok(mailer) => mailer,
        Err(error) => return report.fail(&format!("{error:#}")),
    };
    for finding in mailer.check().await {
        match finding.ok {
            true if mailer.is_outbox() => report.warn(&finding.text),
            true => report.ok(&finding.text),
            false => report.fail(&finding.text),
        }
    }
    let Some(address) = mail_to else { return };
    let to = match Mailbox::parse(address) {
        Ok(to) => to,
        Err(error) => return report.fail(&format!("--mail-to {address}: {error}")),
    };
    match mailer.send_test(Ids::random().uuid(Clock::system().now()), to).await {
        Ok(receipt) => report.ok(&format!("Herald handed over a test e-mail to {address} ({})", receipt.said)),
        Err(error) => report.fail(&error.message),
    }
}

fn mailer(settings: &Settings, data: &Path) -> anyhow::Result<Mailer> {
    Mailer::from_settings(settings, data, Clock::system())
}
