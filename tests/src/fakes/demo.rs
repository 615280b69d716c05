//! What to look at when the fakes run by themselves: a Mautic with guests who sent in a form with a picture.

mod picture;

use super::{FakeCrm, FakeMautic};

/// The form the guests sent in.
pub const FORM: u64 = 1;
/// The segment they are in.
pub const SEGMENT: &str = "gala";

const NAMES: [&str; 30] = [
    "Ann", "Ben", "Cem", "Dee", "Eva", "Finn", "Gül", "Hana", "Ivo", "Jún", "Kofi", "Lea", "Mei", "Noé", "Olu", "Pia",
    "Quinn", "Rosa", "Søren", "Tala", "Uma", "Vito", "Wen", "Ximena", "Yara", "Zoë", "Aiko", "Bao", "Chloé", "Deniz",
];

/// Fills a Mautic with that many guests. All of them are invented.
pub fn fill(mautic: &FakeMautic, guests: usize) {
    // Long enough for a link to Drive; Mautic's own length of 64 is not.
    mautic.add_field("invitation_link", "url", 191);
    mautic.add_field("lucky_number", "text", 64);
    let fields = [("firstname", "text"), ("lastname", "text"), ("email", "email"), ("photo", "file")];
    mautic.add_form(FORM, "Gala", &fields);
    let ids: Vec<u64> = (0..guests).map(|at| guest(mautic, at)).collect();
    mautic.add_segment(SEGMENT, &ids);
}

/// Somebody of the agency who manages.
pub const MANAGER: &str = "ann@agency.example";
/// The password of all of the agency's people in its CRM.
pub const PASSWORD: &str = "the agency's own password";

/// Fills a CRM with an agency's people. All of them are invented.
pub fn staff(crm: &FakeCrm) {
    crm.add(MANAGER, "manager", PASSWORD);
    for name in NAMES[1..12].iter().filter(|name| name.is_ascii()) {
        crm.add(&format!("{}@agency.example", name.to_lowercase()), "seller", PASSWORD);
    }
}

fn guest(mautic: &FakeMautic, at: usize) -> u64 {
    let first = NAMES[at % NAMES.len()];
    let last = match at / NAMES.len() {
        0 => "Example".to_owned(),
        round => format!("Example {}", round + 1),
    };
    let email = format!("guest{}@example.com", at + 1);
    let name = [("firstname", first), ("lastname", last.as_str()), ("email", email.as_str())];
    let contact = mautic.add_contact(&name);
    let file = format!("guest{}.png", at + 1);
    let mut results = name.to_vec();
    results.push(("photo", &file));
    let submission = mautic.submit(FORM, contact, &results);
    mautic.put_file(submission, "photo", picture::face(at), true);
    contact
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_guest_has_a_name_an_address_of_its_own_and_a_form_sent_in() {
        let mautic = FakeMautic::start().await;
        fill(&mautic, 31);
        let guests = mautic.contacts();
        let mut emails: Vec<_> = guests.values().map(|guest| guest["email"].clone()).collect();
        emails.sort();
        emails.dedup();
        assert_eq!((guests.len(), emails.len()), (31, 31));
        assert_eq!(guests[&31]["lastname"], "Example 2");
    }
}
