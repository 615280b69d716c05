//! Closed sets that are stored and sent as text: states, policies, formats.

/// Defines an enum from lines `Variant "text"`, and the code that reads and writes it as that text: `as_str`, `ALL`,
/// `Display`, `FromStr`, serde, the API's schema, and `TryFrom<String>` for rows (`#[sqlx(try_from = "String")]`).
///
/// The string after the name begins the error about an unknown text, which replaces its `{:?}`. The allowed texts
/// follow automatically.
///
/// ```
/// herald_base::text_enum! {
///     /// Which way a coin fell.
///     pub enum Side, "a coin does not fall on {:?}" {
///         /// The one with a face.
///         Heads "heads",
///         /// The other.
///         Tails "tails",
///     }
/// }
/// assert_eq!("tails".parse(), Ok(Side::Tails));
/// assert_eq!("edge".parse::<Side>().unwrap_err(), r#"a coin does not fall on "edge": use heads or tails"#);
/// ```
#[macro_export]
macro_rules! text_enum {
    (
        $(#[$about:meta])*
        $visible:vis enum $name:ident, $unknown:literal {
            $($(#[$about_one:meta])* $variant:ident $text:tt,)+
        }
    ) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, ::serde::Serialize, ::serde::Deserialize,
            ::utoipa::ToSchema)]
        $visible enum $name {
            $($(#[$about_one])* #[serde(rename = $text)] $variant,)+
        }

        #[allow(dead_code, reason = "not every set is needed in every way")]
        impl $name {
            /// All variants, in their order.
            $visible const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The text in tables, JSON and messages.
            $visible const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl ::std::str::FromStr for $name {
            type Err = ::std::string::String;

            fn from_str(text: &str) -> ::std::result::Result<Self, Self::Err> {
                match text {
                    $($text => Ok(Self::$variant),)+
                    _ => Err(format!(concat!($unknown, ": use {}"), text, $crate::text_enum::any_of(&[$($text,)+]))),
                }
            }
        }

        impl ::std::convert::TryFrom<::std::string::String> for $name {
            type Error = ::std::string::String;

            fn try_from(text: ::std::string::String) -> ::std::result::Result<Self, Self::Error> {
                text.parse()
            }
        }
    };
}

/// Joins texts for a message: `heads, tails or neither`.
pub fn any_of(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [most @ .., last] => format!("{} or {last}", most.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    crate::text_enum! {
        /// How a cup of tea is.
        enum Tea, "tea cannot be {:?}" {
            /// Just made.
            Hot "hot",
            /// Forgotten for a while.
            LukeWarm "luke-warm",
            /// Forgotten.
            Cold "cold",
        }
    }

    #[test]
    fn each_word_is_read_and_written_as_it_is_spelt() {
        assert_eq!(Tea::ALL, [Tea::Hot, Tea::LukeWarm, Tea::Cold]);
        for tea in Tea::ALL {
            assert_eq!(tea.as_str().parse::<Tea>().unwrap(), *tea);
            assert_eq!(Tea::try_from(tea.to_string()).unwrap(), *tea);
            assert_eq!(serde_json::to_value(tea).unwrap(), tea.as_str());
            assert_eq!(serde_json::from_value::<Tea>(tea.as_str().into()).unwrap(), *tea);
        }
        assert_eq!(format!("{:<5}|", Tea::Hot), "hot  |");
    }

    #[test]
    fn another_word_is_refused_with_those_that_are_allowed() {
        assert_eq!("Hot".parse::<Tea>().unwrap_err(), r#"tea cannot be "Hot": use hot, luke-warm or cold"#);
    }

    #[test]
    fn the_api_names_the_words() {
        let schema = serde_json::to_value(<Tea as utoipa::PartialSchema>::schema()).unwrap();
        assert_eq!(schema["enum"], serde_json::json!(["hot", "luke-warm", "cold"]));
    }
}
