//! Every act of the console: which operation of the API a form calls, with which fields, and what is said afterwards.
//!
//! Each domain has its table below. An act that is in none does not exist. Who may do it, the API decides.

mod account;
mod campaigns;
mod contacts;
mod invitations;
mod leads;
mod lists;
mod messaging;
mod operate;
mod settings;

/// One act.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Act {
    /// The operation of the API, which names the act in the addresses of forms.
    pub(crate) operation: &'static str,
    /// The fields of the body; `filter.state` is the field `state` of the object `filter`.
    pub(crate) fields: &'static [(&'static str, Kind)],
    /// What the next page says. `{name}` stands for a field of the answer or of the form.
    pub(crate) said: &'static str,
    pub(crate) then: Then,
}

/// What a field holds.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// A text; left out when it is empty.
    Text,
    /// A text that may be emptied.
    Cleared,
    /// A text that is passed on with every space.
    Secret,
    /// A whole number.
    Whole,
    /// A number, which may have a fraction.
    Number,
    /// A box that is ticked or not.
    Flag,
    /// A list, one ticked box an entry; the box `*` leaves the field out.
    Many,
    /// Any value, as JSON.
    Json,
    /// A list of words with commas between them, which may be emptied.
    Words,
    /// Names and their values, `name: value` on each line. Names of the field `<name>_before` that are not there any
    /// more get an empty value.
    Pairs,
    /// An amount such as `2,500.50`, in the currency of the field `currency` beside it.
    Money,
    /// What happens to contacts who lack a value, `table: stop` or `table: default open` on each line.
    Missing,
    /// A test of subjects, from the fields `<name>.subjects`, one on each line, and those beside it.
    Subjects,
    /// Pairs of the fields `<name>_header` and `<name>_field`, in their order.
    Columns,
    /// A list of whole numbers with commas between them, which may be emptied.
    Wholes,
    /// The weights of mail servers, of the fields `<name>.<id of the connection>`. Empty ones are left out.
    Weights,
    /// TXT records, a name, a space and a text on each line.
    Records,
    /// The steps of leads, `name: open`, `name: won` or `name: lost` on each line.
    Statuses,
    /// What a template of messages says in each language: `language_0`, `subject_0`, `body_0`, ….
    Message,
    /// The same of a block: `language_0`, `body_0`, ….
    Block,
    /// A day and an hour by the clocks of the field [`ZONE`], which may be emptied.
    Time,
    /// Hours of a day, of the fields `<name>.from` and `<name>.to` and the box `<name>.by_recipient`. They are left out
    /// when both fields are empty.
    Hours,
}

/// The field with the time zone of a form's times.
pub(crate) const ZONE: &str = "settings.time_zone";

/// Where an act leads.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Then {
    /// To the page with the form.
    Back,
    /// To a page of the workspace.
    To(&'static str),
    /// To a page that is shown once, with the answer.
    Shown(&'static str),
}

const ACTS: &[&[Act]] = &[
    invitations::ACTS,
    contacts::ACTS,
    leads::ACTS,
    campaigns::ACTS,
    lists::ACTS,
    messaging::ACTS,
    operate::ACTS,
    account::ACTS,
    settings::ACTS,
];

const fn act(operation: &'static str, fields: &'static [(&'static str, Kind)], said: &'static str, then: Then) -> Act {
    Act { operation, fields, said, then }
}

/// The act of an operation.
pub(crate) fn find(operation: &str) -> Option<&'static Act> {
    ACTS.iter().copied().flatten().find(|act| act.operation == operation)
}
