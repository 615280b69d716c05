//! As much HTTP as asking a server of one's own needs.

use std::{
    collections::HashMap,
    fmt::Write as _,
    io::{Read, Write},
    net::TcpStream,
};

use serde_json::Value;

/// What a server answered.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&self.body)))
    }
}

/// One request on a connection of its own.
pub(crate) fn ask(address: &str, method: &str, path: &str, token: Option<&str>, form: Option<&[u8]>) -> Answer {
    ask_in(address, method, path, token, form, None)
}

/// As [`ask`], as a part of this trace.
pub(crate) fn ask_in(
    address: &str,
    method: &str,
    path: &str,
    token: Option<&str>,
    form: Option<&[u8]>,
    traceparent: Option<&str>,
) -> Answer {
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n");
    if let Some(traceparent) = traceparent {
        write!(head, "traceparent: {traceparent}\r\n").unwrap();
    }
    if let Some(token) = token {
        write!(head, "authorization: Bearer {token}\r\n").unwrap();
    }
    if let Some(form) = form {
        write!(head, "content-type: multipart/form-data; boundary=edge\r\ncontent-length: {}\r\n", form.len()).unwrap();
    }
    exchange(address, &head, form.unwrap_or_default())
}

/// Posts JSON on a connection of its own.
pub(crate) fn post_json(address: &str, path: &str, token: &str, body: &Value) -> Answer {
    let body = body.to_string();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n",
        body.len()
    );
    exchange(address, &head, body.as_bytes())
}

fn exchange(address: &str, head: &str, body: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(format!("{head}\r\n").as_bytes()).unwrap();
    stream.write_all(body).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(answer[..end].to_vec()).unwrap();
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers =
        lines.filter_map(|line| line.split_once(": ")).map(|(name, value)| (name.to_lowercase(), value.into()));
    Answer { status, headers: headers.collect(), body: answer[end + 4..].to_vec() }
}

/// A form of fields and files: (name, file name, content).
pub(crate) fn form(parts: &[(&str, Option<&str>, &[u8])]) -> Vec<u8> {
    let mut form = Vec::new();
    for (name, file, content) in parts {
        let file = file.map_or_else(String::new, |file| format!("; filename=\"{file}\""));
        form.extend(format!("--edge\r\ncontent-disposition: form-data; name=\"{name}\"{file}\r\n\r\n").bytes());
        form.extend_from_slice(content);
        form.extend(b"\r\n");
    }
    form.extend(b"--edge--\r\n");
    form
}
