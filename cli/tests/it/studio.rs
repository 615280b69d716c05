//! Pictures and templates are worked on in children that can be ended, whatever they are doing.

use std::{
    collections::BTreeMap,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use bytes::Bytes;
use futures::future::join_all;
use herald_app::config::Settings;
use herald_template::{Bundle, MANIFEST};
use herald_tests::wait_until;
use herald_worker::studio::{Drawing, Drawn, Limits, Source, Studio, StudioError};
use image::{ImageFormat, Rgb, RgbImage};
use tempfile::TempDir;

const SLOTS: &str = r##"background = "background.png"
[[slot]]
kind = "text"
value = "{{ name }}"
size = 40
color = "#202020"
box = [10, 10, 380, 80]
[[slot]]
kind = "picture"
shape = "circle"
box = [10, 120, 140, 140]
[[slot]]
kind = "qr"
box = [200, 120, 140, 140]
"##;

/// A studio whose children write down their ids.
struct Ground {
    folder: TempDir,
    settings: Settings,
}

impl Ground {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let script = format!(
            "#!/bin/sh\necho $$ >> '{}'\nexec '{}' \"$@\"\n",
            folder.path().join("ids").display(),
            env!("CARGO_BIN_EXE_herald")
        );
        std::fs::write(folder.path().join("herald"), script).unwrap();
        std::fs::set_permissions(folder.path().join("herald"), std::fs::Permissions::from_mode(0o755)).unwrap();
        Self { folder, settings: Settings::load(None).unwrap() }
    }

    fn studio(&self, at_once: usize, limits: Limits) -> Studio {
        Studio::with_limits(&self.settings, self.folder.path().join("herald"), at_once, limits).unwrap()
    }

    /// The children started so far, the last one last.
    fn ids(&self) -> Vec<u32> {
        let ids = std::fs::read_to_string(self.folder.path().join("ids")).unwrap_or_default();
        ids.lines().map(|id| id.parse().unwrap()).collect()
    }
}

fn picture(name: &str) -> Bytes {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/pictures").join(name)).unwrap().into()
}

pub(crate) fn png(width: u32, height: u32) -> Bytes {
    let image = RgbImage::from_fn(width, height, |x, y| Rgb([(x % 251) as u8, (y % 241) as u8, 200]));
    let mut bytes = std::io::Cursor::new(Vec::new());
    image.write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner().into()
}

fn bundle(manifest: &str, background: Bytes) -> Bundle {
    let mut bundle = Bundle::default();
    bundle.insert(MANIFEST, Bytes::copy_from_slice(manifest.as_bytes())).unwrap();
    bundle.insert("background.png", background).unwrap();
    bundle
}

fn drawing(format: &str) -> Drawing {
    Drawing {
        fields: BTreeMap::from([("name".to_owned(), "Zoë Example 佐藤".to_owned())]),
        number: "0042".to_owned(),
        link: "https://example.com/i/zoe".to_owned(),
        format: format.parse().unwrap(),
        portrait: Some("a portrait".to_owned()),
        allow_missing_glyphs: true,
        unless: None,
    }
}

pub(crate) fn signal(id: u32, name: &str) {
    assert!(Command::new("kill").args(["-s", name, &id.to_string()]).status().unwrap().success());
}

/// Gone, or ended and not buried yet.
pub(crate) fn is_gone(id: u32) -> bool {
    let status = std::fs::read_to_string(PathBuf::from(format!("/proc/{id}/stat"))).unwrap_or_default();
    status.rsplit_once(") ").is_none_or(|(_, state)| state.starts_with('Z'))
}

#[tokio::test]
async fn a_child_gives_the_same_bytes_as_this_process() {
    let ground = Ground::new();
    let (here, children) = (Studio::in_process(&ground.settings).unwrap(), ground.studio(2, Limits::default()));
    for name in ["amelie.jpg", "haruka.webp", "priya.png", "dimitra.gif", "mountains.jpg"] {
        let expected = here.crop(picture(name), 300).await.unwrap();
        assert_eq!(children.crop(picture(name), 300).await.unwrap(), expected, "{name}");
        assert_eq!(expected.portrait.is_some(), name != "mountains.jpg", "{name}");
    }
    let broken = here.crop(picture("broken.jpg"), 300).await.unwrap_err().to_string();
    assert_eq!(children.crop(picture("broken.jpg"), 300).await.unwrap_err().to_string(), broken);

    let bundle = bundle(SLOTS, png(400, 300));
    let source = Source::Given(&bundle);
    assert_eq!(children.facts(source).await.unwrap(), here.facts(source).await.unwrap());
    assert_eq!(children.formats(source).await.unwrap(), here.formats(source).await.unwrap());
    for format in ["jpeg", "png", "webp"] {
        let drawn = here.draw(source, drawing(format), Some(picture("amelie.jpg"))).await.unwrap();
        assert_eq!(children.draw(source, drawing(format), Some(picture("amelie.jpg"))).await.unwrap(), drawn);
        let Drawn::New { hash, .. } = drawn else { panic!("it was not drawn") };
        let again = Drawing { unless: Some(hash), ..drawing(format) };
        assert_eq!(children.draw(source, again, None).await.unwrap(), Drawn::Unchanged);
    }
}

