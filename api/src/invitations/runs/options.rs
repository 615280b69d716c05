//! The options of a run: the fields of the form, or of the JSON body.

use herald_app::config::Settings;
use herald_base::image_format::ImageFormat;
use herald_invitations::{Destination, NumberFormat, PicturePolicy, PlannedDestination, PlannedSource, RunOptions};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::front::problem::{Fault, Kind, Problem};

/// The fields that a form may have.
const FORM_FIELDS: &str = "event, template, format, refresh, only_failed, limit, on_bad_picture, allow_missing_glyphs, \
                           number_prefix, number_digits, destination, guests, sheet and pictures";

/// The fields as the client sent them.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[schema(as = RunRequest)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Fields {
    /// The event that the guests are invited to; Herald creates it if it is new.
    #[schema(required = true)]
    event: String,
    /// The id of a template, or its name for the newest version.
    #[schema(required = true)]
    template: String,
    /// The image format; by default the setting `images.format`.
    #[schema(pattern = "^(jpg|jpeg|png|webp)$")]
    format: Option<String>,
    /// Whether to draw finished invitations again.
    refresh: bool,
    /// Whether to take only guests whose invitation failed before.
    only_failed: bool,
    /// The largest number of guests, counted from the top of the list.
    #[schema(minimum = 1)]
    limit: Option<u64>,
    /// How to treat a guest whose picture cannot be used.
    on_bad_picture: Option<PicturePolicy>,
    /// Whether to leave out characters that no font has. Otherwise guests with such characters fail.
    allow_missing_glyphs: bool,
    /// The prefix of the lucky numbers, for a new event.
    number_prefix: Option<String>,
    /// The number of digits of the lucky numbers, for a new event.
    number_digits: Option<i64>,
    /// The contacts to invite. Only in JSON: a form has a list of guests.
    #[schema(max_items = 20_000)]
    pub(super) contact_ids: Vec<Uuid>,
    /// The source of the guests. Only in JSON.
    pub(super) source: Option<PlannedSource>,
    /// Where to upload the invitations, besides Herald's own file store. In a form the field holds JSON.
    pub(super) destination: Option<PlannedDestination>,
}

/// The form that starts a run.
#[derive(ToSchema)]
#[schema(as = RunForm)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only described")]
pub(super) struct RunForm {
    /// The list of guests: a CSV file or an Excel workbook.
    #[schema(content_media_type = "text/csv")]
    guests: String,
    /// The sheet of a workbook, by its name; by default the first that is not hidden.
    #[schema(max_length = 200)]
    sheet: Option<String>,
    /// The pictures that the list's picture column names, each with its file name.
    #[schema(max_items = 10_000)]
    pictures: Option<Vec<String>>,
    /// The event that the guests are invited to; Herald creates it if it is new.
    event: String,
    /// The id of a template, or its name for the newest version.
    template: String,
    /// The image format; by default the setting `images.format`.
    #[schema(pattern = "^(jpg|jpeg|png|webp)$")]
    format: Option<String>,
    /// Whether to draw finished invitations again.
    refresh: Option<bool>,
    /// Whether to take only guests whose invitation failed before.
    only_failed: Option<bool>,
    /// The largest number of guests, counted from the top of the list.
    #[schema(minimum = 1)]
    limit: Option<u64>,
    /// How to treat a guest whose picture cannot be used.
    on_bad_picture: Option<PicturePolicy>,
    /// Whether to leave out characters that no font has. Otherwise guests with such characters fail.
    allow_missing_glyphs: Option<bool>,
    /// The prefix of the lucky numbers, for a new event.
    number_prefix: Option<String>,
    /// The number of digits of the lucky numbers, for a new event.
    number_digits: Option<i64>,
    /// Where to upload the invitations, as JSON.
    #[schema(content_media_type = "application/json")]
    destination: Option<String>,
}

/// The checked fields.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) event: String,
    pub(super) template: String,
    pub(super) numbers: NumberFormat,
    pub(super) options: RunOptions,
}

