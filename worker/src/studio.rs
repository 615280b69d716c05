//! The studio, which processes pictures, fonts and templates. They come from strangers, so child processes with limits
//! do the work. Herald can end a child at any time ([ADR 21](../../docs/adr/0021-drawing-in-children.md)). Tests may do
//! the work in their own process.
//!
//! ```text
//!  handler ──▶ Studio ──▶ Pool: a slot, a child ──▶ frames on a pipe ──▶ child: Desk ──▶ imaging
//!                 └─────▶ CpuPool: a thread ────────────────────────────────▶ Desk
//! ```

mod child;
mod desk;
mod frame;
mod hand;
mod known;
mod limits;
mod pool;
mod process;
mod request;

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use bytes::Bytes;
use herald_app::config::Settings;
use herald_base::{cpu::CpuPool, crop_area::CropArea, image_format::ImageFormat};
use herald_invitations::{TemplateFilesError, TemplateRow};
use herald_providers::files::Files;
use herald_template::Bundle;
use thiserror::Error;

pub(crate) use self::process::ending;
pub use self::{
    child::serve,
    limits::Limits,
    request::{Cut, Drawing, Drawn, Facts},
};
use self::{
    desk::{Desk, Reply},
    hand::Hands,
    known::{Known, Weight},
    pool::Pool,
    request::{Answer, Ask, SetUp},
};
use crate::fetch::{FetchSettings, GuardedClient};
use herald_imaging::encode::Format;

/// The studio, which all workers of a process share.
pub struct Studio {
    /// The client that fetches pictures from the web, with protection of private networks.
    pub fetcher: GuardedClient,
    /// The largest picture file, in bytes.
    pub max_picture_bytes: u64,
    jpeg_quality: u8,
    hands: Hands,
    known: Mutex<Known>,
}

/// The place of a template's files.
#[derive(Clone, Copy)]
pub enum Source<'s> {
    /// The files are in the file store.
    Stored(&'s Files, &'s TemplateRow),
    /// The files are in memory.
    Given(&'s Bundle),
}

/// The reason why a request to the studio failed.
#[derive(Debug, Error)]
pub enum StudioError {
    /// The input cannot be used. The same input would be refused again.
    #[error("{0}")]
    Refused(String),
    /// The request ended the child, even a fresh one, or used up its time.
    #[error("{0}")]
    Ended(String),
    /// The files of a template cannot be read.
    #[error("{template}: {source}")]
    Files {
        /// The name of the template.
        template: String,
        /// The cause.
        source: TemplateFilesError,
    },
    /// No child process starts.
    #[error("a drawing process does not start: {0}")]
    NoProcess(#[from] std::io::Error),
}

impl StudioError {
    /// Whether a retry cannot help.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::Refused(_) | Self::Ended(_) => true,
            Self::Files { source, .. } => !matches!(source, TemplateFilesError::Files(_) | TemplateFilesError::Db(_)),
            Self::NoProcess(_) => false,
        }
    }
}

impl Studio {
    /// Creates a studio that works in child processes: `program studio`, where `program` is Herald itself. `at_once`
    /// children work at the same time; 0 means one for each core. They start when they are needed, or with
    /// [`Studio::warm_up`].
    ///
    /// # Errors
    /// If the settings do not allow Herald to fetch any picture.
    pub fn in_children(settings: &Settings, program: PathBuf, at_once: usize) -> anyhow::Result<Self> {
        Self::with_limits(settings, program, at_once, Limits::default())
    }

    /// Creates such a studio with other limits.
    ///
    /// # Errors
    /// The same as [`Studio::in_children`].
    pub fn with_limits(settings: &Settings, program: PathBuf, at_once: usize, limits: Limits) -> anyhow::Result<Self> {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        let at_once = if at_once == 0 { cores() } else { at_once };
        let set_up = SetUp { limits, ..SetUp::from_settings(settings) };
        Self::new(settings, Hands::Children(Pool::new(program, set_up, at_once)))
    }

    /// Creates a studio that works in this process. Only tests should use it: hostile input may block its threads for
    /// good, or end the process.
    ///
    /// # Errors
    /// If no threads can be started.
    pub fn in_process(settings: &Settings) -> anyhow::Result<Self> {
        let desk = Arc::new(Desk::new(&SetUp::from_settings(settings)));
        Self::new(settings, Hands::Here { cpu: CpuPool::new("cpu", settings.worker.cpu)?, desk })
    }

    fn new(settings: &Settings, hands: Hands) -> anyhow::Result<Self> {
        let pictures = &settings.pictures;
        let max_picture_bytes = pictures.max_mb << 20;
        Ok(Self {
            fetcher: GuardedClient::new(FetchSettings {
                max_bytes: usize::try_from(max_picture_bytes).unwrap_or(usize::MAX),
                total_timeout: Duration::from_secs(pictures.timeout_seconds),
                allow: pictures.allow_hosts.clone(),
                ..FetchSettings::default()
            })?,
            max_picture_bytes,
            jpeg_quality: settings.images.jpeg_quality,
            hands,
            known: Mutex::default(),
        })
    }

    /// Starts the children now, in the background.
    pub fn warm_up(&self) {
        if let Hands::Children(pool) = &self.hands {
            pool.warm_up();
        }
    }

    /// The settings of the encoder for a run's format.
    pub fn format(&self, format: ImageFormat) -> Format {
        desk::format(format, self.jpeg_quality)
    }

