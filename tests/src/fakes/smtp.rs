//! A mail server (SMTP, RFC 5321) for tests: it speaks the whole dialogue with STARTTLS and logins, keeps what it
//! takes, and refuses, is silent or hangs up where a test asks for it.
//!
//! It keeps the rules where breaking them would show only in production: no login in clear where it offers encryption,
//! what was said in clear counts for nothing afterwards, a mail ends at its dot and nowhere else.

mod mail;
mod session;

use std::{
    collections::VecDeque,
    fmt::Write as _,
    net::SocketAddr,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use rustls::{ServerConfig, crypto::ring, pki_types::CertificateDer};
use tokio::{
    net::TcpListener,
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    task::{JoinHandle, JoinSet},
};
use tokio_rustls::TlsAcceptor;

pub use self::mail::Mail;

/// What the server is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmtpCall {
    /// Somebody connects.
    Greeting,
    /// `EHLO`
    Hello,
    /// `STARTTLS`
    StartTls,
    /// `AUTH`, its last step.
    Login,
    /// `MAIL FROM`
    Sender,
    /// `RCPT TO`
    Recipient,
    /// `DATA`
    Data,
    /// The first line of the mail.
    Begun,
    /// The whole mail, with its last dot.
    Content,
}

/// How it fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmtpFault {
    /// It says this instead, and nothing is done. After 421 it hangs up.
    Says(&'static str),
    /// It hangs up without a word. A mail that was handed over is kept.
    HangsUp,
    /// It never answers. A mail that was handed over is kept.
    IsSilent,
    /// It answers well, but only after this time.
    IsLate(Duration),
    /// After STARTTLS: it agrees, and goes on in clear.
    GoesOnInClear,
}

/// How connections are encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SmtpSecurity {
    /// After STARTTLS, which is offered.
    #[default]
    StartTls,
    /// From the first byte.
    Tls,
    /// Not at all, and STARTTLS is not offered.
    Clear,
}

/// What kind of server it is.
#[derive(Clone, Copy, Debug)]
pub struct SmtpPlace {
    /// Its port on 127.0.0.1; 0 is any that is free.
    pub port: u16,
    /// How connections are encrypted.
    pub security: SmtpSecurity,
    /// The logins it offers; with one of them, it takes no mail without.
    pub logins: &'static [&'static str],
    /// Whether it writes to addresses beyond ASCII.
    pub utf8: bool,
    /// Whether it takes several commands at once (RFC 2920), and says so. If not, a client that sends them is refused.
    pub pipelining: bool,
    /// Whether it waits for the content of a mail whose recipient it refused, and refuses that instead.
    pub takes_data_anyway: bool,
}

impl Default for SmtpPlace {
    fn default() -> Self {
        Self {
            port: 0,
            security: SmtpSecurity::StartTls,
            logins: &["PLAIN", "LOGIN"],
            utf8: true,
            pipelining: false,
            takes_data_anyway: false,
        }
    }
}

/// The server. It ends when it is dropped.
pub struct FakeSmtp {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    certificate: CertificateDer<'static>,
    task: JoinHandle<()>,
}

/// A mail that was taken.
#[derive(Clone, Debug)]
pub struct TakenMail {
    /// The address of `MAIL FROM`.
    pub from: String,
    /// The address of `RCPT TO`.
    pub to: String,
    /// Whether it came encrypted.
    pub encrypted: bool,
    /// Who had logged in.
    pub login: Option<String>,
    /// The mail.
    pub mail: Mail,
}

#[derive(Default)]
struct State {
    mails: Vec<TakenMail>,
    connections: usize,
    open: usize,
    most_open: usize,
    /// The first word of everything that was said, and whether it was encrypted.
    said: Vec<(String, bool)>,
    faults: VecDeque<(SmtpCall, SmtpFault)>,
    /// What came for nobody, after the recipient was refused.
    for_nobody: Vec<Vec<u8>>,
    /// How often a client said something before its time.
    early: usize,
    /// How often it answered while nothing more of the client had come: the round trips.
    rounds: usize,
    /// The most mails that one connection takes.
    mails_each: Option<usize>,
    /// Recipients, and how their mails fail each time.
    habits: Vec<(String, SmtpCall, SmtpFault)>,
    /// How long each answer takes.
    takes: Duration,
    told: Option<UnboundedSender<TakenMail>>,
}

