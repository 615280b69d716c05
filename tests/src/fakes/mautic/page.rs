//! The site's pages for people: what it holds, and the login.

use std::fmt::Write as _;

use super::{
    super::http::{Answered, Asked, escaped},
    state::State,
};

pub(super) fn answer(state: &State, asked: &Asked) -> Answered {
    match asked.words().as_slice() {
        [] => Answered::html(200, overview(state)),
        ["s", "login"] => Answered::html(
            200,
            "<!doctype html><html><head><title>Mautic</title></head><body><form><input \
             name=\"_username\"></form></body></html>",
        ),
        _ => Answered::html(404, "<html><body><h1>404</h1>Requested URL not found</body></html>"),
    }
}

fn overview(state: &State) -> String {
    let mut page = String::from(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Fake Mautic</title>\
         <style>body{font-family:sans-serif}td,th{text-align:left;padding:.2em 1em .2em 0}</style></head>\
         <body><h1>Fake Mautic</h1>",
    );
    let _ = write!(
        page,
        "<p>{} contacts, {} submissions; {} merges, {} values cut, {} fields wiped by \
         PUT.</p><table><tr><th>Id<th>Name<th>E-mail<th>Other fields</tr>",
        state.contacts.len(),
        state.submissions.len(),
        state.merges,
        state.truncations,
        state.wipes
    );
    for (id, contact) in &state.contacts {
        let field = |alias: &str| contact.fields.get(alias).map_or("", String::as_str);
        let _ = write!(
            page,
            "<tr><td>{id}<td>{} {}<td>{}<td>",
            escaped(field("firstname")),
            escaped(field("lastname")),
            escaped(field("email"))
        );
        let others =
            contact.fields.iter().filter(|(alias, _)| !["firstname", "lastname", "email"].contains(&alias.as_str()));
        for (alias, value) in others {
            let value = escaped(value);
            let is_link = value.starts_with("http://") || value.starts_with("https://");
            let shown = if is_link { format!("<a href=\"{value}\">{value}</a>") } else { value };
            let _ = write!(page, "{}: {shown}<br>", escaped(alias));
        }
    }
    page.push_str("</table><h2>Files</h2><ul>");
    for ((submission, alias), file) in &state.files {
        let alias = escaped(alias);
        let public = if file.public { "" } else { " (not public)" };
        let _ = write!(
            page,
            "<li><a href=\"/forms/results/file/{submission}/{alias}\">submission {submission}, {alias}</a>{public}"
        );
    }
    page.push_str("</ul></body></html>");
    page
}
