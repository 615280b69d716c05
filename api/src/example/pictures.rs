//! The pictures of the example guests: drawn by Herald's own code (`imaging/examples/draw_guests.rs`), of people who do
//! not exist. One shows no face, and one is damaged.

/// Name and bytes.
pub(super) const ALL: &[(&str, &[u8])] = &[
    ("amelie.jpg", include_bytes!("../../../examples/pictures/amelie.jpg")),
    ("broken.jpg", include_bytes!("../../../examples/pictures/broken.jpg")),
    ("dimitra.gif", include_bytes!("../../../examples/pictures/dimitra.gif")),
    ("haruka.webp", include_bytes!("../../../examples/pictures/haruka.webp")),
    ("kwame.jpg", include_bytes!("../../../examples/pictures/kwame.jpg")),
    ("linh.jpg", include_bytes!("../../../examples/pictures/linh.jpg")),
    ("mountains.jpg", include_bytes!("../../../examples/pictures/mountains.jpg")),
    ("noam.jpg", include_bytes!("../../../examples/pictures/noam.jpg")),
    ("omar.jpg", include_bytes!("../../../examples/pictures/omar.jpg")),
    ("priya.png", include_bytes!("../../../examples/pictures/priya.png")),
];

/// Those that show a face.
pub(super) const FACES: &[&str] =
    &["amelie.jpg", "linh.jpg", "omar.jpg", "priya.png", "haruka.webp", "dimitra.gif", "kwame.jpg", "noam.jpg"];
