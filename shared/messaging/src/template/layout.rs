//! What Herald puts around a body: the frame of a page, the line that lists of mails show, and the foot with the
//! sender's address and the way out.

use super::{
    MessageFormat,
    escape::html,
    footer::Footer,
    language::direction,
    scan::{Piece, scan},
};

/// What mail programs read of a page in both themes. Colours are said only where a dark theme needs its own.
const STYLE: &str = "\
body{margin:0;padding:0}\
.page{max-width:600px;margin:0 auto;padding:24px 20px;font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,\
sans-serif;font-size:16px;line-height:1.5;color:#1b2430}\
.page h1{font-size:26px;line-height:1.25;margin:0 0 16px}.page h2{font-size:21px;line-height:1.3;margin:28px 0 12px}\
.page h3{font-size:17px;margin:24px 0 8px}.page p,.page ul,.page ol,.page blockquote{margin:0 0 16px}\
.page img{max-width:100%;height:auto;border:0}.page a{color:#0b5a9d}.page hr{border:0;border-top:1px solid #cfcabd}\
.page blockquote{padding-inline-start:16px;border-inline-start:3px solid #cfcabd}\
.page table{border-collapse:collapse}.page th,.page td{border:1px solid #cfcabd;padding:6px 10px;text-align:start}\
.page pre{white-space:pre-wrap}\
@media (prefers-color-scheme:dark){body{background:#14181f}.page{color:#e9e5db}.page a{color:#8ec5f5}}";

/// The words of the foot: leave, and choose.
const WORDS: [(&str, &str, &str); 24] = [
    ("ar", "إلغاء الاشتراك", "التفضيلات"),
    ("cs", "Odhlásit se", "Předvolby"),
    ("da", "Afmeld", "Indstillinger"),
    ("de", "Abmelden", "Einstellungen"),
    ("en", "Unsubscribe", "Preferences"),
    ("es", "Darse de baja", "Preferencias"),
    ("fi", "Peru tilaus", "Asetukset"),
    ("fr", "Se désabonner", "Préférences"),
    ("he", "הסרה מרשימת התפוצה", "העדפות"),
    ("it", "Annulla l’iscrizione", "Preferenze"),
    ("ja", "配信停止", "配信設定"),
    ("ko", "수신 거부", "수신 설정"),
    ("nb", "Meld deg av", "Innstillinger"),
    ("nl", "Afmelden", "Voorkeuren"),
    ("no", "Meld deg av", "Innstillinger"),
    ("pl", "Wypisz się", "Preferencje"),
    ("pt", "Cancelar inscrição", "Preferências"),
    ("ru", "Отписаться", "Настройки"),
    ("sv", "Avsluta prenumerationen", "Inställningar"),
    ("tr", "Abonelikten çık", "Tercihler"),
    ("uk", "Відписатися", "Налаштування"),
    ("vi", "Hủy đăng ký", "Tùy chọn"),
    ("zh", "退订", "偏好设置"),
    ("zh-hant", "取消訂閱", "偏好設定"),
];

/// Marks for what the foot reads.
pub(super) struct FootMarks {
    pub(super) unsubscribe_url: String,
    pub(super) preferences_url: String,
    pub(super) sender_name: String,
    pub(super) postal_address: String,
}

/// What is put around a body.
pub(super) struct Around<'a> {
    pub(super) format: MessageFormat,
    pub(super) language: &'a str,
    /// Plain text, with marks.
    pub(super) subject: &'a str,
    /// Plain text, with marks.
    pub(super) preheader: Option<&'a str>,
    /// What the sender writes below each mail.
    pub(super) footer: Option<&'a Footer>,
    /// None: the body has its own.
    pub(super) foot: Option<&'a FootMarks>,
}

/// The body as a whole page.
pub(super) fn page(body: &str, around: &Around<'_>) -> String {
    let is_whole = scan(body).iter().any(|piece| matches!(piece, Piece::Open { name, .. } if name == "html"));
    let framed = match (around.format, is_whole) {
        (MessageFormat::Markdown, _) => {
            framed(&format!("<div class=\"page\">{body}{}</div>", end(around)), around, STYLE)
        }
        (_, false) => framed(&format!("{body}{}", end(around)), around, ""),
        (_, true) => with_foot(body, &end(around)),
    };
    with_head(&framed, around)
}

fn framed(body: &str, around: &Around<'_>, style: &str) -> String {
    let style = if style.is_empty() { String::new() } else { format!("<style>{style}</style>") };
    format!(
        "<!doctype html><html><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\"><meta name=\"supported-color-schemes\" \
         content=\"light dark\"><title>{}</title>{style}</head><body>{body}</body></html>",
        html(around.subject)
    )
}

/// What stands below the body: the sender's footer, and the foot.
fn end(around: &Around<'_>) -> String {
    let footer = around.footer.map(|footer| {
        format!(
            "<div dir=\"{}\" style=\"margin-top:32px;font-size:13px;line-height:1.5;\
             font-family:Helvetica,Arial,sans-serif\">{}</div>",
            direction(around.language),
            footer.html
        )
    });
    format!("{}{}", footer.unwrap_or_default(), foot(around))
}

/// The foot, if the body has none.
fn foot(around: &Around<'_>) -> String {
    let Some(foot) = around.foot else { return String::new() };
    let (leave, choose) = words(around.language);
    format!(
        "<div dir=\"{}\" style=\"margin-top:32px;padding-top:12px;border-top:1px solid #cfcabd;font-size:13px;\
         line-height:1.5;font-family:Helvetica,Arial,sans-serif\"><p style=\"margin:0 0 8px\">{}<br>{}</p>\
         <p style=\"margin:0\"><a href=\"{}\">{leave}</a> · <a href=\"{}\">{choose}</a></p></div>",
        direction(around.language),
        foot.sender_name,
        foot.postal_address,
        foot.unsubscribe_url,
        foot.preferences_url,
    )
}

