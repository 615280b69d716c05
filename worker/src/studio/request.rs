//! What a studio is asked and what it answers: the same in this process and, as JSON with raw bytes behind it, in a
//! child.

use std::{collections::BTreeMap, path::PathBuf};

use bytes::Bytes;
use herald_app::config::Settings;
use herald_base::image_format::ImageFormat;
use serde::{Deserialize, Serialize};

use super::limits::Limits;

/// What a desk is told before anything else.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct SetUp {
    pub(super) scale_factor: f32,
    pub(super) min_neighbors: u32,
    pub(super) margin: f32,
    pub(super) jpeg_quality: u8,
    pub(super) font_folders: Vec<PathBuf>,
    /// Only a child keeps to them.
    pub(super) limits: Limits,
}

impl SetUp {
    pub(super) fn from_settings(settings: &Settings) -> Self {
        let pictures = &settings.pictures;
        Self {
            scale_factor: pictures.scale_factor,
            min_neighbors: pictures.min_neighbors,
            margin: pictures.margin,
            jpeg_quality: settings.images.jpeg_quality,
            font_folders: settings.images.font_folders.clone(),
            limits: Limits::default(),
        }
    }
}

/// A request. Bytes travel beside it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Ask {
    /// Read, check and prepare a template and keep it. Bytes: its files, in the order of these names.
    Prepare { files: Vec<String> },
    /// Cut the largest face out of a picture. Bytes: the picture.
    Crop { side: u32 },
    /// Draw an invitation on a kept template. Bytes: the portrait, if there is one.
    Draw { version: String, drawing: Drawing },
    /// Say in which formats a kept template's invitations are encoded whole.
    Formats { version: String },
}

/// An invitation to be drawn.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Drawing {
    /// What the template's texts may name.
    pub fields: BTreeMap<String, String>,
    /// The lucky number as it is shown.
    pub number: String,
    /// What the QR code says.
    pub link: String,
    /// The format.
    pub format: ImageFormat,
    /// Names the portrait; part of the drawing's hash.
    pub portrait: Option<String>,
    /// Leaves out what no font has; otherwise such a guest's drawing is refused.
    pub allow_missing_glyphs: bool,
    /// The hash of a drawing that is there already: if this would be the same, it is not drawn.
    pub unless: Option<String>,
}

/// An answer. Bytes travel beside it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Answer {
    /// The desk is set up.
    Ready,
    /// The template is prepared and kept.
    Prepared(Facts),
    /// The version is not kept (any more): prepare it and ask again.
    Unprepared,
    /// What became of a picture. Bytes: the portrait, if there is one.
    Cut { hash: Option<String>, notes: Vec<String> },
    /// The invitation. Bytes: the file.
    Drawn { hash: String, sha256: String, notes: Vec<String> },
    /// It is there already under this hash.
    Unchanged { hash: String },
    /// For each format, why it is encoded whole, if it is.
    Formats(Vec<(ImageFormat, Option<String>)>),
    /// What was sent cannot be used, and why. The same again gets the same answer.
    Refused(String),
}

/// What is known of a prepared template.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// SHA-256 in hex over the manifest and the files it uses.
    pub version: String,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// The guests' fields it reads.
    pub fields: Vec<String>,
    /// The longest side any picture slot needs, in pixels; `None` if guests' pictures are not drawn.
    pub portrait_side: Option<u32>,
    /// What an admin should know about the template itself.
    pub notes: Vec<String>,
}

/// What became of a guest's picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Cut {
    /// The portrait, with the hash of the picture and everything that shapes it; `None` if no face was found.
    pub portrait: Option<(String, Bytes)>,
    /// What an admin should know about it.
    pub notes: Vec<String>,
}

/// A drawing that was asked for.
#[derive(Clone, Debug, PartialEq)]
pub enum Drawn {
    /// It is there already.
    Unchanged,
    /// A new one.
    New {
        /// Names everything it shows and what drew it.
        hash: String,
        /// SHA-256 of the file, in hex.
        sha256: String,
        /// The file.
        bytes: Bytes,
        /// What an admin should know about it.
        notes: Vec<String>,
    },
}
