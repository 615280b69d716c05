//! Reads one row: its cells become a guest, or the problem that keeps it from being one.

use std::io::{Read, Seek};

use super::GuestFile;
use crate::{
    GuestRow, ProblemKind, RowProblem,
    columns::Meaning,
    email::{self, Cell},
    headers::Role,
    phone::{self, Phone},
    problem,
    records::{Fault, FaultKind},
    text,
};

/// What a spreadsheet shows in the place of a result.
const ERRORS: [&str; 11] = [
    "#REF!",
    "#N/A",
    "#NAME?",
    "#VALUE!",
    "#DIV/0!",
    "#NUM!",
    "#NULL!",
    "#SPILL!",
    "#CALC!",
    "#GETTING_DATA",
    "#FIELD!",
];

impl<R: Read + Seek> GuestFile<R> {
    pub(super) fn guest(&mut self) -> Result<GuestRow, RowProblem> {
        self.check_shape()?;
        let mut guest = GuestRow { line: self.record.line, row: self.row, ..GuestRow::default() };
        self.fill(&mut guest);
        self.check_name(&mut guest)?;
        self.read_email(&mut guest)?;
        self.normalise_phone(&mut guest)?;
        self.note_missing(&mut guest);
        if !self.options.is_repeating {
            self.seen.take_in(&guest).map_err(|(role, kind)| self.problem(self.role_column(role), kind))?;
        }
        self.seen.give_row_key(&mut guest, self.options.is_repeating);
        Ok(guest)
    }

    /// Whether the row has an e-mail or an id, so that name and phone do not have to tell who it is.
    pub(super) fn is_identified(&self) -> bool {
        let cell = |role| self.role_column(role).and_then(|column| self.record.cell(column)).unwrap_or_default();
        let id = text::cell(cell(Role::ExternalId));
        let has_id = !id.is_empty() && !ERRORS.contains(&id.as_str());
        has_id || matches!(email::read(cell(Role::Email)), Cell::Bare(_) | Cell::Wrapped(..) | Cell::First(_))
    }

    fn check_shape(&self) -> Result<(), RowProblem> {
        if let Some(fault) = self.record.fault {
            let kind = fault_kind(fault, self.options.limits.cell_bytes);
            let mut problem = self.problem(Some(fault.column), kind);
            if fault.kind != FaultKind::TooLong {
                problem.line = fault.line;
            }
            return Err(problem);
        }
        let expected = self.columns.headers.len();
        // Spreadsheets often write separators at the end of a line; these are not cells.
        let extra = self.record.cells().enumerate().skip(expected).find(|(_, cell)| !cell.trim().is_empty());
        if let Some((column, _)) = extra {
            let found = self.record.count;
            return Err(self.problem(Some(column), ProblemKind::TooManyCells { found, expected }));
        }
        match self.record.cells().position(|cell| cell.contains(['\u{fffd}', '\0'])) {
            Some(column) => Err(self.problem(Some(column), ProblemKind::Damaged { encoding: self.encoding })),
            None => Ok(()),
        }
    }

    fn fill(&self, guest: &mut GuestRow) {
        for (column, meaning) in self.columns.meanings.iter().enumerate() {
            let mut cell = text::cell(self.record.cell(column).unwrap_or_default());
            if ERRORS.contains(&cell.as_str()) {
                let header = &self.columns.headers[column];
                guest.notes.push(format!(
                    "line {}, column {} ({header}): {cell} is an error of the spreadsheet, and is read as empty",
                    guest.line,
                    column + 1
                ));
                cell.clear();
            }
            let slot = match meaning {
                Meaning::Known(Role::Name) => {
                    guest.name = text::name(&cell);
                    continue;
                }
                Meaning::Custom(key) => {
                    guest.custom.insert(key.clone(), cell);
                    continue;
                }
                Meaning::Unnamed(key) => {
                    if !cell.is_empty() {
                        guest.custom.insert(key.clone(), cell);
                    }
                    continue;
                }
                Meaning::Known(Role::FirstName) => &mut guest.first_name,
                Meaning::Known(Role::LastName) => &mut guest.last_name,
                // The e-mail is read separately.
                Meaning::Known(Role::Email) | Meaning::Ignored => continue,
                Meaning::Known(Role::Phone) => &mut guest.phone,
                Meaning::Known(Role::ExternalId) => &mut guest.external_id,
                Meaning::Known(Role::Picture) => &mut guest.picture,
            };
            *slot = Some(cell).filter(|cell| !cell.is_empty());
        }
        for part in [&mut guest.first_name, &mut guest.last_name] {
            *part = part.take().map(|part| text::name(&part)).filter(|part| !part.is_empty());
        }
        if guest.name.is_empty() {
            let parts: Vec<&str> =
                [&guest.first_name, &guest.last_name].into_iter().flatten().map(String::as_str).collect();
            guest.name = parts.join(" ");
        }
    }

