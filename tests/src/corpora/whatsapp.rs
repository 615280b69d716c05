//! Webhooks and templates of WhatsApp's Cloud API. Each case is a document by its name in a file.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, Result};
use herald_providers::{
    meta::{read_template, webhook},
    whatsapp::{ReportState, Told},
};
use serde_json::{Value, json};

use super::Line;

/// Parts of templates that Herald does not send, and says so.
const UNSENDABLE: [&str; 5] = ["CAROUSEL", "LIMITED_TIME_OFFER", "OTP", "COPY_CODE", "CATALOG"];

pub(super) fn read(folder: &Path) -> Result<Vec<Line>> {
    let mut files: Vec<_> = fs::read_dir(folder)?.collect::<std::io::Result<Vec<_>>>()?;
    files.sort_by_key(fs::DirEntry::file_name);
    let mut lines = Vec::new();
    for file in files {
        let name = file.file_name().to_string_lossy().into_owned();
        let Some(stem) = name.strip_suffix(".json") else { continue };
        let text = fs::read_to_string(file.path()).with_context(|| format!("cannot read {name}"))?;
        let cases: BTreeMap<String, Value> =
            serde_json::from_str(&text).with_context(|| format!("{name} is not an object of cases"))?;
        for (case, document) in cases {
            let shown = format!("{stem} {case}");
            lines.push(match stem.starts_with("templates-") {
                true => template(&shown, document),
                false => Line::compare(&shown, &expected(&document), &got(&document)),
            });
        }
    }
    Ok(lines)
}

/// What a document says, read without Herald.
fn expected(document: &Value) -> String {
    let mut all = Vec::new();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    for entry in document["entry"].as_array().into_iter().flatten() {
        for change in entry["changes"].as_array().into_iter().flatten() {
            let (field, value) = (text(&change["field"]), &change["value"]);
            if field.starts_with("message_template_") || field.starts_with("template_") {
                all.push("templates changed".to_owned());
            }
            if field == "messages" {
                for status in value["statuses"].as_array().into_iter().flatten() {
                    // Somebody who plays a voice message has opened it.
                    let word = text(&status["status"]).replace("played", "read");
                    all.push(format!("{word} {}", status["errors"][0]["code"]).replace(" null", ""));
                }
                for message in value["messages"].as_array().into_iter().flatten().filter(|one| one["type"] != "system")
                {
                    let from: String = text(&message["from"]).chars().filter(char::is_ascii_digit).collect();
                    all.push(format!("{} from {from}", text(&message["type"])));
                }
            }
            for wish in value["user_preferences"].as_array().into_iter().flatten() {
                all.push(format!("wants advertising: {}", wish["value"] != "stop"));
            }
        }
    }
    all.join(", ")
}

fn got(document: &Value) -> String {
    let Some(notice) = webhook::read(document.to_string().as_bytes()) else { return "no notice".to_owned() };
    let mut all: Vec<String> = notice.templates_changed.then(|| "templates changed".to_owned()).into_iter().collect();
    all.extend(notice.told.into_iter().map(|(_, told)| match told {
        Told::Report(report) => {
            let code = report.code.map(|code| format!(" {code}")).unwrap_or_default();
            let word = match report.state {
                ReportState::Accepted => "accepted",
                state => state.as_str(),
            };
            format!("{word}{code}")
        }
        Told::Inbound(message) => {
            let from = message.from.unwrap_or_default();
            format!("{} from {}", message.kind, from.trim_start_matches('+'))
        }
        Told::Preference { wants, .. } => format!("wants advertising: {wants}"),
    }));
    all.join(", ")
}

/// A template is read whole, or Herald says why it cannot send it.
fn template(shown: &str, mut document: Value) -> Line {
    document["id"] = json!("1");
    document["status"] = json!("APPROVED");
    let text = document.to_string();
    let Some(read) = read_template(&document) else { return Line::compare(shown, "a template", "none") };
    let parts = document["components"].as_array().into_iter().flatten();
    let body = parts.filter(|part| part["type"].as_str().is_some_and(|kind| kind.eq_ignore_ascii_case("BODY")));
    let places: usize = body.map(|part| part["text"].as_str().unwrap_or_default().matches("{{").count()).sum();
    let in_body = read.variables.iter().filter(|one| !one.name.contains('.')).count();
    let cannot = UNSENDABLE.iter().any(|kind| text.to_ascii_uppercase().contains(&format!("\"{kind}\"")))
        || text.contains("\"LOCATION\"")
        || text.contains("\"MPM\"")
        || text.contains("PRODUCT")
        || text.contains("FLOW");
    let expected = if cannot { "says that it cannot send it".to_owned() } else { format!("{places} variables") };
    let told = match &read.unusable {
        Some(why) => format!("cannot send it: {why}"),
        None => format!("{in_body} variables"),
    };
    Line::judge(
        shown,
        &expected,
        told,
        if cannot { read.unusable.is_some() } else { in_body == places && read.unusable.is_none() },
    )
}
