use super::*;

const PRIVATE: &str =
    "the web address leads into a private network; use a public one, or have the host added to the allow list";

/// Uses the client of production, except for the resolver, which must not be called.
async fn refused(url: &str) -> String {
    let script = Script::new(&[&["192.0.2.1"]]);
    let client = GuardedClient::with_resolver(FetchSettings::default(), script.clone()).unwrap();
    let message = permanent(client.fetch(url).await);
    assert_eq!(script.asked(), Vec::<String>::new(), "{url}");
    message
}

#[tokio::test]
async fn private_literals_are_refused_in_every_spelling() {
    for (literal, host) in [
        ("127.0.0.1", "127.0.0.1"),
        ("127.0.0.1.", "127.0.0.1"),
        ("127.1", "127.0.0.1"),
        ("2130706433", "127.0.0.1"),
        ("0x7f000001", "127.0.0.1"),
        ("0x7f.0.0.1", "127.0.0.1"),
        ("0177.0.0.1", "127.0.0.1"),
        ("017700000001", "127.0.0.1"),
        ("①②⑦.0.0.1", "127.0.0.1"),
        ("%31%32%37.0.0.1", "127.0.0.1"),
        ("0", "0.0.0.0"),
        ("10.0.0.1", "10.0.0.1"),
        ("169.254.169.254", "169.254.169.254"),
        ("[::1]", "[::1]"),
        ("[::]", "[::]"),
        ("[::ffff:127.0.0.1]", "[::ffff:7f00:1]"),
        ("[64:ff9b::a00:1]", "[64:ff9b::a00:1]"),
        ("[2002:7f00:1::]", "[2002:7f00:1::]"),
        ("[fd00:ec2::254]", "[fd00:ec2::254]"),
    ] {
        assert_eq!(refused(&format!("http://{literal}/latest/meta-data")).await, format!("{PRIVATE} ({host})"));
    }
}

#[tokio::test]
async fn only_web_addresses_are_taken() {
    let message = "not a web address; it must begin with https:// or http://";
    for url in
        ["ann.jpg", "", "file:///etc/passwd", "data:image/png;base64,AA", "gopher:x", "http://", "http://[::1%25lo]/"]
    {
        assert_eq!(refused(url).await, message, "{url}");
    }
    assert_eq!(refused("ftp://cdn.example.com/a.png").await, format!("{message} (cdn.example.com)"));
}

#[tokio::test]
async fn other_ports_are_refused() {
    assert_eq!(
        refused("http://cdn.example.com:6379/").await,
        "port 6379 is not allowed in a web address; use 80 or 443, or have the host added to the allow list \
         (cdn.example.com)"
    );
}

#[tokio::test]
async fn credentials_are_refused_and_not_repeated() {
    for url in ["http://ann:hunter2@cdn.example.com/?key=hunter2", "http://hunter2@cdn.example.com/hunter2"] {
        let message = "the web address contains a user name or password; remove it (cdn.example.com)";
        assert_eq!(refused(url).await, message);
    }
}

#[tokio::test]
async fn localhost_is_refused_as_the_system_resolves_it() {
    let client = GuardedClient::new(FetchSettings::default()).unwrap();
    assert_eq!(permanent(client.fetch("http://localhost/").await), format!("{PRIVATE} (localhost)"));
}

