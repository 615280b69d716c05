use super::*;

const SHORT: Duration = Duration::from_millis(100);

#[tokio::test]
async fn a_picture_arrives_and_nothing_of_ours_went_along() {
    let server = Server::start(|_| {
        send("HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 7\r\nConnection: close\r\n\r\npicture")
    })
    .await;
    let client = client(settings(&server), &Script::new(&[LOOPBACK]));
    let url = format!("http://cdn.example.com:{}/a.png?token=secret#part", server.port);
    for _ in 0..2 {
        assert_eq!(client.fetch(&url).await.unwrap(), "picture");
    }
    let version = env!("CARGO_PKG_VERSION");
    let expected = [
        "get /a.png?token=secret http/1.1".to_owned(),
        "accept-encoding: identity".to_owned(),
        "accept: */*".to_owned(),
        format!("host: cdn.example.com:{}", server.port),
        format!("user-agent: herald/{version}"),
    ];
    for head in server.requests() {
        let mut lines: Vec<_> = head.trim_end().lines().collect();
        lines[1..].sort_unstable();
        assert_eq!(lines, expected);
    }
}

#[tokio::test]
async fn https_is_spoken_with_the_name_of_the_host() {
    let (server, root) = Server::start_tls("cdn.example.com", |_| ok("picture")).await;
    let settings = FetchSettings { extra_roots: vec![root], ..settings(&server) };
    let url = format!("https://cdn.example.com:{}/", server.port);
    assert_eq!(client(settings, &Script::new(&[LOOPBACK])).fetch(&url).await.unwrap(), "picture");
    assert!(server.requests()[0].contains(&format!("host: cdn.example.com:{}", server.port)));
}

#[tokio::test]
async fn three_redirects_are_followed_without_a_referrer() {
    let server = Server::start(|head| match head.split(' ').nth(1).unwrap() {
        "/a.png?token=secret" => redirect("/one"),
        "/one" => redirect("two"),
        "/two" => redirect("?three"),
        _ => ok("picture"),
    })
    .await;
    assert_eq!(fetch(&server, settings(&server)).await.unwrap(), "picture");
    assert_eq!(server.requests().len(), 4);
    assert!(server.requests().iter().all(|head| !head.contains("referer")));
}

#[tokio::test]
async fn a_file_of_exactly_the_limit_arrives() {
    let server = Server::start(|_| ok(&"x".repeat(2048))).await;
    let settings = FetchSettings { max_bytes: 2048, ..settings(&server) };
    assert_eq!(fetch(&server, settings).await.unwrap().len(), 2048);
}

#[tokio::test]
async fn a_file_that_announces_too_much_is_refused_unread() {
    let server = Server::start(|_| {
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 2049\r\n\r\n";
        vec![Step::Send(head.into()), Step::Stall]
    })
    .await;
    let settings = FetchSettings { max_bytes: 2048, ..settings(&server) };
    let message = "the file is larger than 2 KiB; use a smaller one (cdn.example.com)";
    assert_eq!(permanent(fetch(&server, settings).await), message);
}

#[tokio::test]
async fn a_file_that_announces_nothing_is_cut_off_at_the_limit() {
    let chunk = format!("400\r\n{}\r\n", "x".repeat(1024));
    for (head, part) in [("", "x".repeat(1024)), ("Transfer-Encoding: chunked\r\n", chunk)] {
        // After the third part the server stalls, so only a client that counts the bytes returns at once.
        let server = Server::start(move |_| {
            let head = format!("HTTP/1.1 200 OK\r\n{head}\r\n");
            vec![Step::Send(head.into()), Step::Send(part.repeat(3).into()), Step::Stall]
        })
        .await;
        let settings = FetchSettings { max_bytes: 2048, ..settings(&server) };
        let message = "the file is larger than 2 KiB; use a smaller one (cdn.example.com)";
        assert_eq!(permanent(fetch(&server, settings).await), message);
    }
}

#[tokio::test]
async fn a_server_that_never_answers_times_out() {
    let server = Server::start(|_| vec![Step::Stall]).await;
    let settings = FetchSettings { total_timeout: SHORT, ..settings(&server) };
    assert_eq!(transient(fetch(&server, settings).await), "no answer within 0.1 s (cdn.example.com)");
}

#[tokio::test]
async fn a_body_that_drips_times_out_all_the_same() {
    for head in ["HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", "HTTP/1.1 200 OK\r\nX-Slow: "] {
        let server = Server::start(|_| vec![Step::Send(head.into()), Step::Drip]).await;
        let settings = FetchSettings { total_timeout: SHORT, ..settings(&server) };
        assert_eq!(transient(fetch(&server, settings).await), "no answer within 0.1 s (cdn.example.com)");
    }
}

#[tokio::test]
async fn a_tls_handshake_that_never_comes_times_out() {
    let server = Server::start(|_| vec![Step::Stall]).await;
    let settings = FetchSettings { connect_timeout: SHORT, ..settings(&server) };
    let url = format!("https://cdn.example.com:{}/", server.port);
    let result = client(settings, &Script::new(&[LOOPBACK])).fetch(&url).await;
    assert_eq!(transient(result), "no answer within 0.1 s (cdn.example.com)");
}

