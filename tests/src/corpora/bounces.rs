//! Bounces as real servers wrote them, beside what Sisimai makes of each. Sisimai gives a reason; its class follows
//! from it here. Where Herald says otherwise, [`JUDGED`] has the reason why it may.

use std::{
    collections::BTreeMap,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};
use herald_bounces::{Class, Told};

use super::Line;

/// The script that asks Sisimai.
const ORACLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/bounces/oracle.pl");
/// The least agreement, in percent. Files that are judged one by one do not count as agreement.
const LEAST: usize = 94;

/// Reasons of Sisimai's for which Herald gives another class: the reason, the class, and why.
const JUDGED_REASONS: &[(&str, Class, &str)] = &[
    ("filtered", Class::Hard, "the server says that there is no such user, only after the envelope"),
    ("suspend", Class::Hard, "a mailbox that was closed takes no mail later either (5.2.1)"),
];

/// Files on which Herald does not agree: what the name begins with, the class that Herald gives, and why.
#[rustfmt::skip]
const JUDGED: &[(&str, Class, &str)] = &[
    ("not/rb-issue-368", Class::Soft, "it is a bounce: the mailbox is full"),
    ("rfc3464-01", Class::Hard, "the fields of the report say that there is no such user; its words are about a disk"),
    ("arf-18", Class::Policy, "a report that the mail had no proof of its sender is nobody's complaint"),
    ("arf-19", Class::Policy, "a report that the mail had no proof of its sender is nobody's complaint"),
    ("arf-20", Class::Policy, "a report that the mail had no proof of its sender is nobody's complaint"),
    ("lhost-amazonses-09", Class::None, "SES tells by webhook; a mail of SNS about it is not read"),
    ("lhost-amazonses-10", Class::None, "SES tells by webhook; a mail of SNS about it is not read"),
    ("lhost-amazonses-11", Class::None, "SES tells by webhook; a mail of SNS about it is not read"),
    ("lhost-amazonses-13", Class::None, "SES tells by webhook; a mail of SNS about it is not read"),
    ("lhost-dragonfly", Class::Hard, "Debian's Sisimai does not know this mail server"),
    ("lhost-dragonfly", Class::Policy, "Debian's Sisimai does not know this mail server"),
    ("lhost-dragonfly", Class::Soft, "Debian's Sisimai does not know this mail server"),
    ("lhost-mimecast-01", Class::Hard, "Debian's Sisimai does not know this mail server"),
    ("lhost-mimecast-02", Class::Policy, "Debian's Sisimai does not know this mail server"),
    ("lhost-exim-51", Class::Hard, "5.1.0, and the words say that an address does not exist"),
    ("lhost-kddi", Class::None, "nothing in its headers tells that a mail server wrote it"),
    ("lhost-exim-38", Class::Delayed, "the mail server says that it goes on trying"),
    ("lhost-exim-41", Class::Delayed, "the mail server says that it goes on trying"),
    ("lhost-opensmtpd-13", Class::Delayed, "the mail server says that it goes on trying"),
    ("lhost-gmail-06", Class::Delayed, "the mail server says that it goes on trying"),
    ("lhost-fml", Class::None, "a list that does not take a mail of somebody else is no mail server"),
    ("lhost-postfix-01", Class::Hard, "5.1.1, and the words say that there is no such user"),
    ("lhost-postfix-05", Class::Soft, "450 4.1.1: the mail server asks to come again"),
    ("lhost-postfix-17", Class::Hard, "5.4.4 says that there is no way to the host"),
    ("lhost-postfix-75", Class::None, "a transcript for a postmaster is about no mail of ours"),
    ("lhost-postfix-80", Class::Policy, "the sender is on a blocklist, whatever the code says"),
    ("lhost-domino-02", Class::Soft, "no code, and words in Japanese alone: it is counted"),
    ("lhost-notes-02", Class::Soft, "no code, and words in Japanese alone: it is counted"),
    ("lhost-trendmicro-03", Class::Soft, "it gives no reason: it is counted"),
    ("lhost-x5-01", Class::Hard, "the report says that there is no such user"),
    ("lhost-x5-01", Class::Soft, "it gives no reason: it is counted"),
    ("rfc3834-05", Class::AutoReply, "it says of itself that a machine answered"),
    ("rhost-messagelabs-03", Class::Policy, "rejected is all that the mail server says"),
    ("rhost-nttdocomo-02", Class::Hard, "unknown user is what the mail server says"),
    ("rhost-nttdocomo-03", Class::Hard, "unknown user is what the mail server says"),
];

