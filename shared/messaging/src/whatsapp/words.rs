//! Words by which a person says that they want no more messages, or want them again.

/// What a person wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// No more messages.
    Stop,
    /// Messages again.
    Start,
}

/// The words of stopping, in lower case.
const STOP: &[&str] = &[
    // English, and what carriers of the United States know.
    "stop",
    "stopall",
    "stop all",
    "unsubscribe",
    "optout",
    "opt out",
    "opt-out",
    "quit",
    "cancel",
    "end",
    "remove me",
    "stop promotions",
    "unsubscribe from promos",
    "unsubscribe from all",
    "detener promociones",
    // Spanish, Catalan, Portuguese, French, Italian.
    "baja",
    "alto",
    "parar",
    "cancelar",
    "no más",
    "no mas",
    "darme de baja",
    "dame de baja",
    "atura",
    "sair",
    "pare",
    "descadastrar",
    "arrêt",
    "arret",
    "arrêter",
    "désabonner",
    "desabonner",
    "basta",
    "annulla",
    "disiscrivi",
    // German, Dutch, the Nordic languages.
    "stopp",
    "abmelden",
    "abbestellen",
    "austragen",
    "afmelden",
    "uitschrijven",
    "avsluta",
    "avslut",
    "afmeld",
    "lopeta",
    // Polish, Turkish, Russian, Ukrainian, Greek.
    "wypisz",
    "iptal",
    "dur",
    "стоп",
    "отписаться",
    "отмена",
    "відписатися",
    "στοπ",
    "διακοπή",
    // Arabic, Urdu, Persian, Hindi.
    "توقف",
    "إيقاف",
    "ايقاف",
    "إلغاء",
    "الغاء",
    "قف",
    "بند کرو",
    "روکیں",
    "بند",
    "لغو",
    "बंद",
    "बंद करो",
    "रोकें",
    // Chinese, Japanese, Korean.
    "停止",
    "退订",
    "取消",
    "退訂",
    "配信停止",
    "ストップ",
    "중지",
    "거부",
];

/// The words of starting again, in lower case.
const START: &[&str] = &[
    "start",
    "unstop",
    "subscribe",
    "resume",
    "alta",
    "iniciar",
    "reanudar",
    "começar",
    "démarrer",
    "inizia",
    "anmelden",
    "starten",
    "aanmelden",
    "старт",
    "начать",
    "ابدأ",
    "شروع",
    "शुरू",
    "开始",
    "開始",
    "시작",
];

/// What a message asks for, if it consists of one of these words alone: "stop it, you are so funny" asks for nothing.
pub(super) fn wish(text: &str) -> Option<Wish> {
    // A long message is none of these words; it need not be looked at.
    if text.len() > 200 {
        return None;
    }
    let lower = text.to_lowercase();
    let around = |c: char| c.is_whitespace() || c.is_ascii_punctuation() || "¡¿!。！．…،؟।".contains(c);
    let word = lower.trim_matches(around).split_whitespace().collect::<Vec<_>>().join(" ");
    if STOP.contains(&word.as_str()) {
        return Some(Wish::Stop);
    }
    START.contains(&word.as_str()).then_some(Wish::Start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_the_words_alone_is_a_wish_in_any_spelling() {
        for text in
            ["STOP", " stop. ", "Stop!!", "¡BAJA!", "Arrêt", "СТОП", "توقف", "بند", "退订", "opt  out", "\"stop\""]
        {
            assert_eq!(wish(text), Some(Wish::Stop), "{text}");
        }
        for text in ["Start", "ALTA", "старт"] {
            assert_eq!(wish(text), Some(Wish::Start), "{text}");
        }
        for text in ["", "don't stop", "stop it, you are so funny", "the bus stop", "yes", &"stop ".repeat(100)] {
            assert_eq!(wish(text), None, "{text}");
        }
    }
}
