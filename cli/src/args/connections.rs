//! `herald connect` and `herald connections`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// `herald connect`
#[derive(Debug, Subcommand)]
pub(crate) enum Connect {
    /// Google Drive: a service account, or a person who consents in a browser
    Google(Google),
    /// A Mautic site: a user with a password, or an OAuth2 client
    Mautic(Mautic),
    /// A bucket of S3 or of a server that speaks as S3 does
    S3(S3),
}

#[derive(Debug, Args)]
pub(crate) struct Google {
    /// What the connection is called; one of that name is replaced
    #[arg(long, default_value = "google")]
    pub(crate) name: String,
    /// The JSON key file of a service account
    #[arg(long, value_name = "FILE", required_unless_present = "client", conflicts_with = "client")]
    pub(crate) service_account: Option<PathBuf>,
    /// The person of the domain that the service account acts as (domain-wide delegation)
    #[arg(long, value_name = "EMAIL", requires = "service_account")]
    pub(crate) subject: Option<String>,
    /// The JSON file of an OAuth client; a browser is needed to consent
    #[arg(long, value_name = "FILE")]
    pub(crate) client: Option<PathBuf>,
    /// The folder to be written to, by its id or its address, to test that, too
    #[arg(long, value_name = "FOLDER")]
    pub(crate) folder: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Mautic {
    /// What the connection is called; one of that name is replaced
    #[arg(long, default_value = "mautic")]
    pub(crate) name: String,
    /// Where the site is, such as `https://crm.example.com`
    #[arg(long)]
    pub(crate) url: String,
    /// The user Herald is in Mautic; their password is asked for
    #[arg(long, required_unless_present = "client_id", conflicts_with = "client_id")]
    pub(crate) user: Option<String>,
    /// The public key of an OAuth2 client; its secret key is asked for
    #[arg(long, value_name = "ID")]
    pub(crate) client_id: Option<String>,
    /// A file that holds the password or secret key, instead of asking; - is the standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) secret_file: Option<PathBuf>,
    /// A file that holds what Mautic signs its webhooks with
    #[arg(long, value_name = "FILE")]
    pub(crate) webhook_secret_file: Option<PathBuf>,
    /// A form to be read, to test that, too
    #[arg(long, value_name = "ID")]
    pub(crate) form: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct S3 {
    /// What the connection is called; one of that name is replaced
    #[arg(long, default_value = "s3")]
    pub(crate) name: String,
    /// The bucket's name
    #[arg(long)]
    pub(crate) bucket: String,
    /// What every key begins with
    #[arg(long, default_value = "")]
    pub(crate) prefix: String,
    /// Where the server is; without it Amazon's
    #[arg(long, value_name = "URL", default_value = "")]
    pub(crate) endpoint: String,
    /// The bucket's region; without it us-east-1
    #[arg(long, default_value = "")]
    pub(crate) region: String,
    /// The public half of the key; the secret half is asked for
    #[arg(long, value_name = "ID")]
    pub(crate) access_key_id: String,
    /// A file that holds the secret half of the key, instead of asking; - is the standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) secret_file: Option<PathBuf>,
    /// The bucket's name stands before the server's name instead of in the path
    #[arg(long)]
    pub(crate) virtual_host: bool,
    /// Take an endpoint without TLS, on the same trusted network
    #[arg(long)]
    pub(crate) allow_http: bool,
}

/// `herald connections`
#[derive(Debug, Subcommand)]
pub(crate) enum Connections {
    /// Show every connection and whether it works
    List {
        /// A JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Ask the provider whether the connection can do what Herald needs
    Test {
        /// The connection's name
        name: String,
        /// The Drive folder that is to be written to (id or address), or the Mautic form that is to be read
        #[arg(long)]
        target: Option<String>,
    },
    /// Forget a connection and its credentials
    Remove {
        /// The connection's name
        name: String,
    },
    /// Seal every credential anew with the first key of secrets.key
    Reseal,
}