#[tokio::test]
async fn a_name_with_a_private_address_among_public_ones_is_refused_unconnected() {
    let server = Server::start(|_| ok("secret")).await;
    for private in ["10.0.0.1", "169.254.169.254", "::ffff:10.0.0.1", "fd00::1", "127.0.0.2"] {
        for answer in [["127.0.0.1", private], [private, "127.0.0.1"]] {
            let script = Script::new(&[&answer]);
            let url = format!("http://cdn.example.com:{}/?token=secret", server.port);
            let message = permanent(client(settings(&server), &script).fetch(&url).await);
            assert_eq!(message, format!("{PRIVATE} (cdn.example.com)"));
        }
    }
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_second_answer_never_gets_a_chance() {
    let server = Server::start(|_| ok("picture")).await;
    let script = Script::new(&[LOOPBACK, &["10.0.0.1"]]);
    let client = client(settings(&server), &script);
    let url = format!("http://cdn.example.com:{}/", server.port);
    assert_eq!(client.fetch(&url).await.unwrap(), "picture");
    assert_eq!(script.asked().len(), 1, "checked and connected with one answer");
    assert_eq!(permanent(client.fetch(&url).await), format!("{PRIVATE} (cdn.example.com)"));
    assert_eq!((script.asked().len(), server.requests().len()), (2, 1));
}

#[tokio::test]
async fn a_redirect_into_a_private_network_is_refused() {
    for (to, host) in [
        ("http://169.254.169.254:{port}/latest", "169.254.169.254"),
        ("//[::1]:{port}/", "[::1]"),
        ("http://inside.example.com:{port}/", "inside.example.com"),
    ] {
        let server = Server::start(move |head| {
            let port = head.split_once("cdn.example.com:").unwrap().1.lines().next().unwrap().to_owned();
            redirect(&to.replace("{port}", &port))
        })
        .await;
        let script = Script::new(&[LOOPBACK, &["10.0.0.1"]]);
        let url = format!("http://cdn.example.com:{}/", server.port);
        assert_eq!(
            permanent(client(settings(&server), &script).fetch(&url).await),
            format!(
                "the web address redirects into a private network ({host}); use the final, public address \
                 (cdn.example.com)"
            )
        );
        assert_eq!(server.requests().len(), 1);
    }
}

#[tokio::test]
async fn a_redirect_loop_ends_after_three() {
    let server = Server::start(|_| redirect("/again")).await;
    assert_eq!(
        permanent(fetch(&server, settings(&server)).await),
        "the web address redirects more than 3 times; use the final address (cdn.example.com)"
    );
    assert_eq!(server.requests().len(), 4);
}

#[tokio::test]
async fn a_redirect_to_what_is_no_web_address_is_refused() {
    for to in
        ["file:///etc/passwd", "http://ann:pw@cdn.example.com/", "http://cdn.example.com:22/", "http://", "ftp://a/"]
    {
        let server = Server::start(move |_| redirect(to)).await;
        assert_eq!(
            permanent(fetch(&server, settings(&server)).await),
            "the web address redirects to something that cannot be followed; use the final address (cdn.example.com)"
        );
    }
}

#[tokio::test]
async fn a_redirect_from_https_to_http_is_refused() {
    let plain = Server::start(|_| ok("picture")).await;
    let to = format!("http://cdn.example.com:{}/", plain.port);
    let (secure, root) = Server::start_tls("cdn.example.com", move |_| redirect(&to)).await;
    let ports = vec![plain.port, secure.port];
    let settings = FetchSettings { ports, extra_roots: vec![root], ..FetchSettings::default() };
    let url = format!("https://cdn.example.com:{}/", secure.port);
    assert_eq!(
        permanent(client(settings, &Script::new(&[LOOPBACK])).fetch(&url).await),
        "the web address redirects from https to http; use the final address (cdn.example.com)"
    );
    assert!(plain.requests().is_empty());
}

#[tokio::test]
async fn a_certificate_nobody_vouches_for_is_refused() {
    let message = "the server's certificate is not trusted; have it corrected or use another address (cdn.example.com)";
    let (unknown, _) = Server::start_tls("cdn.example.com", |_| ok("picture")).await;
    let (misnamed, root) = Server::start_tls("other.example.com", |_| ok("picture")).await;
    for (server, extra_roots) in [(&unknown, vec![]), (&misnamed, vec![root])] {
        let url = format!("https://cdn.example.com:{}/", server.port);
        let settings = FetchSettings { extra_roots, ..settings(server) };
        assert_eq!(permanent(client(settings, &Script::new(&[LOOPBACK])).fetch(&url).await), message);
        assert!(server.requests().is_empty());
    }
}

#[tokio::test]
async fn an_allowed_host_is_reached_on_its_port_only() {
    let server = Server::start(|_| ok("picture")).await;
    let other = Server::start(|_| ok("picture")).await;
    for host in ["crm.example.com", "127.0.0.1", "CRM.Example.com"] {
        let allow = vec![format!("{host}:{}", server.port)];
        let script = Script::new(&[LOOPBACK]);
        let settings = FetchSettings { allow, ..FetchSettings::default() };
        let client = GuardedClient::with_resolver(settings, script).unwrap();
        assert_eq!(client.fetch(&format!("http://{host}:{}/", server.port)).await.unwrap(), "picture");
        assert!(permanent(client.fetch(&format!("http://{host}:{}/", other.port)).await).contains("is not allowed"));
        let message = permanent(client.fetch(&format!("http://{host}/")).await);
        assert!(message.starts_with(PRIVATE), "{message}");
    }
    assert!(other.requests().is_empty());
}

#[test]
fn an_allow_entry_without_a_port_is_refused() {
    for entry in ["crm.example.com", "http://crm.example.com:80", "crm.example.com:http", ""] {
        let settings = FetchSettings { allow: vec![entry.into()], ..FetchSettings::default() };
        let message = GuardedClient::new(settings).err().unwrap().to_string();
        assert_eq!(message, format!("\"{entry}\" is not a host and a port, such as crm.example.com:8080"));
    }
}
