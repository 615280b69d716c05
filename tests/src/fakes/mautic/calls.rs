//! What requests are about, and who answers which.

use axum::http::Method;

use super::{
    super::{
        faults::Fault,
        http::{Answered, Asked},
        server::Provider,
    },
    access, contacts, edit, fields, forms, page,
    state::State,
};

/// What a request is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MauticCall {
    /// Asks for an access token.
    Token,
    /// Lists contacts.
    Contacts,
    /// Reads one.
    Contact,
    /// Makes one.
    New,
    /// Changes one.
    Edit,
    /// Changes several.
    Batch,
    /// Replaces one, by PUT.
    Replace,
    /// Lists the fields of contacts.
    Fields,
    /// Reads a form.
    Form,
    /// Lists what was sent in with a form.
    Submissions,
    /// Lists segments.
    Segments,
    /// Fetches a file that was sent in.
    File,
    /// Anything else below `/api`.
    Unknown,
}

impl MauticCall {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Token => "mautic token",
            Self::Contacts => "mautic contacts",
            Self::Contact => "mautic contact",
            Self::New => "mautic new",
            Self::Edit => "mautic edit",
            Self::Batch => "mautic batch",
            Self::Replace => "mautic replace",
            Self::Fields => "mautic fields",
            Self::Form => "mautic form",
            Self::Submissions => "mautic submissions",
            Self::Segments => "mautic segments",
            Self::File => "mautic file",
            Self::Unknown => "mautic unknown",
        }
    }

    /// The kind of a request, and `None` for the site's pages.
    pub(super) fn of(asked: &Asked) -> Option<Self> {
        Some(match (asked.method.as_str(), asked.words().as_slice()) {
            ("POST", ["oauth", "v2", "token"]) => Self::Token,
            ("GET", ["forms", "results", "file", ..]) => Self::File,
            ("GET", ["api", "contacts"]) => Self::Contacts,
            ("POST", ["api", "contacts", "new"]) => Self::New,
            ("PATCH" | "PUT", ["api", "contacts", "batch", "edit"]) => Self::Batch,
            ("PATCH", ["api", "contacts", _, "edit"]) => Self::Edit,
            ("PUT", ["api", "contacts", _, "edit"]) => Self::Replace,
            ("GET", ["api", "contacts", _]) => Self::Contact,
            ("GET", ["api", "fields", "contact"]) => Self::Fields,
            ("GET", ["api", "forms", _]) => Self::Form,
            ("GET", ["api", "forms", _, "submissions", ..]) => Self::Submissions,
            ("GET", ["api", "segments"]) => Self::Segments,
            (_, ["api", ..]) => Self::Unknown,
            _ => return None,
        })
    }
}

impl Provider for State {
    const TOKENS: bool = false;

    fn call(&self, asked: &Asked) -> Option<&'static str> {
        MauticCall::of(asked).map(MauticCall::name)
    }

    fn act(&mut self, asked: &Asked) -> Answered {
        let Some(call) = MauticCall::of(asked) else { return page::answer(self, asked) };
        *self.requests.entry(call).or_default() += 1;
        match call {
            MauticCall::Token => return access::token(self, asked),
            MauticCall::File => return forms::file(self, asked),
            _ => {}
        }
        let answered = match access::refusal(self, asked) {
            Some(refused) => refused,
            None => self.answer_api(call, asked),
        };
        access::with_limits(self, answered.with("mautic-version", "5.2.1"))
    }

    fn refuse(&mut self, asked: &Asked, fault: Fault) -> Answered {
        if let Some(call) = MauticCall::of(asked) {
            *self.requests.entry(call).or_default() += 1;
        }
        access::refused_by(self, fault)
    }
}

impl State {
    fn answer_api(&mut self, call: MauticCall, asked: &Asked) -> Answered {
        let number = asked.path.get(2).and_then(|word| word.parse().ok());
        match (call, number) {
            (MauticCall::Contacts, _) => contacts::list(self, asked),
            (MauticCall::Contact, Some(id)) => contacts::one(self, id),
            (MauticCall::New, _) => edit::new(self, asked),
            (MauticCall::Edit, Some(id)) => edit::one(self, id, asked),
            (MauticCall::Replace, Some(id)) => edit::replace(self, id, asked),
            (MauticCall::Batch, _) => edit::batch(self, asked, asked.method == Method::PUT),
            (MauticCall::Fields, _) => fields::list(self, asked),
            (MauticCall::Form, Some(id)) => forms::form(self, id),
            (MauticCall::Submissions, Some(id)) => forms::submissions(self, id, asked),
            (MauticCall::Segments, _) => contacts::segments(self, asked),
            _ => access::not_found(),
        }
    }
}
