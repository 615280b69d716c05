//! What messages call the things that a person can set.

/// The names of what a person can set: in the settings of the installation, or in the fields of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Names {
    /// What stands before `host`, `port`, `tls`, `user` and `password`.
    pub(super) m: &'static str,
    /// The address of the sender.
    pub(super) from: &'static str,
    /// The file of certificates to trust.
    pub(super) ca_file: &'static str,
}

/// The installation's mail server.
pub(super) const OF_SETTINGS: Names = Names { m: "mail.", from: "mail.from", ca_file: "mail.ca_file" };

/// The mail server of a connection.
pub(super) const OF_CONNECTION: Names = Names { m: "", from: "from_address", ca_file: "providers.ca_file" };
