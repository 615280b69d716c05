//! Whole mails, from a template and values.

use proptest::prelude::*;

use super::*;

fn part(subject: &str, body: &str) -> LanguagePart {
    LanguagePart { subject: subject.into(), preheader: None, body: body.into(), text: None }
}

fn content(format: MessageFormat, part: LanguagePart) -> MessageContent {
    let languages = BTreeMap::from([("en".to_owned(), part)]);
    MessageContent { format, default_language: "en".into(), languages }
}

fn values(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let given = [
        ("unsubscribe_url", "https://h.test/u/abc"),
        ("preferences_url", "https://h.test/u/abc/preferences"),
        ("sender_name", "Agency"),
        ("postal_address", "1 Street\nTown"),
    ];
    given.iter().chain(pairs).map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn mail(content: &MessageContent, pairs: &[(&str, &str)]) -> Result<RenderedMail, RenderError> {
    let compiled = Compiled::compile(content, &BTreeMap::new()).unwrap_or_else(|findings| panic!("{findings:#?}"));
    compiled.render("en", &values(pairs))
}

fn errors(content: &MessageContent) -> Vec<String> {
    let findings = check(content, &BTreeMap::new()).into_iter().filter(|finding| finding.is_error);
    findings.map(|finding| format!("{}: {}: {}", finding.place, finding.problem, finding.cure)).collect()
}

#[test]
fn markdown_becomes_a_mail_with_a_way_out() {
    let body =
        "Hello {{ first_name | default(\"friend\") }},\n\nsee **this**: [page](https://x.test/?n={{ first_name }}&m=1)";
    let content = content(MessageFormat::Markdown, part("For {{ first_name }}", body));
    let mail = mail(&content, &[("first_name", "Zoë <b>")]).unwrap();
    assert_eq!(mail.subject, "For Zoë <b>");
    assert!(mail.html.contains("<p>Hello Zoë &lt;b&gt;,</p>"), "{}", mail.html);
    assert!(mail.html.contains("href=\"https://x.test/?n=Zo%C3%AB%20%3Cb%3E&amp;m=1\""), "{}", mail.html);
    assert!(mail.html.contains("<html") && mail.html.contains("lang=\"en\""), "{}", mail.html);
    assert!(mail.html.contains("1 Street<br>Town"), "{}", mail.html);
    assert!(mail.html.contains("<a href=\"https://h.test/u/abc\">Unsubscribe</a>"), "{}", mail.html);
    let text = "Hello Zoë <b>,\n\nsee this: page (https://x.test/?n=Zo%C3%AB%20%3Cb%3E&m=1)\n\n\
                -- \nAgency\n1 Street\nTown\n\nUnsubscribe: https://h.test/u/abc\n\
                Preferences: https://h.test/u/abc/preferences\n";
    assert_eq!(mail.text, text);
}

#[test]
fn a_person_without_a_value_gets_no_mail_with_a_gap() {
    let content = content(MessageFormat::Markdown, part("Hi", "Hi {{ first_name }},"));
    for pairs in [&[][..], &[("first_name", "")], &[("first_name", "  ")]] {
        let error = mail(&content, pairs).unwrap_err();
        assert_eq!((error.place.as_str(), error.variable.as_deref()), ("body", Some("first_name")));
        assert!(error.to_string().contains("{{ first_name | default"), "{error}");
    }
    let warned = check(&content, &BTreeMap::new());
    assert!(warned.iter().any(|finding| !finding.is_error && finding.problem.contains("first_name")), "{warned:#?}");
    let compiled = Compiled::compile(&content, &BTreeMap::new()).unwrap();
    assert_eq!(compiled.required().into_iter().collect::<Vec<_>>(), ["first_name"]);
    assert_eq!(compiled.fields(), compiled.required());
}

#[test]
fn a_value_goes_only_where_it_can_do_nothing() {
    let html = |body: &str| content(MessageFormat::Html, part("S", body));
    let bad = [
        ("<style>p{color:{{ c }}}</style>", "style"),
        ("<p style=\"color:{{ c }}\">x</p>", "style"),
        ("<p>x</p><script>var a = '{{ c }}'</script>", "script"),
        ("<p onclick=\"{{ c }}\">x</p>", "attribute"),
        ("<p class={{ c }}>x</p>", "quotation marks"),
        ("<p {{ c }}=\"1\">x</p>", "name"),
        ("<{{ c }}>x</p>", "name"),
        ("<img alt='' srcset=\"{{ c }} 2x\" src='https://x.test/a'>", "attribute"),
        ("<a href=\"javascript:alert('{{ c }}')\">x</a>", "cannot be followed"),
        ("<a href=\"java{{ c }}:x\">x</a>", ""),
    ];
    for (body, said) in bad {
        let errors = errors(&html(body));
        assert!(errors.iter().any(|error| error.contains(said)), "{body}: {errors:?}");
    }
    let comment = html("<p>a<!-- {{ c }} --></p><!--[if mso]><i title=\"{{ d }}\">{{ d }}</i><![endif]-->");
    let mail = mail(&comment, &[("c", "--><script>"), ("d", "--><script>\"")]).unwrap();
    assert!(mail.html.contains("<!--  -->") && !mail.html.contains("--><script>"), "{}", mail.html);
    assert!(mail.html.contains("<i title=\"--&gt;&lt;script&gt;&quot;\">"), "{}", mail.html);
    assert!(!mail.text.contains("script"), "{}", mail.text);
}

#[test]
fn a_link_of_a_value_leads_to_a_page_or_nowhere() {
    let content =
        content(MessageFormat::Html, part("S", "<a href='{{ url }}'>x</a> <a href='{{ url }}#{{ id }}'>y</a>"));
    let made = mail(&content, &[("url", "https://x.test/?a=1&b='2'"), ("id", "a b")]).unwrap();
    assert!(made.html.contains("<a href='https://x.test/?a=1&amp;b=&#39;2&#39;'>x</a>"), "{}", made.html);
    assert!(made.html.contains("b=&#39;2&#39;#a%20b'>y"), "{}", made.html);
    assert!(
        made.text.starts_with("x (https://x.test/?a=1&b='2') y (https://x.test/?a=1&b='2'#a%20b)"),
        "{}",
        made.text
    );
    for url in ["javascript:alert(1)", "data:text/html,x", "//x.test", "x\" onclick=\"y"] {
        let error = mail(&content, &[("url", url), ("id", "1")]).unwrap_err();
        assert!(error.detail.contains("{{ url }}"), "{error}");
    }
}

#[test]
fn a_subject_is_one_line_whatever_a_value_says() {
    let content = content(MessageFormat::Markdown, part("For {{ name }}", "x"));
    let mail = mail(&content, &[("name", "A\r\nBcc: all@x.test\u{0}\u{85}B")]).unwrap();
    assert_eq!(mail.subject, "For A Bcc: all@x.test B");
}

#[test]
fn own_pages_keep_their_own_way_out() {
    let body = "<html><body><p>x {{ postal_address }}</p><a href=\"{{ unsubscribe_url }}\">Bye</a></body></html>";
    let made = mail(&content(MessageFormat::Html, part("S", body)), &[]).unwrap();
    assert_eq!(made.html.matches("https://h.test/u/abc").count(), 1, "{}", made.html);
    assert!(made.text.ends_with("Bye (https://h.test/u/abc)"), "{}", made.text);
    // A link that nobody sees is none.
    let hidden = "<html><body><!-- {{ unsubscribe_url }} --><p>x</p></body></html>";
    let made = mail(&content(MessageFormat::Html, part("S", hidden)), &[]).unwrap();
    assert!(made.html.contains(">Unsubscribe</a>") && made.text.contains("Unsubscribe: https://"), "{}", made.html);
    let own_text = LanguagePart { text: Some("Look: https://x.test/{{ id }}".into()), ..part("S", body) };
    let made = mail(&content(MessageFormat::Html, own_text), &[("id", "a/b")]).unwrap();
    assert!(made.text.starts_with("Look: https://x.test/a%2Fb\n\n-- \n"), "{}", made.text);
}

#[test]
fn mjml_is_laid_out_and_filled() {
    let body = "<mjml><mj-body><mj-section><mj-column><mj-text>Hi {{ name }} &amp; co</mj-text>\
                <mj-button href=\"https://x.test/{{ id }}?a=1&amp;b=2\">Go {{ name }}</mj-button>\
                <mj-image src=\"https://x.test/a.png\" alt=\"{{ name }}\" /></mj-column></mj-section></mj-body></mjml>";
    let part = LanguagePart { preheader: Some("Soon, {{ name }}".into()), ..part("S", body) };
    let made = mail(&content(MessageFormat::Mjml, part), &[("name", "A\"<"), ("id", "1/2")]).unwrap();
    assert!(made.html.contains("Hi A&quot;&lt; &amp; co"), "{}", made.html);
    assert!(made.html.contains("href=\"https://x.test/1%2F2?a=1&amp;b=2\""), "{}", made.html);
    assert!(made.html.contains("lang=\"en\"") && made.html.contains("dir=\"ltr\""), "{}", made.html);
    assert!(made.html.contains(">Soon, A&quot;&lt;&#847;"), "{}", made.html);
    assert!(made.text.contains("Hi A\"< & co") && !made.text.contains("Soon"), "{}", made.text);
    assert!(made.text.contains("Go A\"< (https://x.test/1%2F2?a=1&b=2)"), "{}", made.text);
    assert!(made.text.contains("[A\"<]"), "{}", made.text);
}

#[test]
fn blocks_are_shared_and_speak_the_language_of_the_template() {
    let languages = [("en", "Open **{{ hours }}**"), ("de", "Offen **{{ hours }}**")];
    let languages = languages.map(|(language, text)| (language.to_owned(), text.to_owned())).into();
    let hours = Block { format: MessageFormat::Markdown, default_language: "en".into(), languages };
    let html = Block { format: MessageFormat::Html, ..hours.clone() };
    let blocks = BTreeMap::from([("hours".to_owned(), hours), ("page".to_owned(), html)]);
    let mut content = content(MessageFormat::Html, part("S", "<div>{{> hours }}</div>"));
    content.languages.insert("de-AT".into(), part("S", "<div>{{> hours }}</div>"));
    let compiled = Compiled::compile(&content, &blocks).unwrap();
    let made = |language| compiled.render(language, &values(&[("hours", "9 < 17")])).unwrap().html;
    assert!(made("en").contains("<p>Open <strong>9 &lt; 17</strong></p>"), "{}", made("en"));
    assert!(made("de-AT").contains("Offen"), "{}", made("de-AT"));
    assert_eq!(content.block_names().into_iter().collect::<Vec<_>>(), ["hours"]);
    let frozen = content.with_blocks(&blocks).unwrap();
    assert_eq!(frozen.languages["en"].body.trim(), "<div><p>Open <strong>{{ hours }}</strong></p>\n</div>");
    assert_eq!(compiled.render("en", &values(&[("hours", "1")])), {
        Compiled::compile(&frozen, &BTreeMap::new()).unwrap().render("en", &values(&[("hours", "1")]))
    });
    for (body, said) in [("{{> nothing }}", "there is no block"), ("{{> page }}", "written in HTML")] {
        let other = super::tests::content(MessageFormat::Markdown, part("S", body));
        let findings = Compiled::compile(&other, &blocks).unwrap_err();
        assert!(findings.iter().any(|finding| finding.problem.contains(said)), "{findings:#?}");
    }
}

#[test]
fn what_is_wrong_is_told_with_its_line_and_its_cure() {
    let body = "<p>a</p>\n<p>{{ name | nothing }}</p>";
    let told = errors(&content(MessageFormat::Html, part("S", body)));
    assert!(told.iter().any(|error| error.starts_with("body, line 2: ")), "{told:?}");
    let body = "<p>a</p>\n<a href=\"page.html\">b</a>\n<img src=\"https://x.test/a\">\n<a href=\"https:///x\">c</a>";
    let findings = check(&content(MessageFormat::Html, part("S", body)), &BTreeMap::new());
    let places: Vec<_> = findings.iter().map(|finding| (finding.place.as_str(), finding.is_error)).collect();
    assert_eq!(places, [("body, line 2", true), ("body, line 3", false), ("body, line 4", true)], "{findings:#?}");
    assert!(errors(&content(MessageFormat::Html, part("", "x")))[0].starts_with("subject: "));
    assert!(errors(&content(MessageFormat::Html, part("a\nb", "x")))[0].contains("one line"));
    let long = content(MessageFormat::Html, part("S", &"<p>word</p>".repeat(11_000)));
    assert!(check(&long, &BTreeMap::new()).iter().any(|finding| finding.problem.contains("cut off")));
    let deep = content(MessageFormat::Html, part("S", &"<div>".repeat(20_000)));
    assert!(errors(&deep)[0].contains("stand in each other"));
    let mut other = content(MessageFormat::Markdown, part("S", "x"));
    other.default_language = "de".into();
    other.languages.insert("PT_br".into(), part("S", "x"));
    let told = errors(&other).join("\n");
    assert!(told.contains("write pt-BR") && told.contains("default language \"de\""), "{told}");
}

#[test]
fn languages_fall_back_one_after_another() {
    let mut all = content(MessageFormat::Markdown, part("S", "x"));
    all.languages.insert("pt-BR".into(), part("S", "y"));
    all.languages.insert("ar".into(), part("S", "z"));
    let compiled = Compiled::compile(&all, &BTreeMap::new()).unwrap();
    assert_eq!(compiled.language_for(Some("pt")), "pt-BR");
    assert_eq!(compiled.language_for(Some("ar-EG")), "ar");
    assert_eq!(compiled.language_for(None), "en");
    assert!(compiled.render("ar", &values(&[])).unwrap().html.contains("dir=\"rtl\""));
    assert!(compiled.render("xx", &values(&[])).unwrap().html.contains("lang=\"en\""));
}

proptest! {
    /// What a value says never becomes markup, a script or a header.
    #[test]
    fn no_value_leaves_its_place(value in "[<>/\"'&a-c=:();\\n\\r -]{1,40}") {
        prop_assume!(!value.trim().is_empty());
        let body = "<p title=\"{{ v }}\">{{ v }}</p><a href=\"https://x.test/{{ v }}?q={{ v }}\">x</a>\
                    <title>{{ v }}</title>";
        let made = |value: &str| mail(&content(MessageFormat::Html, part("{{ v }}", body)), &[("v", value)]).unwrap();
        let (plain, made) = (made("a"), made(&value));
        let shape = |page: &str| {
            let named = |piece: &scan::Piece| match piece {
                scan::Piece::Open { name, attributes, .. } if name != "br" => {
                    let names: Vec<&str> = attributes.iter().map(|own| own.name.as_str()).collect();
                    Some(format!("<{name} {}", names.join(" ")))
                }
                scan::Piece::Close { name, .. } => Some(format!("</{name}")),
                _ => None,
            };
            scan::scan(page).iter().filter_map(named).collect::<Vec<_>>()
        };
        prop_assert_eq!(shape(&made.html), shape(&plain.html));
        prop_assert!(!made.subject.contains(['\n', '\r']));
    }

    /// Whatever a person writes, there is an answer.
    #[test]
    fn any_body_is_accepted_or_refused(body in "[<>/!a-c=\"'{} |>%\\n#*_\\[\\]():-]{0,80}", format in 0..3_usize) {
        let all = content(MessageFormat::ALL[format], part("S", &format!("x{body}")));
        let (compiled, findings) = Compiled::with_findings(&all, &BTreeMap::new());
        prop_assert_eq!(compiled.is_none(), findings.iter().any(|finding| finding.is_error));
    }
}

/// Prints how long a mail takes: `cargo test -p herald-messaging --release -- --nocapture how_long`.
#[test]
fn how_long_a_mail_takes_is_in_proportion() {
    let body = format!(
        "Hello {{{{ first_name }}}},\n\n{}",
        "Some *words* of a long letter to {{ first_name }}.\n\n".repeat(200)
    );
    let all = content(MessageFormat::Markdown, part("For {{ first_name }}", &body));
    let compiled = Compiled::compile(&all, &BTreeMap::new()).unwrap();
    let mail = compiled.render("en", &values(&[("first_name", "Zoë")])).unwrap();
    assert!(mail.html.len() > 10_000);
    assert_eq!(mail.html.matches("Zoë").count(), 202);
}
