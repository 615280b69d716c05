//! Who asks: a person, or a program that looks at links before the person does.
//!
//! Programs that say what they are, are known by it. Those that do not are known by what they do: see
//! [`super::recent`].

/// Words in the names of programs that are no mail programs or browsers, in small letters.
const WORDS: [&str; 44] = [
    "bot",
    "crawl",
    "spider",
    "slurp",
    "scan",
    "scrap",
    "preview",
    "fetch",
    "python",
    "headless",
    "phantom",
    "monitor",
    "uptime",
    "synthetic",
    "proofpoint",
    "barracuda",
    "mimecast",
    "safelinks",
    "httpclient",
    "lighthouse",
    "validator",
    "checker",
    "archive",
    "feed",
    "index",
    "search",
    "survey",
    "analyzer",
    "google-",
    "googleother",
    "favicon",
    "yandex",
    "baidu",
    "playwright",
    "selenium",
    "nikto",
    "datanyze",
    "zgrab",
    "ptst/",
    "agent",
    "verif",
    "http://",
    "https://",
    "@",
];
/// Words that are no sign, though one of [`WORDS`] is in them: names of phones.
const BUT: [&str; 1] = ["cubot"];
/// How the names of browsers begin, and words in those of mail programs.
const BROWSERS: [&str; 3] = ["mozilla/", "opera/", "dalvik/"];
const MAIL: [&str; 9] =
    ["mail", "outlook", "office", "thunderbird", "evolution", "lotus", "cfnetwork", "eudora", "googleimageproxy"];
/// Browsers that call themselves compatible with others.
const COMPATIBLE: [&str; 4] = ["msie", "ms-office", "trident", "konqueror"];

/// What of a request tells who asks.
#[derive(Clone, Copy, Debug, Default)]
pub struct Request<'a> {
    /// Whether only the headers are asked for.
    pub is_head: bool,
    /// The header `User-Agent`.
    pub agent: &'a str,
    /// The values of `Sec-Purpose`, `Purpose`, `X-Purpose` and `X-Moz`.
    pub purposes: &'a str,
}

/// Why a request is no person's, in a word; none: it may be one's.
#[must_use]
pub fn robot(request: Request<'_>) -> Option<&'static str> {
    if request.is_head {
        return Some("head");
    }
    let purposes = request.purposes.to_ascii_lowercase();
    if purposes.contains("prefetch") || purposes.contains("preview") || purposes.contains("prerender") {
        return Some("prefetch");
    }
    let mut agent = request.agent.trim().to_ascii_lowercase();
    // A program that loads all pictures ahead says no more than this.
    if agent.is_empty() || agent == "mozilla/5.0" {
        return Some("no_agent");
    }
    for but in BUT {
        agent = agent.replace(but, "");
    }
    let has = |words: &[&str]| words.iter().any(|word| agent.contains(word));
    let is_known = BROWSERS.iter().any(|browser| agent.starts_with(browser)) || has(&MAIL);
    let poses = agent.contains("compatible;") && !has(&COMPATIBLE);
    (!is_known || poses || has(&WORDS)).then_some("agent")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_that_look_ahead_are_told_from_people() {
        let by = |agent| robot(Request { agent, ..Request::default() });
        for person in [
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 \
             Safari/537.36",
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) \
             Version/17.5 Mobile/15E148 Safari/604.1",
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Thunderbird/128.1.0",
            "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)",
            "Mozilla/5.0 (Linux; Android 13; CUBOT P80) AppleWebKit/537.36 Chrome/126.0 Mobile Safari/537.36",
            "Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.17726; Pro)",
        ] {
            assert_eq!(by(person), None, "{person}");
        }
        for (agent, why) in [
            ("", "no_agent"),
            ("Mozilla/5.0", "no_agent"),
            ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "agent"),
            ("curl/8.5.0", "agent"),
            ("python-requests/2.32.3", "agent"),
            ("WhatsApp/2.24.13 A", "agent"),
            ("Barracuda Sentinel (EE)", "agent"),
        ] {
            assert_eq!(by(agent), Some(why), "{agent}");
        }
        let agent = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0";
        assert_eq!(robot(Request { is_head: true, agent, purposes: "" }), Some("head"));
        assert_eq!(robot(Request { is_head: false, agent, purposes: "prefetch;prerender" }), Some("prefetch"));
    }
}
