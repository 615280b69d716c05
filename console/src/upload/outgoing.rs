//! A form on its way to the API: the parts of `multipart/form-data` (RFC 7578), piece by piece.

use std::io;

use axum::body::Bytes;
use tokio::sync::mpsc::Sender;

use crate::api::Refusal;

/// The form that goes out.
pub(super) struct Outgoing {
    sender: Sender<io::Result<Bytes>>,
    boundary: String,
}

/// Why a form was not sent to its end.
#[derive(Debug)]
pub(super) enum Ended {
    /// The API reads no further: its answer says why.
    Closed,
    /// The form is wrong.
    Refused(Refusal),
}

impl From<Refusal> for Ended {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl Outgoing {
    pub(super) fn new(sender: Sender<io::Result<Bytes>>, boundary: String) -> Self {
        Self { sender, boundary }
    }

    /// Sends a field with a text.
    pub(super) async fn text(&self, name: &str, value: &str) -> Result<(), Ended> {
        self.begin(name, None, None).await?;
        self.piece(Bytes::copy_from_slice(value.as_bytes())).await?;
        self.finish().await
    }

    /// Begins a field, whose content follows in pieces.
    pub(super) async fn begin(&self, name: &str, file: Option<&str>, kind: Option<&str>) -> Result<(), Ended> {
        let file = file.map(|file| format!("; filename=\"{}\"", quoted(file))).unwrap_or_default();
        let kind = kind.filter(|kind| kind.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
        let kind = kind.map(|kind| format!("\r\nContent-Type: {kind}")).unwrap_or_default();
        let (boundary, name) = (&self.boundary, quoted(name));
        let head = format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"{file}{kind}\r\n\r\n");
        self.piece(head.into()).await
    }

    /// Sends a piece of the field's content.
    pub(super) async fn piece(&self, piece: Bytes) -> Result<(), Ended> {
        self.sender.send(Ok(piece)).await.map_err(|_| Ended::Closed)
    }

    /// Ends the field.
    pub(super) async fn finish(&self) -> Result<(), Ended> {
        self.piece(Bytes::from_static(b"\r\n")).await
    }

    /// Ends the form.
    pub(super) async fn end(&self) -> Result<(), Ended> {
        self.piece(format!("--{}--\r\n", self.boundary).into()).await
    }

    /// Ends the form so that it does not count.
    pub(super) async fn break_off(&self) {
        _ = self.sender.send(Err(io::Error::other("the form was refused"))).await;
    }
}

/// A name as browsers write it (HTML, "multipart form data").
fn quoted(name: &str) -> String {
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A").replace('\\', "%5C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_begin_another_header() {
        assert_eq!(quoted("a\"; x=\"\r\nX: y\\"), "a%22; x=%22%0D%0AX: y%5C");
        assert_eq!(quoted("Gäste.csv"), "Gäste.csv");
    }
}
