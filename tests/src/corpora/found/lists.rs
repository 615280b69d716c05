//! Lists of guests that other programs wrote.

use std::path::Path;

use anyhow::Result;
use herald_sheets::{GuestFile, GuestRow, Options, RowProblem};

use crate::corpora::Line;

pub(super) type Row = Result<GuestRow, RowProblem>;

/// The rows of a list.
pub(super) fn rows(folder: &Path, file: &str) -> Result<Vec<Row>> {
    Ok(GuestFile::open(folder.join(file), &Options::default())?.collect())
}

/// The guests of a list, all of them good.
pub(super) fn guests(folder: &Path, file: &str) -> Result<Vec<GuestRow>> {
    Ok(rows(folder, file)?.into_iter().collect::<Result<_, _>>()?)
}

/// One line a row: what `show` makes of it must be what is expected. A list that is refused whole has one line.
fn each(folder: &Path, file: &str, expected: &[&str], show: fn(&GuestRow) -> String) -> Result<Vec<Line>> {
    let rows = match rows(folder, file) {
        Ok(rows) => rows,
        Err(error) => return Ok(vec![Line::compare(file, "is read", &format!("{error:#}"))]),
    };
    let got = |at: usize| match rows.get(at) {
        Some(Ok(guest)) => show(guest),
        Some(Err(problem)) => format!("refused: {problem}"),
        None => "no row".to_owned(),
    };
    let wanted = |at: usize| expected.get(at).copied().unwrap_or("no row");
    let count = rows.len().max(expected.len());
    Ok((0..count).map(|at| Line::compare(&format!("{file} row {}", at + 1), wanted(at), &got(at))).collect())
}

fn name(guest: &GuestRow) -> String {
    guest.name.clone()
}

fn with_email(guest: &GuestRow) -> String {
    format!("{}, {}", guest.name, guest.email.as_deref().unwrap_or("no e-mail"))
}

/// A value of another column.
fn other<'g>(guest: &'g GuestRow, field: &str) -> &'g str {
    guest.custom.get(field).map_or("no such column", String::as_str)
}

/// Either as it was meant or refused, never something else in silence.
pub(super) fn bare_inner_quotes(folder: &Path) -> Result<Vec<Line>> {
    const FILE: &str = "guests.csv";
    let meant = ["Ann \"Annie\" Lee", "Bo \"B\" Lund, Jr.", "Cy \"Cyclone\" Hart"];
    let rows = rows(folder, FILE)?;
    let mut lines = vec![Line::compare(FILE, "3 rows", &format!("{} rows", rows.len()))];
    lines.extend(rows.iter().zip(meant).map(|(row, meant)| match row {
        Ok(guest) => Line::judge(FILE, &format!("{meant}, or refused"), guest.name.as_str(), guest.name == meant),
        Err(problem) => Line::judge(FILE, &format!("{meant}, or refused"), problem.to_string(), true),
    }));
    Ok(lines)
}

pub(super) fn text_formulas(folder: &Path) -> Result<Vec<Line>> {
    let expected = ["007, +12025550141, 000123", "008, +12025550142, 000124"];
    each(folder, "guests.csv", &expected, |guest| {
        let [phone, id] = [&guest.phone, &guest.external_id].map(|cell| cell.as_deref().unwrap_or("none"));
        format!("{}, {phone}, {id}", other(guest, "table"))
    })
}

pub(super) fn google_contacts(folder: &Path) -> Result<Vec<Line>> {
    let show = |guest: &GuestRow| format!("{}, {}", with_email(guest), guest.phone.as_deref().unwrap_or("no phone"));
    let mira = "Mira Solveig Tannberg, mira@example.com, +12025550131";
    let mut lines = each(folder, "old-layout.csv", &[mira], show)?;
    lines.extend(each(folder, "new-layout.csv", &[mira, "Odo Kestrel, odo@example.org, +442079460132"], show)?);
    let odo = guests(folder, "new-layout.csv")?.pop();
    let notes = odo.map_or(0, |guest| guest.notes.len());
    lines.push(Line::judge(
        "new-layout.csv row 2",
        "a remark on two e-mails in one cell",
        format!("{notes} remarks"),
        notes > 0,
    ));
    Ok(lines)
}

pub(super) fn html_entities(folder: &Path) -> Result<Vec<Line>> {
    let expected = ["Sean O'Hallow, Salt & Kelp", "Brénda Quist, Quist \"Q\" Ltd", "AT&T Jones, R&D; Labs"];
    each(folder, "guests.csv", &expected, |guest| format!("{}, {}", guest.name, other(guest, "company")))
}

pub(super) fn wrapped_addresses(folder: &Path) -> Result<Vec<Line>> {
    let names = ["zero", "nobreak", "joiner", "mark", "link", "angle", "tail"];
    let addresses = names.map(|name| format!("{name}@example.com, with a remark"));
    let expected: Vec<&str> = addresses.iter().map(String::as_str).collect();
    each(folder, "guests.csv", &expected, |guest| {
        let remark = if guest.notes.is_empty() { "without a remark" } else { "with a remark" };
        format!("{}, {remark}", guest.email.as_deref().unwrap_or("no e-mail"))
    })
}

pub(super) fn macintosh(folder: &Path) -> Result<Vec<Line>> {
    let expected = ["José Peñón, Málaga", "Zoë Krüger, Köln", "Åse Brøndum, Tromsø", "François Lefèvre, Besançon"];
    each(folder, "guests.csv", &expected, |guest| format!("{}, {}", guest.name, other(guest, "city")))
}

pub(super) fn sep_lines(folder: &Path) -> Result<Vec<Line>> {
    let mut lines = Vec::new();
    for file in ["quoted", "resaved", "resaved-comma", "spaced", "tab", "utf16-bom", "utf8-bom"] {
        let name = if file.ends_with("-bom") { "Ida Färn" } else { "Ida Fern" };
        lines.extend(each(folder, &format!("{file}.csv"), &[&format!("{name}, ida@example.com")], with_email)?);
    }
    Ok(lines)
}

/// Ids tell guests apart, and so do names. The remark on the shared address is made when guests are taken in.
pub(super) fn shared_addresses(folder: &Path) -> Result<Vec<Line>> {
    let with_ids = ["Ansel Brightwater", "Perpetua Brightwater", "Toddy Brightwater"];
    let mut lines = each(folder, "guests.csv", &with_ids, name)?;
    lines.extend(each(folder, "no-ids.csv", &with_ids[..2], name)?);
    Ok(lines)
}

pub(super) fn space_before_quote(folder: &Path) -> Result<Vec<Line>> {
    let show = |guest: &GuestRow| format!("{}, {}", with_email(guest), other(guest, "company"));
    let (wren, teal) = ("Wren Oakley, wren@example.com, Oakley, Pine & Co", "Teal Marsh, teal@example.com, Marsh, Ltd");
    let mut lines = each(folder, "guests.csv", &[wren, teal], show)?;
    lines.extend(each(folder, "aligned.csv", &[wren], show)?);
    Ok(lines)
}

pub(super) fn phones(folder: &Path) -> Result<Vec<Line>> {
    let phone = |guest: &GuestRow| guest.phone.clone().unwrap_or_default();
    let (ida, ole) = ("+442079460151", "+442079460152");
    let mut lines = each(folder, "guests.csv", &[ida, ida, ole], phone)?;
    lines.extend(each(folder, "guests-again.csv", &[ida, ole], phone)?);
    Ok(lines)
}
