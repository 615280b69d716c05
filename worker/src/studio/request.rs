//! The requests to a studio and its answers. They are the same in this process and, as JSON followed by raw bytes, in a
//! child.

use std::{collections::BTreeMap, path::PathBuf};

use bytes::Bytes;
use herald_app::config::Settings;
use herald_base::{crop_area::CropArea, image_format::ImageFormat};
use serde::{Deserialize, Serialize};

use super::limits::Limits;

/// The set-up of a desk, which it gets before any request.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct SetUp {
    pub(super) scale_factor: f32,
    pub(super) min_neighbors: u32,
    pub(super) margin: f32,
    pub(super) jpeg_quality: u8,
    pub(super) font_folders: Vec<PathBuf>,
    /// The limits, which only a child applies.
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

/// A request. Its bytes are sent beside it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Ask {
    /// Reads, checks and prepares a template, and keeps it. Bytes: its files, in the order of these names.
    Prepare { files: Vec<String> },
    /// Cuts the largest face out of a picture. Bytes: the picture.
    Crop { side: u32 },
    /// Cuts the part out of a picture that a person chose. Bytes: the picture.
    CropArea { side: u32, area: CropArea },
    /// Draws an invitation on a kept template. Bytes: the portrait, if there is one.
    Draw { version: String, drawing: Drawing },
    /// Returns the formats in which the invitations of a kept template are encoded whole.
    Formats { version: String },
}

/// An invitation to draw.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Drawing {
    /// The fields that the template's texts can name.
    pub fields: BTreeMap<String, String>,
    /// The lucky number in its visible form.
    pub number: String,
    /// The content of the QR code.
    pub link: String,
    /// The format.
    pub format: ImageFormat,
    /// The hash of the portrait, which is part of the drawing's hash.
    pub portrait: Option<String>,
    /// Whether to leave out characters that no font has. Otherwise the drawing is refused.
    pub allow_missing_glyphs: bool,
    /// The hash of an existing drawing. If the new drawing would be the same, it is not drawn.
    pub unless: Option<String>,
}

/// An answer. Its bytes are sent beside it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Answer {
    /// The desk is set up.
    Ready,
    /// The template is prepared and kept.
    Prepared(Facts),
    /// The desk does not keep this version (any more). Prepare it and send the request again.
    Unprepared,
    /// The result for a picture. Bytes: the portrait, if there is one.
    Cut { hash: Option<String>, notes: Vec<String> },
    /// The invitation. Bytes: the file.
    Drawn { hash: String, sha256: String, notes: Vec<String> },
    /// The drawing already exists under this hash.
    Unchanged { hash: String },
    /// For each format, the reason why invitations are encoded whole; `None` if they are not.
    Formats(Vec<(ImageFormat, Option<String>)>),
    /// The input cannot be used, for this reason. The same input would get the same answer.
    Refused(String),
}

/// The facts about a prepared template.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// The SHA-256 of the manifest and the files that it uses, in hex.
    pub version: String,
    /// The width in pixels.
    pub width: u32,
    /// The height in pixels.
    pub height: u32,
    /// The fields of the guest that the template reads.
    pub fields: Vec<String>,
    /// The longest side that any picture slot needs, in pixels; `None` if the template does not show guests' pictures.
    pub portrait_side: Option<u32>,
    /// Remarks about the template, for an administrator.
    pub notes: Vec<String>,
}

/// The result of cutting a guest's picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Cut {
    /// The portrait, with the hash of the picture and of all settings that shape it; `None` if no face was found.
    pub portrait: Option<(String, Bytes)>,
    /// Remarks about the picture, for an administrator.
    pub notes: Vec<String>,
}

/// The result of a drawing.
#[derive(Clone, Debug, PartialEq)]
pub enum Drawn {
    /// The drawing already exists.
    Unchanged,
    /// A new drawing.
    New {
        /// The hash of all content of the drawing, and of the versions that drew it.
        hash: String,
        /// The SHA-256 of the file, in hex.
        sha256: String,
        /// The file.
        bytes: Bytes,
        /// Remarks about the drawing, for an administrator.
        notes: Vec<String>,
    },
}
