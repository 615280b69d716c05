//! The ZIP archive of a run's pictures, written while it is sent. It holds one picture in memory; the index and the
//! archive's directory wait in temporary files.

use std::{
    fs::File,
    io::{self, BufWriter, IntoInnerError, Read, Seek},
};

use bytes::Bytes;
use futures::{Stream, StreamExt, TryStreamExt, stream};
use herald_invitations as domain;
use herald_invitations::{InvitationFile, InvitationRow, InvitationState, Run, results};
use herald_sheets::CsvExport;
use tokio::sync::mpsc;
use uuid::Uuid;

use super::{MAX_PICTURE, zip::Zip};
use crate::{Api, invitations::links};

/// Guests read at once.
const PAGE: usize = 500;
/// The pieces that wait for the client.
const PIECES: usize = 2;
/// The bytes of a piece of the index and of the directory.
const PIECE: usize = 64 << 10;
/// The longest name of a guest in the name of a file, in characters.
const LONGEST: usize = 80;
/// The table of all guests.
const INDEX: &str = "index.csv";

/// The pieces of the archive. If a piece cannot be made, the stream ends with an error, and the client has no whole
/// archive.
pub(super) fn stream(api: Api, workspace: Uuid, run: Run) -> impl Stream<Item = io::Result<Bytes>> {
    let (sender, receiver) = mpsc::channel(PIECES);
    tokio::spawn(async move {
        if let Err(error) = write(&api, workspace, &run, &sender).await {
            tracing::warn!(%error, run = %run.id, "the archive of a run was broken off");
            // The client may be gone.
            _ = sender.send(Err(error)).await;
        }
    });
    stream::unfold(receiver, async |mut receiver| Some((receiver.recv().await?, receiver))).fuse()
}

type Sender = mpsc::Sender<io::Result<Bytes>>;

async fn send(to: &Sender, piece: impl Into<Bytes>) -> io::Result<()> {
    to.send(Ok(piece.into())).await.map_err(|_| io::Error::other("the client is gone"))
}

async fn write(api: &Api, workspace: Uuid, run: &Run, to: &Sender) -> io::Result<()> {
    let mut zip = Zip::new(api.db.now())?;
    let columns = ["guest", "lucky_number", "link", "status", "note", "file"];
    let mut index = CsvExport::new(BufWriter::new(tempfile::tempfile()?), columns)?;
    let mut after = None;
    loop {
        let page = domain::archived_guests(&api.db, workspace, run.id, after, PAGE).await;
        let page = page.map_err(io::Error::other)?;
        let Some(last) = page.last() else { break };
        after = Some(last.position);
        for row in &page {
            let is_made = row.state == InvitationState::Made;
            let mut note = results::note(row);
            let mut file = String::new();
            if is_made {
                match picture(api, workspace, row).await? {
                    Some((picture, extension)) => {
                        file = name(&row.lucky_number, &row.name, &extension);
                        // A guest who is on the list twice has one picture.
                        if row.is_first {
                            let size = u32::try_from(picture.len()).map_err(io::Error::other)?;
                            send(to, zip.entry(&file, crc32fast::hash(&picture), size)?).await?;
                            send(to, picture).await?;
                        }
                    }
                    None => note.push_str(" (the picture is missing from the file store)"),
                }
            }
            let link = if is_made { row.outside_link.as_deref().unwrap_or(&row.link) } else { "" };
            let status = if row.had_one && is_made { "already had one" } else { row.state.as_str() };
            index.row([row.name.as_str(), &row.lucky_number, link, status, note.trim(), &file])?;
        }
    }
    let mut index = index.finish()?.into_inner().map_err(IntoInnerError::into_error)?;
    let (crc, size) = measured(&mut index)?;
    send(to, zip.entry(INDEX, crc, size)?).await?;
    pass_on(index, to).await?;
    let (directory, tail) = zip.end()?;
    pass_on(directory, to).await?;
    send(to, tail).await
}

/// The bytes of a guest's picture, and the ending of its name. A file with the bytes of another guest is none.
async fn picture(api: &Api, workspace: Uuid, row: &InvitationRow) -> io::Result<Option<(Bytes, String)>> {
    let file = InvitationFile {
        workspace_id: workspace,
        state: row.state,
        file: row.file.clone(),
        rendering: row.rendering.clone(),
        sha256: row.sha256.clone(),
    };
    let found = links::own_file(api, row.id, &file).await;
    let found = found.map_err(|problem| io::Error::other(problem.detail().to_owned()))?;
    let Some((media_type, bytes, content)) = found.filter(|(_, bytes, _)| *bytes <= MAX_PICTURE) else {
        return Ok(None);
    };
    let extension = media_type.rsplit('/').next().unwrap_or_default().replace("jpeg", "jpg");
    let mut whole = Vec::with_capacity(usize::try_from(bytes).unwrap_or(0));
    let mut content = content;
    while let Some(piece) = content.try_next().await? {
        whole.extend_from_slice(&piece);
    }
    Ok(Some((whole.into(), extension)))
}

/// A name that every system can store, and that no other guest of the event has: the number is the guest's own.
fn name(number: &str, guest: &str, extension: &str) -> String {
    let plain = |text: &str| -> String {
        let kept = text.chars().map(|c| match c {
            '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|' => '-',
            // Turns the direction of what follows, or is nothing that is seen.
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' => ' ',
            c if c.is_control() => ' ',
            c => c,
        });
        kept.take(LONGEST).collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let (number, guest) = (plain(number), plain(guest));
    let whole = format!("{number} {guest}");
    format!("{}.{extension}", whole.trim_matches(['.', ' ']))
}

/// The CRC-32 and the size of a file, which is rewound.
fn measured(file: &mut File) -> io::Result<(u32, u32)> {
    file.rewind()?;
    let mut hash = crc32fast::Hasher::new();
    let mut piece = vec![0; PIECE];
    let mut size = 0_u64;
    loop {
        let read = file.read(&mut piece)?;
        if read == 0 {
            break;
        }
        hash.update(&piece[..read]);
        size += read as u64;
    }
    file.rewind()?;
    Ok((hash.finalize(), u32::try_from(size).map_err(io::Error::other)?))
}

async fn pass_on(mut file: File, to: &Sender) -> io::Result<()> {
    let mut piece = vec![0; PIECE];
    loop {
        let read = file.read(&mut piece)?;
        if read == 0 {
            return Ok(());
        }
        send(to, Bytes::copy_from_slice(&piece[..read])).await?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leaves_no_folder_and_hides_nothing() {
        for (number, guest, expected) in [
            ("0042", "Amélie Fauçonnier-Brûlé", "0042 Amélie Fauçonnier-Brûlé.jpg"),
            ("A/1", "../../etc/passwd", "A-1 ..-..-etc-passwd.jpg"),
            ("0001", "gpj.\u{202e}exe ", "0001 gpj. exe.jpg"),
            ("0001", "a\0b\r\nc", "0001 a b c.jpg"),
            ("7", "", "7.jpg"),
            ("7", "Dr. X.", "7 Dr. X.jpg"),
        ] {
            assert_eq!(name(number, guest, "jpg"), expected);
        }
        assert!(name("1", &"é".repeat(5_000), "png").len() < 255);
    }
}
