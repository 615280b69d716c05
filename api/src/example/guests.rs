//! The example guests: names that nobody has, in many scripts.

use std::fmt::Write;

use herald_invitations::EXAMPLE;

use super::pictures::FACES;

/// The list that comes with Herald.
const LIST: &str = include_str!("../../../examples/guests.csv");
/// A guest whose name is partly in a script that fonts do not have yet (Todhri, Unicode 16).
const NO_FONT: &str = "Bora \u{105c2}\u{105db}\u{105d0} Kodrina,bora@example.com,,G-029,Kodrina Press,14,";
/// The guests of the run that is at work.
const MANY: usize = 240;

const FIRST: &[&str] = &[
    "Alba",
    "Bruno",
    "Celeste",
    "Dario",
    "Edda",
    "Farid",
    "Greta",
    "Hana",
    "Ivo",
    "Jora",
    "Kasimir",
    "Leocadia",
    "Mirko",
    "Noor",
    "Ottilie",
    "Pavel",
    "Quirin",
    "Rosmarin",
    "Sefa",
    "Tove",
    "Ulrike",
    "Vesna",
    "Wanda",
    "Ximena",
    "Yara",
    "Zdenka",
    "Αγγελική",
    "Βασιλική",
    "Людмила",
    "Мирон",
    "ليلى",
    "كريم",
    "אורי",
    "प्रिया",
    "秋子",
    "小岚",
    "바다",
];
const LAST: &[&str] = &[
    "Brightwater",
    "Lanternes",
    "Fjordvik",
    "Morgenrot",
    "Seaglass",
    "Ventoaltos",
    "Windrose",
    "Amberlight",
    "Θαλασσινός",
    "Заречный",
    "الساحلي",
    "בן־ים",
    "समुद्र",
    "港野",
    "青石",
    "푸른",
    "Nightharbour",
    "Saltmarsh",
    "Papillonne",
    "Kupferberg",
    "Dalebrook",
];

/// The guests of the run that has ended: among them some whose invitation fails, each for another reason.
pub(super) fn gala() -> String {
    let list = format!("{}\n{NO_FONT}\n", LIST.trim_end());
    list.replace(",G-", &format!(",{EXAMPLE} G-")).replace("pictures/", "")
}

/// The guests of the run that is at work.
pub(super) fn harbour() -> String {
    let mut list = "name,email,external_id,company,table,picture\n".to_owned();
    for at in 0..MANY {
        // Steps without a common divisor with the lengths, so that no two guests have the same name.
        let (first, last) = (FIRST[(at * 5) % FIRST.len()], LAST[(at * 2 + at / FIRST.len()) % LAST.len()]);
        let picture = if at % 3 == 2 { "" } else { FACES[at % FACES.len()] };
        // Writing to a text does not fail.
        _ = writeln!(
            list,
            "{first} {last},guest{at:03}@example.com,{EXAMPLE} H-{at:03},Harbour crew,{},{picture}",
            at / 8 + 1
        );
    }
    list
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_guest_is_another_one() {
        for list in [gala(), harbour()] {
            let ids: Vec<&str> = list.match_indices(EXAMPLE).map(|(at, _)| &list[at..at + 15]).collect();
            assert_eq!(ids.len(), list.trim().lines().count() - 1);
            assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len());
        }
        let list = harbour();
        let names: HashSet<&str> = list.lines().skip(1).filter_map(|line| line.split(',').next()).collect();
        assert_eq!(names.len(), MANY, "a name comes twice");
    }
}
