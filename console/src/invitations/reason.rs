//! What mends a guest whose invitation failed, and how to avoid it the next time.

use serde::Serialize;

/// What a page says beside the reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Advice {
    /// What mends it: `picture`, `crop` or `retry`.
    pub(super) mend: &'static str,
    /// What to do now.
    pub(super) now: &'static str,
    /// What to do before the next run.
    pub(super) next_time: &'static str,
}

/// Words that a reason has, and what to do about it. The first that fits counts.
const KNOWN: &[(&str, Advice)] = &[
    (
        "no face was found",
        Advice {
            mend: "crop",
            now: "Choose the part of the picture to show, or upload another picture.",
            next_time: "Ask guests for a picture that shows the face from the front, alone and well lit.",
        },
    ),
    (
        "no font has",
        Advice {
            mend: "retry",
            now: "Add a font with these characters to the template or to the machine, and try again.",
            next_time: "Add fonts for the scripts of your guests to the template before the run, or let the run leave \
                        out characters that no font has.",
        },
    ),
    (
        "template",
        Advice {
            mend: "retry",
            now: "Correct the template, and try again.",
            next_time: "Look at the sample of the template in several values before the run.",
        },
    ),
    (
        "picture",
        Advice {
            mend: "picture",
            now: "Upload another picture.",
            next_time: "Send pictures as JPEG, PNG or WebP files that open in an image program, and check that the \
                        list names each one as the file is named.",
        },
    ),
];

/// What is said of any other reason.
const OTHER: Advice = Advice {
    mend: "retry",
    now: "Do what the reason says, and try again.",
    next_time: "Herald has no advice for this. The job's log says more.",
};

/// The advice for a reason.
pub(super) fn advice(reason: &str) -> Advice {
    KNOWN.iter().find(|(words, _)| reason.contains(words)).map_or(OTHER, |(_, advice)| *advice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_leads_to_what_mends_it() {
        let mend = |reason: &str| advice(reason).mend;
        assert_eq!(mend("picture \"a.jpg\": no face was found in it: use a picture"), "crop");
        assert_eq!(mend("picture \"a.jpg\": the JPEG picture is cut off: send it again"), "picture");
        assert_eq!(mend("it cannot be drawn: slot 5 \"guest\": no font has 𐗀"), "retry");
        assert_eq!(mend("the disk is full"), "retry");
    }
}
