//! Valid inputs that mutations begin with. They are made here, so that no file has to be kept.

use std::io::{Cursor, Write};

use bytes::Bytes;
use herald_template::{Bundle, MANIFEST};
use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageFormat, Rgb, RgbImage, Rgba, RgbaImage};
use zip::{ZipWriter, write::SimpleFileOptions};

pub(super) fn expressions() -> Vec<Vec<u8>> {
    [
        "Dear {{ name }}, table {{ a | int + 1 }}",
        "{{ a | default('x', true) | upper | replace('a', b) }}",
        "{{ 'Seat ' ~ a if a else 'free' if b is defined else \"none\" }}",
        "{{ (a | int) * 2 // 3 % 4 - 1.5 }}{# remark #}{{- b | round(2) -}} x",
        "{{ a in b and not a in ['1', '2'] or a <= b != c }}",
        "{{ a | title | first ~ a | capitalize | last ~ a | length ~ a | trim('x') }}",
        "{{ 5 in ([1]*100000000) }}",
        "{{ 'a' * 1000000000 }}{{ 2 ** 99999999 }}",
    ]
    .iter()
    .map(|text| text.as_bytes().to_vec())
    .collect()
}

/// A template whose one text is drawn with this font.
pub(super) fn template_with_font(font: &[u8]) -> Bundle {
    let manifest = "background = \"b.png\"\n[[slot]]\nkind = \"text\"\nvalue = \"{{ name }} {{ number }}\"\n\
        font = \"own.ttf\"\n\
                    lines = 2\nsize = 30\nbox = [0, 0, 160, 80]\nshadow = {}\n";
    let mut bundle = Bundle::default();
    for (name, bytes) in [
        (MANIFEST, Bytes::from_static(manifest.as_bytes())),
        ("b.png", png(&RgbImage::from_pixel(160, 80, Rgb([250; 3])).into()).into()),
        ("own.ttf", Bytes::copy_from_slice(font)),
    ] {
        bundle.insert(name, bytes).expect("the names and sizes are those of a template");
    }
    bundle
}

pub(super) fn fonts() -> Vec<Vec<u8>> {
    let mono = dejavu::sans_mono::regular();
    let light = dejavu::sans::extra_light();
    // A collection of the same font twice: all places in it move by the length of its header.
    let mut collection = b"ttcf\0\x01\0\0\0\0\0\x02\0\0\0\x14\0\0\0\x14".to_vec();
    let tables = usize::from(u16::from_be_bytes([mono[4], mono[5]]));
    let mut moved = mono.to_vec();
    for table in 0..tables {
        let at = 12 + table * 16 + 8;
        let place = u32::from_be_bytes([mono[at], mono[at + 1], mono[at + 2], mono[at + 3]]) + 20;
        moved[at..at + 4].copy_from_slice(&place.to_be_bytes());
    }
    collection.extend(moved);
    let mut endless = b"ttcf\0\x01\0\0\xff\xff\xff\xff\0\0\0\x10".to_vec();
    endless.resize(531, 0);
    vec![light.to_vec(), mono.to_vec(), collection, endless]
}

fn png(image: &DynamicImage) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, ImageFormat::Png).expect("writing to memory does not fail");
    bytes.into_inner()
}

pub(super) fn pictures() -> Vec<Vec<u8>> {
    let color = RgbImage::from_fn(64, 48, |x, y| Rgb([(x * 4) as u8, (y * 5) as u8, ((x ^ y) * 3) as u8]));
    let see_through = RgbaImage::from_fn(40, 40, |x, y| Rgba([200, (x * 6) as u8, 90, (y * 6) as u8]));
    let gray = DynamicImage::from(color.clone()).to_luma8();
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, 80).encode_image(&color).expect("writing to memory does not fail");
    // With a note to turn it, as cameras write it.
    let mut turned = jpeg[..2].to_vec();
    turned.extend(b"\xff\xe1\0\x22Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0");
    turned.extend(&jpeg[2..]);
    let mut webp = Cursor::new(Vec::new());
    DynamicImage::from(see_through.clone())
        .write_to(&mut webp, ImageFormat::WebP)
        .expect("writing to memory does not fail");
    vec![jpeg, turned, png(&color.into()), png(&see_through.into()), png(&gray.into()), webp.into_inner()]
}

pub(super) fn lists() -> Vec<Vec<u8>> {
    let wide = "Name;E-Mail;Telefon\r\n\"Müller, Jörg\";joerg@example.com;+49 30 1234\r\n";
    let utf16: Vec<u8> = [0xFF, 0xFE].into_iter().chain(wide.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    let mut all: Vec<Vec<u8>> = [
        "name,email,table,picture\nAda Example,ada@example.com,7,ada.jpg\n\"B \"\"the\"\" C\",b@example.com,,\n",
        wide,
        "sep=;\nfirst name;last name\nZoë;Haan\n\n;\n",
        "\u{feff}name\tphone\nAda\t(+44) 20 1234 5678\nAda\t'+44 20 1234 5678\n",
    ]
    .iter()
    .map(|text| text.as_bytes().to_vec())
    .collect();
    all.push(utf16);
    all
}

pub(super) fn zips() -> Vec<Vec<u8>> {
    let manifest: &[u8] = b"background = \"b.png\"\n[[slot]]\nkind = \"number\"\nbox = [0, 0, 40, 30]\nsize = 12\n";
    let picture = png(&RgbImage::from_pixel(40, 30, Rgb([9; 3])).into());
    let pack = |folder: &str, more: usize| {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        let mut add = |name: String, bytes: &[u8]| {
            zip.start_file(name, SimpleFileOptions::default()).expect("writing to memory does not fail");
            zip.write_all(bytes).expect("writing to memory does not fail");
        };
        add(format!("{folder}{MANIFEST}"), manifest);
        add(format!("{folder}b.png"), &picture);
        (0..more).for_each(|n| add(format!("{folder}{n}.png"), &vec![0; 1 << 16]));
        zip.finish().expect("writing to memory does not fail").into_inner()
    };
    vec![pack("", 0), pack("gala/", 0), pack("", 20)]
}
