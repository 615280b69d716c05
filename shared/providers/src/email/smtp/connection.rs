//! One connection to a mail server (RFC 5321): commands and answers, each within a time limit.

mod envelope;

use std::{future::Future, io, time::Duration, time::Instant};

use base64::{Engine, prelude::BASE64_STANDARD};
use futures::FutureExt;
use secrecy::{ExposeSecret, SecretString};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};

use super::{
    super::{
        message::Letter,
        reply::{Reply, Stage},
    },
    Login,
};

/// The longest line and the longest answer. RFC 5321 allows 512 bytes per line, and no server needs more lines.
const LONGEST_LINE: u64 = 2_000;
const MOST_LINES: usize = 100;
/// The factor by which the answer to a whole e-mail may take longer than any other answer, because servers look for
/// spam and viruses first. After a premature time-out, the outcome would be unknown.
const MAIL_TAKES: u32 = 4;

/// The stream under a connection.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Sync + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Sync + Unpin> Stream for T {}

/// A connection on which no command is half finished. A caller that drops a call before its end must also drop the
/// connection: the next call would read the outstanding answer as its own.
pub(super) struct Connection {
    stream: BufReader<Box<dyn Stream>>,
    limit: Duration,
    pub(super) offers: Offers,
    /// The number of e-mails that the connection has taken.
    pub(super) mails: u32,
    pub(super) used_at: Instant,
    /// Whether answers may still come that nobody reads, so that no other e-mail may follow.
    pub(super) is_over: bool,
}

/// The extensions that a server offers.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Offers {
    pub(super) starttls: bool,
    pub(super) utf8: bool,
    pub(super) pipelining: bool,
    plain: bool,
    login: bool,
}

/// Why an answer is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lost {
    /// The connection was closed or broken.
    Closed,
    /// No answer arrived in time.
    Late,
    /// The answer is not valid SMTP.
    Strange,
}

/// Why a step failed.
#[derive(Clone, Debug)]
pub(super) enum Trouble {
    /// The server refused.
    Refused(Stage, Reply),
    /// The server did not answer, and the e-mail was not handed over.
    Lost(Stage, Lost),
    /// The whole e-mail was handed over, and the server did not answer.
    Unanswered(Lost),
    /// The server cannot take the e-mail, for this reason.
    Cannot(Cannot),
}

/// A missing ability of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cannot {
    /// The server offers no login method that Herald knows.
    Login,
    /// The server does not accept addresses with other characters than ASCII.
    Utf8,
}

impl Connection {
    /// Wraps a new stream.
    pub(super) fn on(stream: Box<dyn Stream>, limit: Duration) -> Self {
        Self {
            stream: BufReader::new(stream),
            limit,
            offers: Offers::default(),
            mails: 0,
            used_at: Instant::now(),
            is_over: false,
        }
    }

    /// Returns the stream below. Returns `None` if unread bytes are left. Before encryption, those bytes can be
    /// anybody's, and Herald would take them for the server's answers (RFC 3207, 6).
    pub(super) fn into_stream(self) -> Option<Box<dyn Stream>> {
        self.stream.buffer().is_empty().then(|| self.stream.into_inner())
    }

    /// Reads the greeting.
    pub(super) async fn greeting(&mut self) -> Result<(), Trouble> {
        let reply = self.answer(self.limit).await;
        done(Stage::Greeting, reply, 2).map(drop)
    }

    /// Introduces Herald, and notes the extensions that the server offers.
    pub(super) async fn hello(&mut self, name: &str) -> Result<(), Trouble> {
        let reply = self.ask(&format!("EHLO {name}")).await;
        self.offers = Offers::read(&done(Stage::Hello, reply, 2)?);
        Ok(())
    }

    /// Asks the server to continue with encryption.
    pub(super) async fn starttls(&mut self) -> Result<(), Trouble> {
        let reply = self.ask("STARTTLS").await;
        done(Stage::Encryption, reply, 2).map(drop)
    }

    /// Logs in (RFC 4954), by a method that the server offers.
    pub(super) async fn login(&mut self, login: &Login) -> Result<(), Trouble> {
        let (user, password) = (login.user.as_str(), login.password.expose_secret());
        let reply = if self.offers.plain {
            self.ask_secretly("AUTH PLAIN ", &SecretString::from(format!("\0{user}\0{password}"))).await
        } else if self.offers.login {
            let begun = self.ask("AUTH LOGIN").await;
            done(Stage::Login, begun, 3)?;
            let named = self.ask_secretly("", &SecretString::from(user)).await;
            done(Stage::Login, named, 3)?;
            self.ask_secretly("", &login.password).await
        } else {
            return Err(Trouble::Cannot(Cannot::Login));
        };
        done(Stage::Login, reply, 2).map(drop)
    }

