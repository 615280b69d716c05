//! Prepares templates when they are uploaded, as a run would: a background or font that is damaged is found by the person who uploads it, and not by every
//! guest later.

use std::{path::PathBuf, time::Duration};

use herald_shared::{cpu::CpuPool, template::Bundle};

use crate::imaging::{
    fonts::FontLibrary,
    template::{PrepareError, PreparedTemplate},
};

/// How long a template may take to prepare; a large one takes a second.
const LONGEST: Duration = Duration::from_secs(20);

/// Checks templates, one at a time, on a thread of its own.
pub struct TemplateCheck {
    cpu: CpuPool,
    fonts: FontLibrary,
}

/// Why a template cannot be drawn on.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// What is wrong with it.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// It was not prepared in time.
    #[error("it takes longer than {} seconds to prepare: make its background smaller, or use other fonts", LONGEST.as_secs())]
    TooSlow,
}

impl TemplateCheck {
    /// A check with the machine's fonts and those in these folders.
    ///
    /// # Errors
    /// When the operating system gives no more threads.
    pub fn new(font_folders: &[PathBuf]) -> anyhow::Result<Self> {
        Ok(Self { cpu: CpuPool::new("template", 1)?, fonts: FontLibrary::with_system(font_folders) })
    }

    /// Decodes the background and loads the fonts.
    ///
    /// # Errors
    /// [`CheckError`] names the file or the slot.
    pub async fn check(&self, bundle: Bundle) -> Result<(), CheckError> {
        let fonts = self.fonts.clone();
        let prepare = self.cpu.run(move || PreparedTemplate::new(&bundle, &fonts).map(drop));
        tokio::time::timeout(LONGEST, prepare).await.map_err(|_| CheckError::TooSlow)?.map_err(CheckError::from)
    }
}
