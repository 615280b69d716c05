//! The agency's CRM.

use herald_app::config::Settings;
use herald_providers::Http;

use super::Report;

/// Reads a page of the CRM's people. It also reports a fault that nobody would notice: that the CRM's webhooks are
/// refused.
pub(super) async fn check(report: &mut Report, settings: &Settings) -> anyhow::Result<()> {
    let http = Http::new(&settings.providers.http()?)?;
    let Some(crm) = settings.crm.client(&http)? else { return Ok(()) };
    let finding = crm.check().await;
    if finding.ok {
        report.ok(&finding.text)
    } else {
        report.fail(&finding.text)
    }
    if settings.crm.webhook.secret.is_empty() {
        report.warn(
            "crm.webhook.secret is not set: Herald learns of changes in the CRM only at the next sync. Set it to \
             learn of them at once",
        );
    }
    Ok(())
}
