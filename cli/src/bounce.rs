//! `herald bounce`: a mail server passes a mail on, and Herald writes down what it tells.

use std::{io::Read, process::ExitCode};

use herald_messaging::take_mail;

use crate::{
    args::{Bounce, Common},
    home,
};

/// What tells a mail server to keep the mail and try again (`EX_TEMPFAIL` of sysexits).
const AGAIN: u8 = 75;
/// The most that is read of a mail, in bytes.
const MOST: u64 = 1 << 20;

pub(crate) async fn run(common: &Common, Bounce { to }: Bounce) -> anyhow::Result<ExitCode> {
    match take(common, &to).await {
        Ok(()) => Ok(ExitCode::SUCCESS),
        // Whatever is the matter, the mail server keeps the mail, so that nothing is lost while it is put right.
        Err(error) => {
            complain(&error);
            Ok(ExitCode::from(AGAIN))
        }
    }
}

async fn take(common: &Common, to: &[String]) -> anyhow::Result<()> {
    let mut mail = Vec::new();
    let mut input = std::io::stdin().lock();
    input.by_ref().take(MOST).read_to_end(&mut mail)?;
    // The mail server waits until all of it was read.
    std::io::copy(&mut input, &mut std::io::sink())?;
    drop(input);
    let settings = home::settings(common)?;
    let db = home::ledger(common).await?;
    let links = home::signer_beside(&settings, common, db.ids())?;
    let taken = take_mail(&db, &links, &mail, to, settings.bounces.limit()).await;
    db.close().await;
    let taken = taken?;
    if taken.foreign > 0 {
        say("the mail tells nothing of a message of Herald: it is left");
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the command's answer")]
fn say(text: &str) {
    println!("{text}");
}

#[expect(clippy::print_stderr, reason = "the answer to the mail server, which has a log")]
fn complain(error: &anyhow::Error) {
    eprintln!("error: the mail cannot be taken now, bring it again: {error:#}");
}
