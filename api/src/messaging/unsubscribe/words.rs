//! The words of the pages for recipients, in each language. `{workspace}`, `{what}` and `{address}` stand for what is
//! put in.

use herald_contacts::Channel;

/// The words in one language.
#[derive(Debug)]
pub(super) struct Words {
    /// The language, as the first part of a BCP 47 tag.
    pub(super) language: &'static str,
    /// `ltr` or `rtl`.
    pub(super) direction: &'static str,
    pub(super) title: &'static str,
    pub(super) ask: &'static str,
    pub(super) button: &'static str,
    pub(super) choose: &'static str,
    pub(super) done_title: &'static str,
    pub(super) done: &'static str,
    pub(super) preferences_title: &'static str,
    pub(super) preferences: &'static str,
    pub(super) each: &'static str,
    pub(super) closed: &'static str,
    pub(super) save: &'static str,
    pub(super) saved: &'static str,
    pub(super) agreed: &'static str,
    pub(super) track: &'static str,
    pub(super) nothing_title: &'static str,
    pub(super) nothing: &'static str,
    pub(super) wrong_title: &'static str,
    pub(super) wrong: &'static str,
    emails: &'static str,
    calls: &'static str,
    whatsapp: &'static str,
}

impl Words {
    /// What is sent over a channel.
    pub(super) fn what(&self, channel: Channel) -> &'static str {
        match channel {
            Channel::Email => self.emails,
            Channel::Phone => self.calls,
            Channel::Whatsapp => self.whatsapp,
        }
    }

    /// The words in the first of these languages that there are words in, or in English.
    pub(super) fn of<'a>(languages: impl IntoIterator<Item = &'a str>) -> &'static Self {
        let known = |tag: &str| {
            let language = tag.split(['-', '_']).next().unwrap_or_default().trim();
            ALL.iter().find(|words| words.language.eq_ignore_ascii_case(language))
        };
        languages.into_iter().find_map(known).unwrap_or(&ALL[0])
    }
}

const ALL: [Words; 6] = [ENGLISH, GERMAN, SPANISH, FRENCH, ARABIC, URDU];

const ENGLISH: Words = Words {
    language: "en",
    direction: "ltr",
    title: "Unsubscribe",
    ask: "Should {workspace} send no more {what} to {address}?",
    button: "Yes, unsubscribe",
    choose: "Choose what you get",
    done_title: "You have unsubscribed",
    done: "{workspace} sends no more {what} to {address}.",
    preferences_title: "What do you want to get?",
    preferences: "Tick what {workspace} may send you.",
    each: "{what} to {address}",
    closed: "cannot be switched on here",
    save: "Save",
    saved: "Your choice is saved.",
    agreed: "I want to get {what} from {workspace}.",
    track: "{workspace} may see which messages I open and which links I follow.",
    nothing_title: "There is nothing to unsubscribe from",
    nothing: "The message was a test, or its data has been deleted. You get nothing more because of it.",
    wrong_title: "This link is not complete",
    wrong: "Please open the link exactly as it stands in the message.",
    emails: "e-mails",
    calls: "calls and text messages",
    whatsapp: "WhatsApp messages",
};

const GERMAN: Words = Words {
    language: "de",
    direction: "ltr",
    title: "Abmelden",
    ask: "Soll {workspace} keine {what} mehr an {address} senden?",
    button: "Ja, abmelden",
    choose: "Auswählen, was Sie bekommen",
    done_title: "Sie sind abgemeldet",
    done: "{workspace} sendet keine {what} mehr an {address}.",
    preferences_title: "Was möchten Sie bekommen?",
    preferences: "Kreuzen Sie an, was {workspace} Ihnen senden darf.",
    each: "{what} an {address}",
    closed: "kann hier nicht eingeschaltet werden",
    save: "Speichern",
    saved: "Ihre Auswahl ist gespeichert.",
    agreed: "Ich möchte {what} von {workspace} bekommen.",
    track: "{workspace} darf sehen, welche Nachrichten ich öffne und welchen Links ich folge.",
    nothing_title: "Es gibt nichts abzumelden",
    nothing: "Die Nachricht war ein Test, oder ihre Daten wurden gelöscht. Ihretwegen wird nichts mehr gesendet.",
    wrong_title: "Dieser Link ist nicht vollständig",
    wrong: "Bitte öffnen Sie den Link genau so, wie er in der Nachricht steht.",
    emails: "E-Mails",
    calls: "Anrufe und SMS",
    whatsapp: "WhatsApp-Nachrichten",
};

const SPANISH: Words = Words {
    language: "es",
    direction: "ltr",
    title: "Darse de baja",
    ask: "¿Quiere que {workspace} deje de enviar {what} a {address}?",
    button: "Sí, darme de baja",
    choose: "Elegir qué recibo",
    done_title: "Se ha dado de baja",
    done: "{workspace} ya no envía {what} a {address}.",
    preferences_title: "¿Qué quiere recibir?",
    preferences: "Marque lo que {workspace} puede enviarle.",
    each: "{what} a {address}",
    closed: "no se puede activar aquí",
    save: "Guardar",
    saved: "Su elección se ha guardado.",
    agreed: "Quiero recibir {what} de {workspace}.",
    track: "{workspace} puede ver qué mensajes abro y qué enlaces sigo.",
    nothing_title: "No hay nada de lo que darse de baja",
    nothing: "El mensaje era una prueba, o sus datos se han eliminado. No recibirá nada más por él.",
    wrong_title: "Este enlace no está completo",
    wrong: "Abra el enlace exactamente como aparece en el mensaje.",
    emails: "correos electrónicos",
    calls: "llamadas y mensajes de texto",
    whatsapp: "mensajes de WhatsApp",
};

