//! Tests a connection to Mautic: it reports everything that would fail later, with the cure.

use herald_base::boxed;
use reqwest::Method;
use serde_json::Value;

use super::{
    client::{Ask, Mautic, WHO},
    contacts::total,
    errors::About,
    fields::Fields,
    lenient::part,
    site::named,
};
use crate::{Finding, Meter, Result, http::Reply};

/// The oldest supported version. Older ones lack parts of the API that Herald needs.
const OLDEST: u32 = 4;

/// Tests a connection: whether the site answers and accepts the login, whether it has the fields that invitations are
/// written to, and the form of the guests.
#[boxed]
pub async fn check(mautic: &Mautic, fields: Option<&Fields>, form: Option<u64>) -> Vec<Finding> {
    let meter = Meter::free();
    let mut findings = match contacts(mautic, &meter).await {
        Ok((version, total)) => {
            vec![self::version(mautic, version.as_deref()), Finding::ok(format!("it has {total} contacts"))]
        }
        // No other request would succeed.
        Err(error) => return vec![Finding::failed(error)],
    };
    if let Some(fields) = fields {
        findings.extend(self::fields(mautic, fields, &meter).await);
    }
    if let Some(form) = form {
        findings.extend(self::form(mautic, form, &meter).await);
    }
    findings
}

/// Returns Mautic's version, and its number of contacts.
async fn contacts(mautic: &Mautic, meter: &Meter) -> Result<(Option<String>, String)> {
    let url = mautic.api(["contacts"], &[("start", "0"), ("limit", "1"), ("minimal", "1")]);
    let read = |reply: &Reply| {
        let answer: Value = reply.json(WHO)?;
        part(&answer, "contacts")?;
        let version = reply.headers.get("mautic-version").and_then(|version| version.to_str().ok());
        let total = total(&answer).filter(|total| total.len() <= 12 && total.chars().all(|c| c.is_ascii_digit()));
        Ok((version.map(str::to_owned), total.unwrap_or_else(|| "some".to_owned())))
    };
    mautic.call(Ask { method: Method::GET, url, body: None, about: About::Api, time: None }, meter, read).await
}

fn version(mautic: &Mautic, version: Option<&str>) -> Finding {
    let site = named(mautic.site());
    let Some(version) = version else { return Finding::ok(format!("Mautic answers at {site}")) };
    // The version comes from outside, so only digits and dots are repeated.
    let version = version.trim();
    let version = &version[..version.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(version.len()).min(12)];
    let major = version.split('.').next().and_then(|major| major.parse::<u32>().ok());
    match major {
        Some(major) if major < OLDEST => {
            Finding::wrong(format!("Mautic at {site} is version {version}: update it to {OLDEST} or later"))
        }
        Some(_) => Finding::ok(format!("Mautic {version} answers at {site}")),
        None => Finding::ok(format!("Mautic answers at {site}")),
    }
}

async fn fields(mautic: &Mautic, fields: &Fields, meter: &Meter) -> Vec<Finding> {
    let known = match mautic.contact_fields(meter).await {
        Ok(known) => known,
        Err(error) => return vec![Finding::failed(error)],
    };
    let problems = fields.problems(&known);
    if !problems.is_empty() {
        return problems.into_iter().map(Finding::wrong).collect();
    }
    let aliases = [Some(fields.link()), fields.number()].into_iter().flatten();
    aliases.map(|alias| Finding::ok(format!("Herald can write to the contact field «{alias}»"))).collect()
}

async fn form(mautic: &Mautic, id: u64, meter: &Meter) -> Vec<Finding> {
    let form = match mautic.form(id, meter).await {
        Ok(form) => form,
        Err(error) => return vec![Finding::failed(error)],
    };
    let name = &form.name;
    let mut findings = vec![Finding::ok(format!("form {id} is «{name}»"))];
    findings.extend(form.uploads().map(|upload| match upload.public {
        Some(true) => Finding::ok(format!("pictures can be uploaded in its field «{}»", upload.alias)),
        None => Finding::ok(format!(
            "pictures can be uploaded in its field «{}»: check that the files of this field are public",
            upload.alias
        )),
        Some(false) => Finding::wrong(format!(
            "Herald cannot fetch uploads in its field «{}»: edit the form in Mautic and make the files \
             of this field public",
            upload.alias
        )),
    }));
    if form.uploads().next().is_none() {
        findings.push(Finding::wrong(
            "it has no upload field: add one in Mautic and make its files public, or use a contact field with the \
             address of the picture",
        ));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Http, HttpSettings,
        mautic::{MauticAuth, MauticSecret, MauticSettings},
    };
    use herald_base::clock::Clock;

    #[test]
    fn versions_before_4_are_too_old_and_an_unknown_one_is_not() {
        let settings = MauticSettings {
            url: "https://crm.example.com".to_owned(),
            auth: MauticAuth::Basic { user: "herald".to_owned() },
        };
        let secret = MauticSecret { secret: "hunter2".into(), webhook_secret: None };
        let mautic =
            Mautic::new(Http::new(&HttpSettings::default()).unwrap(), &settings, &secret, Clock::system()).unwrap();
        for (given, ok) in [
            (Some("5.1.0"), true),
            (Some("4.0.0-beta"), true),
            (Some("3.3.5"), false),
            (Some("dev"), true),
            (None, true),
        ] {
            assert_eq!(version(&mautic, given).ok, ok, "{given:?}");
        }
        assert!(!format!("{mautic:?} {settings:?} {secret:?}").contains("hunter2"));
    }
}