    fn check_name(&self, guest: &mut GuestRow) -> Result<(), RowProblem> {
        let column =
            || [Role::Name, Role::FirstName, Role::LastName].into_iter().find_map(|role| self.role_column(role));
        let (found, limit) = (guest.name.chars().count(), self.options.limits.name_chars);
        if found == 0 {
            Err(self.problem(column(), ProblemKind::NoName))
        } else if found > limit {
            Err(self.problem(column(), ProblemKind::NameTooLong { found, limit }))
        } else {
            Ok(())
        }
    }

    /// Reads the e-mail. An invitation does not need an address, so a guest with an invalid one still gets an
    /// invitation.
    fn read_email(&self, guest: &mut GuestRow) -> Result<(), RowProblem> {
        let raw = self.role_column(Role::Email).and_then(|column| self.record.cell(column)).unwrap_or_default();
        let (line, given) = (guest.line, text::excerpt(&text::cell(raw)));
        let (email, note) = match email::read(raw) {
            Cell::Empty => (None, None),
            Cell::Bare(email) => (Some(email), None),
            Cell::Wrapped(email, what) => {
                let note = format!("line {line}: the e-mail is read as \"{email}\": {what} removed");
                (Some(email), Some(note))
            }
            Cell::First(email) => {
                let note = format!("line {line}: \"{given}\" holds several e-mails: the first, \"{email}\", is used");
                (Some(email), Some(note))
            }
            Cell::Placeholder => (None, Some(format!("line {line}: \"{given}\" is read as no e-mail"))),
            Cell::Invalid if self.options.is_strict => {
                return Err(self.problem(self.role_column(Role::Email), ProblemKind::InvalidEmail { given }));
            }
            Cell::Invalid => {
                let note = format!(
                    "line {line}: \"{given}\" is not an e-mail address: the guest is invited without one; \
                     correct it or leave the cell empty"
                );
                (None, Some(note))
            }
        };
        guest.email = email;
        guest.notes.extend(note);
        Ok(())
    }

    fn normalise_phone(&self, guest: &mut GuestRow) -> Result<(), RowProblem> {
        let Some(given) = &guest.phone else { return Ok(()) };
        match phone::normalise_phone(given, self.options.calling_code.as_deref()) {
            Phone::International(number) => guest.phone = Some(number),
            rounded if rounded.is_rounded() && self.options.is_strict => {
                let given = text::excerpt(given);
                return Err(self.problem(self.role_column(Role::Phone), ProblemKind::RoundedPhone { given }));
            }
            Phone::AsGiven(why) => {
                let (line, given) = (guest.line, text::excerpt(given));
                guest.notes.push(format!("line {line}: phone \"{given}\" is kept as given: {why}"));
            }
        }
        Ok(())
    }

    fn note_missing(&self, guest: &mut GuestRow) {
        let (found, expected) = (self.record.count, self.columns.headers.len());
        if found < expected {
            let missing = problem::quoted(&self.columns.headers[found..]);
            guest.notes.push(format!(
                "line {}: the row has {found} of {expected} cells; read as empty: {missing}",
                guest.line
            ));
        }
    }
}

pub(super) fn fault_kind(fault: Fault, cell_bytes: usize) -> ProblemKind {
    match fault.kind {
        FaultKind::TooLong => ProblemKind::CellTooLong { limit: cell_bytes },
        FaultKind::StrayQuote => ProblemKind::StrayQuote,
        FaultKind::UnclosedQuote => ProblemKind::UnclosedQuote,
    }
}
