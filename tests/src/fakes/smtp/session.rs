//! One connection to the fake mail server.

use std::{
    io,
    sync::{Arc, Mutex},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader},
    net::TcpStream,
};
use tokio_rustls::TlsAcceptor;

use super::{FakeSmtp, Mail, SmtpCall, SmtpFault, SmtpPlace, SmtpSecurity, State, TakenMail, lock};

const QUEUED: &str = "250 2.0.0 Ok: queued as 4X0fAnn";

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

struct Session {
    stream: BufReader<Box<dyn Stream>>,
    place: SmtpPlace,
    state: Arc<Mutex<State>>,
    encrypted: bool,
    login: Option<String>,
    from: Option<String>,
    to: Option<String>,
    /// How many mails were begun.
    begun: usize,
}

/// Whether the session goes on.
enum Next {
    On,
    Encrypt,
    End,
}

pub(super) async fn run(stream: TcpStream, place: SmtpPlace, tls: TlsAcceptor, state: Arc<Mutex<State>>) {
    {
        let mut state = lock(&state);
        state.connections += 1;
        state.open += 1;
        state.most_open = state.most_open.max(state.open);
    }
    // A client that hangs up ends it, whatever was going on.
    let _ = serve(stream, place, tls, state.clone()).await;
    lock(&state).open -= 1;
}

async fn serve(stream: TcpStream, place: SmtpPlace, tls: TlsAcceptor, state: Arc<Mutex<State>>) -> io::Result<()> {
    let encrypted = place.security == SmtpSecurity::Tls;
    let stream: Box<dyn Stream> = if encrypted { Box::new(tls.accept(stream).await?) } else { Box::new(stream) };
    let stream = BufReader::new(stream);
    let (login, from, to) = (None, None, None);
    let mut session = Session { stream, place, state, encrypted, login, from, to, begun: 0 };
    if !session.answer(SmtpCall::Greeting, "220 mail.example.com ESMTP").await? {
        return Ok(());
    }
    loop {
        match session.command().await? {
            Next::On => {}
            Next::End => return Ok(()),
            Next::Encrypt => {
                // Whatever was said so far counts for nothing, as RFC 3207 has it.
                let clear = session.stream.into_inner();
                let stream: Box<dyn Stream> = Box::new(tls.accept(clear).await?);
                let stream = BufReader::new(stream);
                session = Session { stream, encrypted: true, login: None, from: None, to: None, ..session };
            }
        }
    }
}

impl Session {
    async fn command(&mut self) -> io::Result<Next> {
        let Some(line) = self.line().await? else { return Ok(Next::End) };
        let verb = line.split(' ').next().unwrap_or_default().to_ascii_uppercase();
        lock(&self.state).said.push((verb.clone(), self.encrypted));
        // These are the only commands behind which others may follow at once (RFC 2920, 3.1).
        let may_be_followed = self.place.pipelining && matches!(verb.as_str(), "MAIL" | "RCPT" | "RSET");
        if !may_be_followed && !self.stream.buffer().is_empty() {
            lock(&self.state).early += 1;
            self.say("503 5.5.0 Improper command pipelining").await?;
            return Ok(Next::End);
        }
        let may_send = self.login.is_some() || self.place.logins.is_empty();
        let goes_on = match verb.as_str() {
            "EHLO" => {
                let offers = self.offers();
                self.answer(SmtpCall::Hello, &offers).await?
            }
            "STARTTLS" if self.place.security == SmtpSecurity::StartTls && !self.encrypted => {
                let fault = lock(&self.state).faults.front().copied().filter(|(call, _)| *call == SmtpCall::StartTls);
                if fault == Some((SmtpCall::StartTls, SmtpFault::GoesOnInClear)) {
                    lock(&self.state).faults.pop_front();
                    return self.go_on_in_clear().await;
                }
                let faulty = fault.is_some();
                let goes_on = self.answer(SmtpCall::StartTls, "220 2.0.0 Ready to start TLS").await?;
                if goes_on && !faulty {
                    return Ok(Next::Encrypt);
                }
                goes_on
            }
            "AUTH" => self.auth(&line).await?,
            "MAIL" if !may_send => self.say("530 5.7.0 Authentication Required").await?,
            "MAIL" if lock(&self.state).mails_each.is_some_and(|most| self.begun >= most) => {
                self.say("421 4.4.5 Too much for one connection").await?;
                false
            }
            "MAIL" => {
                self.begun += 1;
                let refused = self.refuses(SmtpCall::Sender);
                self.from = address(&line).filter(|_| !refused);
                self.answer(SmtpCall::Sender, "250 2.1.0 Ok").await?
            }
            "RCPT" if self.from.is_some() => {
                self.to = address(&line);
                match self.habit(SmtpCall::Recipient) {
                    Some(fault) => {
                        self.to = None;
                        self.fail(fault, "250 2.1.5 Ok").await?
                    }
                    None => {
                        let refused = self.refuses(SmtpCall::Recipient);
                        let goes_on = self.answer(SmtpCall::Recipient, "250 2.1.5 Ok").await?;
                        self.to.take_if(|_| refused);
                        goes_on
                    }
                }
            }
            "DATA" if self.to.is_some() || (self.place.takes_data_anyway && self.from.is_some()) => {
                let refused = self.refuses(SmtpCall::Data);
                let goes_on = self.answer(SmtpCall::Data, "354 End data with <CR><LF>.<CR><LF>").await?;
                if goes_on && !refused { self.content().await? } else { goes_on }
            }
            "RSET" => {
                (self.from, self.to) = (None, None);
                self.say("250 2.0.0 Ok").await?
            }
            "NOOP" => self.say("250 2.0.0 Ok").await?,
            "QUIT" => {
                self.say("221 2.0.0 Bye").await?;
                false
            }
            "RCPT" | "DATA" => self.say("503 5.5.1 Bad sequence of commands").await?,
            _ => self.say("500 5.5.2 Command unrecognized").await?,
        };
        Ok(if goes_on { Next::On } else { Next::End })
    }

