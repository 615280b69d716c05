//! What drawing needs and what is dear to make: fonts, the face finder, prepared templates, scratch buffers, the picture fetcher.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use herald_shared::{
    config::Settings,
    cpu::CpuPool,
    domain::{self, TemplateFilesError, TemplateRow},
    files::Files,
};
use thiserror::Error;

use crate::{
    fetch::{FetchSettings, GuardedClient},
    imaging::{
        encode::Format,
        face::{FaceFinder, FaceSettings},
        fonts::FontLibrary,
        render, resize,
        template::{PrepareError, PreparedTemplate},
    },
};

/// Prepared templates kept: each holds its background, some 4 MB (screen) to 26 MB (print).
const TEMPLATES_KEPT: usize = 8;

/// Shared by all workers of a process.
pub struct Studio {
    /// Where pictures are decoded, searched and drawn.
    pub cpu: CpuPool,
    /// Finds faces.
    pub finder: FaceFinder,
    /// How hard it looks.
    pub face: FaceSettings,
    /// Room around a face, as a share of its size.
    pub margin: f32,
    /// Fetches pictures from the web, safely.
    pub fetcher: GuardedClient,
    /// The largest picture file, in bytes.
    pub max_picture_bytes: u64,
    jpeg_quality: u8,
    fonts: FontLibrary,
    /// Newest last.
    templates: Mutex<Vec<Arc<PreparedTemplate>>>,
    scratch: Mutex<Vec<Scratch>>,
}

/// The buffers of one drawing thread.
#[derive(Default)]
pub struct Scratch {
    /// For drawing.
    pub render: render::Scratch,
    /// For cropping.
    pub resize: resize::Scratch,
}

/// Why a stored template cannot be prepared.
#[derive(Debug, Error)]
pub enum TemplateError {
    /// A file of it is missing, unreadable or wrong.
    #[error(transparent)]
    Files(#[from] TemplateFilesError),
    /// It cannot be drawn.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
}

impl TemplateError {
    /// Trying again can help only if it was the file store.
    pub fn is_permanent(&self) -> bool {
        !matches!(self, Self::Files(TemplateFilesError::Files(_) | TemplateFilesError::Db(_)))
    }
}

impl Studio {
    /// A studio with these settings.
    pub fn new(settings: &Settings) -> anyhow::Result<Self> {
        let pictures = &settings.pictures;
        let max_picture_bytes = pictures.max_mb << 20;
        Ok(Self {
            cpu: CpuPool::new("cpu", settings.worker.cpu)?,
            finder: FaceFinder::new(),
            face: FaceSettings { scale_factor: pictures.scale_factor, min_neighbors: pictures.min_neighbors },
            margin: pictures.margin,
            fetcher: GuardedClient::new(FetchSettings {
                max_bytes: usize::try_from(max_picture_bytes).unwrap_or(usize::MAX),
                total_timeout: Duration::from_secs(pictures.timeout_seconds),
                allow: pictures.allow_hosts.clone(),
                ..FetchSettings::default()
            })?,
            max_picture_bytes,
            jpeg_quality: settings.images.jpeg_quality,
            fonts: FontLibrary::with_system(&settings.images.font_folders),
            templates: Mutex::default(),
            scratch: Mutex::default(),
        })
    }

    /// The encoder's settings for a run's format.
    pub fn format(&self, name: &str) -> Option<Format> {
        match name {
            "jpeg" => Some(Format::Jpeg { quality: self.jpeg_quality }),
            "png" => Some(Format::Png),
            "webp" => Some(Format::WebP),
            _ => None,
        }
    }

    /// A stored template, prepared; the last few are kept.
    pub async fn template(&self, files: &Files, row: &TemplateRow) -> Result<Arc<PreparedTemplate>, TemplateError> {
        if let Some(found) = self.kept(&row.version) {
            return Ok(found);
        }
        let (template, bundle) = domain::load_template(files, row).await?;
        let fonts = self.fonts.clone();
        let prepare = move || PreparedTemplate::from_template(template, &bundle, &fonts);
        let prepared = Arc::new(self.cpu.run(prepare).await?);
        let mut kept = self.templates.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() == TEMPLATES_KEPT {
            kept.remove(0);
        }
        kept.push(prepared.clone());
        Ok(prepared)
    }

    fn kept(&self, version: &str) -> Option<Arc<PreparedTemplate>> {
        let mut kept = self.templates.lock().unwrap_or_else(PoisonError::into_inner);
        let at = kept.iter().position(|template| template.version() == version)?;
        let found = kept.remove(at);
        kept.push(found.clone());
        Some(found)
    }

    /// Runs `work` with buffers nobody else uses; they are kept for the next.
    pub fn with_scratch<T>(&self, work: impl FnOnce(&mut Scratch) -> T) -> T {
        let taken = self.scratch.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut scratch = taken.unwrap_or_default();
        let result = work(&mut scratch);
        self.scratch.lock().unwrap_or_else(PoisonError::into_inner).push(scratch);
        result
    }
}
