//! Acts on runs, their guests, and templates. The check of a list comes with a file: `upload` has its form.

use super::{
    Act,
    Kind::{Cleared, Flag, Json, Number, Text, Whole},
    Then::{Back, To},
    act,
};

pub(super) const ACTS: &[Act] = &[
    act("cancelRun", &[], "The run is cancelled. What was made stays.", Back),
    act("retryRun", &[("cause", Text)], "Herald tries again: {enqueued} jobs.", Back),
    act("startCheckedRun", &[], "{message}", To("/runs/{id}")),
    act("retryGuest", &[], "The invitation is made again.", Back),
    act(
        "cropGuest",
        &[("left", Number), ("top", Number), ("side", Number)],
        "The portrait is this part of the picture now, and the invitation is made again.",
        Back,
    ),
    act(
        "checkRun",
        &[
            ("event", Text),
            ("template", Text),
            ("source.kind", Text),
            ("source.connection", Text),
            ("source.form", Whole),
            ("source.segment", Text),
            ("source.search", Text),
            ("source.picture_field", Text),
            ("source.link_field", Text),
            ("source.number_field", Cleared),
            ("destination", Json),
            ("destination.folder", Text),
            ("format", Text),
            ("on_bad_picture", Text),
            ("allow_missing_glyphs", Flag),
            ("limit", Whole),
            ("refresh", Flag),
            ("only_failed", Flag),
            ("number_prefix", Text),
            ("number_digits", Whole),
        ],
        "",
        To("/runs/checks/{id}"),
    ),
    act(
        "restoreTemplate",
        &[],
        "This version is the current one again: the next run gets it. Runs that have begun keep theirs.",
        To("/templates/{id}"),
    ),
];
