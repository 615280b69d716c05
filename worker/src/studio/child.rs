//! The child's side: reads requests from standard input, answers on standard output, and ends with its parent.

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

/// Serves the process that has started this one, until that closes the pipe or ends. A fault ends it: the parent starts
/// another.
#[must_use]
pub fn serve() -> ExitCode {
    match work() {
        // The parent is gone.
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn work() -> io::Result<()> {
    // What `ps` shows; started as /proc/self/exe, it would be called "exe".
    let _ = prctl::set_name(c"herald-studio");
    // Ctrl-C and the end of a service are told to all processes at once. When this one ends, its parent decides: what
    // it works on may be finished.
    SigSet::from_iter([Signal::SIGHUP, Signal::SIGINT, Signal::SIGTERM]).thread_block()?;
    // Nothing that is started from here may have more rights.
    let _ = prctl::set_no_new_privs();
    let (set_up, _): (SetUp, _) = frame::read(&mut io::stdin().lock())?;
    set_up.limits.hold()?;
    // Not the standard library's, which looks for line ends in pictures.
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

/// Reads requests on a thread of its own: a parent that ends is noticed in the middle of work, too.
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
    // Not `exit`, which would wait for what the work holds.
    let _ = kill(Pid::this(), Signal::SIGKILL);
}