    /// Prepares a template and returns its facts, or all its flaws.
    ///
    /// # Errors
    /// [`StudioError`]; for a stored template, its message begins with the template's name.
    pub async fn facts(&self, source: Source<'_>) -> Result<Arc<Facts>, StudioError> {
        let version = match source {
            Source::Stored(_, row) => Some(row.version.as_str()),
            Source::Given(_) => None,
        };
        if let Some(version) = version {
            self.may_work_on(version)?;
            if let Some(facts) = self.known().facts(version) {
                return Ok(facts);
            }
        }
        let (ask, pieces) = source.prepare().await?;
        let facts = match self.ask(&ask, &pieces, source.label(), None).await {
            Ok((Answer::Prepared(facts), _)) => Arc::new(facts),
            Ok(other) => return Err(unexpected(other)),
            Err(error) => {
                self.note_end(version, Weight::Prepared, &error);
                return Err(error);
            }
        };
        if let Some(version) = version {
            self.known().learn(version, &facts);
        }
        Ok(facts)
    }

    /// For each format, the reason why invitations are encoded whole for every guest; `None` if they are not.
    ///
    /// # Errors
    /// The same as [`Studio::facts`].
    pub async fn formats(&self, source: Source<'_>) -> Result<Vec<(ImageFormat, Option<String>)>, StudioError> {
        let ask = Ask::Formats { version: self.facts(source).await?.version.clone() };
        match self.ask(&ask, &[], source.label(), Some(source)).await? {
            (Answer::Formats(formats), _) => Ok(formats),
            other => Err(unexpected(other)),
        }
    }

    /// Cuts a square around the largest face out of a picture, at most `side` pixels wide.
    ///
    /// # Errors
    /// [`StudioError`] says why the picture cannot be used.
    pub async fn crop(&self, picture: Bytes, side: u32) -> Result<Cut, StudioError> {
        match self.ask(&Ask::Crop { side }, &[picture], String::new(), None).await? {
            (Answer::Cut { hash, notes }, pieces) => Ok(Cut { portrait: hash.zip(pieces.into_iter().next()), notes }),
            other => Err(unexpected(other)),
        }
    }

    /// Cuts the part out of a picture that a person chose.
    ///
    /// # Errors
    /// [`StudioError`] says why the picture cannot be used.
    pub async fn crop_area(&self, picture: Bytes, side: u32, area: CropArea) -> Result<Cut, StudioError> {
        match self.ask(&Ask::CropArea { side, area }, &[picture], String::new(), None).await? {
            (Answer::Cut { hash, notes }, pieces) => Ok(Cut { portrait: hash.zip(pieces.into_iter().next()), notes }),
            other => Err(unexpected(other)),
        }
    }

    /// Draws an invitation.
    ///
    /// # Errors
    /// [`StudioError`] says what cannot be drawn.
    pub async fn draw(
        &self,
        source: Source<'_>,
        drawing: Drawing,
        portrait: Option<Bytes>,
    ) -> Result<Drawn, StudioError> {
        let version = self.facts(source).await?.version.clone();
        self.may_work_on(&version)?;
        let ask = Ask::Draw { version: version.clone(), drawing };
        let portrait: Vec<Bytes> = portrait.into_iter().collect();
        match self.ask(&ask, &portrait, String::new(), Some(source)).await {
            Ok((Answer::Drawn { hash, sha256, notes }, pieces)) => {
                Ok(Drawn::New { hash, sha256, bytes: pieces.into_iter().next().unwrap_or_default(), notes })
            }
            Ok((Answer::Unchanged { .. }, _)) => Ok(Drawn::Unchanged),
            Ok(other) => Err(unexpected(other)),
            Err(error) => {
                self.note_end(Some(&version), Weight::Drawn, &error);
                Err(error)
            }
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Refuses a template that has ended several processes. Otherwise a run of thousands of guests would end one
    /// process for each guest.
    fn may_work_on(&self, version: &str) -> Result<(), StudioError> {
        self.known().left_alone(version, Instant::now()).map_or(Ok(()), |message| Err(StudioError::Ended(message)))
    }

    fn note_end(&self, version: Option<&str>, weight: Weight, error: &StudioError) {
        if let (Some(version), StudioError::Ended(message)) = (version, error) {
            self.known().ended(version, weight, message, Instant::now());
        }
    }

    /// Sends a request and returns the answer. If the child does not have the template, it is sent from `source`.
    /// Errors begin with `label`.
    async fn ask(
        &self,
        ask: &Ask,
        pieces: &[Bytes],
        label: String,
        source: Option<Source<'_>>,
    ) -> Result<Reply, StudioError> {
        let mut fresh = false;
        loop {
            let mut hand = self.hands.take(fresh).await?;
            match hand.converse(ask, pieces, &label, source).await {
                Ok(answer) => {
                    hand.give_back();
                    return answer;
                }
                // Try once more, in a fresh child. This child may have been killed because of another process.
                Err(told) if !fresh && told.ending.may_pass() => fresh = true,
                Err(told) => return Err(StudioError::Ended(told.message())),
            }
        }
    }
}

/// The error for an answer that does not belong to its request. Only a corrupted child gives one.
fn unexpected(_: Reply) -> StudioError {
    tracing::error!("a drawing process gave an answer that does not belong to its request");
    StudioError::Ended("the drawing process gave a wrong answer: please report this".to_owned())
}
