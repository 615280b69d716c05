//! The commands before a mail: from whom it comes, to whom it goes, and that its content follows.
//!
//! A server that offers PIPELINING (RFC 2920) gets all three in one write, and Herald reads the three answers in their
//! order: two round trips a mail instead of four. The content still waits for the last answer, so the moment from which
//! a mail is handed over stays the same (ADR 37).

use super::{
    super::super::{message::Letter, reply::Stage},
    Connection, Trouble, done,
};

/// What a command does, and the hundred of the answer by which the server agrees.
const IN_ORDER: [(Stage, u16); 3] = [(Stage::Sender, 2), (Stage::Recipient, 2), (Stage::Content, 3)];

impl Connection {
    /// Announces a mail. `parameters` follow the sender. When this succeeds, the server waits for the content.
    pub(super) async fn announce(&mut self, letter: &Letter, parameters: &str) -> Result<(), Trouble> {
        let commands =
            [format!("MAIL FROM:<{}>{parameters}", letter.from), format!("RCPT TO:<{}>", letter.to), "DATA".to_owned()];
        if self.offers.pipelining {
            return self.announce_at_once(&commands).await;
        }
        for (command, (stage, hundred)) in commands.iter().zip(IN_ORDER) {
            let reply = self.ask(command).await;
            done(stage, reply, hundred)?;
        }
        Ok(())
    }

    async fn announce_at_once(&mut self, commands: &[String; 3]) -> Result<(), Trouble> {
        let all: String = commands.iter().flat_map(|command| [command.as_str(), "\r\n"]).collect();
        self.write(all.as_bytes()).await.map_err(|lost| Trouble::Lost(Stage::Sender, lost))?;
        // The first refusal is the reason; those after it only follow from it. Their answers come nevertheless.
        let mut refused = None;
        let mut waits_for_content = false;
        for (stage, hundred) in IN_ORDER {
            let reply = self.answer(self.limit).await;
            match done(stage, reply, hundred) {
                Ok(_) => waits_for_content = stage == Stage::Content,
                Err(Trouble::Refused(stage, reply)) if reply.code != 421 => {
                    refused = refused.or(Some(Trouble::Refused(stage, reply)));
                }
                // The server is gone, or its answers are not those to these commands: no later answer can be trusted.
                Err(trouble) => {
                    self.is_over = true;
                    return Err(refused.unwrap_or(trouble));
                }
            }
        }
        match refused {
            None => Ok(()),
            Some(refused) => {
                if waits_for_content {
                    self.send_nothing().await;
                }
                Err(refused)
            }
        }
    }

    /// Ends a mail that has no recipient although the server waits for its content (RFC 2920, 3.1). The server refuses
    /// it; one that does not is not asked again.
    async fn send_nothing(&mut self) {
        let answered = match self.write(b".\r\n").await {
            Ok(()) => self.answer(self.limit).await,
            Err(lost) => Err(lost),
        };
        self.is_over = !answered.is_ok_and(|reply| reply.code >= 400 && reply.code != 421);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// What becomes of a mail if a server that takes pipelining answers this, and what it was told.
    async fn delivered(answers: &str) -> (Result<u16, String>, bool, String) {
        let (near, mut far) = tokio::io::duplex(1 << 16);
        far.write_all(answers.as_bytes()).await.unwrap();
        let mut connection = Connection::on(Box::new(near), Duration::from_millis(100));
        connection.offers.pipelining = true;
        let letter = Letter {
            id: uuid::Uuid::nil(),
            message_id: String::new(),
            from: "a@example.com".to_owned(),
            to: "b@example.org".to_owned(),
            bytes: b"content\r\n".to_vec(),
        };
        let ended = connection.deliver(&letter).await;
        let is_over = connection.is_over;
        drop(connection);
        let mut told = String::new();
        far.read_to_string(&mut told).await.unwrap();
        (ended.map(|reply| reply.code).map_err(|trouble| format!("{trouble:?}")), is_over, told)
    }

    #[tokio::test]
    async fn three_commands_go_at_once_and_the_content_waits_for_their_answers() {
        const ENVELOPE: &str = "MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n";
        let (ended, is_over, told) = delivered("250 a\r\n250 b\r\n354 c\r\n250 d\r\n").await;
        assert_eq!((ended, is_over, told), (Ok(250), false, format!("{ENVELOPE}content\r\n.\r\n")));
        for (answers, part, is_over, after) in [
            ("250 a\r\n550 b\r\n503 c\r\n", "Refused(Recipient, Reply { code: 550", false, ""),
            ("553 a\r\n503 b\r\n503 c\r\n", "Refused(Sender, Reply { code: 553", false, ""),
            ("250 a\r\n250 b\r\n451 c\r\n", "Refused(Content, Reply { code: 451", false, ""),
            ("250 a\r\n550 b\r\n354 c\r\n554 d\r\n", "Refused(Recipient, Reply { code: 550", false, ".\r\n"),
            ("250 a\r\n550 b\r\n354 c\r\n250 d\r\n", "Refused(Recipient, Reply { code: 550", true, ".\r\n"),
            ("250 a\r\n550 b\r\n354 c\r\n", "Refused(Recipient, Reply { code: 550", true, ".\r\n"),
            ("250 a\r\n421 b\r\n", "Refused(Recipient, Reply { code: 421", true, ""),
            ("550 a\r\n421 b\r\n", "Refused(Sender, Reply { code: 550", true, ""),
            ("250 a\r\n", "Lost(Recipient, Late)", true, ""),
            ("250 a\r\n354 b\r\n", "Lost(Recipient, Strange)", true, ""),
            ("250 a\r\n250 b\r\n250 c\r\n", "Lost(Content, Strange)", true, ""),
        ] {
            let (ended, was_over, told) = delivered(answers).await;
            let error = ended.unwrap_err();
            assert!(error.starts_with(part) && was_over == is_over, "{answers:?}: {error} {was_over}");
            assert_eq!(told, format!("{ENVELOPE}{after}"), "{answers:?}");
        }
    }
}
