//! What a person asks of a run: where its guests come from, how their invitations are made, and where they go.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use herald_accounts::{Account, ProviderKind};
use herald_base::image_format::ImageFormat;
use herald_providers::mautic::Selection;

/// How to treat a guest whose picture cannot be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum PicturePolicy {
    /// The guest gets a drawn avatar, and the notes of the invitation say why.
    #[default]
    Avatar,
    /// The guest gets no invitation until the picture is replaced.
    Fail,
}

/// How a run makes its invitations.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RunOptions {
    /// `jpeg`, `png` or `webp`.
    #[schema(value_type = String, pattern = "^(jpeg|png|webp)$")]
    pub format: ImageFormat,
    /// Whether to draw finished invitations again.
    #[serde(default)]
    pub refresh: bool,
    /// Whether to take only guests whose invitation failed before.
    #[serde(default)]
    pub only_failed: bool,
    /// The largest number of guests, counted from the top of the list.
    #[serde(default)]
    pub limit: Option<u64>,
    /// How to treat a guest whose picture cannot be used.
    #[serde(default)]
    pub on_bad_picture: PicturePolicy,
    /// Whether to leave out characters that no font has. Otherwise guests with such characters fail.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allow_missing_glyphs: bool,
    /// The seconds from one guest to the next, so that a short list can be watched. Without it, all begin at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds_apart: Option<u32>,
    /// Where to upload the invitations, besides Herald's own file store.
    #[serde(default, skip_serializing_if = "Destination::is_local")]
    pub destination: Destination,
}

/// Where a run uploads its invitations, besides Herald's own file store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Destination {
    /// Nowhere else: links lead to Herald.
    #[default]
    Local,
    /// Google Drive; links lead there.
    Drive {
        /// The connection.
        connection_id: Uuid,
        /// The id of the folder in which each event gets a folder of its own.
        folder: String,
    },
    /// A bucket. Links stay Herald's own signed ones.
    S3 {
        /// The connection.
        connection_id: Uuid,
    },
}

impl Destination {
    /// Whether nothing goes outside.
    pub fn is_local(&self) -> bool {
        *self == Self::Local
    }

    /// The account that is called to put an invitation there.
    pub fn account(&self) -> Option<Account> {
        let provider = match self {
            Self::Local => return None,
            Self::Drive { .. } => ProviderKind::Google,
            Self::S3 { .. } => ProviderKind::S3,
        };
        Some(Account { connection_id: self.connection_id()?, provider })
    }

    /// The connection of that account.
    pub fn connection_id(&self) -> Option<Uuid> {
        match self {
            Self::Local => None,
            Self::Drive { connection_id, .. } | Self::S3 { connection_id } => Some(*connection_id),
        }
    }
}

/// Where a run's guests come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum RunSource {
    /// A CSV file in the file store.
    Csv {
        /// Where it is in the file store.
        key: String,
        /// What its owner calls it.
        name: String,
        /// SHA-256 of its bytes in hex.
        sha256: String,
        /// The folder its relative picture names are looked up in: only for a list given on the command line.
        #[serde(default)]
        picture_folder: Option<String>,
        /// The pictures uploaded with it: name → key in the file store.
        #[serde(default)]
        pictures: BTreeMap<String, String>,
        /// Whether it is a sheet of a workbook, as Herald writes it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        is_sheet: bool,
    },
    /// Contacts that are known already.
    Contacts {
        /// Their ids, in order.
        ids: Vec<Uuid>,
    },
    /// Contacts of a Mautic site, which get the links back.
    Mautic(MauticSource),
    /// Who belongs to a segment when the run begins to read: a snapshot of it.
    Segment {
        /// The segment.
        segment_id: Uuid,
        /// Its name when the run was asked for.
        name: String,
    },
}

/// Which contacts of a Mautic site, and what of theirs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MauticSource {
    /// The connection.
    pub connection_id: Uuid,
    /// Its name, which the external ids of its contacts begin with.
    pub connection: String,
    /// Which contacts.
    pub selection: Selection,
    /// The field that holds the guest's picture: an upload or address field of the form, or a contact field with an
    /// address.
    #[serde(default)]
    pub picture_field: Option<String>,
    /// The contact field that gets the link. A contact whose field is filled already is left out.
    pub link_field: String,
    /// The contact field that gets the lucky number.
    #[serde(default)]
    pub number_field: Option<String>,
}

impl MauticSource {
    /// The account that is called to read it and to write links back.
    pub fn account(&self) -> Account {
        Account { connection_id: self.connection_id, provider: ProviderKind::Mautic }
    }

    /// The external id of one of its contacts.
    pub fn external_id(&self, remote_id: i64) -> String {
        format!("{}:{remote_id}", self.connection)
    }

    /// The id in Mautic of a contact with this external id, if it came from this site.
    pub fn remote_id(&self, external_id: Option<&str>) -> Option<i64> {
        external_id?.strip_prefix(&self.connection)?.strip_prefix(':')?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_of_a_run_that_stays_here_are_written_as_they_always_were() {
        let old = serde_json::json!({ "format": "png", "refresh": true, "only_failed": false, "limit": 3,
            "on_bad_picture": "fail" });
        let read: RunOptions = serde_json::from_value(old.clone()).unwrap();
        assert_eq!(read.destination, Destination::Local);
        assert_eq!(serde_json::to_value(&read).unwrap(), old);
    }

    #[test]
    fn a_contacts_id_in_mautic_is_known_by_its_external_id() {
        let source = MauticSource {
            connection_id: Uuid::nil(),
            connection: "crm".into(),
            selection: Selection::Form(3),
            picture_field: None,
            link_field: "invitation_link".into(),
            number_field: None,
        };
        assert_eq!(source.remote_id(Some(&source.external_id(47))), Some(47));
        for other in [None, Some("47"), Some("crm2:47"), Some("crm:x"), Some("other:47")] {
            assert_eq!(source.remote_id(other), None, "{other:?}");
        }
    }
}
