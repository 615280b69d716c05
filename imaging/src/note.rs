//! What an admin should know about an invitation that was drawn all the same.

use std::fmt;

use super::missing::describe;

/// One remark on a rendering.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// Characters that no font has; they were left out.
    MissingGlyphs {
        /// The slot, such as `slot 2 "guest name" (text)`.
        slot: String,
        /// Each once.
        characters: Vec<String>,
    },
    /// Characters that no font has, drawn as a near relative: DejaVu lacks some letters of Urdu.
    Substituted {
        /// The slot.
        slot: String,
        /// Each once.
        characters: Vec<String>,
    },
    /// A text that does not fit its box at the smallest size; its end was cut.
    Clipped {
        /// The slot.
        slot: String,
    },
    /// A font family that neither the machine nor Herald has; the default was used.
    FontNotFound {
        /// The slot.
        slot: String,
        /// The family asked for.
        family: String,
    },
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissingGlyphs { slot, characters } => {
                let missing = describe(characters);
                write!(f, "{slot}: no font has {missing}; then make it again with --refresh")
            }
            Self::Substituted { slot, characters } => {
                let characters = characters.join(" ");
                write!(
                    f,
                    "{slot}: no font has {characters}, similar letters were drawn; install a font for this script \
                     and render again"
                )
            }
            Self::Clipped { slot } => {
                write!(
                    f,
                    "{slot}: the text does not fit and was cut; enlarge the box, allow more lines or a smaller min_size"
                )
            }
            Self::FontNotFound { slot, family } => {
                write!(
                    f,
                    "{slot}: no font \"{family}\" is installed, the default is used; add the font file to the template"
                )
            }
        }
    }
}
