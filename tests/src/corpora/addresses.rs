//! E-mail addresses: what an account takes, and what a list of guests takes.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, Result};
use herald_base::address::Address;
use herald_sheets::{GuestFile, Options};

use super::{
    Line,
    isemail::{self, Case},
};

/// What is expected by the beginning of a diagnosis, the longest first, and why. Herald is stricter than RFC 5321 where
/// an address is more likely a mistake than somebody's.
const EXPECTED: [(&str, Expected, &str); 9] = [
    ("ISEMAIL_VALID", Expected::Taken, "the usual form"),
    ("ISEMAIL_DNSWARN", Expected::Taken, "Herald asks no name server: a domain may be set up later"),
    ("ISEMAIL_RFC5321_TLDNUMERIC", Expected::Refused, "no top-level domain is a number: it is an IP address or a slip"),
    ("ISEMAIL_RFC5321_TLD", Expected::Refused, "a name without a dot is a machine of the sender's own network"),
    ("ISEMAIL_RFC5321_QUOTEDSTRING", Expected::Refused, "\"ann\"@… is ann@…: one mailbox would have two accounts"),
    ("ISEMAIL_RFC5321", Expected::Refused, "an IP literal goes round the domain's own rules for its mail"),
    // White space around an address is taken off; comments and what is left inside are not part of an address.
    ("ISEMAIL_CFWS", Expected::Refused, "comments belong into the header of a mail"),
    ("ISEMAIL_DEPREC", Expected::Refused, "RFC 5322 says that nobody may write it any more"),
    // ISEMAIL_RFC5322_…: fit for a header, not for sending to. ISEMAIL_ERR_…: not an address at all.
    ("ISEMAIL_", Expected::Refused, "mail servers do not take it"),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    Taken,
    Refused,
}

pub(super) fn read(folder: &Path) -> Result<Vec<Line>> {
    const FILE: &str = "isemail.xml";
    let xml = fs::read_to_string(folder.join(FILE)).with_context(|| format!("cannot read {FILE}"))?;
    let cases = isemail::parse(&xml).with_context(|| format!("{FILE} is not isemail's file"))?;
    let diagnoses: BTreeMap<&str, &str> =
        cases.iter().map(|case| (case.address.as_str(), case.diagnosis.as_str())).collect();
    Ok(cases.iter().flat_map(|case| lines(FILE, case, &diagnoses)).collect())
}

/// For both readers: what is expected of a case, and what came of it.
fn lines(file: &str, case: &Case, diagnoses: &BTreeMap<&str, &str>) -> [Line; 2] {
    // People paste addresses with white space around them, so a case that has some is the case that has none.
    let address = case.address.trim();
    let diagnosis = diagnoses.get(address).copied().unwrap_or(&case.diagnosis);
    let (expected, why) = expected(address, diagnosis);
    let what = match expected {
        Expected::Taken => format!("taken: {why}"),
        Expected::Refused => format!("refused: {why}"),
    };
    let taken = Address::parse(&case.address).is_ok();
    let told = if taken { "taken" } else { "refused" };
    let shown = |reader: &str| format!("{file} {} ({reader}) {}", case.id, case.address);
    let account = Line::judge(&shown("account"), &what, told, taken == (expected == Expected::Taken));
    // A list may find an address in a cell that is not one; that must be one itself.
    let (told, good) = match in_a_list(&case.address) {
        Some(found) if found == address => ("taken".to_owned(), expected == Expected::Taken),
        Some(found) => {
            (format!("refused, {found:?} is in it"), expected == Expected::Refused && Address::parse(&found).is_ok())
        }
        None => ("refused".to_owned(), expected == Expected::Refused),
    };
    [account, Line::judge(&shown("list"), &what, told, good)]
}

fn expected(address: &str, diagnosis: &str) -> (Expected, &'static str) {
    // Two of the valid ones are of a time when top-level domains took mail.
    let dotless = address.rsplit_once('@').is_some_and(|(_, domain)| !domain.contains('.'));
    let diagnosis = if dotless && diagnosis == "ISEMAIL_VALID" { "ISEMAIL_RFC5321_TLD" } else { diagnosis };
    let known = EXPECTED.iter().find(|(start, ..)| diagnosis.starts_with(start));
    known.map_or((Expected::Refused, "not a diagnosis of isemail's"), |(_, expected, why)| (*expected, *why))
}

/// The address that a list of one guest has, whose cell this is.
fn in_a_list(cell: &str) -> Option<String> {
    let list = format!("name,email\nAnn,\"{}\"\n", cell.replace('"', "\"\""));
    let mut guests = GuestFile::from_bytes(list.as_bytes(), &Options::default()).ok()?;
    guests.next()?.ok()?.email
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_expected_follows_the_longest_name() {
        for (address, diagnosis, taken) in [
            ("a@example.com", "ISEMAIL_VALID", true),
            ("a@example", "ISEMAIL_VALID", false),
            ("a@example.com", "ISEMAIL_DNSWARN_NO_RECORD", true),
            ("a@1.2.3.4", "ISEMAIL_RFC5321_TLDNUMERIC", false),
            ("a@[1.2.3.4]", "ISEMAIL_RFC5321_ADDRESSLITERAL", false),
            ("a@", "ISEMAIL_ERR_NODOMAIN", false),
            ("a@example.com", "something new", false),
        ] {
            assert_eq!(expected(address, diagnosis).0 == Expected::Taken, taken, "{address} {diagnosis}");
        }
    }

    #[test]
    fn a_case_with_white_space_around_it_is_the_case_without() {
        let diagnoses = BTreeMap::from([("a@example.com", "ISEMAIL_VALID")]);
        let case = Case {
            id: "1".to_owned(),
            address: "\r\na@example.com ".to_owned(),
            diagnosis: "ISEMAIL_ERR_FWS_CRLF_END".to_owned(),
        };
        let found = lines("x.xml", &case, &diagnoses);
        assert!(found.iter().all(|line| line.verdict() == super::super::Verdict::AsExpected), "{found:?}");
    }
}
