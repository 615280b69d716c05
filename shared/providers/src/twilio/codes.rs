//! The meaning of Twilio's codes (<https://www.twilio.com/docs/api/errors>), which stand in answers and in reports.

use std::time::Duration;

use crate::whatsapp::Meaning;

/// What a code means, and a sentence for the people of a workspace.
pub fn meaning(code: i64) -> (Meaning, String) {
    let (meaning, sentence) = match code {
        429 | 20_429 => {
            (Meaning::Slower(Duration::from_secs(1)), "Twilio gets too many requests at once: Herald goes on by itself")
        }
        20_003 | 20_008 => {
            (Meaning::Account, "Twilio does not accept the account SID and the auth token: enter them again")
        }
        21_211 | 63_003 | 63_024 => (Meaning::NoSuchAddress, "nobody can be written to over WhatsApp at this number"),
        21_610 => (Meaning::OptedOut, "the person has answered STOP at Twilio"),
        21_655 => {
            (Meaning::Template, "Twilio does not know the template: synchronise the templates, and choose another one")
        }
        21_656 | 63_028 | 63_030 => (
            Meaning::Template,
            "the values do not fit the variables of the template: synchronise the templates, and look at the values",
        ),
        63_007 => (
            Meaning::Account,
            "the sender's number does not send over WhatsApp in this account: correct the sender, or register the \
             number at Twilio",
        ),
        63_012 => (Meaning::Internal, "WhatsApp failed at Twilio: Herald tries again"),
        63_013 => {
            (Meaning::Account, "WhatsApp says that the message breaks its rules: change the message before you go on")
        }
        63_015 => (
            Meaning::Undeliverable,
            "the person has not joined the sandbox: use a registered number, and not the sandbox",
        ),
        63_016 => (Meaning::WindowClosed, "the person has not written within 24 hours, so only a template may be sent"),
        63_018 => (
            Meaning::Slower(Duration::from_secs(60)),
            "the sender's limit at WhatsApp is reached: Herald goes on by itself; a lower rate avoids the wait",
        ),
        63_038 => (
            Meaning::Slower(Duration::from_secs(60 * 60)),
            "the account's limit for 24 hours at Twilio is reached: Herald goes on by itself",
        ),
        63_019 => (Meaning::Content, "WhatsApp could not fetch the file of the message: check its address"),
        63_021 => (Meaning::Content, "WhatsApp cannot send what this message says"),
        63_020 => (
            Meaning::Account,
            "the invitation of Twilio at Meta was not accepted: accept it in Meta's Business Manager",
        ),
        63_027 => (
            Meaning::Template,
            "WhatsApp has no such template in this language: synchronise the templates, and choose another one",
        ),
        63_029 => (Meaning::Template, "WhatsApp could not read the template: look at its state at Twilio"),
        63_032 => {
            (Meaning::NotToday, "WhatsApp does not deliver this to the person, for they are in an experiment of Meta's")
        }
        63_049 => (
            Meaning::NotToday,
            "WhatsApp did not deliver it, for the person gets enough advertising; this is no opt-out",
        ),
        _ => return (Meaning::Content, format!("Twilio refused the message (code {code})")),
    };
    (meaning, sentence.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Class, whatsapp::SendError};

    #[test]
    fn every_code_of_the_table_has_its_meaning() {
        for (codes, class) in [
            (&[429, 20_429, 63_018, 63_038][..], Class::Rate),
            (&[21_211, 63_003, 63_024, 21_610, 63_015, 63_016, 63_019, 63_021, 63_032, 63_049], Class::Recipient),
            (&[20_003, 21_655, 21_656, 63_007, 63_013, 63_020, 63_027, 63_028, 63_029, 63_030], Class::Config),
            (&[63_012], Class::Transient),
        ] {
            for code in codes {
                assert_eq!(SendError::of(meaning(*code)).error.class, class, "{code}");
            }
        }
        assert_eq!(meaning(21_610).0, Meaning::OptedOut);
        // Meta's cap on advertising is nobody's will.
        assert_eq!(meaning(63_049).0, Meaning::NotToday);
        assert!(meaning(12_345).1.contains("12345"));
    }
}