/// The foot of the text part.
pub(super) fn text_foot(language: &str, foot: &FootMarks) -> String {
    let (leave, choose) = words(language);
    format!(
        "\n\n-- \n{}\n{}\n\n{leave}: {}\n{choose}: {}\n",
        foot.sender_name, foot.postal_address, foot.unsubscribe_url, foot.preferences_url
    )
}

fn words(language: &str) -> (&'static str, &'static str) {
    let known = WORDS.iter().map(|(language, ..)| *language);
    let chosen = super::language::choose(known, "en", Some(language));
    let found = WORDS.iter().find(|(language, ..)| *language == chosen);
    found.map_or(("Unsubscribe", "Preferences"), |(_, leave, choose)| (*leave, *choose))
}

/// A page with the foot before the end of its body.
fn with_foot(page: &str, foot: &str) -> String {
    let pieces = scan(page);
    let end_of = |wanted: &str| {
        pieces.iter().rev().find_map(|piece| match piece {
            Piece::Close { name, at } if name == wanted => Some(at.start),
            _ => None,
        })
    };
    let (before, behind) = page.split_at(end_of("body").or_else(|| end_of("html")).unwrap_or(page.len()));
    format!("{before}{foot}{behind}")
}

/// A page that says its language, with the line for lists at the beginning of its body.
fn with_head(page: &str, around: &Around<'_>) -> String {
    let mut changes: Vec<(std::ops::Range<usize>, String)> = Vec::new();
    let pieces = scan(page);
    let root = pieces.iter().find_map(|piece| match piece {
        Piece::Open { name, at, attributes, .. } if name == "html" => Some((at, attributes)),
        _ => None,
    });
    if let Some((at, attributes)) = root {
        for (name, value) in [("lang", around.language), ("dir", direction(around.language))] {
            match attributes.iter().find(|own| own.name == name) {
                // MJML that says nothing becomes this.
                Some(own) if matches!(page.get(own.value.clone()), Some("und" | "auto" | "")) => {
                    changes.push((own.value.clone(), value.to_owned()));
                }
                Some(_) => {}
                None => changes.push((at.start + 5..at.start + 5, format!(" {name}=\"{value}\""))),
            }
        }
    }
    let body = pieces.iter().find_map(|piece| match piece {
        Piece::Open { name, at, .. } if name == "body" => Some(at.end),
        _ => None,
    });
    if let (Some(at), Some(preheader)) = (body, around.preheader) {
        // What follows in the body is pushed out of the line.
        let hidden = format!(
            "<div style=\"display:none;max-height:0;max-width:0;overflow:hidden;opacity:0;mso-hide:all\">{}{}</div>",
            html(preheader),
            "&#847;&zwnj;&nbsp;".repeat(40)
        );
        changes.push((at..at, hidden));
    }
    let mut out = page.to_owned();
    changes.sort_by_key(|(at, _)| at.start);
    for (at, text) in changes.into_iter().rev() {
        out.replace_range(at, &text);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks() -> FootMarks {
        let of = |name: &str| format!("[{name}]");
        FootMarks { unsubscribe_url: of("u"), preferences_url: of("p"), sender_name: of("s"), postal_address: of("a") }
    }

    fn around<'a>(format: MessageFormat, language: &'a str, foot: Option<&'a FootMarks>) -> Around<'a> {
        Around { format, language, subject: "A & B", preheader: Some("First <words>"), footer: None, foot }
    }

    #[test]
    fn markdown_gets_a_whole_page_in_its_language() {
        let foot = marks();
        let page = page("<p>x</p>", &around(MessageFormat::Markdown, "ar", Some(&foot)));
        assert!(
            page.starts_with("<!doctype html><html lang=\"ar\" dir=\"rtl\">")
                || page.contains("dir=\"rtl\" lang=\"ar\"")
        );
        assert!(page.contains("<title>A &amp; B</title>") && page.contains("prefers-color-scheme"), "{page}");
        assert!(page.contains(">First &lt;words&gt;&#847;"), "{page}");
        assert!(page.contains("<a href=\"[u]\">إلغاء الاشتراك</a>"), "{page}");
    }

    #[test]
    fn a_whole_page_keeps_what_it_says() {
        let foot = marks();
        let own = "<html lang=\"de\"><body class=x><p>y</p></body></html>";
        let page = page(own, &around(MessageFormat::Html, "de-AT", Some(&foot)));
        assert!(page.starts_with("<html dir=\"ltr\" lang=\"de\"><body class=x><div style="), "{page}");
        assert!(page.contains("<p>y</p><div dir=") && page.ends_with("</div></body></html>"), "{page}");
        assert!(page.contains("Abmelden"), "{page}");
        let without = super::page(own, &Around { preheader: None, ..around(MessageFormat::Html, "de", None) });
        assert_eq!(without, own.replace("<html", "<html dir=\"ltr\""));
    }

    #[test]
    fn the_text_has_whole_links_on_lines_of_their_own() {
        let text = text_foot("fr-CA", &marks());
        assert!(text.contains("\nSe désabonner: [u]\n"), "{text}");
        assert!(text_foot("zh-TW", &marks()).contains("取消訂閱"));
        assert!(text_foot("xx", &marks()).contains("Unsubscribe"));
    }
}
