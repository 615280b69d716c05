//! LMTP (RFC 2033): a mail server passes on the mails that come to the domain of bounces.
//!
//! The listener speaks to the operator's own mail server on a private address, so there is neither encryption nor a
//! password; it stands nowhere unless the setting `bounces.lmtp` names its address. Every mail is accepted, because a
//! mail server would answer a refused bounce with another bounce; what tells nothing of our messages is left. Only if
//! the database does not answer, the mail server is asked to come again.

use std::{sync::Arc, time::Duration};

use herald_base::links::LinkSigner;
use herald_db::Db;
use herald_messaging::{SoftLimit, take_mail};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader},
    net::TcpListener,
    sync::Semaphore,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

/// The sessions that are held at once. Further ones wait.
const SESSIONS: usize = 64;
/// The longest line of a command, in bytes.
const LONGEST_LINE: u64 = 2_048;
/// The bytes of a mail that are kept. What is longer is read to its end and left.
const MOST: usize = herald_bounces::MOST;
/// The recipients of one mail.
const RECIPIENTS: usize = 100;
/// How long the mail server may be silent.
const SILENCE: Duration = Duration::from_secs(300);

/// What a session works with.
#[derive(Clone)]
pub struct Lmtp {
    /// The database.
    pub db: Db,
    /// What opens the envelope senders of messages.
    pub links: LinkSigner,
    /// How often mail to an address may come back.
    pub limit: SoftLimit,
}

impl std::fmt::Debug for Lmtp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lmtp").field("limit", &self.limit).finish_non_exhaustive()
    }
}

impl Lmtp {
    /// Serves mail servers until `stop`.
    pub async fn serve(self, listener: TcpListener, stop: CancellationToken) {
        let room = Arc::new(Semaphore::new(SESSIONS));
        loop {
            let Ok(place) = room.clone().acquire_owned().await else { return };
            let accepted = tokio::select! {
                () = stop.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            let Ok((stream, _)) = accepted else {
                tokio::task::yield_now().await;
                continue;
            };
            let (lmtp, stop) = (self.clone(), stop.clone());
            tokio::spawn(async move {
                let (reader, writer) = stream.into_split();
                tokio::select! {
                    () = stop.cancelled() => {}
                    ended = lmtp.session(BufReader::new(reader), writer) => {
                        if let Err(error) = ended {
                            tracing::debug!(%error, "a session of LMTP broke off");
                        }
                    }
                }
                drop(place);
            });
        }
    }

    /// One session, from the greeting to its end.
    async fn session<R, W>(&self, mut reader: BufReader<R>, mut writer: W) -> std::io::Result<()>
    where
        R: AsyncRead + Unpin + Send,
        W: AsyncWrite + Unpin + Send,
    {
        say(&mut writer, "220 herald LMTP ready").await?;
        let mut envelope: Option<Vec<String>> = None;
        while let Some(line) = line(&mut reader).await? {
            let upper = line.to_ascii_uppercase();
            let answer = if upper.starts_with("LHLO ") {
                envelope = None;
                "250-herald\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 ENHANCEDSTATUSCODES"
            } else if upper.starts_with("HELO") || upper.starts_with("EHLO") {
                "500 5.5.1 this is LMTP: say LHLO"
            } else if upper.starts_with("MAIL FROM:") {
                envelope = Some(Vec::new());
                "250 2.1.0 go on"
            } else if upper.starts_with("RCPT TO:") {
                match &mut envelope {
                    None => "503 5.5.1 say MAIL first",
                    Some(all) if all.len() >= RECIPIENTS => {
                        "452 4.5.3 too many recipients: send the mail again to them"
                    }
                    Some(all) => {
                        all.push(address(&line));
                        "250 2.1.5 go on"
                    }
                }
            } else if upper == "DATA" {
                match envelope.take() {
                    Some(to) if !to.is_empty() => {
                        say(&mut writer, "354 end with a dot").await?;
                        let Some(mail) = data(&mut reader).await? else { return Ok(()) };
                        let answer = self.take(&mail, &to).await;
                        // One answer for each recipient, as LMTP wants.
                        for _ in &to {
                            say(&mut writer, answer).await?;
                        }
                        continue;
                    }
                    _ => "503 5.5.1 say RCPT first",
                }
            } else if upper == "RSET" {
                envelope = None;
                "250 2.0.0 go on"
            } else if upper == "NOOP" || upper.starts_with("NOOP ") {
                "250 2.0.0 go on"
            } else if upper == "QUIT" {
                return say(&mut writer, "221 2.0.0 goodbye").await;
            } else {
                "500 5.5.2 this command is not known here"
            };
            say(&mut writer, answer).await?;
        }
        Ok(())
    }

    async fn take(&self, mail: &[u8], to: &[String]) -> &'static str {
        match take_mail(&self.db, &self.links, mail, to, self.limit).await {
            Ok(_) => "250 2.0.0 taken",
            Err(error) => {
                tracing::warn!(%error, "a bounce cannot be written down, the mail server will bring it again");
                "451 4.3.0 the database does not answer: come again"
            }
        }
    }
}

