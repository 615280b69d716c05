//! Pages for people: what Drive holds, and the pages that links lead to.

use std::fmt::Write as _;

use super::{
    super::http::{Answered, Asked, escaped},
    items::Item,
    state::State,
};

const HEAD: &str = "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Fake Drive</title>\
    <style>body{font-family:sans-serif}td,th{text-align:left;padding:.2em 1em .2em 0}img{max-width:100%}</style>\
    </head><body>";

pub(super) fn answer(state: &State, asked: &Asked) -> Answered {
    let public = |id: &str| state.items.get(id).filter(|item| state.is_public(item) && !state.is_trashed(item));
    match asked.words().as_slice() {
        [] => Answered::html(200, overview(state, "Fake Drive", |_| true)),
        ["file", "d", id, "view"] => match public(id) {
            Some(item) => Answered::html(200, view(item)),
            None => no_access(),
        },
        ["file", "d", id, "raw"] => public(id).map_or_else(no_access, bytes),
        ["uc"] => public(asked.word("id")).map_or_else(no_access, |item| {
            bytes(item).with("content-disposition", format!("attachment; filename=\"{}\"", item.name.replace('"', "")))
        }),
        ["drive", "folders", id] => match public(id) {
            Some(folder) => {
                let inside = |item: &Item| item.parent.as_deref() == Some(folder.id.as_str());
                Answered::html(200, overview(state, &folder.name, inside))
            }
            None => no_access(),
        },
        _ => Answered::html(404, format!("{HEAD}<h1>404</h1></body></html>")),
    }
}

fn no_access() -> Answered {
    Answered::html(
        403,
        format!(
            "{HEAD}<h1>You need access</h1><p>Ask for access, or switch to an account with access.</p></body></html>"
        ),
    )
}

fn bytes(item: &Item) -> Answered {
    match &item.content.bytes {
        Some(bytes) => Answered::new(200, &item.kind, bytes.clone()),
        None => Answered::new(200, "text/plain; charset=utf-8", "The bytes were not kept."),
    }
}

fn view(item: &Item) -> String {
    let name = escaped(&item.name);
    format!("{HEAD}<h1>{name}</h1><img alt=\"{name}\" src=\"/file/d/{}/raw\"></body></html>", escaped(&item.id))
}

fn overview(state: &State, title: &str, which: impl Fn(&Item) -> bool) -> String {
    let mut items: Vec<&Item> = state.items.values().filter(|item| which(item)).collect();
    items.sort_by_key(|item| item.seq);
    let mut page = format!(
        "{HEAD}<h1>{}</h1><p>{} items.</p><table><tr><th>Name<th>Bytes<th>Versions<th>Public<th>Noted by the app</tr>",
        escaped(title),
        items.len()
    );
    for item in items {
        let noted =
            item.app_properties.iter().map(|(key, value)| format!("{key}: {value}")).collect::<Vec<_>>().join(", ");
        let _ = write!(
            page,
            "<tr><td><a href=\"{}\">{}</a><td>{}<td>{}<td>{}<td>{}",
            escaped(&state.web_view_link(item)),
            escaped(&item.name),
            item.content.size,
            item.versions,
            if state.is_public(item) { "yes" } else { "no" },
            escaped(&noted)
        );
    }
    page + "</table></body></html>"
}
