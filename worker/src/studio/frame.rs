//! Messages between a process and its children: a JSON text, followed by any number of raw pieces.
//!
//! ```text
//! u32 length of the text │ u32 number of pieces │ u64 length of each │ text │ pieces      (little-endian)
//! ```

use std::io::{self, Read, Write};

use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// The longest text. The fields of a guest have at most some hundred kilobytes.
const MAX_TEXT: u32 = 16 << 20;
/// The largest number of pieces. A template has fewer files.
const MAX_PIECES: u32 = 64;
/// The largest size of all pieces together: twice the largest picture that can be drawn, uncompressed.
const MAX_BYTES: u64 = 320 << 20;
/// The length of the two numbers at the beginning.
const START: usize = 8;

/// The part of a message before its pieces.
fn head(message: &impl Serialize, pieces: &[Bytes]) -> io::Result<Vec<u8>> {
    let text = serde_json::to_vec(message)?;
    let mut head = Vec::with_capacity(START + pieces.len() * 8 + text.len());
    let short = |length: usize| u32::try_from(length).map_err(|_| invalid("the message is too long"));
    head.extend(short(text.len())?.to_le_bytes());
    head.extend(short(pieces.len())?.to_le_bytes());
    pieces.iter().for_each(|piece| head.extend((piece.len() as u64).to_le_bytes()));
    head.extend(text);
    Ok(head)
}

/// Reads the length of the text and the number of pieces.
fn start(bytes: [u8; START]) -> io::Result<(usize, usize)> {
    let [a, b, c, d, e, f, g, h] = bytes;
    let (text, pieces) = (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]));
    if text > MAX_TEXT || pieces > MAX_PIECES {
        return Err(invalid("the message is too long"));
    }
    Ok((text as usize, pieces as usize))
}

/// Reads the lengths of the pieces.
fn lengths(bytes: &[u8]) -> io::Result<Vec<usize>> {
    let lengths: Vec<u64> = bytes.as_chunks::<8>().0.iter().map(|length| u64::from_le_bytes(*length)).collect();
    let all = lengths.iter().try_fold(0_u64, |sum, length| sum.checked_add(*length));
    if all.is_none_or(|all| all > MAX_BYTES) {
        return Err(invalid("the message is too long"));
    }
    lengths.into_iter().map(|length| usize::try_from(length).map_err(|_| invalid("the message is too long"))).collect()
}

fn invalid(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

/// Writes a message in a child.
pub(super) fn write(to: &mut impl Write, message: &impl Serialize, pieces: &[Bytes]) -> io::Result<()> {
    to.write_all(&head(message, pieces)?)?;
    pieces.iter().try_for_each(|piece| to.write_all(piece))?;
    to.flush()
}

/// Reads a message in a child.
pub(super) fn read<T: DeserializeOwned>(from: &mut impl Read) -> io::Result<(T, Vec<Bytes>)> {
    let mut first = [0; START];
    from.read_exact(&mut first)?;
    let (text, pieces) = start(first)?;
    let mut bytes = vec![0; pieces * 8];
    from.read_exact(&mut bytes)?;
    let lengths = lengths(&bytes)?;
    let mut bytes = vec![0; text];
    from.read_exact(&mut bytes)?;
    let message = serde_json::from_slice(&bytes)?;
    let mut pieces = Vec::with_capacity(lengths.len());
    for length in lengths {
        let mut piece = vec![0; length];
        from.read_exact(&mut piece)?;
        pieces.push(piece.into());
    }
    Ok((message, pieces))
}

/// Sends a message to a child.
pub(super) async fn send(
    to: &mut (impl AsyncWrite + Unpin),
    message: &impl Serialize,
    pieces: &[Bytes],
) -> io::Result<()> {
    to.write_all(&head(message, pieces)?).await?;
    for piece in pieces {
        to.write_all(piece).await?;
    }
    to.flush().await
}

/// Receives a message from a child.
pub(super) async fn receive<T: DeserializeOwned>(from: &mut (impl AsyncRead + Unpin)) -> io::Result<(T, Vec<Bytes>)> {
    let mut first = [0; START];
    from.read_exact(&mut first).await?;
    let (text, pieces) = start(first)?;
    let mut bytes = vec![0; pieces * 8];
    from.read_exact(&mut bytes).await?;
    let lengths = lengths(&bytes)?;
    let mut bytes = vec![0; text];
    from.read_exact(&mut bytes).await?;
    let message = serde_json::from_slice(&bytes)?;
    let mut pieces = Vec::with_capacity(lengths.len());
    for length in lengths {
        let mut piece = vec![0; length];
        from.read_exact(&mut piece).await?;
        pieces.push(piece.into());
    }
    Ok((message, pieces))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_written_is_read_back_by_either_side() {
        let pieces = [Bytes::from_static(b"first"), Bytes::new(), Bytes::from(vec![7; 100_000])];
        let mut wire = Vec::new();
        write(&mut wire, &"text", &pieces).unwrap();
        let mut sent = Vec::new();
        send(&mut sent, &"text", &pieces).await.unwrap();
        assert_eq!(wire, sent);
        let (text, read_back): (String, _) = read(&mut &*wire).unwrap();
        assert_eq!((text.as_str(), &*read_back), ("text", &pieces[..]));
        let (text, received): (String, _) = receive(&mut &*wire).await.unwrap();
        assert_eq!((text.as_str(), &*received), ("text", &pieces[..]));
    }

    #[tokio::test]
    async fn a_message_that_claims_too_much_is_refused_before_memory_is_set_aside() {
        let claims: [&[u8]; 3] = [
            b"\xff\xff\xff\xff\0\0\0\0",
            b"\x02\0\0\0\xff\xff\xff\xff",
            b"\x02\0\0\0\x02\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\x02\0\0\0\0\0\0\0",
        ];
        for claim in claims {
            assert_eq!(receive::<String>(&mut &*claim).await.unwrap_err().kind(), io::ErrorKind::InvalidData);
            assert_eq!(read::<String>(&mut &*claim).unwrap_err().kind(), io::ErrorKind::InvalidData);
        }
    }

    #[test]
    fn a_message_that_breaks_off_is_an_error() {
        let mut wire = Vec::new();
        write(&mut wire, &"text", &[Bytes::from_static(b"piece")]).unwrap();
        for length in 0..wire.len() {
            assert!(read::<String>(&mut &wire[..length]).is_err(), "{length}");
        }
    }
}
