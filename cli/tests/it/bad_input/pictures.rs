//! Pictures that cannot be used: the guest gets the drawn avatar and a note, or, on demand, no invitation until it is
//! mended.

use std::{
    io::{Read, Write},
    net::TcpListener,
};

use crate::stage::{Stage, end};

/// A picture that announces 50,000 × 50,000 pixels in a few bytes.
const HUGE: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\xc3\x50\0\0\xc3\x50\x08\x02\0\0\0\0\0\0\0\0\0\0\0IDAT";

const AVATAR: &str = " (the drawn avatar is used)";

/// A list of one guest for each picture, named after it, with one at the end whose picture is good.
fn list(stage: &Stage, pictures: &[&str]) {
    stage.example_picture("amelie.jpg");
    let rows: String = pictures.iter().chain(&["amelie.jpg"]).map(|picture| format!("{picture},{picture}\n")).collect();
    stage.write("guests.csv", format!("name,picture\n{rows}"));
}

#[test]
fn each_unusable_picture_is_named_with_the_way_out_and_everybody_gets_an_invitation() {
    let stage = Stage::new();
    stage.write("huge.png", HUGE);
    stage.write("drawing.svg", "<svg xmlns=\"http://www.w3.org/2000/svg\"></svg>");
    stage.write("page.jpg", "<!doctype html><title>Sign in</title>");
    stage.write("empty.jpg", "");
    stage.example_picture("amelie.jpg");
    let whole = std::fs::read(stage.path("amelie.jpg")).unwrap();
    stage.write("cut.jpg", &whole[..whole.len() / 2]);
    let expected = [
        (
            "huge.png",
            "picture \"huge.png\": the picture is 50000×50000 pixels: at most 10000 a side and 40 megapixels are read, \
             so save a smaller copy",
        ),
        (
            "cut.jpg",
            "picture \"cut.jpg\": the JPEG picture is cut off: it was not copied or uploaded whole, so send it again",
        ),
        (
            "drawing.svg",
            "picture \"drawing.svg\": this is an SVG file, which Herald does not read as a picture: \
             save it as JPEG, PNG or WebP",
        ),
        (
            "page.jpg",
            "picture \"page.jpg\": this is an HTML page, perhaps a sign-in page instead of the picture, \
             which Herald does not read as a picture: save it as JPEG, PNG or WebP",
        ),
        ("empty.jpg", "picture \"empty.jpg\": the picture is empty (0 bytes): upload it again"),
        (
            "missing.jpg",
            "picture \"missing.jpg\": there is no such file: check the name in the list, or put the file there",
        ),
        (
            "../x.jpg",
            "picture \"../x.jpg\" lies outside the list's folder: put it beside the list and name it relative to it",
        ),
    ];
    list(&stage, &expected.map(|(picture, _)| picture));
    let ended = end(stage.invite("guests.csv", &[])).with(0);
    for (row, (picture, problem)) in stage.results().iter().zip(expected) {
        assert_eq!((row["guest"].as_str(), row["status"].as_str()), (picture, "made"));
        assert_eq!(row["note"], format!("{problem}{AVATAR}"));
        assert!(ended.out.contains(&row["note"]), "not said: {problem}\n{}", ended.out);
    }
    assert_eq!(stage.results()[expected.len()]["note"], "");
}

#[test]
fn addresses_into_private_networks_are_not_asked() {
    let stage = Stage::new();
    let pictures = [
        "http://127.0.0.1/a.jpg",
        "http://169.254.169.254/latest/meta-data",
        "http://[::1]/a.jpg",
        "http://2130706433/a.jpg",
        "http://10.0.0.1/a.jpg",
    ];
    list(&stage, &pictures);
    end(stage.invite("guests.csv", &[])).with(0);
    let hosts = ["127.0.0.1", "169.254.169.254", "[::1]", "127.0.0.1", "10.0.0.1"];
    for (row, host) in stage.results().iter().zip(hosts) {
        assert_eq!(
            row["note"],
            format!(
                "picture: the web address leads into a private network; use a public one, \
                 or have the host added to the allow list ({host}){AVATAR}"
            )
        );
    }
}

#[test]
fn a_redirect_into_a_private_network_is_not_followed_and_a_slow_server_is_given_up() {
    let stage = Stage::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || serve(&listener));
    let addresses = ["/moved", "/slow", "/gone"].map(|path| format!("http://{host}{path}"));
    list(&stage, &addresses.each_ref().map(String::as_str));
    let mut command = stage.invite("guests.csv", &[]);
    command.env("HERALD__PICTURES__ALLOW_HOSTS", &host).env("HERALD__PICTURES__TIMEOUT_SECONDS", "1");
    end(command).with(0);
    let expected = [
        "picture: the web address redirects into a private network (169.254.169.254); \
         use the final, public address (127.0.0.1)",
        "picture: no answer within 1 s (127.0.0.1)",
        "picture: there is no file at the web address (status 404); check it (127.0.0.1)",
    ];
    for (row, problem) in stage.results().iter().zip(expected) {
        assert_eq!((row["status"].as_str(), row["note"].clone()), ("made", format!("{problem}{AVATAR}")));
    }
}

/// Answers by the path; to `/slow` never.
fn serve(listener: &TcpListener) {
    let mut kept = Vec::new();
    for stream in listener.incoming() {
        let mut stream = stream.unwrap();
        let mut request = [0; 1_024];
        let read = stream.read(&mut request).unwrap();
        let answer: &[u8] = match &request[..read] {
            [b'G', b'E', b'T', b' ', b'/', b'm', ..] => {
                b"HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/a.jpg\r\ncontent-length: 0\r\n\r\n"
            }
            [b'G', b'E', b'T', b' ', b'/', b's', ..] => b"",
            _ => b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n",
        };
        let _ = stream.write_all(answer);
        if answer.is_empty() {
            kept.push(stream);
        }
    }
}

#[test]
fn strict_pictures_hold_an_invitation_back_until_the_picture_is_mended() {
    let stage = Stage::new();
    stage.write("page.jpg", "<!doctype html>");
    list(&stage, &["page.jpg", "missing.jpg"]);
    let ended = end(stage.invite("guests.csv", &["--strict-pictures"])).with(1);
    assert!(ended.out.starts_with("1 made, 2 failed in "), "{}", ended.out);
    let results = stage.results();
    let states: Vec<&str> = results.iter().map(|row| row["status"].as_str()).collect();
    assert_eq!(states, ["failed", "failed", "made"]);
    assert_eq!(
        results[1]["note"],
        "picture \"missing.jpg\": there is no such file: check the name in the list, or put the file there"
    );
    assert_eq!((results[1]["link"].as_str(), results[1]["file"].as_str()), ("", ""));

    std::fs::copy(stage.path("amelie.jpg"), stage.path("page.jpg")).unwrap();
    std::fs::copy(stage.path("amelie.jpg"), stage.path("missing.jpg")).unwrap();
    let again = end(stage.invite("guests.csv", &["--strict-pictures", "--only-failed", "--json"])).with(0).summary();
    assert_eq!((&again["made"], &again["already"], &again["failed"]), (&2.into(), &1.into(), &0.into()), "{again}");
    let mended = stage.results();
    for (before, after) in results.iter().zip(&mended) {
        assert_eq!(before["lucky_number"], after["lucky_number"], "a number changed");
        assert_eq!(after["note"], "");
    }
    assert_eq!(stage.stored("invitations").len(), 3);
}