    fn offers(&self) -> String {
        let mut lines = vec!["mail.example.com".to_owned(), "8BITMIME".to_owned(), "SIZE 10000000".to_owned()];
        let in_clear = !self.encrypted && self.place.security == SmtpSecurity::StartTls;
        if in_clear {
            lines.push("STARTTLS".to_owned());
        } else if !self.place.logins.is_empty() {
            lines.push(format!("AUTH {}", self.place.logins.join(" ")));
        }
        if self.place.utf8 {
            lines.push("SMTPUTF8".to_owned());
        }
        if self.place.pipelining {
            lines.push("PIPELINING".to_owned());
        }
        let last = lines.pop().unwrap_or_default();
        lines.iter().map(|line| format!("250-{line}\r\n")).collect::<String>() + &format!("250 {last}")
    }

    async fn auth(&mut self, line: &str) -> io::Result<bool> {
        if !self.encrypted && self.place.security == SmtpSecurity::StartTls {
            return self.say("538 5.7.11 Encryption required for requested authentication mechanism").await;
        }
        let words: Vec<&str> = line.split(' ').collect();
        let mechanism = words.get(1).copied().unwrap_or_default();
        if !self.place.logins.contains(&mechanism) {
            return self.say("504 5.5.4 Unrecognized authentication type").await;
        }
        let (user, password) = match (mechanism, words.get(2)) {
            ("PLAIN", Some(word)) => {
                let plain = decoded(word);
                let mut parts = plain.split('\0').skip(1).map(str::to_owned);
                (parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
            }
            _ => {
                self.say("334 VXNlcm5hbWU6").await?;
                let user = self.line().await?.unwrap_or_default();
                self.say("334 UGFzc3dvcmQ6").await?;
                (decoded(&user), decoded(&self.line().await?.unwrap_or_default()))
            }
        };
        if (user.as_str(), password.as_str()) != (FakeSmtp::USER, FakeSmtp::PASSWORD) {
            return self.say("535 5.7.8 Username and Password not accepted").await;
        }
        self.login = Some(user);
        self.answer(SmtpCall::Login, "235 2.7.0 Accepted").await
    }

    /// Agrees to encrypt, and then answers in clear to whatever comes.
    async fn go_on_in_clear(&mut self) -> io::Result<Next> {
        self.say("220 2.0.0 Ready to start TLS").await?;
        let mut beginning = [0; 16];
        self.stream.read_exact(&mut beginning).await?;
        self.say("500 5.5.2 Command unrecognized").await?;
        // Until the client has enough of it.
        self.stream.read_to_end(&mut Vec::new()).await?;
        Ok(Next::End)
    }

    async fn content(&mut self) -> io::Result<bool> {
        let mut raw = Vec::new();
        loop {
            let mut line = Vec::new();
            if self.stream.read_until(b'\n', &mut line).await? == 0 {
                return Ok(false);
            }
            if line == b".\r\n" {
                break;
            }
            if raw.is_empty() && self.is_next(SmtpCall::Begun) {
                return self.answer(SmtpCall::Begun, "").await;
            }
            raw.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
        }
        if self.to.is_none() {
            lock(&self.state).for_nobody.push(raw);
            return self.say("554 5.5.1 Error: no valid recipients").await;
        }
        let fault = lock(&self.state).faults.front().copied().filter(|(call, _)| *call == SmtpCall::Content);
        let habit = self.habit(SmtpCall::Content);
        let (from, to) = (self.from.take().unwrap_or_default(), self.to.take().unwrap_or_default());
        if !matches!(fault, Some((_, SmtpFault::Says(_)))) && !matches!(habit, Some(SmtpFault::Says(_))) {
            let (encrypted, login) = (self.encrypted, self.login.clone());
            let taken = TakenMail { from, to, encrypted, login, mail: Mail::read(&raw) };
            let mut state = lock(&self.state);
            if let Some(told) = &state.told {
                // Nobody need listen any more.
                let _ = told.send(taken.clone());
            }
            state.mails.push(taken);
        }
        match habit {
            Some(fault) => self.fail(fault, QUEUED).await,
            None => self.answer(SmtpCall::Content, QUEUED).await,
        }
    }

    /// Whether the next failure is one of this call.
    fn is_next(&self, call: SmtpCall) -> bool {
        lock(&self.state).faults.front().is_some_and(|(planned, _)| *planned == call)
    }

    /// Whether it will say something else to this call than that all is well.
    fn refuses(&self, call: SmtpCall) -> bool {
        let next = lock(&self.state).faults.front().copied();
        next.is_some_and(|(planned, fault)| planned == call && !matches!(fault, SmtpFault::IsLate(_)))
    }

    /// How this always fails for the recipient.
    fn habit(&self, call: SmtpCall) -> Option<SmtpFault> {
        let state = lock(&self.state);
        let of_recipient = |(recipient, at, _): &&(String, _, _)| *at == call && self.to.as_ref() == Some(recipient);
        state.habits.iter().find(of_recipient).map(|(_, _, fault)| *fault)
    }

    /// Answers, or fails as asked. False ends the session.
    async fn answer(&mut self, call: SmtpCall, well: &str) -> io::Result<bool> {
        let fault = {
            let mut state = lock(&self.state);
            let is_due = state.faults.front().is_some_and(|(planned, _)| *planned == call);
            if is_due { state.faults.pop_front() } else { None }
        };
        match fault {
            None => self.say(well).await,
            Some((_, fault)) => self.fail(fault, well).await,
        }
    }

    async fn fail(&mut self, fault: SmtpFault, well: &str) -> io::Result<bool> {
        match fault {
            SmtpFault::Says(text) => Ok(self.say(text).await? && !text.starts_with("421")),
            SmtpFault::HangsUp | SmtpFault::GoesOnInClear => Ok(false),
            SmtpFault::IsLate(long) => {
                tokio::time::sleep(long).await;
                self.say(well).await
            }
            SmtpFault::IsSilent => {
                // Until the client has enough of it.
                self.stream.read_to_end(&mut Vec::new()).await?;
                Ok(false)
            }
        }
    }

    async fn say(&mut self, text: &str) -> io::Result<bool> {
        let takes = lock(&self.state).takes;
        if !takes.is_zero() {
            tokio::time::sleep(takes).await;
        }
        lock(&self.state).rounds += usize::from(self.stream.buffer().is_empty());
        self.stream.write_all(format!("{text}\r\n").as_bytes()).await?;
        self.stream.flush().await?;
        Ok(true)
    }

    /// `None` at the end.
    async fn line(&mut self) -> io::Result<Option<String>> {
        let mut line = String::new();
        let read = self.stream.read_line(&mut line).await?;
        Ok((read > 0).then(|| line.trim_end().to_owned()))
    }
}

fn address(line: &str) -> Option<String> {
    Some(line.split_once('<')?.1.split_once('>')?.0.to_owned())
}

fn decoded(word: &str) -> String {
    String::from_utf8_lossy(&BASE64_STANDARD.decode(word).unwrap_or_default()).into_owned()
}