async fn say<W: AsyncWrite + Unpin>(writer: &mut W, answer: &str) -> std::io::Result<()> {
    writer.write_all(format!("{answer}\r\n").as_bytes()).await?;
    writer.flush().await
}

/// A line without its end; `None` when the other side is gone, or says too much or nothing for too long.
async fn line<R: AsyncRead + Unpin>(reader: &mut BufReader<R>) -> std::io::Result<Option<String>> {
    let mut bytes = Vec::new();
    let mut limited = AsyncReadExt::take(&mut *reader, LONGEST_LINE);
    let Ok(read) = timeout(SILENCE, limited.read_until(b'\n', &mut bytes)).await else { return Ok(None) };
    if read? == 0 || !bytes.ends_with(b"\n") {
        return Ok(None);
    }
    Ok(Some(String::from_utf8_lossy(&bytes).trim_end_matches(['\r', '\n']).to_owned()))
}

/// A mail up to the line with the dot, its first megabyte; `None` when the other side is gone before.
async fn data<R: AsyncRead + Unpin>(reader: &mut BufReader<R>) -> std::io::Result<Option<Vec<u8>>> {
    let mut mail = Vec::new();
    let mut is_start = true;
    loop {
        let mut piece = Vec::new();
        // A line may have any length. It is read in pieces, so that none fills the memory.
        let mut limited = AsyncReadExt::take(&mut *reader, LONGEST_LINE);
        let Ok(read) = timeout(SILENCE, limited.read_until(b'\n', &mut piece)).await else { return Ok(None) };
        if read? == 0 {
            return Ok(None);
        }
        let is_line_end = piece.ends_with(b"\n");
        if is_start && (piece == b".\r\n" || piece == b".\n") {
            return Ok(Some(mail));
        }
        let kept = if is_start && piece.starts_with(b".") { piece.get(1..).unwrap_or_default() } else { &piece };
        let room = MOST.saturating_sub(mail.len());
        mail.extend_from_slice(kept.get(..room).unwrap_or(kept));
        is_start = is_line_end;
    }
}

/// The address of a command, without its parameters.
fn address(line: &str) -> String {
    let after = line.split_once(':').map_or("", |(_, after)| after).trim();
    let address = match after.strip_prefix('<') {
        Some(rest) => rest.split('>').next().unwrap_or_default(),
        None => after.split(' ').next().unwrap_or_default(),
    };
    address.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(text: &[u8]) -> Option<Vec<u8>> {
        data(&mut BufReader::new(text)).await.unwrap()
    }

    #[tokio::test]
    async fn a_mail_ends_with_its_dot_and_loses_the_dots_that_were_added() {
        assert_eq!(read(b"a\r\n..b\r\n.c\r\n.\r\nrest").await.unwrap(), b"a\r\n.b\r\nc\r\n");
        assert_eq!(read(b"a\n.\n").await.unwrap(), b"a\n");
        assert_eq!(read(b"a\r\nb").await, None);
        let long = [vec![b'x'; 2 * MOST], b"\r\n.\r\n".to_vec()].concat();
        assert_eq!(read(&long).await.unwrap().len(), MOST);
    }

    #[test]
    fn an_address_is_taken_out_of_its_command() {
        assert_eq!(address("RCPT TO:<b+abc@bounce.example.com> NOTIFY=NEVER"), "b+abc@bounce.example.com");
        assert_eq!(address("rcpt to: b+abc@bounce.example.com"), "b+abc@bounce.example.com");
        assert_eq!(address("RCPT TO:<>"), "");
    }
}
