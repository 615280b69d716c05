//! `herald invite`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use herald_base::image_format::ImageFormat;
use herald_invitations::{PlannedDestination, PlannedSource};

#[derive(Debug, Args)]
pub(crate) struct Invite {
    /// The list of guests: a CSV file or an Excel workbook whose first line names the columns
    #[arg(required_unless_present_any = ["segment", "from_mautic_form", "from_mautic_segment", "from_mautic_search"])]
    pub(crate) guests: Option<PathBuf>,
    /// The sheet of a workbook; by default the first that is not hidden
    #[arg(long, value_name = "NAME", requires = "guests")]
    pub(crate) sheet: Option<String>,
    /// The contacts of this segment, by its name or id, instead of a list
    #[arg(long, value_name = "NAME", conflicts_with_all = ["guests", "from_mautic_form", "from_mautic_segment",
        "from_mautic_search"])]
    pub(crate) segment: Option<String>,
    #[command(flatten)]
    pub(crate) mautic: FromMautic,
    #[command(flatten)]
    pub(crate) to: To,
    /// The template's folder (template.toml and a background); by default the template that comes with Herald
    #[arg(long, value_name = "DIR")]
    pub(crate) template: Option<PathBuf>,
    /// The event; each event has its own lucky numbers
    #[arg(long, value_name = "NAME", default_value = "default")]
    pub(crate) event: String,
    /// The image format of the invitations
    #[arg(long, value_name = "FORMAT")]
    pub(crate) format: Option<Format>,
    /// The number of invitations drawn at once; by default one for each core
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) concurrency: Option<u16>,
    /// Only the first N guests of the list
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<u64>,
    /// Only guests whose invitation failed before
    #[arg(long)]
    pub(crate) only_failed: bool,
    /// Draw finished invitations again; numbers and links stay
    #[arg(long)]
    pub(crate) refresh: bool,
    /// Make no invitation for guests whose picture cannot be used, instead of drawing an avatar
    #[arg(long)]
    pub(crate) strict_pictures: bool,
    /// Leave out characters that no font has, instead of making no invitation for those guests
    #[arg(long)]
    pub(crate) allow_missing_glyphs: bool,
    /// The number of digits of the lucky numbers, for a new event
    #[arg(long, value_name = "N", default_value_t = 4)]
    pub(crate) digits: i64,
    /// The prefix of the lucky numbers, for a new event
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) prefix: String,
    /// The file for the table of results; by default results.csv in the data folder
    #[arg(long, value_name = "FILE")]
    pub(crate) results: Option<PathBuf>,
    /// Print progress and the summary as JSON, one object on each line
    #[arg(long)]
    pub(crate) json: bool,
}

impl Invite {
    /// Returns the source of the guests, if it is no list.
    pub(crate) fn source(&self) -> Option<PlannedSource> {
        let segment = self.segment.clone().map(|segment| PlannedSource::Segment { segment });
        segment.or_else(|| self.mautic.source())
    }
}

/// Guests who are contacts of a Mautic site.
#[derive(Debug, Args)]
#[command(next_help_heading = "Guests from Mautic; Herald writes their links back to Mautic")]
pub(crate) struct FromMautic {
    /// The people who filled in this form; the next time, only new submissions
    #[arg(long, value_name = "ID", conflicts_with_all = ["guests", "from_mautic_segment", "from_mautic_search"])]
    pub(crate) from_mautic_form: Option<u64>,
    /// The contacts of this segment who have no link
    #[arg(long, value_name = "ALIAS", conflicts_with_all = ["guests", "from_mautic_search"])]
    pub(crate) from_mautic_segment: Option<String>,
    /// The contacts that this search in Mautic finds and who have no link, such as tag:vip
    #[arg(long, value_name = "SEARCH", conflicts_with = "guests")]
    pub(crate) from_mautic_search: Option<String>,
    /// The name of the Mautic connection, if there are several
    #[arg(long, value_name = "NAME")]
    pub(crate) mautic: Option<String>,
    /// The field with the guest's picture: an upload or address field of the form, or a contact field with an address
    #[arg(long, value_name = "ALIAS")]
    pub(crate) picture_field: Option<String>,
    /// The contact field for the link
    #[arg(long, value_name = "ALIAS", default_value = "invitation_link")]
    pub(crate) link_field: String,
    /// The contact field for the lucky number; empty for no field
    #[arg(long, value_name = "ALIAS", default_value = "lucky_number")]
    pub(crate) number_field: String,
}

impl FromMautic {
    /// Returns the source, if the arguments name one.
    fn source(&self) -> Option<PlannedSource> {
        let form = self.from_mautic_form;
        let (segment, search) = (self.from_mautic_segment.clone(), self.from_mautic_search.clone());
        (form.is_some() || segment.is_some() || search.is_some()).then(|| PlannedSource::Mautic {
            connection: self.mautic.clone(),
            form,
            segment,
            search,
            picture_field: self.picture_field.clone(),
            link_field: Some(self.link_field.clone()),
            number_field: Some(self.number_field.clone()),
        })
    }
}

/// Where the invitations go besides the data folder.
#[derive(Debug, Args)]
#[command(next_help_heading = "Other places for the invitations")]
pub(crate) struct To {
    /// A folder in Google Drive, by its id or its address: each event gets a folder in it, and links lead there
    #[arg(long, value_name = "FOLDER", conflicts_with = "to_s3")]
    pub(crate) to_drive: Option<String>,
    /// The name of the Google connection, if there are several
    #[arg(long, value_name = "NAME", requires = "to_drive")]
    pub(crate) google: Option<String>,
    /// A bucket, given by the name of its connection if there are several; guests still get Herald's signed links
    #[arg(long, value_name = "CONNECTION", num_args = 0..=1, default_missing_value = "")]
    pub(crate) to_s3: Option<String>,
}

impl To {
    /// Returns the destination, if the arguments name one.
    pub(crate) fn destination(&self) -> Option<PlannedDestination> {
        let drive =
            self.to_drive.clone().map(|folder| PlannedDestination::Drive { connection: self.google.clone(), folder });
        let named = |name: &String| Some(name.clone()).filter(|name| !name.is_empty());
        drive.or_else(|| self.to_s3.as_ref().map(|name| PlannedDestination::S3 { connection: named(name) }))
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Format {
    Jpeg,
    Png,
    Webp,
}

impl From<Format> for ImageFormat {
    fn from(format: Format) -> Self {
        match format {
            Format::Jpeg => Self::Jpeg,
            Format::Png => Self::Png,
            Format::Webp => Self::Webp,
        }
    }
}
