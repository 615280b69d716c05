//! Finds the face detector's model inside the `rustface` package and copies it where the crate can
//! embed it, so that no model file lives in this repository. The package is a build-dependency for
//! that alone: cargo has it on the disk before this runs.
//!
//! Three ways, from the cheapest: `cargo metadata --offline` (right for every kind of source,
//! vendored ones too, but it needs the packages of every member's tests on the disk, which a first
//! `cargo run` does not fetch), the registry folder cargo unpacks into, and last
//! `cargo metadata` with the network.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

use cargo_metadata::MetadataCommand;

const PACKAGE: &str = "rustface";
const MODEL: &str = "model/seeta_fd_frontal_v1.0.bin";
const GROUP_PHOTOGRAPH: &str = "test.png";

fn main() -> Result<(), Box<dyn Error>> {
    let here = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let lock = here.join("../Cargo.lock");
    println!("cargo::rerun-if-changed=build.rs");
    // By its name, so that a checkout elsewhere with this target folder need not build anew.
    println!("cargo::rerun-if-changed=../Cargo.lock");

    let package = by_metadata(&here, true)
        .or_else(|| in_the_registry_folder(&lock))
        .or_else(|| by_metadata(&here, false))
        .ok_or("cannot find the sources of the package rustface: run `cargo fetch` once and build again")?;

    let out = PathBuf::from(env::var("OUT_DIR")?);
    copy(&package.join(MODEL), &out.join("face_model.bin"))?;
    // Only tests read it; a source without it still builds.
    let photograph = package.join(GROUP_PHOTOGRAPH);
    if photograph.is_file() {
        copy(&photograph, &out.join("group_photograph.png"))?;
    }
    Ok(())
}

fn by_metadata(here: &Path, offline: bool) -> Option<PathBuf> {
    let mut command = MetadataCommand::new();
    command.current_dir(here);
    let mut options = vec!["--locked".to_owned()];
    if offline {
        options.push("--offline".to_owned());
    }
    if let Ok(target) = env::var("TARGET") {
        options.extend(["--filter-platform".to_owned(), target]);
    }
    command.other_options(options);
    let metadata = command.exec().ok()?;
    let package = metadata.packages.iter().find(|package| package.name.as_str() == PACKAGE)?;
    let folder = package.manifest_path.parent()?.as_std_path();
    folder.join(MODEL).is_file().then(|| folder.to_owned())
}

fn in_the_registry_folder(lock: &Path) -> Option<PathBuf> {
    let lock = fs::read_to_string(lock).ok()?;
    let version = locked_version(&lock)?;
    let home = env::var_os("CARGO_HOME")
        .map_or_else(|| env::home_dir().map(|home| home.join(".cargo")), |home| Some(PathBuf::from(home)))?;
    let registries = fs::read_dir(home.join("registry/src")).ok()?;
    registries
        .flatten()
        .map(|registry| registry.path().join(format!("{PACKAGE}-{version}")))
        .find(|folder| folder.join(MODEL).is_file())
}

fn locked_version(lock: &str) -> Option<&str> {
    let mut lines = lock.lines();
    lines.find(|line| *line == format!("name = \"{PACKAGE}\""))?;
    lines.next()?.strip_prefix("version = \"")?.strip_suffix('"')
}

fn copy(from: &Path, to: &Path) -> Result<(), Box<dyn Error>> {
    let bytes = fs::read(from).map_err(|error| format!("{}: {error}", from.display()))?;
    // Written anew rather than copied: registry files may be read-only and a second build overwrites.
    fs::write(to, bytes).map_err(|error| format!("{}: {error}", to.display()))?;
    Ok(())
}
