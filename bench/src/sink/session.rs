//! One connection to the sink.

use std::io;
use std::sync::Mutex;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::counted::Counted;
use super::{State, lock};

/// The longest line of a command. More of it ends the connection.
const LONGEST: usize = 4_096;
/// The end of a mail.
const END: &[u8] = b"\r\n.\r\n";

pub(super) async fn run(mut stream: TcpStream, state: &Mutex<State>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut input, mut talk) = (Vec::with_capacity(64 << 10), Talk::default());
    let mut answers = b"220 sink.example.com ESMTP\r\n".to_vec();
    loop {
        if !answers.is_empty() {
            let takes = lock(state).answer;
            if !takes.is_zero() {
                tokio::time::sleep(takes).await;
            }
            stream.write_all(&answers).await?;
            answers.clear();
        }
        if talk.is_over {
            return Ok(());
        }
        if stream.read_buf(&mut input).await? == 0 {
            lock(state).counted.torn += usize::from(talk.in_mail);
            return Ok(());
        }
        talk.take(&mut input, &mut answers, &mut lock(state));
    }
}

/// How far a conversation is.
#[derive(Default)]
struct Talk {
    to: Vec<u8>,
    in_mail: bool,
    is_over: bool,
}

impl Talk {
    /// Takes what came, and says what is answered to all of it.
    fn take(&mut self, input: &mut Vec<u8>, answers: &mut Vec<u8>, state: &mut State) {
        let (mut at, mut commands) = (0, 0);
        while !self.is_over {
            let rest = input.get(at..).unwrap_or_default();
            if self.in_mail {
                let Some(end) = end_of_mail(rest) else {
                    // What was looked through is not kept, but for the beginning of an end.
                    let seen = rest.len().saturating_sub(END.len() - 1);
                    state.counted.bytes += seen as u64;
                    at += seen;
                    break;
                };
                state.counted.bytes += end as u64;
                state.counted.mail(&self.to);
                self.in_mail = false;
                at += end;
                answers.extend_from_slice(b"250 2.0.0 Ok: queued as 4X0fAnn\r\n");
                continue;
            }
            let Some(end) = rest.iter().position(|byte| *byte == b'\n') else {
                self.is_over = rest.len() > LONGEST;
                break;
            };
            at += end + 1;
            commands += 1;
            let line = rest.get(..end).unwrap_or_default().trim_ascii_end();
            self.command(line, answers, state);
            // The mail itself is asked for by the answer to DATA.
            if self.in_mail && input.len() > at {
                state.counted.rude += 1;
            }
        }
        if commands > 1 && !state.pipelining {
            state.counted.rude += 1;
        }
        input.drain(..at);
    }

    fn command(&mut self, line: &[u8], answers: &mut Vec<u8>, state: &mut State) {
        let text = String::from_utf8_lossy(line);
        let mut words = text.split_ascii_whitespace();
        let verb = words.next().unwrap_or_default().to_ascii_uppercase();
        let answer = match verb.as_str() {
            "EHLO" => {
                let pipelining = if state.pipelining { "250-PIPELINING\r\n" } else { "" };
                format!("250-sink.example.com\r\n{pipelining}250-8BITMIME\r\n250-SMTPUTF8\r\n250 SIZE 10000000")
            }
            "HELO" => "250 sink.example.com".to_owned(),
            "MAIL" => {
                self.to.clear();
                "250 2.1.0 Ok".to_owned()
            }
            "RCPT" => {
                self.to = line.get(8..).unwrap_or_default().to_vec();
                "250 2.1.5 Ok".to_owned()
            }
            "DATA" if self.to.is_empty() => "503 5.5.1 Bad sequence of commands".to_owned(),
            "DATA" => {
                self.in_mail = true;
                "354 End data with <CR><LF>.<CR><LF>".to_owned()
            }
            "RSET" | "NOOP" => "250 2.0.0 Ok".to_owned(),
            "QUIT" => {
                self.is_over = true;
                "221 2.0.0 Bye".to_owned()
            }
            "XSTART" => {
                let mut number = || words.next().and_then(|word| word.parse::<u64>().ok()).unwrap_or_default();
                (state.answer, state.pipelining) = (Duration::from_millis(number()), number() > 0);
                state.counted = Counted::default();
                "250 2.0.0 Ok".to_owned()
            }
            "XCOUNT" => format!("250 {}", state.counted.told()),
            _ => "500 5.5.2 Command unrecognized".to_owned(),
        };
        answers.extend_from_slice(answer.as_bytes());
        answers.extend_from_slice(b"\r\n");
    }
}

