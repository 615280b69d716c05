//! The meaning of Meta's codes, which stand in answers and in reports.

use std::time::Duration;

use crate::whatsapp::Meaning;

/// What a code means, and a sentence for the people of a workspace.
pub fn meaning(code: i64) -> (Meaning, String) {
    let slower = |seconds| Meaning::Slower(Duration::from_secs(seconds));
    let (meaning, sentence) = match code {
        0 | 190 => (
            Meaning::Account,
            "Meta does not accept the access token: make a new one for the system user, and enter it",
        ),
        10 | 200..=299 | 131_005 => (
            Meaning::Account,
            "Meta does not let the system user send: give it the rights whatsapp_business_messaging and \
             whatsapp_business_management on the account",
        ),
        4 | 80_007 => (slower(300), "the limit of calls to Meta is reached: Herald goes on by itself"),
        130_429 => (
            slower(1),
            "the number sends faster than Meta allows: Herald goes on by itself; a lower rate avoids the wait",
        ),
        131_056 => (Meaning::TooSoon, "the person got a message a moment ago, so Meta wants this one later"),
        131_048 => (
            Meaning::Account,
            "Meta has limited the number, for many people blocked it or called it spam: look at its quality at Meta",
        ),
        131_049 => {
            (Meaning::NotToday, "Meta did not deliver it, for the person gets enough advertising; this is no opt-out")
        }
        131_050 => (Meaning::NoAdvertising, "the person wants no more advertising from this number"),
        131_026 => (
            Meaning::Undeliverable,
            "it cannot be delivered: the number is not on WhatsApp, or its app is too old or lacks the newest terms",
        ),
        131_047 => {
            (Meaning::WindowClosed, "the person has not written within 24 hours, so only a template may be sent")
        }
        130_472 => {
            (Meaning::NotToday, "Meta does not deliver this to the person, for they are in an experiment of Meta's")
        }
        1 | 2 | 131_000 | 131_016 | 131_057 => (Meaning::Internal, "Meta failed: Herald tries again"),
        131_031 | 368 => {
            (Meaning::Account, "Meta has locked the account, for it broke rules: look at Meta's Business Manager")
        }
        131_042 => (
            Meaning::Account,
            "Meta sends nothing because of the payment: look at the payment method in Meta's Business Manager",
        ),
        131_052 | 131_053 => (Meaning::Content, "Meta could not fetch the file of the message: check its address"),
        132_001 => (
            Meaning::Template,
            "Meta has no such template in this language: synchronise the templates, and choose another one",
        ),
        132_000 | 132_012 | 132_018 => (
            Meaning::Template,
            "the values do not fit the variables of the template: synchronise the templates, and look at the values",
        ),
        132_005 => (Meaning::Template, "the template with its values is too long: shorten what is put into it"),
        132_007 => (Meaning::Template, "Meta says that the template breaks its rules: look at its state at Meta"),
        132_015 => (
            Meaning::Template,
            "Meta has paused the template, for people did not like it: wait until it is approved again, or choose \
             another one",
        ),
        132_016 => (Meaning::Template, "Meta has disabled the template for good: choose another one"),
        133_010 => (Meaning::Account, "the number is not registered with the Cloud API: register it at Meta"),
        _ => return (Meaning::Content, format!("Meta refused the message (code {code})")),
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
            (&[4, 80_007, 130_429][..], Class::Rate),
            (&[131_056, 131_049, 131_050, 131_026, 131_047, 130_472, 131_008, 131_009, 100, 131_051], Class::Recipient),
            (&[0, 190, 10, 200, 299, 131_005, 131_048, 131_031, 368, 131_042, 133_010], Class::Config),
            (&[132_000, 132_001, 132_005, 132_007, 132_012, 132_015, 132_016, 132_018], Class::Config),
            (&[1, 2, 131_000, 131_016, 131_057], Class::Transient),
        ] {
            for code in codes {
                assert_eq!(SendError::of(meaning(*code)).error.class, class, "{code}");
            }
        }
        assert_eq!(meaning(131_050).0, Meaning::NoAdvertising);
        // Meta's cap on advertising is nobody's will.
        assert_eq!(meaning(131_049).0, Meaning::NotToday);
        assert!(meaning(12_345).1.contains("12345"));
    }
}
