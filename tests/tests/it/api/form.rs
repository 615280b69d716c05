//! A form as a browser sends it.

const BOUNDARY: &str = "a-boundary-no-part-contains";

/// A form being put together.
#[derive(Clone, Default)]
pub(super) struct Form(Vec<u8>);

impl Form {
    /// A list for an event and a template.
    pub(super) fn of(event: &str, template: &str, guests: &str) -> Self {
        Self::default().text("event", event).text("template", template).file("guests", "guests.csv", guests)
    }

    /// Adds a text field.
    pub(super) fn text(mut self, name: &str, value: &str) -> Self {
        let head = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        self.0.extend_from_slice(head.as_bytes());
        self
    }

    /// Adds a file.
    pub(super) fn file(mut self, name: &str, file_name: &str, content: impl AsRef<[u8]>) -> Self {
        let head = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"{file_name}\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n"
        );
        self.0.extend_from_slice(head.as_bytes());
        self.0.extend_from_slice(content.as_ref());
        self.0.extend_from_slice(b"\r\n");
        self
    }

    /// Its content type and its bytes.
    pub(super) fn finish(mut self) -> (String, Vec<u8>) {
        self.0.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
        (format!("multipart/form-data; boundary={BOUNDARY}"), self.0)
    }
}
