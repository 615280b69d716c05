//! What is fuzzed, and what each input may cost.

use std::collections::BTreeMap;
use std::time::Duration;

use herald_imaging::encode::Format;
use herald_imaging::fonts::FontLibrary;
use herald_imaging::render::{Guest, Scratch, render};
use herald_imaging::template::PreparedTemplate;
use herald_imaging::{crop, face, picture, resize};
use herald_sheets::{GuestFile, Options};
use herald_template::Template;
use herald_template::expression::Expression;

use super::seeds;

/// A reader of strangers' bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// `{{ }}` texts: parsed, and evaluated for guests short and long.
    Expressions,
    /// A template's font files: checked, loaded, drawn with.
    Fonts,
    /// Guests' pictures: decoded, searched for faces, cropped.
    Pictures,
    /// Lists of guests.
    Lists,
    /// Templates packed into a zip.
    Zips,
}

impl Target {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Expressions, Self::Fonts, Self::Pictures, Self::Lists, Self::Zips];

    /// As it is called on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Expressions => "expressions",
            Self::Fonts => "fonts",
            Self::Pictures => "pictures",
            Self::Lists => "lists",
            Self::Zips => "zips",
        }
    }

    /// The target of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|target| target.name() == name)
    }

    /// The address space of its child. The program itself takes some 300 MB of it.
    pub(super) fn memory_mb(self) -> u64 {
        match self {
            Self::Expressions => 512,
            Self::Lists => 768,
            // A picture may have 40 megapixels of four bytes, and is turned and scaled.
            Self::Fonts | Self::Zips => 1_024,
            Self::Pictures => 1_536,
        }
    }

    /// The time one input may take in a build for tests, which is some ten times slower than what is shipped.
    pub(super) fn budget(self) -> Duration {
        match self {
            Self::Expressions => Duration::from_millis(200),
            Self::Lists => Duration::from_secs(1),
            Self::Fonts | Self::Zips => Duration::from_secs(3),
            Self::Pictures => Duration::from_secs(8),
        }
    }

    /// The longest input.
    pub(super) fn longest(self) -> usize {
        match self {
            Self::Expressions => 2_000,
            Self::Lists => 64 << 10,
            Self::Fonts => 1 << 20,
            Self::Pictures | Self::Zips => 256 << 10,
        }
    }

    pub(super) fn seeds(self) -> Vec<Vec<u8>> {
        match self {
            Self::Expressions => seeds::expressions(),
            Self::Fonts => seeds::fonts(),
            Self::Pictures => seeds::pictures(),
            Self::Lists => seeds::lists(),
            Self::Zips => seeds::zips(),
        }
    }

    pub(super) fn words(self) -> &'static [&'static str] {
        match self {
            Self::Expressions => &[
                "{{",
                "}}",
                "|",
                "replace('a', a)",
                "replace('', a)",
                "upper",
                "title",
                "~a",
                "*99999999",
                "in",
                "not ",
                "[1]",
                "(",
                ")",
                "if ",
                " else ",
                "and ",
                "or ",
                "default(a)",
                "int",
                "float",
                "round(9)",
                "length",
                "<",
                "==",
                "'",
                "//",
                "%",
                "-",
                "**",
                "first",
                "last",
                "trim(a)",
                "is defined",
                "a",
                "b",
                "{#",
                "#}",
            ],
            Self::Fonts => &[
                "ttcf", "OTTO", "head", "cmap", "glyf", "loca", "name", "GSUB", "GPOS", "hmtx", "maxp", "CFF ", "CBDT",
                "COLR",
            ],
            Self::Pictures => &[
                "IHDR",
                "IDAT",
                "PLTE",
                "acTL",
                "Exif\0\0",
                "ICC_PROFILE\0",
                "VP8X",
                "VP8L",
                "ANMF",
                "RIFF",
                "WEBP",
                "\u{7f}",
            ],
            Self::Lists => &[
                ",", ";", "\t", "\"", "\"\"", "\r\n", "\n", "name", "email", "phone", "picture", "sep=;", "\u{feff}",
                "@", "\0",
            ],
            Self::Zips => &["PK\u{3}\u{4}", "PK\u{1}\u{2}", "PK\u{5}\u{6}", "template.toml", "b.png", "../", "/", "\\"],
        }
    }

    /// Does with an input what Herald would. Nothing is expected of the outcome but that there is one.
    pub fn try_out(self, input: &[u8]) {
        match self {
            Self::Expressions => expression(&String::from_utf8_lossy(input)),
            Self::Fonts => font(input),
            Self::Pictures => portrait(input),
            Self::Lists => list(input),
            Self::Zips => {
                if let Ok(bundle) = herald_api::unpack_template(input) {
                    drop(Template::read(&bundle));
                }
            }
        }
    }
}

fn expression(source: &str) {
    let Ok(expression) = Expression::parse(source) else { return };
    for value in ["", "7", "דנה – 3", &"a".repeat(4_000), &"long ".repeat(20_000)] {
        drop(expression.evaluate_isolated(|_| Some(value)));
    }
    let _ = expression.fields().iter().filter(|field| expression.requires(field)).count();
}

fn font(input: &[u8]) {
    let bundle = seeds::template_with_font(input);
    let Ok(template) = PreparedTemplate::new(&bundle, &FontLibrary::embedded()) else { return };
    let fields = BTreeMap::from([("name".to_owned(), "Ąda O’Hara שלום 7".to_owned())]);
    let guest = Guest {
        fields: &fields,
        portrait: None,
        number: "0042",
        link: "https://example.com/i/a",
        allow_missing_glyphs: true,
    };
    drop(render(&template, &guest, Format::Jpeg { quality: 85 }, &mut Scratch::default()));
}

fn portrait(input: &[u8]) {
    thread_local! {
        static FINDER: face::FaceFinder = face::FaceFinder::new();
    }
    let Ok(picture) = picture::decode(input) else { return };
    let face = face::FaceSettings { scale_factor: 1.2, min_neighbors: 3 };
    let settings = crop::CropSettings { face, margin: 0.4, side: 64 };
    FINDER.with(|finder| drop(crop::crop_portrait(&picture, finder, &settings, &mut resize::Scratch::default())));
}

fn list(input: &[u8]) {
    let Ok(list) = GuestFile::from_bytes(input, &Options::default()) else { return };
    list.for_each(drop);
}