const FRENCH: Words = Words {
    language: "fr",
    direction: "ltr",
    title: "Se désabonner",
    ask: "Voulez-vous arrêter {what} de {workspace} à {address} ?",
    button: "Oui, me désabonner",
    choose: "Choisir ce que je reçois",
    done_title: "Votre désabonnement est enregistré",
    done: "Vous ne recevez plus {what} de {workspace} à {address}.",
    preferences_title: "Que souhaitez-vous recevoir ?",
    preferences: "Cochez ce que {workspace} peut vous envoyer.",
    each: "{what} à {address}",
    closed: "ne peut pas être activé ici",
    save: "Enregistrer",
    saved: "Votre choix est enregistré.",
    agreed: "Je veux recevoir {what} de {workspace}.",
    track: "{workspace} peut voir quels messages j’ouvre et quels liens je suis.",
    nothing_title: "Il n’y a rien à arrêter",
    nothing: "Le message était un essai, ou ses données ont été supprimées. Vous ne recevrez rien d’autre.",
    wrong_title: "Ce lien n’est pas complet",
    wrong: "Ouvrez le lien exactement comme il figure dans le message.",
    emails: "les e-mails",
    calls: "les appels et les SMS",
    whatsapp: "les messages WhatsApp",
};

const ARABIC: Words = Words {
    language: "ar",
    direction: "rtl",
    title: "إلغاء الاشتراك",
    ask: "هل تريد ألا ترسل {workspace} بعد الآن {what} إلى {address}؟",
    button: "نعم، إلغاء الاشتراك",
    choose: "اختيار ما أتلقاه",
    done_title: "تم إلغاء اشتراكك",
    done: "لن ترسل {workspace} بعد الآن {what} إلى {address}.",
    preferences_title: "ماذا تريد أن تتلقى؟",
    preferences: "ضع علامة على ما يجوز أن ترسله إليك {workspace}.",
    each: "{what} إلى {address}",
    closed: "لا يمكن تفعيله هنا",
    save: "حفظ",
    saved: "تم حفظ اختيارك.",
    agreed: "أريد أن أتلقى {what} من {workspace}.",
    track: "يجوز لـ {workspace} أن ترى الرسائل التي أفتحها والروابط التي أتبعها.",
    nothing_title: "لا يوجد ما يمكن إلغاء الاشتراك فيه",
    nothing: "كانت الرسالة تجربة، أو حُذفت بياناتها. لن يصلك شيء آخر بسببها.",
    wrong_title: "هذا الرابط غير مكتمل",
    wrong: "افتح الرابط تمامًا كما ورد في الرسالة.",
    emails: "رسائل البريد الإلكتروني",
    calls: "المكالمات والرسائل النصية",
    whatsapp: "رسائل واتساب",
};

const URDU: Words = Words {
    language: "ur",
    direction: "rtl",
    title: "ان سبسکرائب کریں",
    ask: "کیا آپ چاہتے ہیں کہ {workspace} اب {address} پر {what} نہ بھیجے؟",
    button: "جی ہاں، ان سبسکرائب کریں",
    choose: "منتخب کریں کہ آپ کو کیا ملے",
    done_title: "آپ ان سبسکرائب ہو گئے ہیں",
    done: "{workspace} اب {address} پر {what} نہیں بھیجے گا۔",
    preferences_title: "آپ کیا وصول کرنا چاہتے ہیں؟",
    preferences: "نشان لگائیں کہ {workspace} آپ کو کیا بھیج سکتا ہے۔",
    each: "{address} پر {what}",
    closed: "یہاں آن نہیں کیا جا سکتا",
    save: "محفوظ کریں",
    saved: "آپ کا انتخاب محفوظ ہو گیا ہے۔",
    agreed: "مجھے {workspace} سے {what} وصول کرنا منظور ہے۔",
    track: "{workspace} دیکھ سکتا ہے کہ میں کون سے پیغامات کھولتا ہوں اور کن لنکس پر جاتا ہوں۔",
    nothing_title: "ان سبسکرائب کرنے کے لیے کچھ نہیں ہے",
    nothing: "یہ پیغام ایک آزمائش تھا، یا اس کا ڈیٹا حذف ہو چکا ہے۔ اس کی وجہ سے آپ کو مزید کچھ نہیں بھیجا جائے گا۔",
    wrong_title: "یہ لنک مکمل نہیں ہے",
    wrong: "براہ کرم لنک بالکل ویسے ہی کھولیں جیسا پیغام میں ہے۔",
    emails: "ای میلز",
    calls: "کالز اور ٹیکسٹ پیغامات",
    whatsapp: "واٹس ایپ پیغامات",
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_asks_with_the_same_facts() {
        for words in &ALL {
            for (text, facts) in [
                (words.ask, &["{workspace}", "{what}", "{address}"][..]),
                (words.done, &["{workspace}", "{what}", "{address}"]),
                (words.each, &["{what}", "{address}"]),
                (words.agreed, &["{workspace}", "{what}"]),
                (words.preferences, &["{workspace}"]),
            ] {
                for fact in facts {
                    assert!(text.contains(fact), "{} {text}", words.language);
                }
            }
        }
    }

    #[test]
    fn the_first_language_with_words_is_taken() {
        let of = |tags: &[&str]| Words::of(tags.iter().copied()).language;
        assert_eq!(of(&["de-AT", "fr"]), "de");
        assert_eq!(of(&["nl", "UR_pk"]), "ur");
        assert_eq!(of(&["zz"]), "en");
        assert_eq!(of(&[]), "en");
        assert_eq!(Words::of(["ar"]).direction, "rtl");
    }
}
