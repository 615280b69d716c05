//! The file of isemail: e-mail addresses, each with what it is.
//!
//! Only its own form of XML is read: a `test` with the texts of `address` and `diagnosis`. It writes control
//! characters, which XML cannot have, as the signs for them: U+2400 and what follows.

use anyhow::{Context, Result, bail};

/// An address and what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Case {
    pub(super) id: String,
    pub(super) address: String,
    pub(super) diagnosis: String,
}

/// Reads the file.
pub(super) fn parse(xml: &str) -> Result<Vec<Case>> {
    let mut cases = Vec::new();
    // Notes before the tests are a comment that may say anything.
    let (_, tests) = xml.split_once("<tests").context("there is no <tests>")?;
    for test in tests.split("<test id=\"").skip(1) {
        let (id, rest) = test.split_once('"').context("an id does not end")?;
        let body = rest.split("</test>").next().unwrap_or_default();
        let address = text(body, "address").with_context(|| format!("test {id}"))?;
        let diagnosis = text(body, "diagnosis").with_context(|| format!("test {id}"))?;
        cases.push(Case { id: id.to_owned(), address: address.chars().map(control).collect(), diagnosis });
    }
    if cases.is_empty() {
        bail!("there is no <test> in it");
    }
    Ok(cases)
}

/// The text of an element.
fn text(body: &str, name: &str) -> Result<String> {
    if body.contains(&format!("<{name}/>")) {
        return Ok(String::new());
    }
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let found = body.split_once(&open).and_then(|(_, rest)| rest.split_once(&close));
    let (found, _) = found.with_context(|| format!("has no <{name}>"))?;
    unescape(found)
}

fn unescape(text: &str) -> Result<String> {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        let (entity, after) = after.split_once(';').context("an entity does not end")?;
        plain.push_str(before);
        plain.push(match entity {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            _ => number(entity).with_context(|| format!("the entity {entity:?} is not known"))?,
        });
        rest = after;
    }
    Ok(plain + rest)
}

fn number(entity: &str) -> Option<char> {
    let digits = entity.strip_prefix('#')?;
    let number = match digits.strip_prefix(['x', 'X']) {
        Some(hex) => u32::from_str_radix(hex, 16),
        None => digits.parse(),
    };
    number.ok().and_then(char::from_u32)
}

/// The control character that a sign stands for.
fn control(c: char) -> char {
    match u32::from(c) {
        sign @ 0x2400..=0x241f => char::from_u32(sign - 0x2400).unwrap_or(c),
        0x2421 => '\u{7f}',
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_is_read_with_its_signs_and_entities() {
        let xml = "<!-- <test id=\"0\"> --><tests version=\"1\"><test id=\"7\"><address>a&amp;&#x2407;&#64;b</address>\
                   <category>C</category><diagnosis>D</diagnosis></test>\
                   <test id=\"8\"><address/><diagnosis>E</diagnosis></test></tests>";
        let case = |id: &str, address: &str, diagnosis: &str| Case {
            id: id.to_owned(),
            address: address.to_owned(),
            diagnosis: diagnosis.to_owned(),
        };
        assert_eq!(parse(xml).expect("it is in order"), [case("7", "a&\u{7}@b", "D"), case("8", "", "E")]);
    }

    #[test]
    fn another_file_is_refused() {
        for xml in ["", "<tests></tests>", "<tests><test id=\"1\"><address>a</address></test></tests>"] {
            assert!(parse(xml).is_err(), "{xml}");
        }
    }
}
