//! Reads a secret from a file, from the standard input, or from a person who types it invisibly. A secret never comes
//! from the command line, which other users can read.

use std::{
    io::{IsTerminal, Read},
    path::Path,
};

use anyhow::{Context, bail};
use secrecy::SecretString;

/// The largest size of a file with a secret, in bytes.
const LARGEST: u64 = 64 << 10;

/// Reads a secret; `what` names it in the prompt.
pub(crate) fn read(file: Option<&Path>, what: &str) -> anyhow::Result<SecretString> {
    let text = match file {
        Some(file) if file == Path::new("-") => all_of(std::io::stdin(), "the standard input")?,
        Some(file) => {
            let name = file.display().to_string();
            all_of(std::fs::File::open(file).with_context(|| format!("reading {name}"))?, &name)?
        }
        None if std::io::stdin().is_terminal() => rpassword::prompt_password(format!("{what}: "))?,
        None => bail!(
            "the command cannot ask for the {what} without a terminal: give --secret-file FILE, or - for the \
             standard input"
        ),
    };
    let secret = text.trim_end_matches(['\r', '\n']);
    if secret.is_empty() {
        bail!("the {what} is empty: enter it");
    }
    Ok(secret.to_owned().into())
}

fn all_of(from: impl Read, name: &str) -> anyhow::Result<String> {
    let mut text = String::new();
    from.take(LARGEST).read_to_string(&mut text).with_context(|| format!("reading {name}"))?;
    Ok(text)
}
