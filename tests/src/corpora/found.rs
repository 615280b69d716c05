//! Small inputs on which Herald once fell short, a folder a case. What is right stands in each one's `expect.txt`, in
//! words for people; the checks say the same in code, by the name of the folder.

mod faces;
mod lists;
mod names;
mod pictures;
mod templates;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};

use anyhow::{Result, anyhow};

use self::Case::{Needs, Read};
use super::{Line, sub_folders};

/// What is done with a case.
enum Case {
    /// Its files are read, and this is looked at.
    Read(fn(&Path) -> Result<Vec<Line>>),
    /// No reader alone shows it.
    Needs(&'static str),
}

const CASES: [(&str, Case); 37] = [
    ("adobe-ycck-and-gray", Read(pictures::all_are_read)),
    ("awkward-names", Read(templates::awkward_names)),
    ("backslash-paths", Read(names::backslashes)),
    ("bare-inner-quotes", Read(lists::bare_inner_quotes)),
    ("clock-changes", Needs("a run of `herald schedules next`")),
    ("code-from-a-letter", Needs("a service that sends letters")),
    ("decomposed-file-names", Read(names::decomposed)),
    ("excel-text-formula", Read(lists::text_formulas)),
    ("exif-in-odd-places", Read(pictures::turned_by_exif)),
    ("face-at-the-edge", Read(faces::at_the_edge)),
    ("google-contacts", Read(lists::google_contacts)),
    ("html-entities", Read(lists::html_entities)),
    ("invisible-in-email", Read(lists::wrapped_addresses)),
    ("iphone-pictures", Read(pictures::named_in_the_refusal)),
    ("jpeg-without-end", Read(pictures::without_an_end)),
    ("large-pictures", Needs("pictures of many megabytes, which a script makes")),
    ("letter-spacing-ligatures", Read(templates::drawn)),
    ("macintosh-encoding", Read(lists::macintosh)),
    ("memory-of-a-long-run", Needs("a run with 3,000 guests")),
    ("names-that-turn-the-line", Read(templates::drawn)),
    ("numbers-run-out", Needs("two runs with a database")),
    ("odd-whole-pictures", Read(pictures::all_are_read)),
    ("picture-addresses", Read(names::addresses)),
    ("qr-on-dark", Read(templates::qr_codes)),
    ("real-faces", Needs("photographs from other packages")),
    ("see-through-pictures", Read(pictures::see_through)),
    ("sep-line", Read(lists::sep_lines)),
    ("several-faces", Read(faces::several)),
    ("shared-email", Read(lists::shared_addresses)),
    ("small-faces", Read(faces::small)),
    ("space-before-quote", Read(lists::space_before_quote)),
    ("thai-lines", Read(templates::drawn)),
    ("two-processes", Needs("several processes on one database")),
    ("two-spellings-of-a-phone", Read(lists::phones)),
    ("variable-font", Read(templates::bold_is_bolder)),
    ("wide-gamut-pictures", Read(pictures::wide_gamut)),
    ("wrong-face-upload", Read(names::uploaded)),
];

pub(super) fn read(folder: &Path) -> Result<Vec<Line>> {
    Ok(sub_folders(folder)?.iter().flat_map(|name| case(&folder.join(name), name)).collect())
}

fn case(folder: &Path, name: &str) -> Vec<Line> {
    let check = match CASES.iter().find(|(known, _)| *known == name) {
        Some((_, Read(check))) => check,
        Some((_, Needs(what))) => return vec![Line::unread(name, &format!("needs {what}"))],
        None => return vec![Line::unread(name, "no check for this case yet")],
    };
    // A panic is a finding as well, and no reason to stop.
    let lines = catch_unwind(AssertUnwindSafe(|| check(folder))).unwrap_or_else(|_| Err(anyhow!("it panicked")));
    match lines {
        Ok(lines) => lines.into_iter().map(|line| line.within(name)).collect(),
        Err(error) => vec![Line::compare(name, "is read", &format!("{error:#}"))],
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::corpora::Verdict;

    #[test]
    fn each_case_has_one_check() {
        let names: BTreeSet<&str> = CASES.iter().map(|(name, _)| *name).collect();
        assert_eq!(names.len(), CASES.len());
    }

    #[test]
    fn a_case_that_nobody_knows_is_not_read_and_one_without_its_files_differs() {
        let folder = tempfile::tempdir().expect("the temporary folder is writable");
        let verdicts = |name: &str| case(folder.path(), name).iter().map(Line::verdict).collect::<Vec<_>>();
        assert_eq!(verdicts("new-case"), [Verdict::Unread]);
        assert_eq!(verdicts("two-processes"), [Verdict::Unread]);
        let bare = verdicts("shared-email");
        assert!(!bare.is_empty() && bare.iter().all(|verdict| *verdict == Verdict::Differs), "{bare:?}");
    }
}
