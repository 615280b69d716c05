//! Google Drive, as far as Herald uses it: folders that anyone with the link can see, and files in them.
//!
//! Nothing is created twice. An id is reserved first, and the file is created with it. A second attempt after a lost
//! answer then finds the first attempt's file (409).
//! <https://developers.google.com/workspace/drive/api/guides/create-file#pregenerated-ids>

mod account;
mod file;
mod folder;
mod multipart;
mod request;
mod resumable;
mod upload;

use std::sync::Arc;

pub use self::{
    account::About,
    file::{NewFile, Stored},
    folder::{Folder, ShareError, folder_id},
    resumable::UploadSizes,
};
use super::{endpoints::Endpoints, token::Tokens};
use crate::{Http, google::GoogleAuth};

/// Drive, for one account. Cheap to clone. Each request pays one unit of the meter before it is sent.
#[derive(Clone, Debug)]
pub struct Drive {
    http: Http,
    tokens: Tokens,
    endpoints: Arc<Endpoints>,
    sizes: UploadSizes,
}

impl Drive {
    /// Creates a client for an account.
    pub fn new(http: Http, tokens: Tokens, endpoints: Endpoints) -> Self {
        Self { http, tokens, endpoints: Arc::new(endpoints), sizes: UploadSizes::default() }
    }

    /// Sets other sizes at which uploads are split.
    #[must_use]
    pub fn with_sizes(mut self, sizes: UploadSizes) -> Self {
        self.sizes = sizes;
        self
    }

    /// The account's tokens.
    pub fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    fn auth(&self) -> &GoogleAuth {
        self.tokens.auth()
    }
}