pub(super) fn read(folder: &Path) -> Result<Vec<Line>> {
    let mut files: Vec<PathBuf> = Vec::new();
    for kind in super::sub_folders(folder)? {
        for entry in std::fs::read_dir(folder.join(kind))? {
            files.push(entry?.path());
        }
    }
    files.sort();
    let said = oracle(&files)?;
    let mut lines = Vec::new();
    let (mut agreed, mut compared) = (0, 0);
    for file in &files {
        let name = file.strip_prefix(folder).unwrap_or(file).display().to_string();
        let raw = std::fs::read(file).with_context(|| format!("cannot read {name}"))?;
        let report = herald_bounces::read(&raw);
        let Some(said) = said.get(file) else { bail!("Sisimai said nothing of {name}") };
        let reason = said.reason.as_str();
        // Of several recipients, both speak of the same.
        let of_the_same =
            |one: &&Told| one.recipient.as_deref().is_some_and(|to| to.eq_ignore_ascii_case(&said.recipient));
        let same = report.told.iter().find(of_the_same);
        let got = same.map_or(report.class, |one| one.class);
        let judged = JUDGED.iter().find(|(begin, class, _)| name.contains(begin) && *class == got);
        if name.starts_with("not/") {
            let wanted = judged.map_or_else(|| "no bounce".to_owned(), |(.., why)| format!("no bounce, but {why}"));
            lines.push(Line::judge(&name, &wanted, got.as_str(), !got.is_bounce() || judged.is_some()));
            continue;
        }
        // These are odd on purpose: they must be read without harm.
        if name.starts_with("err/") {
            lines.push(Line::judge(&name, &format!("anything ({reason})"), got.as_str(), true));
            continue;
        }
        let expected = classes_of(said);
        let by_reason = JUDGED_REASONS.iter().find(|(of, class, _)| *of == reason && *class == got);
        let agrees = expected.contains(&got) || by_reason.is_some();
        // Where Sisimai makes nothing of a bounce, there is no class to agree with.
        if reason != "none" || got == Class::None {
            compared += 1;
            agreed += usize::from(agrees);
        }
        let judged = judged.or(by_reason);
        let wanted = match (judged, expected.first()) {
            (Some((.., why)), _) => format!("{reason}, but {why}"),
            (None, first) => format!("{}: {reason}", first.map_or("-", |class| class.as_str())),
        };
        let says = same.or(report.told.first()).map(|one| one.said.clone()).unwrap_or_default();
        lines.push(Line::judge(&name, &wanted, format!("{} ({says})", got.as_str()), agrees || judged.is_some()));
    }
    let percent = agreed * 1_000 / compared.max(1);
    let told = format!("{agreed} of {compared}: {}.{} %", percent / 10, percent % 10);
    lines.push(Line::judge("agreement", &format!("at least {LEAST} %"), told, agreed * 100 >= compared * LEAST));
    Ok(lines)
}

/// The classes that Sisimai's answer allows, the expected one first. It knows no class for what is not the address's
/// fault: such reasons are "soft" there.
fn classes_of(said: &Said) -> Vec<Class> {
    use Class::{AutoReply, Complaint, Delayed, Delivered, Hard, None, Policy, Soft};
    match (said.reason.as_str(), said.action.as_str(), said.class.as_str()) {
        // It says so of mails that came back after a delay as well.
        (_, "delayed", _) => vec![Delayed, Soft],
        ("none", ..) => vec![None],
        ("delivered", ..) => vec![Delivered],
        ("feedback", ..) => vec![Complaint],
        ("vacation", ..) => vec![AutoReply],
        (_, _, "hard") => vec![Hard],
        _ => vec![Soft, Policy],
    }
}

/// What Sisimai says of a mail.
struct Said {
    reason: String,
    action: String,
    class: String,
    recipient: String,
}

/// What Sisimai says of files.
fn oracle(files: &[PathBuf]) -> Result<BTreeMap<PathBuf, Said>> {
    let mut perl = Command::new("perl").arg(ORACLE).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let list: String = files.iter().map(|file| format!("{}\n", file.display())).collect();
    let mut input = perl.stdin.take().context("perl takes no input")?;
    // The list is written beside, because perl answers while it reads.
    let writing = std::thread::spawn(move || input.write_all(list.as_bytes()));
    let output = perl.wait_with_output()?;
    let _ = writing.join();
    if !output.status.success() {
        bail!("Sisimai cannot be asked: install libsisimai-perl");
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let rows = text.lines().filter_map(|line| {
        let mut fields = line.split('\t');
        let path = PathBuf::from(fields.next()?);
        let mut next = || fields.next().unwrap_or_default().to_owned();
        Some((path, Said { reason: next(), action: next(), class: next(), recipient: next() }))
    });
    Ok(rows.collect())
}
