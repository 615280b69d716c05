//! `herald connect` and `herald connections`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use herald_providers::email::MailTls;

/// `herald connect`
#[derive(Debug, Subcommand)]
pub(crate) enum Connect {
    /// Google Drive: a service account, or a person who consents in a browser
    Google(Google),
    /// A Mautic site: a user with a password, or an OAuth2 client
    Mautic(Mautic),
    /// A bucket on Amazon S3 or on a compatible server
    S3(S3),
    /// A mail server (SMTP) that sends the e-mails of campaigns
    Smtp(Smtp),
    /// WhatsApp by Twilio
    Twilio(Twilio),
    /// WhatsApp by Meta's Cloud API
    Meta(Meta),
}

#[derive(Debug, Args)]
pub(crate) struct Google {
    /// The name of the connection; it replaces a connection of the same name
    #[arg(long, default_value = "google")]
    pub(crate) name: String,
    /// The JSON key file of a service account
    #[arg(long, value_name = "FILE", required_unless_present = "client", conflicts_with = "client")]
    pub(crate) service_account: Option<PathBuf>,
    /// The person in whose name the service account acts (domain-wide delegation)
    #[arg(long, value_name = "EMAIL", requires = "service_account")]
    pub(crate) subject: Option<String>,
    /// The JSON file of an OAuth client; a person consents in a browser
    #[arg(long, value_name = "FILE")]
    pub(crate) client: Option<PathBuf>,
    /// Also test whether Herald can write to this folder, given by its id or address
    #[arg(long, value_name = "FOLDER")]
    pub(crate) folder: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Mautic {
    /// The name of the connection; it replaces a connection of the same name
    #[arg(long, default_value = "mautic")]
    pub(crate) name: String,
    /// The address of the site, such as `https://crm.example.com`
    #[arg(long)]
    pub(crate) url: String,
    /// The user name of Herald in Mautic; the command asks for the password
    #[arg(long, required_unless_present = "client_id", conflicts_with = "client_id")]
    pub(crate) user: Option<String>,
    /// The public key of an OAuth2 client; the command asks for the secret key
    #[arg(long, value_name = "ID")]
    pub(crate) client_id: Option<String>,
    /// Read the password or secret key from this file instead of asking; - means the standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) secret_file: Option<PathBuf>,
    /// A file with the secret that Mautic signs its webhooks with
    #[arg(long, value_name = "FILE")]
    pub(crate) webhook_secret_file: Option<PathBuf>,
    /// Also test whether Herald can read this form
    #[arg(long, value_name = "ID")]
    pub(crate) form: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct S3 {
    /// The name of the connection; it replaces a connection of the same name
    #[arg(long, default_value = "s3")]
    pub(crate) name: String,
    /// The bucket's name
    #[arg(long)]
    pub(crate) bucket: String,
    /// The prefix of every object key
    #[arg(long, default_value = "")]
    pub(crate) prefix: String,
    /// The address of the server; by default Amazon's
    #[arg(long, value_name = "URL", default_value = "")]
    pub(crate) endpoint: String,
    /// The bucket's region; by default us-east-1
    #[arg(long, default_value = "")]
    pub(crate) region: String,
    /// The id of the access key; the command asks for the secret access key
    #[arg(long, value_name = "ID")]
    pub(crate) access_key_id: String,
    /// Read the secret access key from this file instead of asking; - means the standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) secret_file: Option<PathBuf>,
    /// Put the bucket's name in the host name instead of the path
    #[arg(long)]
    pub(crate) virtual_host: bool,
    /// Allow an endpoint without TLS, on the same trusted network
    #[arg(long)]
    pub(crate) allow_http: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Smtp {
    /// The name of the connection; it replaces a connection of the same name
    #[arg(long, default_value = "smtp")]
    pub(crate) name: String,
    /// The name of the server, such as smtp.example.com
    #[arg(long)]
    pub(crate) host: String,
    /// The port; by default 587 with starttls and 465 with tls
    #[arg(long, default_value_t = 0, hide_default_value = true)]
    pub(crate) port: u16,
    /// How the connection is encrypted
    #[arg(long, value_enum, default_value_t = Encryption::Starttls)]
    pub(crate) tls: Encryption,
    /// The user; the command asks for the password
    #[arg(long)]
    pub(crate) user: Option<String>,
    /// Read the password from this file instead of asking; - means the standard input
    #[arg(long, value_name = "FILE", requires = "user")]
    pub(crate) secret_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Twilio {
    /// The name of the connection; it replaces a connection of the same name
    #[arg(long, default_value = "twilio")]
    pub(crate) name: String,
    /// The account's SID, which begins with AC; the command asks for the auth token
    #[arg(long, value_name = "SID")]
    pub(crate) account_sid: String,
    /// The SID of a messaging service, if it chooses the number that sends
    #[arg(long, value_name = "SID")]
    pub(crate) messaging_service_sid: Option<String>,
    /// Read the auth token from this file instead of asking; - means the standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) secret_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Meta {
    /// The name of the connection; it replaces a connection of the same name
    #[arg(long, default_value = "meta")]
    pub(crate) name: String,
    /// The id of the number that sends; the command asks for the access token of a system user
    #[arg(long, value_name = "ID")]
    pub(crate) phone_number_id: String,
    /// The id of the WhatsApp Business Account
    #[arg(long, value_name = "ID")]
    pub(crate) business_account_id: String,
    /// Read the access token from this file instead of asking; - means the standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) secret_file: Option<PathBuf>,
    /// Read the secret of the app from this file instead of asking
    #[arg(long, value_name = "FILE")]
    pub(crate) app_secret_file: Option<PathBuf>,
    /// Read the word with which Meta verifies the webhook from this file instead of asking
    #[arg(long, value_name = "FILE")]
    pub(crate) verify_token_file: Option<PathBuf>,
}

/// How the connection to a mail server is encrypted.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Encryption {
    /// From the first command on
    Starttls,
    /// From the first byte on
    #[value(name = "tls")]
    Whole,
    /// Not at all, in a network that the administrator allows
    None,
}

impl From<Encryption> for MailTls {
    fn from(tls: Encryption) -> Self {
        match tls {
            Encryption::Starttls => Self::StartTls,
            Encryption::Whole => Self::Tls,
            Encryption::None => Self::None,
        }
    }
}

/// `herald connections`
#[derive(Debug, Subcommand)]
pub(crate) enum Connections {
    /// Show every connection and whether it works
    List {
        /// Print JSON, one object on each line
        #[arg(long)]
        json: bool,
    },
    /// Test whether a connection can do what Herald needs
    Test {
        /// The connection's name
        name: String,
        /// The Drive folder to write to (id or address), or the Mautic form to read
        #[arg(long)]
        target: Option<String>,
    },
    /// Delete a connection and its credentials
    Remove {
        /// The connection's name
        name: String,
    },
    /// Encrypt every credential again, with the first key of secrets.key
    Reseal,
}
