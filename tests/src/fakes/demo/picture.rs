//! Simple pictures: a drawn face on a plain ground, as a PNG that is not compressed.

const SIDE: i32 = 160;

/// A face; each number has colours and a smile of its own.
pub(super) fn face(number: usize) -> Vec<u8> {
    let grounds = [[0x9f, 0xc5, 0xe8], [0xb6, 0xd7, 0xa8], [0xff, 0xe5, 0x99], [0xd5, 0xa6, 0xbd], [0xcc, 0xcc, 0xdd]];
    let skins = [[0xf1, 0xc2, 0x7d], [0xc6, 0x86, 0x42], [0x8d, 0x55, 0x24], [0xff, 0xdb, 0xac]];
    let (ground, skin) = (grounds[number % grounds.len()], skins[number % skins.len()]);
    let smile = 14 + i32::try_from(number % 5).unwrap_or(0) * 2;
    let colour = |x: i32, y: i32| {
        let within = |(cx, cy): (i32, i32), (rx, ry): (i32, i32)| {
            (x - cx).pow(2) * ry.pow(2) + (y - cy).pow(2) * rx.pow(2) <= (rx * ry).pow(2)
        };
        let mouth = within((80, 100), (28, smile)) && !within((80, 94), (30, smile));
        if within((60, 70), (7, 7)) || within((100, 70), (7, 7)) || mouth {
            [0x22, 0x22, 0x22]
        } else if within((80, 80), (50, 62)) {
            skin
        } else if within((80, 70), (58, 66)) {
            [0x44, 0x30, 0x20]
        } else {
            ground
        }
    };
    let mut rows = Vec::new();
    for y in 0..SIDE {
        // No filter.
        rows.push(0);
        for x in 0..SIDE {
            rows.extend(colour(x, y));
        }
    }
    png(&rows)
}

fn png(rows: &[u8]) -> Vec<u8> {
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    let side = SIDE.to_be_bytes();
    // Eight bits each of red, green and blue.
    chunk(&mut file, b"IHDR", &[&side[..], &side[..], &[8, 2, 0, 0, 0]].concat());
    chunk(&mut file, b"IDAT", &stored(rows));
    chunk(&mut file, b"IEND", &[]);
    file
}

fn chunk(file: &mut Vec<u8>, kind: &[u8; 4], content: &[u8]) {
    file.extend(u32::try_from(content.len()).unwrap_or(u32::MAX).to_be_bytes());
    let begins = file.len();
    file.extend(kind);
    file.extend(content);
    let mut crc = u32::MAX;
    for byte in &file[begins..] {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
        }
    }
    file.extend((!crc).to_be_bytes());
}

/// A zlib stream (RFC 1950) of blocks that are stored as they are.
fn stored(content: &[u8]) -> Vec<u8> {
    let mut stream = vec![0x78, 0x01];
    let mut blocks = content.chunks(usize::from(u16::MAX)).peekable();
    while let Some(block) = blocks.next() {
        let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
        stream.push(u8::from(blocks.peek().is_none()));
        stream.extend(length.to_le_bytes());
        stream.extend((!length).to_le_bytes());
        stream.extend(block);
    }
    let (mut one, mut other) = (1_u32, 0_u32);
    for byte in content {
        one = (one + u32::from(*byte)) % 65_521;
        other = (other + one) % 65_521;
    }
    stream.extend(((other << 16) | one).to_be_bytes());
    stream
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_can_be_read_and_no_two_of_twenty_are_alike() {
        let picture = image::load_from_memory(&face(3)).unwrap().to_rgb8();
        assert_eq!(picture.dimensions(), (160, 160));
        assert_eq!(picture.get_pixel(60, 70).0, [0x22, 0x22, 0x22], "an eye");
        for other in 1..20 {
            assert_ne!(face(0), face(other));
        }
    }
}