/// Where a mail ends, behind its last dot.
fn end_of_mail(bytes: &[u8]) -> Option<usize> {
    let mut from = 0;
    loop {
        let dot = from + bytes.get(from..)?.iter().position(|byte| *byte == b'.')?;
        let begin = dot.checked_sub(2);
        if begin.is_some_and(|begin| bytes.get(begin..).is_some_and(|rest| rest.starts_with(END))) {
            return Some(dot + 3);
        }
        from = dot + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hands in what comes in these pieces, and returns the codes of the answers.
    fn told(talk: &mut Talk, state: &mut State, pieces: &[&str]) -> Vec<String> {
        let (mut input, mut answers) = (Vec::new(), Vec::new());
        for piece in pieces {
            input.extend_from_slice(piece.as_bytes());
            talk.take(&mut input, &mut answers, state);
        }
        let said = String::from_utf8(answers).unwrap();
        said.lines().map(|line| line.get(..3).unwrap_or_default().to_owned()).collect()
    }

    #[test]
    fn a_mail_ends_at_its_last_dot_however_it_is_cut() {
        let begin = ["MAIL FROM:<a@x>\r\n", "RCPT TO:<b@x>\r\n", "DATA\r\n"];
        let text = "Subject: x\r\n\r\n..a.\r\n.b\r\n\r\n.\rx\n.\nmore";
        let (mut talk, mut state) = (Talk::default(), State::default());
        assert_eq!(told(&mut talk, &mut state, &[&begin[..], &[text]].concat()), ["250", "250", "354"]);
        assert_eq!(state.counted.told()["mails"], 0);
        let letters: Vec<String> = text.chars().chain("\r\n.\r\nNOOP\r\n".chars()).map(String::from).collect();
        let letters: Vec<&str> = letters.iter().map(String::as_str).collect();
        let (mut talk, mut state) = (Talk::default(), State::default());
        let all = told(&mut talk, &mut state, &[&begin[..], &letters].concat());
        assert_eq!(all, ["250", "250", "354", "250", "250"]);
        assert_eq!((state.counted.told()["mails"].as_u64(), state.counted.rude), (Some(1), 0));
        assert_eq!(state.counted.bytes, (text.len() + END.len()) as u64);
    }

    #[test]
    fn a_client_that_does_not_wait_is_noticed_unless_it_may() {
        let group = "MAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\nDATA\r\n";
        for (pipelining, rude) in [(false, 1), (true, 0)] {
            let (mut talk, mut state) = (Talk::default(), State { pipelining, ..State::default() });
            assert_eq!(told(&mut talk, &mut state, &[group]), ["250", "250", "354"]);
            assert_eq!(state.counted.told()["rude"], rude);
        }
        let (mut talk, mut state) = (Talk::default(), State { pipelining: true, ..State::default() });
        let all = format!("{group}x\r\n.\r\nQUIT\r\n");
        assert_eq!(told(&mut talk, &mut state, &[&all]), ["250", "250", "354", "250", "221"]);
        assert_eq!(state.counted.told()["rude"], 1, "the mail came before it was asked for");
        assert!(talk.is_over);
    }

    #[test]
    fn what_is_counted_is_told_and_forgotten() {
        let (mut talk, mut state) = (Talk::default(), State::default());
        let first = ["XSTART 20 1\r\n", "MAIL FROM:<a@x>\r\n", "RCPT TO:<b@x>\r\n", "DATA\r\n", "x\r\n.\r\n"];
        assert_eq!(told(&mut talk, &mut state, &first).len(), 5);
        assert_eq!((state.answer, state.pipelining), (Duration::from_millis(20), true));
        assert_eq!(state.counted.told()["mails"], 1);
        told(&mut talk, &mut state, &["XSTART 0 0\r\n"]);
        assert_eq!(state.counted.told()["mails"], 0);
    }
}