    /// Hands an e-mail over, and returns the server's answer.
    pub(super) async fn deliver(&mut self, letter: &Letter) -> Result<Reply, Trouble> {
        let utf8 = match (letter.bytes.is_ascii() && letter.to.is_ascii() && letter.from.is_ascii(), self.offers.utf8) {
            (true, _) => "",
            // A server that offers SMTPUTF8 offers 8BITMIME (RFC 6531, 3.1).
            (false, true) => " BODY=8BITMIME SMTPUTF8",
            (false, false) => return Err(Trouble::Cannot(Cannot::Utf8)),
        };
        self.announce(letter, utf8).await?;
        // Until the end of the e-mail is written, the server does not accept it, so it is not handed over.
        self.write(&dotted(&letter.bytes)).await.map_err(|lost| Trouble::Lost(Stage::Content, lost))?;
        let reply = match self.write(b".\r\n").await {
            Ok(()) => self.answer(self.limit * MAIL_TAKES).await,
            Err(lost) => Err(lost),
        };
        let reply = reply.map_err(Trouble::Unanswered)?;
        self.mails += 1;
        done(Stage::Content, Ok(reply), 2)
    }

    /// Whether the server has said nothing since its last answer. What it says to an idle connection would be read as
    /// the answer to the next command; mostly it hangs up.
    pub(super) fn is_quiet(&mut self) -> bool {
        self.stream.fill_buf().now_or_never().is_none()
    }

    /// Abandons an e-mail that was begun. Returns true if the next one can begin.
    pub(super) async fn reset(&mut self) -> bool {
        self.ask("RSET").await.is_ok_and(|reply| reply.is(2))
    }

    /// Ends the session without waiting for the server's answer.
    pub(super) async fn quit(mut self) {
        let _ = self.write(b"QUIT\r\n").await;
    }

    async fn ask(&mut self, command: &str) -> Result<Reply, Lost> {
        self.write(format!("{command}\r\n").as_bytes()).await?;
        self.answer(self.limit).await
    }

    async fn ask_secretly(&mut self, command: &str, secret: &SecretString) -> Result<Reply, Lost> {
        self.ask(&format!("{command}{}", BASE64_STANDARD.encode(secret.expose_secret()))).await
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), Lost> {
        let stream = &mut self.stream;
        within(self.limit, async {
            stream.write_all(bytes).await?;
            stream.flush().await
        })
        .await
    }

    async fn answer(&mut self, limit: Duration) -> Result<Reply, Lost> {
        let read = within(limit, read(&mut self.stream)).await?;
        read.ok_or(Lost::Strange)
    }
}

impl Offers {
    fn read(reply: &Reply) -> Self {
        let mut offers = Self::default();
        // The first line holds the server's name.
        for line in reply.lines.iter().skip(1) {
            let line = line.to_ascii_uppercase();
            let mut words = line.split([' ', '=']);
            match words.next() {
                Some("STARTTLS") => offers.starttls = true,
                Some("SMTPUTF8") => offers.utf8 = true,
                Some("PIPELINING") => offers.pipelining = true,
                Some("AUTH") => words.for_each(|word| match word {
                    "PLAIN" => offers.plain = true,
                    "LOGIN" => offers.login = true,
                    _ => {}
                }),
                _ => {}
            }
        }
        offers
    }
}

fn done(stage: Stage, reply: Result<Reply, Lost>, hundred: u16) -> Result<Reply, Trouble> {
    match reply {
        Ok(reply) if reply.is(hundred) => Ok(reply),
        // This is an answer to another command, and so would be all later answers.
        Ok(reply) if reply.code < 400 => Err(Trouble::Lost(stage, Lost::Strange)),
        Ok(reply) => Err(Trouble::Refused(stage, reply)),
        Err(lost) => Err(Trouble::Lost(stage, lost)),
    }
}

async fn within<T>(limit: Duration, work: impl Future<Output = io::Result<T>>) -> Result<T, Lost> {
    match tokio::time::timeout(limit, work).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(_)) => Err(Lost::Closed),
        Err(_) => Err(Lost::Late),
    }
}