#[tokio::test]
async fn a_body_that_breaks_off_is_tried_again() {
    for reply in [
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npict",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\npict",
        "HTTP/1.1 200",
        "",
    ] {
        let server = Server::start(|_| send(reply)).await;
        assert_eq!(
            transient(fetch(&server, settings(&server)).await),
            "the connection broke before the file was complete (cdn.example.com)"
        );
    }
}

#[tokio::test]
async fn a_closed_port_and_an_unknown_name_are_tried_again() {
    let server = Server::start(|_| ok("picture")).await;
    let (port, settings) = (server.port, settings(&server));
    server.stop().await;
    for answer in [LOOPBACK, &[]] {
        let client = client(settings.clone(), &Script::new(&[answer]));
        assert_eq!(
            transient(client.fetch(&format!("http://cdn.example.com:{port}/")).await),
            "the server cannot be reached; check the address (cdn.example.com)"
        );
    }
}

async fn status(line: &'static str, headers: &'static str) -> FetchError {
    let reply = format!("HTTP/1.1 {line}\r\n{headers}Content-Length: 0\r\n\r\n");
    let server = Server::start(move |_| send(&reply)).await;
    fetch(&server, settings(&server)).await.unwrap_err()
}

#[tokio::test]
async fn a_status_says_whether_to_try_again() {
    for (line, transient, message) in [
        ("404 Not Found", false, "there is no file at the web address (status 404); check it"),
        ("410 Gone", false, "there is no file at the web address (status 410); check it"),
        ("403 Forbidden", false, "the server refuses to show the file (status 403); make it public"),
        ("418 Teapot", false, "the server answered with status 418 instead of the file; check the address"),
        ("204 No Content", false, "the server answered with status 204 instead of the file; check the address"),
        ("206 Partial", false, "the server answered with status 206 instead of the file; check the address"),
        ("304 Not Modified", false, "the server answered with status 304 instead of the file; check the address"),
        ("200 OK", false, "the server sent an empty file; check the address"),
        ("408 Timeout", true, "the server answered with status 408 instead of the file; check the address"),
        ("429 Too Many", true, "the server asks us to slow down (status 429)"),
        ("500 Oops", true, "the server has a problem (status 500)"),
        ("503 Busy", true, "the server has a problem (status 503)"),
    ] {
        let error = status(line, "").await;
        assert_eq!((error.is_transient(), error.to_string()), (transient, format!("{message} (cdn.example.com)")));
        assert_eq!(error.retry_after(), None);
    }
}

#[tokio::test]
async fn retry_after_is_heard() {
    for (headers, seconds) in [
        ("Retry-After: 7\r\n", Some(7)),
        ("Retry-After: 99999999\r\n", Some(24 * 60 * 60)),
        ("Date: Fri, 20 Nov 2026 10:00:00 GMT\r\nRetry-After: Fri, 20 Nov 2026 10:01:30 GMT\r\n", Some(90)),
        ("Date: Fri, 20 Nov 2026 10:00:00 GMT\r\nRetry-After: Fri, 20 Nov 2026 09:00:00 GMT\r\n", None),
        ("Retry-After: soon\r\n", None),
        ("Retry-After: -1\r\n", None),
    ] {
        for line in ["429 Too Many", "503 Busy"] {
            assert_eq!(status(line, headers).await.retry_after(), seconds.map(Duration::from_secs), "{headers}");
        }
        assert_eq!(status("404 Not Found", headers).await.retry_after(), None);
    }
}

#[tokio::test]
async fn a_compressed_answer_is_refused() {
    let server =
        Server::start(|_| send("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n\x1f.")).await;
    assert_eq!(
        permanent(fetch(&server, settings(&server)).await),
        "the server sent the file compressed, which was not asked for; use another address (cdn.example.com)"
    );
}

#[tokio::test]
async fn a_trace_is_shown_to_hosts_of_the_allow_list_and_to_no_others() {
    let server = Server::start(|_| ok("a picture")).await;
    let ids = herald_base::ids::Ids::seeded(3);
    let clock = herald_base::clock::Clock::manual(chrono::DateTime::UNIX_EPOCH);
    let span = herald_base::telemetry::Span::command("test", &ids, &clock);
    let allowed = FetchSettings { allow: vec![format!("cdn.example.com:{}", server.port)], ..settings(&server) };
    span.scope(fetch(&server, settings(&server))).await.unwrap();
    span.scope(fetch(&server, allowed.clone())).await.unwrap();
    fetch(&server, allowed).await.unwrap();
    let sent: Vec<Option<String>> = server
        .requests()
        .iter()
        .map(|head| head.lines().find_map(|line| line.strip_prefix("traceparent: ")).map(str::to_owned))
        .collect();
    assert!(sent[0].is_none() && sent[2].is_none(), "{sent:?}");
    let sent: herald_base::telemetry::TraceContext = sent[1].as_deref().unwrap().parse().unwrap();
    assert_eq!(sent.trace_id(), span.context().trace_id());
    assert_ne!(sent.span_id(), span.context().span_id(), "the call is a span of its own");
}
