//! The desk, where the work is done. It keeps everything that is expensive to create: fonts, the face finder, prepared
//! templates, and scratch buffers.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use herald_base::{crop_area::CropArea, image_format::ImageFormat};
use herald_template::{Bundle, Template};
use sha2::{Digest, Sha256};

use super::request::{Answer, Ask, Drawing, Facts, SetUp};
use herald_imaging::{
    crop::{CropSettings, crop_portrait, crop_square},
    encode::{Format, encode},
    face::{FaceFinder, FaceSettings},
    fonts::FontLibrary,
    picture::{self, Pixels},
    render::{self, Guest, RENDERER_VERSION, render},
    resize,
    template::PreparedTemplate,
};

/// The number of prepared templates to keep. Each holds its background, from about 4 MB (screen) to 26 MB (print).
const TEMPLATES_KEPT: usize = 8;
/// The largest number of pixels of all kept templates together. The largest allowed template has 40 million.
const PIXELS_KEPT: u64 = 48_000_000;
/// The format of stored portraits. The quality is high, because they are scaled once more when drawn.
const PORTRAIT: Format = Format::Jpeg { quality: 95 };

/// Answers requests, and can answer several at once.
pub(super) struct Desk {
    finder: FaceFinder,
    face: FaceSettings,
    margin: f32,
    jpeg_quality: u8,
    fonts: FontLibrary,
    /// The prepared templates, newest last.
    templates: Mutex<Vec<Arc<PreparedTemplate>>>,
    scratch: Mutex<Vec<Scratch>>,
}

/// The buffers of one drawing thread.
#[derive(Default)]
struct Scratch {
    render: render::Scratch,
    resize: resize::Scratch,
}

/// An answer, and the bytes that belong to it.
pub(super) type Reply = (Answer, Vec<Bytes>);

impl Desk {
    pub(super) fn new(set_up: &SetUp) -> Self {
        Self {
            finder: FaceFinder::new(),
            face: FaceSettings { scale_factor: set_up.scale_factor, min_neighbors: set_up.min_neighbors },
            margin: set_up.margin,
            jpeg_quality: set_up.jpeg_quality,
            fonts: FontLibrary::with_system(&set_up.font_folders),
            templates: Mutex::default(),
            scratch: Mutex::default(),
        }
    }

    /// Reads the machine's font folders now, so that the first template does not wait for that.
    pub(super) fn warm_up(&self) {
        self.fonts.fingerprint();
    }

    /// Answers a request. This work is CPU-bound.
    pub(super) fn answer(&self, ask: &Ask, bytes: Vec<Bytes>) -> Reply {
        match ask {
            Ask::Prepare { files } => match self.prepare(files, bytes) {
                Ok(facts) => (Answer::Prepared(facts), Vec::new()),
                Err(reason) => refused(reason),
            },
            Ask::Crop { side } => self.crop(&bytes.into_iter().next().unwrap_or_default(), *side),
            Ask::CropArea { side, area } => self.crop_area(&bytes.into_iter().next().unwrap_or_default(), *side, *area),
            Ask::Draw { version, drawing } => match self.kept(version) {
                Some(template) => self.draw(&template, drawing, bytes.first()).unwrap_or_else(refused),
                None => (Answer::Unprepared, Vec::new()),
            },
            Ask::Formats { version } => match self.kept(version) {
                Some(template) => (Answer::Formats(self.formats(&template)), Vec::new()),
                None => (Answer::Unprepared, Vec::new()),
            },
        }
    }

    fn prepare(&self, names: &[String], bytes: Vec<Bytes>) -> Result<Facts, String> {
        let mut bundle = Bundle::default();
        for (name, bytes) in names.iter().zip(bytes) {
            bundle.insert(name, bytes).map_err(|error| error.to_string())?;
        }
        let template = Template::read(&bundle).map_err(|error| error.to_string())?;
        let (width, height) = (template.width, template.height);
        let fields = template.fields().into_iter().collect();
        let prepared = match self.kept(&template.version) {
            Some(kept) => kept,
            None => {
                let prepared = PreparedTemplate::from_template(template, &bundle, &self.fonts);
                self.keep(prepared.map_err(|error| error.to_string())?)
            }
        };
        Ok(Facts {
            version: prepared.version().to_owned(),
            width,
            height,
            fields,
            portrait_side: prepared.portrait_side(),
            notes: prepared.notes().iter().map(ToString::to_string).collect(),
        })
    }

    fn crop(&self, bytes: &[u8], side: u32) -> Reply {
        let picture = match picture::decode(bytes) {
            Ok(picture) => picture,
            Err(error) => return refused(error.to_string()),
        };
        let settings = CropSettings { face: self.face, margin: self.margin, side };
        let found = self.with_scratch(|scratch| crop_portrait(&picture, &self.finder, &settings, &mut scratch.resize));
        let Some(portrait) = found else {
            let note = "no face was found in the picture (the drawn avatar is used): use a picture that shows the face \
                from the front";
            return (Answer::Cut { hash: None, notes: vec![note.to_owned()] }, Vec::new());
        };
        let mut notes = Vec::new();
        if portrait.faces_found > 1 {
            notes.push(format!("{} faces in the picture, the largest one was taken", portrait.faces_found));
        }
        let parameters = format!("portrait 2 {side} {} {:?} {PORTRAIT:?}\n", self.margin, self.face);
        kept(&portrait.pixels, &parameters, bytes, notes)
    }

