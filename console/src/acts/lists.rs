//! Acts on lists that come in as files or go out.

use super::{
    Act,
    Kind::{self, Columns, Json, Text, Words},
    Then::{Back, To},
    act,
};

pub(super) const ACTS: &[Act] = &[
    act("createExport", EXPORT, "The file is being written.", To("/exports")),
    act("cancelExport", &[], "The export is stopped.", Back),
    act(
        "changeImport",
        &[("mode", Text), ("sheet", Text), ("tags", Words), ("columns", Columns)],
        "The list is checked again.",
        Back,
    ),
    act("startImport", &[], "The import has started.", Back),
    act("cancelImport", &[], "The import is stopped. What it has made stays.", Back),
    act("undoImport", &[], "The import is being undone.", Back),
];

/// The form that exports a list under its filters.
const EXPORT: &[(&str, Kind)] = &[
    ("what", Text),
    ("format", Text),
    ("filter.search", Text),
    ("filter.tag", Text),
    ("filter.segment", Text),
    ("filter.snapshot", Text),
    ("filter.country", Text),
    ("filter.locale", Text),
    ("filter.trashed", Json),
    ("filter.status", Text),
    ("filter.outcome", Text),
    ("filter.owner", Text),
    ("filter.source", Text),
];
