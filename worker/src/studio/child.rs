//! The side of the child. It reads requests from standard input, answers on standard output, and ends with its parent.

use std::{
    fs::File,
    io,
    os::fd::AsFd,
    process::ExitCode,
    sync::mpsc::{self, Receiver, SyncSender},
};

use bytes::Bytes;
use nix::{
    sys::{
        prctl,
        signal::{SigSet, Signal, kill},
    },
    unistd::Pid,
};

use super::{
    desk::Desk,
    frame,
    request::{Answer, Ask, SetUp},
};

type Request = (Ask, Vec<Bytes>);

/// Serves the parent process until it closes the pipe or ends. A fault ends the child, and the parent starts another.
#[must_use]
pub fn serve() -> ExitCode {
    match work() {
        // The parent is gone.
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn work() -> io::Result<()> {
    // The name that `ps` shows. A program started as /proc/self/exe would be called "exe".
    let _ = prctl::set_name(c"herald-studio");
    // Ctrl-C and the stop of a service signal all processes at once. The parent decides when this child ends, because
    // its current work may still be finished.
    SigSet::from_iter([Signal::SIGHUP, Signal::SIGINT, Signal::SIGTERM]).thread_block()?;
    // No program that starts from here may have more rights.
    let _ = prctl::set_no_new_privs();
    let (set_up, _): (SetUp, _) = frame::read(&mut io::stdin().lock())?;
    set_up.limits.hold(0)?;
    // The standard library's own writer would search for line ends in pictures.
    let mut answers = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    let desk = Desk::new(&set_up);
    let requests = requests();
    set_up.limits.begin_request()?;
    desk.warm_up();
    frame::write(&mut answers, &Answer::Ready, &[])?;
    while let Ok((ask, bytes)) = requests.recv() {
        set_up.limits.begin_request()?;
        let (answer, bytes) = desk.answer(&ask, bytes);
        frame::write(&mut answers, &answer, &bytes)?;
    }
    Ok(())
}

/// Reads requests on a separate thread, so that the end of the parent is noticed during work, too.
fn requests() -> Receiver<Request> {
    let (requests, next) = mpsc::sync_channel(1);
    std::thread::spawn(move || read(&requests));
    next
}

fn read(requests: &SyncSender<Request>) {
    let mut from = io::stdin().lock();
    while let Ok(request) = frame::read(&mut from) {
        if requests.send(request).is_err() {
            return;
        }
    }
    // `exit` would wait for locks that the work holds.
    let _ = kill(Pid::this(), Signal::SIGKILL);
}
