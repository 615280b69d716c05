//! Which language of a template a person gets.

use icu_locale_core::Locale;

/// Languages that are written in more than one script: the regions in which the second one is usual.
const SCRIPTS: [(&str, &str, &str, &[&str]); 4] = [
    ("zh", "hans", "hant", &["tw", "hk", "mo"]),
    ("sr", "cyrl", "latn", &["me"]),
    ("pa", "guru", "arab", &["pk"]),
    ("uz", "latn", "cyrl", &[]),
];

/// Languages whose readers read each other's, by the name under which they are looked for.
const SAME: [(&str, &str); 4] = [("nb", "no"), ("nn", "no"), ("iw", "he"), ("in", "id")];

/// Languages that are written from right to left.
const RIGHT_TO_LEFT: [&str; 13] = ["ar", "arc", "ckb", "dv", "fa", "he", "iw", "ks", "ps", "sd", "ug", "ur", "yi"];

/// A tag of a language as BCP 47 writes it; none if it is not one.
pub(crate) fn canonical(tag: &str) -> Option<String> {
    let tag = tag.trim().replace('_', "-");
    let locale: Locale = tag.parse().ok()?;
    (!locale.id.language.is_unknown() && locale.extensions.is_empty()).then(|| locale.to_string())
}

/// The language that goes best with a reader's: the same one, the one without its region, one that the reader is likely
/// to read, or the default.
pub(super) fn choose<'l>(
    languages: impl Iterator<Item = &'l str> + Clone,
    default: &'l str,
    locale: Option<&str>,
) -> &'l str {
    let Some(wanted) = locale.and_then(canonical) else { return default };
    let has = |tag: &str| languages.clone().find(|language| language.eq_ignore_ascii_case(tag));
    let mut shorter = wanted.as_str();
    loop {
        if let Some(found) = has(shorter) {
            return found;
        }
        match shorter.rsplit_once('-') {
            // `zh-TW` is not `zh`: that is another script.
            Some((rest, _)) if script(rest) == script(&wanted) => shorter = rest,
            _ => break,
        }
    }
    let reads = |language: &&str| base(language) == base(&wanted) && script(language) == script(&wanted);
    languages.clone().find(reads).unwrap_or(default)
}

/// Which way a language is written, as `dir` of HTML says it.
pub(super) fn direction(language: &str) -> &'static str {
    let first = language.split('-').next().unwrap_or_default().to_ascii_lowercase();
    let is_so = match script(language) {
        Some(script) => matches!(script.as_str(), "arab" | "hebr" | "thaa" | "syrc" | "nkoo" | "adlm"),
        None => RIGHT_TO_LEFT.contains(&first.as_str()),
    };
    if is_so { "rtl" } else { "ltr" }
}

fn base(tag: &str) -> String {
    let first = tag.split('-').next().unwrap_or_default().to_ascii_lowercase();
    SAME.iter().find(|(one, _)| *one == first).map_or(first, |(_, same)| (*same).to_owned())
}

/// The script of a tag: the one that it names, or of a language with more than one the usual one of its region.
fn script(tag: &str) -> Option<String> {
    let mut parts = tag.split('-').map(str::to_ascii_lowercase);
    let language = parts.next()?;
    let rest: Vec<String> = parts.collect();
    let is_script = |part: &&String| part.len() == 4 && part.chars().all(|c| c.is_ascii_alphabetic());
    if let Some(named) = rest.iter().find(is_script) {
        return Some(named.clone());
    }
    let (_, usual, other, regions) = SCRIPTS.iter().find(|(of, ..)| *of == language)?;
    let is_other = rest.iter().any(|part| regions.contains(&part.as_str()));
    Some((if is_other { *other } else { *usual }).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_gets_the_nearest_language() {
        let of = |locale: Option<&str>| {
            choose(["de", "en", "en-GB", "pt-BR", "zh-Hans", "zh-Hant", "no", "sr-Latn"].into_iter(), "en", locale)
                .to_owned()
        };
        for (locale, wanted) in [
            ("de", "de"),
            ("de-AT", "de"),
            ("DE_at", "de"),
            ("en-GB", "en-GB"),
            ("en-IE", "en"),
            ("pt-PT", "pt-BR"),
            ("pt", "pt-BR"),
            ("zh-TW", "zh-Hant"),
            ("zh-HK", "zh-Hant"),
            ("zh", "zh-Hans"),
            ("zh-CN", "zh-Hans"),
            ("zh-Hant-SG", "zh-Hant"),
            ("nb-NO", "no"),
            ("sr-RS", "en"),
            ("sr-Latn-RS", "sr-Latn"),
            ("fr", "en"),
            ("not a language", "en"),
        ] {
            assert_eq!(of(Some(locale)), wanted, "{locale}");
        }
        assert_eq!(of(None), "en");
    }

    #[test]
    fn languages_know_their_direction() {
        for (language, wanted) in
            [("ar", "rtl"), ("he-IL", "rtl"), ("en", "ltr"), ("pa-PK", "rtl"), ("pa", "ltr"), ("az-Arab", "rtl")]
        {
            assert_eq!(direction(language), wanted, "{language}");
        }
    }

    #[test]
    fn tags_are_written_as_bcp_47_has_them() {
        assert_eq!(canonical("PT_br").as_deref(), Some("pt-BR"));
        assert_eq!(canonical("zh-hant-tw").as_deref(), Some("zh-Hant-TW"));
        for bad in ["", "x", "english", "de-", "de-DE-u-co-phonebk", "d\u{e9}", "123"] {
            assert_eq!(canonical(bad), None, "{bad}");
        }
    }
}
