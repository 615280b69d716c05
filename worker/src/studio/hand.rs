//! The conversation about one request: the child or thread that answers it, a template that is missing there, and the
//! messages about ended children.

use std::sync::Arc;

use bytes::Bytes;
use herald_base::cpu::CpuPool;
use herald_invitations as domain;

use super::{
    Source, StudioError,
    desk::{Desk, Reply},
    pool::{Lent, Pool},
    process::Ending,
    request::{Answer, Ask},
};

/// The largest input of one request, in MB.
const MOST_MB: usize = 256;

/// The threads or child processes that do the work.
pub(super) enum Hands {
    Here { cpu: CpuPool, desk: Arc<Desk> },
    Children(Arc<Pool>),
}

/// A thread or a child process, for one request.
pub(super) enum Hand<'s> {
    Here { cpu: &'s CpuPool, desk: Arc<Desk> },
    Child(Box<Lent>),
}

impl Hands {
    /// Takes a free hand; a new child if `fresh`. Waits while all of them are busy.
    pub(super) async fn take(&self, fresh: bool) -> Result<Hand<'_>, StudioError> {
        Ok(match self {
            Self::Here { cpu, desk } => Hand::Here { cpu, desk: desk.clone() },
            Self::Children(pool) => Hand::Child(Box::new(pool.take(fresh).await?)),
        })
    }
}

/// The end of a child during a request.
pub(super) struct Told {
    pub(super) ending: Ending,
    label: String,
    during: During,
}

#[derive(Clone, Copy)]
enum During {
    Preparing,
    Cropping,
    Drawing,
}

impl Told {
    pub(super) fn message(&self) -> String {
        let Self { ending, label, during } = self;
        match during {
            During::Preparing => {
                format!(
                    "{label}preparing it ended the drawing process ({ending}): check its texts, background and fonts"
                )
            }
            During::Cropping => {
                format!("reading it ended the drawing process ({ending}): save it again in an image program")
            }
            During::Drawing => format!(
                "drawing it ended the drawing process ({ending}): check the template's texts and fonts, \
                 and the guest's picture"
            ),
        }
    }
}

impl Hand<'_> {
    /// Sends a request, with the template if the child lacks it. The outer error means that the child ended; the inner
    /// result is the answer.
    pub(super) async fn converse(
        &mut self,
        ask: &Ask,
        pieces: &[Bytes],
        label: &str,
        source: Option<Source<'_>>,
    ) -> Result<Result<Reply, StudioError>, Told> {
        let during = match ask {
            Ask::Prepare { .. } => During::Preparing,
            Ask::Crop { .. } | Ask::CropArea { .. } => During::Cropping,
            Ask::Draw { .. } | Ask::Formats { .. } => During::Drawing,
        };
        let reply = self.ask(ask, pieces, label, during).await?;
        let (Answer::Unprepared, Some(source)) = (&reply.0, source) else { return Ok(told(reply, label)) };
        let (prepare, files) = match source.prepare().await {
            Ok(prepare) => prepare,
            Err(error) => return Ok(Err(error)),
        };
        let reply = self.ask(&prepare, &files, &source.label(), During::Preparing).await?;
        if let Err(error) = told(reply, &source.label()) {
            return Ok(Err(error));
        }
        Ok(told(self.ask(ask, pieces, label, during).await?, label))
    }

    async fn ask(&mut self, ask: &Ask, pieces: &[Bytes], label: &str, during: During) -> Result<Reply, Told> {
        if pieces.iter().map(Bytes::len).sum::<usize>() > MOST_MB << 20 {
            let reason =
                format!("it has more than {MOST_MB} MB: leave out what is not used, and make the rest smaller");
            return Ok((Answer::Refused(reason), Vec::new()));
        }
        match self {
            Self::Here { cpu, desk } => {
                let (desk, ask, pieces) = (desk.clone(), ask.clone(), pieces.to_vec());
                Ok(cpu.run(move || desk.answer(&ask, pieces)).await)
            }
            Self::Child(child) => {
                let told = |ending| Told { ending, label: label.to_owned(), during };
                child.ask(ask, pieces).await.map_err(told)
            }
        }
    }

    pub(super) fn give_back(self) {
        if let Self::Child(child) = self {
            child.give_back();
        }
    }
}

impl Source<'_> {
    /// The beginning of error messages.
    pub(super) fn label(&self) -> String {
        match self {
            Self::Stored(_, row) => format!("template \"{}\": ", row.name),
            Self::Given(_) => String::new(),
        }
    }

    /// The request that prepares the template.
    pub(super) async fn prepare(&self) -> Result<(Ask, Vec<Bytes>), StudioError> {
        let read;
        let bundle = match self {
            Self::Stored(files, row) => {
                let template = || format!("template \"{}\"", row.name);
                let fetched = domain::template_bundle(files, row).await;
                read = fetched.map_err(|source| StudioError::Files { template: template(), source })?;
                &read
            }
            Self::Given(bundle) => bundle,
        };
        let (names, pieces) = bundle.files().map(|(name, bytes)| (name.to_owned(), bytes.clone())).unzip();
        Ok((Ask::Prepare { files: names }, pieces))
    }
}

/// Turns a refusal into an error.
fn told((answer, pieces): Reply, label: &str) -> Result<Reply, StudioError> {
    match answer {
        Answer::Refused(reason) => Err(StudioError::Refused(format!("{label}{reason}"))),
        answer => Ok((answer, pieces)),
    }
}
