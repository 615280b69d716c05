//! Names of people who do not exist, in many scripts: their family names are words for example, sample and the like.

/// How the parts of a name stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// The given name first.
    GivenFirst,
    /// The family name first.
    FamilyFirst,
    /// The family name first, without a space.
    Joined,
}

/// A place that example people come from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) locale: &'static str,
    pub(super) country: &'static str,
    pub(super) time_zone: &'static str,
    pub(super) currency: &'static str,
    pub(super) order: Order,
    pub(super) given: [&'static str; 6],
    pub(super) family: [&'static str; 3],
}

macro_rules! places {
    ($($locale:literal $country:literal $zone:literal $currency:literal $order:ident
        [$($given:literal)*] [$($family:literal)*])*) => {
        /// Every place.
        pub(super) const PLACES: &[Place] = &[$(Place {
            locale: $locale,
            country: $country,
            time_zone: $zone,
            currency: $currency,
            order: Order::$order,
            given: [$($given),*],
            family: [$($family),*],
        }),*];
    };
}

places! {
    "en-GB" "GB" "Europe/London" "GBP" GivenFirst
        ["Ada" "Oscar" "Maud" "Felix" "Ivy" "Hugo"] ["Example" "Placeholder" "Sampleton"]
    "de-DE" "DE" "Europe/Berlin" "EUR" GivenFirst
        ["Anke" "Jürgen" "Käthe" "Uwe" "Heike" "Jörg"] ["Beispiel" "Muster" "Vorlage"]
    "fr-FR" "FR" "Europe/Paris" "EUR" GivenFirst
        ["Amélie" "Loïc" "Zoé" "Gaël" "Noëlle" "Rémi"] ["Exemple" "Modèle" "Spécimen"]
    "es-ES" "ES" "Europe/Madrid" "EUR" GivenFirst
        ["Begoña" "Íñigo" "Lucía" "Andrés" "Núria" "Óscar"] ["Ejemplo" "Muestra" "Modelo"]
    "it-IT" "IT" "Europe/Rome" "EUR" GivenFirst
        ["Chiara" "Niccolò" "Giulia" "Matteo" "Noemi" "Ettore"] ["Esempio" "Campione" "Modello"]
    "pt-BR" "BR" "America/Sao_Paulo" "BRL" GivenFirst
        ["João" "Conceição" "Luís" "Inês" "Tomás" "Débora"] ["Exemplo" "Amostra" "Ensaio"]
    "nl-NL" "NL" "Europe/Amsterdam" "EUR" GivenFirst
        ["Anouk" "Joost" "Mieke" "Sjoerd" "Femke" "Thijs"] ["Voorbeeld" "Proefstuk" "Schets"]
    "pl-PL" "PL" "Europe/Warsaw" "PLN" GivenFirst
        ["Łucja" "Grzegorz" "Żaneta" "Michał" "Agnieszka" "Stanisław"] ["Przykład" "Wzór" "Próbka"]
    "cs-CZ" "CZ" "Europe/Prague" "CZK" GivenFirst
        ["Jiří" "Zdeňka" "Ondřej" "Růžena" "Matěj" "Šárka"] ["Příklad" "Vzorek" "Ukázka"]
    "hu-HU" "HU" "Europe/Budapest" "HUF" FamilyFirst
        ["Zsófia" "Gergő" "Ágnes" "Bálint" "Réka" "Csaba"] ["Példa" "Minta" "Próba"]
    "sv-SE" "SE" "Europe/Stockholm" "SEK" GivenFirst
        ["Åsa" "Björn" "Märta" "Göran" "Linnéa" "Sören"] ["Exempel" "Mönster" "Prov"]
    "fi-FI" "FI" "Europe/Helsinki" "EUR" GivenFirst
        ["Väinö" "Aino" "Päivi" "Jyrki" "Säde" "Eero"] ["Esimerkki" "Malli" "Näyte"]
    "el-GR" "GR" "Europe/Athens" "EUR" GivenFirst
        ["Ελένη" "Γιώργος" "Σοφία" "Νίκος" "Δάφνη" "Πέτρος"] ["Παράδειγμα" "Δείγμα" "Πρότυπο"]
    "tr-TR" "TR" "Europe/Istanbul" "TRY" GivenFirst
        ["Çağla" "İlker" "Gülşen" "Barış" "Şule" "Ömer"] ["Örnek" "Deneme" "Taslak"]
    "uk-UA" "UA" "Europe/Kyiv" "UAH" GivenFirst
        ["Оксана" "Тарас" "Леся" "Андрій" "Ярина" "Богдан"] ["Приклад" "Зразок" "Взірець"]
    "bg-BG" "BG" "Europe/Sofia" "BGN" GivenFirst
        ["Иво" "Десислава" "Калин" "Радка" "Огнян" "Мила"] ["Пример" "Образец" "Мостра"]
    "ka-GE" "GE" "Asia/Tbilisi" "GEL" GivenFirst
        ["ნინო" "გიორგი" "თამარი" "ლევანი" "ქეთევანი" "დათო"] ["მაგალითი" "ნიმუში" "მოდელი"]
    "hy-AM" "AM" "Asia/Yerevan" "AMD" GivenFirst
        ["Անի" "Արամ" "Նարե" "Տիգրան" "Լուսինե" "Վահան"] ["Օրինակ" "Նմուշ" "Մոդել"]
    "ar-EG" "EG" "Africa/Cairo" "EGP" GivenFirst
        ["ليلى" "سامي" "نور" "كريم" "هالة" "طارق"] ["مثال" "نموذج" "عينة"]
    "he-IL" "IL" "Asia/Jerusalem" "ILS" GivenFirst
        ["נועה" "איתן" "תמר" "יואב" "שירה" "אורי"] ["דוגמה" "דגם" "מופת"]
    "fa-IR" "IR" "Asia/Tehran" "IRR" GivenFirst
        ["شیرین" "بابک" "نرگس" "کاوه" "پریسا" "آرش"] ["نمونه" "مثال" "الگو"]
    "ur-PK" "PK" "Asia/Karachi" "PKR" GivenFirst
        ["عائشہ" "حمزہ" "زینب" "بلال" "ثنا" "فیصل"] ["مثال" "نمونہ" "خاکہ"]
    "hi-IN" "IN" "Asia/Kolkata" "INR" GivenFirst
        ["अदिति" "रोहन" "मीरा" "अर्जुन" "काव्या" "विवेक"] ["उदाहरण" "नमूना" "आदर्श"]
    "bn-BD" "BD" "Asia/Dhaka" "BDT" GivenFirst
        ["অনিকা" "রাহুল" "মিতা" "তানভীর" "নীলা" "সুমন"] ["উদাহরণ" "নমুনা" "আদর্শ"]
    "ta-IN" "IN" "Asia/Kolkata" "INR" GivenFirst
        ["கவிதா" "முருகன்" "மீனா" "அருண்" "தேவி" "குமார்"] ["உதாரணம்" "மாதிரி" "முன்மாதிரி"]
    "th-TH" "TH" "Asia/Bangkok" "THB" GivenFirst
        ["มาลี" "สมชาย" "ดาว" "ก้อง" "ฟ้า" "ชัย"] ["ตัวอย่าง" "แบบอย่าง" "ทดลอง"]
    "vi-VN" "VN" "Asia/Ho_Chi_Minh" "VND" FamilyFirst
        ["Linh" "Hùng" "Thảo" "Đức" "Ngọc" "Tuấn"] ["Ví Dụ" "Mẫu" "Thử"]
    "zh-CN" "CN" "Asia/Shanghai" "CNY" Joined
        ["小梅" "大伟" "芳" "强" "晓明" "雨桐"] ["范例" "样本" "示例"]
    "ja-JP" "JP" "Asia/Tokyo" "JPY" FamilyFirst
        ["花子" "太郎" "桜" "健太" "美咲" "大輔"] ["見本" "例題" "試作"]
    "ko-KR" "KR" "Asia/Seoul" "KRW" Joined
        ["서연" "민준" "지우" "하준" "수아" "도윤"] ["보기" "예시" "견본"]
}

impl Place {
    /// A name of this place. The first eighteen are different.
    pub(super) fn name(&self, number: usize) -> String {
        let given = self.given[number % 6];
        let family = self.family[(number / 6 + number) % 3];
        match self.order {
            Order::GivenFirst => format!("{given} {family}"),
            Order::FamilyFirst => format!("{family} {given}"),
            Order::Joined => format!("{family}{given}"),
        }
    }
}