    fn crop_area(&self, bytes: &[u8], side: u32, area: CropArea) -> Reply {
        let picture = match picture::decode(bytes) {
            Ok(picture) => picture,
            Err(error) => return refused(error.to_string()),
        };
        let square = area.square(picture.dimensions());
        let pixels = self.with_scratch(|scratch| crop_square(&picture, square, side, &mut scratch.resize));
        kept(&pixels, &format!("portrait 2 {side} {square:?} {PORTRAIT:?}\n"), bytes, Vec::new())
    }

    fn draw(&self, template: &PreparedTemplate, drawing: &Drawing, portrait: Option<&Bytes>) -> Result<Reply, String> {
        let format = format(drawing.format, self.jpeg_quality);
        let hash = hash(template, format, drawing);
        if drawing.unless.as_ref() == Some(&hash) {
            return Ok((Answer::Unchanged { hash }, Vec::new()));
        }
        let portrait = portrait
            .map(|bytes| picture::decode(bytes).map_err(|error| format!("its portrait is damaged: {error}")))
            .transpose()?
            .map(|picture| picture.pixels);
        let guest = Guest {
            fields: &drawing.fields,
            portrait: portrait.as_ref(),
            number: &drawing.number,
            link: &drawing.link,
            allow_missing_glyphs: drawing.allow_missing_glyphs,
        };
        let drawn = self
            .with_scratch(|scratch| render(template, &guest, format, &mut scratch.render))
            .map_err(|error| format!("it cannot be drawn: {error}"))?;
        let sha256 = hex::encode(Sha256::digest(&drawn.bytes));
        let notes = drawn.notes.iter().map(ToString::to_string).collect();
        Ok((Answer::Drawn { hash, sha256, notes }, vec![drawn.bytes.into()]))
    }

    fn formats(&self, template: &PreparedTemplate) -> Vec<(ImageFormat, Option<String>)> {
        let whole = |one| template.encoded_whole(format(one, self.jpeg_quality)).map(|reason| reason.to_string());
        ImageFormat::ALL.iter().map(|one| (*one, whole(*one))).collect()
    }

    /// Returns a kept template, which then counts as the newest.
    fn kept(&self, version: &str) -> Option<Arc<PreparedTemplate>> {
        let mut kept = self.templates.lock().unwrap_or_else(PoisonError::into_inner);
        let at = kept.iter().position(|template| template.version() == version)?;
        let found = kept.remove(at);
        kept.push(found.clone());
        Some(found)
    }

    fn keep(&self, template: PreparedTemplate) -> Arc<PreparedTemplate> {
        let template = Arc::new(template);
        let mut kept = self.templates.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push(template.clone());
        while kept.len() > TEMPLATES_KEPT || kept.len() > 1 && kept.iter().map(pixels).sum::<u64>() > PIXELS_KEPT {
            kept.remove(0);
        }
        template
    }

    /// Runs `work` with buffers that no other thread uses, and keeps them for the next call.
    fn with_scratch<T>(&self, work: impl FnOnce(&mut Scratch) -> T) -> T {
        let taken = self.scratch.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut scratch = taken.unwrap_or_default();
        let result = work(&mut scratch);
        self.scratch.lock().unwrap_or_else(PoisonError::into_inner).push(scratch);
        result
    }
}

/// The settings of the encoder for a format.
pub(super) fn format(format: ImageFormat, jpeg_quality: u8) -> Format {
    match format {
        ImageFormat::Jpeg => Format::Jpeg { quality: jpeg_quality },
        ImageFormat::Png => Format::Png,
        ImageFormat::Webp => Format::WebP,
    }
}

/// The hash of all content of the drawing, and of the versions that draw it.
fn hash(template: &PreparedTemplate, format: Format, drawing: &Drawing) -> String {
    let mut shown = serde_json::json!([
        RENDERER_VERSION,
        template.fonts_fingerprint(),
        template.version(),
        format!("{format:?}"),
        drawing.fields,
        drawing.number,
        drawing.link,
        drawing.portrait,
    ]);
    if let Some(shown) = shown.as_array_mut().filter(|_| drawing.allow_missing_glyphs) {
        // A drawing that may lack characters must not replace one that may not.
        shown.push("missing glyphs allowed".into());
    }
    hex::encode(Sha256::digest(shown.to_string()))
}

fn pixels(template: &Arc<PreparedTemplate>) -> u64 {
    let (width, height) = template.dimensions();
    u64::from(width) * u64::from(height)
}

/// The answer with a portrait. Its hash is that of the picture and of the parameters that shaped it.
fn kept(pixels: &Pixels, parameters: &str, picture: &[u8], mut notes: Vec<String>) -> Reply {
    let mut hash = Sha256::new();
    hash.update(parameters);
    hash.update(picture);
    let hash = hex::encode(hash.finalize());
    let mut out = Vec::new();
    let encoded = match pixels {
        Pixels::Opaque(image) => encode(image, PORTRAIT, &mut out).map_err(|error| error.to_string()),
        // JPEG does not support transparency.
        Pixels::Alpha(image) => image
            .write_to(&mut std::io::Cursor::new(&mut out), image::ImageFormat::Png)
            .map_err(|error| error.to_string()),
    };
    match encoded {
        Ok(()) => (Answer::Cut { hash: Some(hash), notes }, vec![out.into()]),
        Err(error) => {
            notes.push(format!("the portrait could not be kept (the drawn avatar is used): {error}"));
            (Answer::Cut { hash: None, notes }, Vec::new())
        }
    }
}

fn refused(reason: String) -> Reply {
    (Answer::Refused(reason), Vec::new())
}