/// Reads one answer of one or several lines. Returns `None` if it is not valid.
async fn read(stream: &mut BufReader<Box<dyn Stream>>) -> io::Result<Option<Reply>> {
    let mut lines = Vec::new();
    while lines.len() < MOST_LINES {
        let mut line = Vec::new();
        stream.take(LONGEST_LINE).read_until(b'\n', &mut line).await?;
        if line.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let Some(line) = line.strip_suffix(b"\n") else { return Ok(None) };
        let line = String::from_utf8_lossy(line);
        let line = line.trim_end();
        let code = line.get(..3).filter(|code| code.bytes().all(|byte| byte.is_ascii_digit()));
        let Some(code) = code.and_then(|code| code.parse().ok()) else { return Ok(None) };
        let (more, text) = match line.as_bytes().get(3) {
            None => (false, ""),
            Some(b' ') => (false, &line[4..]),
            Some(b'-') => (true, &line[4..]),
            Some(_) => return Ok(None),
        };
        lines.push(text.to_owned());
        if !more {
            return Ok((200..600).contains(&code).then_some(Reply { code, lines }));
        }
    }
    Ok(None)
}

/// Encodes an e-mail for the wire: a line that begins with a dot gets a second dot, and the last line gets an end (RFC
/// 5321, 4.5.2).
fn dotted(mail: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(mail.len() + 64);
    for line in mail.split_inclusive(|byte| *byte == b'\n') {
        if line.starts_with(b".") {
            out.push(b'.');
        }
        out.extend_from_slice(line);
    }
    if !out.ends_with(b"\r\n") {
        out.extend_from_slice(b"\r\n");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn answer(bytes: &[u8]) -> Result<Reply, Lost> {
        let (near, mut far) = tokio::io::duplex(1 << 16);
        far.write_all(bytes).await.unwrap();
        drop(far);
        Connection::on(Box::new(near), Duration::from_secs(60)).answer(Duration::from_secs(60)).await
    }

    #[tokio::test]
    async fn answers_have_one_line_or_several_and_anything_else_is_none() {
        let reply =
            |code, lines: &[&str]| Ok(Reply { code, lines: lines.iter().map(|line| (*line).to_owned()).collect() });
        assert_eq!(answer(b"250 fine\r\n").await, reply(250, &["fine"]));
        assert_eq!(answer(b"250-one\r\n250-two\r\n250 three\r\n").await, reply(250, &["one", "two", "three"]));
        assert_eq!(answer(b"354\r\n").await, reply(354, &[""]));
        assert_eq!(answer(b"250 caf\xe9\n").await, reply(250, &["caf\u{fffd}"]));
        for strange in ["HTTP/1.1 400 Bad Request\r\n", "25\r\n", "999 what\r\n", "250+x\r\n", "\r\n"] {
            assert_eq!(answer(strange.as_bytes()).await, Err(Lost::Strange), "{strange:?}");
        }
        assert_eq!(answer(&[b'2'; 5_000]).await, Err(Lost::Strange));
        assert_eq!(answer("250-more\r\n".repeat(200).as_bytes()).await, Err(Lost::Strange));
        assert_eq!(answer(b"250-more\r\n").await, Err(Lost::Closed));
        assert_eq!(answer(b"").await, Err(Lost::Closed));
    }

    #[tokio::test]
    async fn what_an_idle_connection_was_told_is_noticed() {
        let (near, mut far) = tokio::io::duplex(1 << 16);
        let mut connection = Connection::on(Box::new(near), Duration::from_secs(60));
        assert!(connection.is_quiet());
        far.write_all(b"421 4.4.2 Idle for too long\r\n").await.unwrap();
        assert!(!connection.is_quiet());
        let (near, far) = tokio::io::duplex(1 << 16);
        drop(far);
        assert!(!Connection::on(Box::new(near), Duration::from_secs(60)).is_quiet(), "it hung up");
    }

    #[test]
    fn a_dot_alone_does_not_end_a_mail_early() {
        assert_eq!(dotted(b"a\r\n.\r\n..b\r\n"), b"a\r\n..\r\n...b\r\n");
        assert_eq!(dotted(b".a"), b"..a\r\n");
    }

    #[test]
    fn what_a_server_offers_is_read_however_it_is_written() {
        let lines = ["mx.example.com", "starttls", "AUTH=LOGIN PLAIN", "SIZE 1000", "SMTPUTF8", "Pipelining"];
        let offers = Offers::read(&Reply { code: 250, lines: lines.map(str::to_owned).into() });
        assert!(offers.starttls && offers.utf8 && offers.plain && offers.login && offers.pipelining);
        let named = Offers::read(&Reply { code: 250, lines: vec!["STARTTLS".to_owned()] });
        assert!(!named.starttls);
    }
}