#[tokio::test]
async fn a_child_refuses_a_name_with_holes_unless_they_are_allowed() {
    let ground = Ground::new();
    let studio = ground.studio(1, Limits::default());
    let bundle = bundle(SLOTS, png(400, 300));
    let source = Source::Given(&bundle);
    // Of private use: no font has it.
    let fields = BTreeMap::from([("name".to_owned(), "Zoë \u{10FFFD}".to_owned())]);
    let whole = Drawing { fields, allow_missing_glyphs: false, ..drawing("png") };
    let refused = studio.draw(source, whole.clone(), None).await.unwrap_err();
    assert!(matches!(refused, StudioError::Refused(_)) && refused.is_permanent(), "{refused:?}");
    assert!(refused.to_string().contains("no font has") && refused.to_string().contains("--allow-missing-glyphs"));
    let holes = Drawing { allow_missing_glyphs: true, ..whole };
    let Drawn::New { notes, .. } = studio.draw(source, holes, None).await.unwrap() else { panic!("it was not drawn") };
    assert!(!notes.is_empty());
    // One drawing does not stand in for the other.
    let mut hashes = Vec::new();
    for allow_missing_glyphs in [true, false] {
        let named = Drawing { fields: BTreeMap::from([("name".to_owned(), "Zoe".to_owned())]), ..drawing("png") };
        let drawn = studio.draw(source, Drawing { allow_missing_glyphs, ..named }, None).await.unwrap();
        let Drawn::New { hash, .. } = drawn else { panic!("it was not drawn") };
        hashes.push(hash);
    }
    assert_ne!(hashes[0], hashes[1]);
    // A refusal is no end: the child is the same.
    assert_eq!(ground.ids().len(), 1);
}

#[tokio::test]
async fn a_child_killed_in_the_middle_is_replaced_and_the_guest_gets_the_same_portrait() {
    let ground = Ground::new();
    let studio = ground.studio(2, Limits::default());
    let expected = studio.crop(picture("amelie.jpg"), 200).await.unwrap();
    let [first] = ground.ids()[..] else { panic!("one child was needed") };
    signal(first, "STOP");
    let mut stopped = Box::pin(studio.crop(picture("amelie.jpg"), 200));
    assert!(futures::poll!(&mut stopped).is_pending());
    // Others are not held up.
    assert_eq!(studio.crop(picture("amelie.jpg"), 200).await.unwrap(), expected);
    signal(first, "KILL");
    assert_eq!(stopped.await.unwrap(), expected);
    // And one that died with nothing to do is not handed out.
    ground.ids().into_iter().filter(|id| !is_gone(*id)).for_each(|id| signal(id, "KILL"));
    assert_eq!(studio.crop(picture("amelie.jpg"), 200).await.unwrap(), expected);
}

#[tokio::test]
async fn a_request_that_is_given_up_frees_its_slot_and_its_child_is_gone() {
    let ground = Ground::new();
    let studio = ground.studio(1, Limits::default());
    studio.crop(picture("amelie.jpg"), 200).await.unwrap();
    let [first] = ground.ids()[..] else { panic!("one child was needed") };
    signal(first, "STOP");
    let mut stopped = Box::pin(studio.crop(picture("amelie.jpg"), 200));
    assert!(futures::poll!(&mut stopped).is_pending());
    drop(stopped);
    // The only slot.
    studio.crop(picture("amelie.jpg"), 200).await.unwrap();
    wait_until("the child is gone", async || is_gone(first)).await;
    assert_eq!(ground.ids().len(), 2);
}

#[tokio::test]
async fn a_picture_that_takes_more_memory_than_allowed_is_refused_and_others_go_on() {
    let ground = Ground::new();
    let studio = ground.studio(2, Limits { memory_mb: 256, ..Limits::default() });
    let (large, small) = (png(6_200, 6_200), picture("amelie.jpg"));
    let all = join_all([large, small.clone(), small].map(|picture| studio.crop(picture, 200))).await;
    let refused = all[0].as_ref().unwrap_err();
    assert_eq!(
        refused.to_string(),
        "reading it ended the drawing process (it took more memory than the 256 MB allowed): \
         save it again in an image program"
    );
    assert!(matches!(refused, StudioError::Ended(_)) && refused.is_permanent());
    assert!(all[1..].iter().all(|cut| cut.as_ref().unwrap().portrait.is_some()));
}

#[tokio::test]
async fn a_drawing_that_computes_without_end_is_ended_by_its_processor_time() {
    let ground = Ground::new();
    let studio = ground.studio(1, Limits { processor_seconds: 1, ..Limits::default() });
    let bundle = bundle(&endless(), png(4_000, 4_000));
    let told = studio.draw(Source::Given(&bundle), drawing("webp"), None).await.unwrap_err();
    assert_eq!(
        told.to_string(),
        "drawing it ended the drawing process (it computed for longer than the 1 s allowed): \
         check the template's texts and fonts, and the guest's picture"
    );
    // It was not tried again, and the next guest is served.
    assert_eq!(ground.ids().len(), 1);
    assert!(studio.crop(picture("amelie.jpg"), 200).await.unwrap().portrait.is_some());
    assert_eq!(ground.ids().len(), 2);
    // A template that goes on like that is left alone for a while.
    for _ in 0..3 {
        let again = studio.draw(Source::Given(&bundle), drawing("webp"), None).await.unwrap_err();
        assert_eq!(again.to_string(), told.to_string());
    }
    assert_eq!(ground.ids().len(), 4);
}

/// Not quite: as many slots as there may be, each a large text with a wide shadow.
pub(crate) fn endless() -> String {
    let slot = "[[slot]]\nkind = \"text\"\nvalue = \"{{ name }}\"\nsize = 400\nmin_size = 400\ncolor = \"#20202080\"\n\
                shadow = { dx = 0.01, dy = 0.01, blur = 0.2, color = \"#000000\" }\nrotation = 30\n\
                box = [600, 600, 2800, 2800]\n";
    format!("name = \"Endless\"\nbackground = \"background.png\"\n{}", slot.repeat(200))
}
