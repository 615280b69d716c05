//! Names of programs and of browsers: which of them count as a person's who opens a mail.
//!
//! `crawler-user-agents.json` is the list of npm's package of that name, `user-agents.json` that of `user-agents`.

use std::{fs, path::Path};

use anyhow::{Context, Result};
use herald_messaging::{Request, robot};
use serde_json::Value;

use super::Line;

/// A list, what is expected of it, and whether its names are those of programs.
const LISTS: [(&str, &str, bool); 2] = [
    ("crawler-user-agents.json", "at least 95 of 100 are no person's", true),
    ("user-agents.json", "at most 1 of 1,000 is no person's", false),
];

pub(super) fn read(folder: &Path) -> Result<Vec<Line>> {
    let mut lines = Vec::new();
    for (file, expected, is_robots) in LISTS {
        if !folder.join(file).exists() {
            lines.push(Line::unread(file, "the list is not there"));
            continue;
        }
        let text = fs::read_to_string(folder.join(file)).with_context(|| format!("cannot read {file}"))?;
        let list: Value = serde_json::from_str(&text).with_context(|| format!("{file} is not JSON"))?;
        let names = names(&list);
        let told = names.iter().filter(|agent| robot(Request { agent, ..Request::default() }).is_some()).count();
        let holds = match is_robots {
            true => !names.is_empty() && told * 100 >= names.len() * 95,
            false => !names.is_empty() && told * 1_000 <= names.len(),
        };
        lines.push(Line::judge(file, expected, format!("{told} of {} are no person's", names.len()), holds));
    }
    Ok(lines)
}

/// The names of both forms of list.
fn names(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().flat_map(of_entry).collect()
}

fn of_entry(entry: &Value) -> Vec<&str> {
    let crawlers = entry["instances"].as_array().into_iter().flatten().filter_map(Value::as_str);
    crawlers.chain(entry["userAgent"].as_str()).collect()
}