impl FakeSmtp {
    /// Who may log in.
    pub const USER: &str = "herald@example.com";
    /// And how.
    pub const PASSWORD: &str = "hunter2-très-secret";

    /// A server as most are: STARTTLS, and a login.
    pub async fn start() -> Self {
        Self::start_as(SmtpPlace::default()).await
    }

    /// A server of a kind.
    pub async fn start_as(place: SmtpPlace) -> Self {
        let issued = rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()])
            .expect("a certificate of one's own can be made");
        let certificate = issued.cert.der().clone();
        let key = issued.signing_key.serialize_der().try_into().expect("a key just made is one");
        let tls = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("ring has them")
            .with_no_client_auth()
            .with_single_cert(vec![certificate.clone()], key)
            .expect("a key just made fits its certificate");
        let tls = TlsAcceptor::from(Arc::new(tls));
        let listener = TcpListener::bind(("127.0.0.1", place.port)).await.expect("the port is free");
        let address = listener.local_addr().expect("a bound listener has an address");
        let state: Arc<Mutex<State>> = Arc::default();
        let serving = state.clone();
        let task = tokio::spawn(async move {
            let mut sessions = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                sessions.spawn(session::run(stream, place, tls.clone(), serving.clone()));
            }
        });
        Self { address, state, certificate, task }
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Writes the certificate to trust, as `mail.ca_file` has it.
    pub fn write_certificate(&self, file: &Path) {
        let mut pem = "-----BEGIN CERTIFICATE-----\n".to_owned();
        for line in BASE64_STANDARD.encode(&self.certificate).as_bytes().chunks(64) {
            let _ = writeln!(pem, "{}", String::from_utf8_lossy(line));
        }
        pem.push_str("-----END CERTIFICATE-----\n");
        std::fs::write(file, pem).expect("the test's folder can be written");
    }

    /// Lines of `[mail]` that lead here with a login, when its certificate is in `ca_file`.
    pub fn settings(&self, ca_file: &Path) -> String {
        format!(
            "from = \"Herald <{user}>\"\nhost = \"127.0.0.1\"\nport = {}\nuser = \"{user}\"\npassword = \"{}\"\n\
             ca_file = {:?}\n",
            self.port(),
            Self::PASSWORD,
            ca_file.display().to_string(),
            user = Self::USER,
        )
    }

    /// What it is asked next of this kind fails so, after the failures asked for before.
    pub fn fail(&self, call: SmtpCall, fault: SmtpFault) {
        self.lock().faults.push_back((call, fault));
    }

    /// Every mail to this address fails so.
    pub fn fail_for(&self, recipient: &str, call: SmtpCall, fault: SmtpFault) {
        self.lock().habits.push((recipient.to_owned(), call, fault));
    }

    /// Takes so long for each answer from now on.
    pub fn take(&self, long: Duration) {
        self.lock().takes = long;
    }

    /// Hangs up with 421 when a connection begins more mails than this.
    pub fn take_each(&self, mails: usize) {
        self.lock().mails_each = Some(mails);
    }

    /// What came as the content of mails that have no recipient: nothing, from a client that knows what it does.
    pub fn for_nobody(&self) -> Vec<Vec<u8>> {
        self.lock().for_nobody.clone()
    }

    /// How often a client sent commands together that it may not, or a mail before it was asked for.
    pub fn early(&self) -> usize {
        self.lock().early
    }

    /// How often a client waited for its answer.
    pub fn rounds(&self) -> usize {
        self.lock().rounds
    }

    /// What it has taken, in order.
    pub fn mails(&self) -> Vec<TakenMail> {
        self.lock().mails.clone()
    }

    /// Forgets what it has taken so far.
    pub fn forget(&self) {
        self.lock().mails.clear();
    }

    /// Tells of every mail that it takes from now on.
    pub fn listen(&self) -> UnboundedReceiver<TakenMail> {
        let (told, hears) = unbounded_channel();
        self.lock().told = Some(told);
        hears
    }

    /// How many connections there were.
    pub fn connections(&self) -> usize {
        self.lock().connections
    }

    /// How many there were at the same time.
    pub fn most_open(&self) -> usize {
        self.lock().most_open
    }

    /// The first word of everything that was said, and whether it came encrypted.
    pub fn said(&self) -> Vec<(String, bool)> {
        self.lock().said.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

impl Drop for FakeSmtp {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