impl Fields {
    /// Sets a field of a form. Browsers send an empty value for a field without a value, so an empty value sets
    /// nothing.
    pub(super) fn set(&mut self, name: &str, value: &str) -> Result<(), Fault> {
        if value.is_empty() {
            return Ok(());
        }
        let text = || value.to_owned();
        match name {
            "event" => self.event = text(),
            "template" => self.template = text(),
            "format" => self.format = Some(text()),
            "refresh" => self.refresh = yes_or_no(name, value)?,
            "only_failed" => self.only_failed = yes_or_no(name, value)?,
            "limit" => self.limit = Some(number(name, value)?),
            "on_bad_picture" => {
                self.on_bad_picture = Some(match value {
                    "avatar" => PicturePolicy::Avatar,
                    "fail" => PicturePolicy::Fail,
                    _ => return Err(Fault::new(name, format!("on_bad_picture is {value:?}: use avatar or fail"))),
                });
            }
            "allow_missing_glyphs" => self.allow_missing_glyphs = yes_or_no(name, value)?,
            "destination" => {
                let read = serde_json::from_str(value);
                self.destination =
                    Some(read.map_err(|error| Fault::new(name, format!("destination cannot be read: {error}")))?);
            }
            "number_prefix" => self.number_prefix = Some(text()),
            "number_digits" => self.number_digits = Some(number(name, value)?),
            _ => {
                return Err(Fault::new(
                    name,
                    format!("the form has an unknown field {name:?}: the fields are {FORM_FIELDS}"),
                ));
            }
        }
        Ok(())
    }

    /// Checks everything that needs no lookup; `faults` are those that the reader of the form has found.
    pub(super) fn check(self, mut faults: Vec<Fault>, settings: &Settings) -> Result<Wanted, Problem> {
        let format = match self.format.as_deref() {
            None => settings.images.format(),
            Some(asked) => ImageFormat::of_extension(asked).unwrap_or_else(|| {
                let known: Vec<_> = ImageFormat::ALL.iter().map(|format| format.as_str()).collect();
                faults.push(Fault::new("format", format!("format is {asked:?}: use {}", known.join(", "))));
                ImageFormat::Jpeg
            }),
        };
        if self.event.trim().is_empty() {
            faults.push(Fault::new("event", "event is missing: name what the guests are invited to"));
        }
        if self.template.trim().is_empty() {
            faults.push(Fault::new("template", "template is missing: give the id or the name of an uploaded template"));
        }
        if self.limit == Some(0) {
            faults.push(Fault::new("limit", "limit is 0: use 1 or more, or leave it out"));
        }
        if !faults.is_empty() {
            return Err(Problem::faults(Kind::InvalidField, faults));
        }
        let usual = NumberFormat::default();
        Ok(Wanted {
            event: self.event.trim().to_owned(),
            template: self.template.trim().to_owned(),
            numbers: NumberFormat {
                prefix: self.number_prefix.unwrap_or(usual.prefix),
                digits: self.number_digits.unwrap_or(usual.digits),
            },
            options: RunOptions {
                format,
                refresh: self.refresh,
                only_failed: self.only_failed,
                limit: self.limit,
                on_bad_picture: self.on_bad_picture.unwrap_or_default(),
                allow_missing_glyphs: self.allow_missing_glyphs,
                seconds_apart: None,
                destination: Destination::Local,
            },
        })
    }
}

fn yes_or_no(name: &str, value: &str) -> Result<bool, Fault> {
    match value {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err(Fault::new(name, format!("{name} is {value:?}: use true or false"))),
    }
}

fn number<T: std::str::FromStr>(name: &str, value: &str) -> Result<T, Fault> {
    value.parse().map_err(|_| Fault::new(name, format!("{name} is {value:?}: use a whole number")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        Settings::load(None).unwrap()
    }

    #[test]
    fn a_forms_fields_become_a_run() {
        let mut fields = Fields::default();
        for (name, value) in [
            ("event", " Gala "),
            ("template", "gala"),
            ("format", "jpg"),
            ("refresh", "on"),
            ("limit", "3"),
            ("on_bad_picture", "fail"),
            ("number_digits", "6"),
            ("number_prefix", ""),
        ] {
            fields.set(name, value).unwrap();
        }
        let wanted = fields.check(Vec::new(), &settings()).unwrap();
        assert_eq!((wanted.event.as_str(), wanted.options.format), ("Gala", ImageFormat::Jpeg));
        assert!(wanted.options.refresh && !wanted.options.only_failed);
        assert_eq!(wanted.options.limit, Some(3));
        assert_eq!(wanted.options.on_bad_picture, PicturePolicy::Fail);
        assert_eq!(wanted.numbers, NumberFormat { prefix: String::new(), digits: 6 });
    }

    #[test]
    fn wrong_values_are_named() {
        let mut fields = Fields::default();
        assert!(fields.set("evnt", "x").unwrap_err().detail.contains("the fields are event"));
        assert!(fields.set("refresh", "maybe").unwrap_err().detail.contains("use true or false"));
        assert!(fields.set("limit", "-1").is_err());
        assert!(fields.set("on_bad_picture", "skip").is_err());
        assert!(fields.check(Vec::new(), &settings()).is_err());
    }
}
