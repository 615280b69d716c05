//! One connection to a mail server (RFC 5321): what is said and what is answered, each within a limit of time.

use std::{future::Future, io, time::Duration, time::Instant};

use base64::{Engine, prelude::BASE64_STANDARD};
use secrecy::{ExposeSecret, SecretString};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};

use super::{
    super::{
        message::Letter,
        reply::{Reply, Stage},
    },
    Login,
};

/// The longest line and the longest answer. RFC 5321 allows a line 512 bytes; nobody needs more lines.
const LONGEST_LINE: u64 = 2_000;
const MOST_LINES: usize = 100;
/// How much longer than any other the answer to a whole mail may take: servers look for spam and viruses before it. Who
/// gives up too early does not know whether it was taken.
const MAIL_TAKES: u32 = 4;

/// What bytes go over.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Sync + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Sync + Unpin> Stream for T {}

/// A connection on which nothing is half said. Whoever drops a call of its before it has ended must drop the
/// connection, too: the answer to come would be taken for the next one's.
pub(super) struct Connection {
    stream: BufReader<Box<dyn Stream>>,
    limit: Duration,
    pub(super) offers: Offers,
    /// How many mails it has taken.
    pub(super) mails: u32,
    pub(super) used_at: Instant,
}

/// What a server offers.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Offers {
    pub(super) starttls: bool,
    pub(super) utf8: bool,
    plain: bool,
    login: bool,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lost {
    /// The connection was closed or broken.
    Closed,
    /// None came in time.
    Late,
    /// What came is none.
    Strange,
}

/// Why something was not done.
#[derive(Clone, Debug)]
pub(super) enum Trouble {
    /// The server said no.
    Refused(Stage, Reply),
    /// There was no answer, and nothing was handed over.
    Lost(Stage, Lost),
    /// The whole mail was handed over, and there was no answer.
    Unanswered(Lost),
    /// The server cannot take what we have to say, for this reason.
    Cannot(Cannot),
}

/// What a server cannot do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cannot {
    /// It offers no login that we know.
    Login,
    /// It does not write to addresses like this.
    Utf8,
}

impl Connection {
    /// On a connection that was just made.
    pub(super) fn on(stream: Box<dyn Stream>, limit: Duration) -> Self {
        Self { stream: BufReader::new(stream), limit, offers: Offers::default(), mails: 0, used_at: Instant::now() }
    }

    /// The bytes below. `None` if there are bytes that nobody asked for: before a connection is encrypted, those can be
    /// anybody's, and would be taken for the server's answers (RFC 3207, 6).
    pub(super) fn into_stream(self) -> Option<Box<dyn Stream>> {
        self.stream.buffer().is_empty().then(|| self.stream.into_inner())
    }

    /// Reads the greeting.
    pub(super) async fn greeting(&mut self) -> Result<(), Trouble> {
        let reply = self.answer(self.limit).await;
        done(Stage::Greeting, reply, 2).map(drop)
    }

    /// Says who we are, and notes what the server offers.
    pub(super) async fn hello(&mut self, name: &str) -> Result<(), Trouble> {
        let reply = self.ask(&format!("EHLO {name}")).await;
        self.offers = Offers::read(&done(Stage::Hello, reply, 2)?);
        Ok(())
    }

    /// Asks to go on encrypted.
    pub(super) async fn starttls(&mut self) -> Result<(), Trouble> {
        let reply = self.ask("STARTTLS").await;
        done(Stage::Encryption, reply, 2).map(drop)
    }

    /// Logs in (RFC 4954), the way the server offers.
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

    /// Hands a mail over, and returns what the server said to it.
    pub(super) async fn deliver(&mut self, letter: &Letter) -> Result<Reply, Trouble> {
        let utf8 = match (letter.bytes.is_ascii() && letter.to.is_ascii() && letter.from.is_ascii(), self.offers.utf8) {
            (true, _) => "",
            // A server that offers SMTPUTF8 offers 8BITMIME (RFC 6531, 3.1).
            (false, true) => " BODY=8BITMIME SMTPUTF8",
            (false, false) => return Err(Trouble::Cannot(Cannot::Utf8)),
        };
        let reply = self.ask(&format!("MAIL FROM:<{}>{utf8}", letter.from)).await;
        done(Stage::Sender, reply, 2)?;
        let reply = self.ask(&format!("RCPT TO:<{}>", letter.to)).await;
        done(Stage::Recipient, reply, 2)?;
        let reply = self.ask("DATA").await;
        done(Stage::Content, reply, 3)?;
        // The server has no mail until the end of it: as long as that is not written, nothing is handed over.
        self.write(&dotted(&letter.bytes)).await.map_err(|lost| Trouble::Lost(Stage::Content, lost))?;
        let reply = match self.write(b".\r\n").await {
            Ok(()) => self.answer(self.limit * MAIL_TAKES).await,
            Err(lost) => Err(lost),
        };
        let reply = reply.map_err(Trouble::Unanswered)?;
        self.mails += 1;
        done(Stage::Content, Ok(reply), 2)
    }

    /// Forgets a mail that was begun. True if the next one can begin.
    pub(super) async fn reset(&mut self) -> bool {
        self.ask("RSET").await.is_ok_and(|reply| reply.is(2))
    }

    /// Takes leave. The server need not answer for that.
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
        // The first line is the server's name.
        for line in reply.lines.iter().skip(1) {
            let line = line.to_ascii_uppercase();
            let mut words = line.split([' ', '=']);
            match words.next() {
                Some("STARTTLS") => offers.starttls = true,
                Some("SMTPUTF8") => offers.utf8 = true,
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
        // An answer to another question: what follows would be, too.
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

/// Reads one answer of one or several lines. `None` if it is none.
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

/// A mail as it is handed over: a line that begins with a dot has another before it, and the last line is ended (RFC
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

    #[test]
    fn a_dot_alone_does_not_end_a_mail_early() {
        assert_eq!(dotted(b"a\r\n.\r\n..b\r\n"), b"a\r\n..\r\n...b\r\n");
        assert_eq!(dotted(b".a"), b"..a\r\n");
    }

    #[test]
    fn what_a_server_offers_is_read_however_it_is_written() {
        let lines = ["mx.example.com", "starttls", "AUTH=LOGIN PLAIN", "SIZE 1000", "SMTPUTF8"];
        let offers = Offers::read(&Reply { code: 250, lines: lines.map(str::to_owned).into() });
        assert!(offers.starttls && offers.utf8 && offers.plain && offers.login);
        let named = Offers::read(&Reply { code: 250, lines: vec!["STARTTLS".to_owned()] });
        assert!(!named.starttls);
    }
}
