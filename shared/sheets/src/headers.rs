//! The meaning of headers, in the words that people use.

use std::{collections::HashMap, sync::LazyLock};
use unicode_normalization::UnicodeNormalization;

/// A column whose meaning Herald knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Name,
    FirstName,
    LastName,
    Email,
    Phone,
    ExternalId,
    Picture,
}

impl Role {
    /// The field of a guest that a column of this role becomes.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::FirstName => "first_name",
            Self::LastName => "last_name",
            Self::Email => "email",
            Self::Phone => "phone",
            Self::ExternalId => "external_id",
            Self::Picture => "picture",
        }
    }

    const ALL: [Self; 7] =
        [Self::Name, Self::FirstName, Self::LastName, Self::Email, Self::Phone, Self::ExternalId, Self::Picture];

    /// The role whose field has this name.
    pub(super) fn named(field: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == field)
    }
}

/// The known headers in the form of [`field_key`]. An earlier word wins if two columns claim the same role.
const WORDS: &[(Role, &str)] = &[
    (
        Role::Name,
        "name full_name fullname guest guest_name display_name contact_name contact attendee attendee_name participant \
         invitee nombre nombre_completo nombre_y_apellidos nom nom_complet nome nome_completo vollstandiger_name gast \
         naam volledige_naam imie_i_nazwisko nama nama_lengkap ho_ten ho_va_ten ad_soyad имя фио ονομα \
         الاسم الاسم_الكامل نام नाम पूरा_नाम 姓名 名字 名前 氏名 이름 성명",
    ),
    (
        Role::FirstName,
        "first_name firstname given_name givenname forename vorname prenom nombre_de_pila primeiro_nome voornaam \
         imie fornamn fornavn",
    ),
    (
        Role::LastName,
        "last_name lastname surname family_name familyname nachname familienname nom_de_famille apellido apellidos \
         cognome sobrenome apelido achternaam nazwisko efternamn etternavn фамилия",
    ),
    (
        Role::Email,
        "email e_mail mail email_address e_mail_address mail_address emailaddress correo correo_electronico courriel \
         adresse_e_mail adresse_email e_mail_adresse email_adresse posta_elettronica endereco_de_email \
         почта البريد_الإلكتروني ईमेल 邮箱 电子邮件 電子郵件 メール メールアドレス 이메일",
    ),
    (
        Role::Phone,
        "phone phone_number mobile mobile_number mobile_phone mobilephone cell cell_phone cellphone tel telephone \
         telephone_number phone_no mobile_no whatsapp whatsapp_number msisdn telefon telefonnummer telefono telefone \
         numero_de_telephone numero_de_telefono celular cellulare movil handy handynummer mobil portable telefoon \
         no_hp so_dien_thoai dien_thoai телефон الهاتف رقم_الهاتف फ़ोन फोन 电话 手机 電話 電話番号 전화번호",
    ),
    (
        Role::ExternalId,
        "external_id externalid id guest_id contact_id contactid crm_id customer_id identifier identifiant kennung",
    ),
    (
        Role::Picture,
        "picture photo image picture_url photo_url image_url picture_file photo_file image_file avatar avatar_url \
         profile_picture profile_photo profile_image profile_pic headshot portrait pic foto bild imagen fotografia \
         immagine imagem gambar hinh_anh 照片 写真 صورة फोटो 사진",
    ),
];

/// Returns the role of a header and its rank among the words for that role (0 = the plainest).
pub(super) fn role(header: &str) -> Option<(Role, usize)> {
    static RANKS: LazyLock<HashMap<String, (Role, usize)>> = LazyLock::new(|| {
        let ranked = |(role, words): &(Role, &str)| {
            let role = *role;
            words
                .split_whitespace()
                .map(field_key)
                .enumerate()
                .map(|(rank, key)| (key, (role, rank)))
                .collect::<Vec<_>>()
        };
        WORDS.iter().flat_map(ranked).collect()
    });
    RANKS.get(&field_key(header)).copied()
}

/// Whether lists read a header as something that Herald knows, such as an address or a picture.
pub fn is_known_header(header: &str) -> bool {
    role(header).is_some()
}

/// Converts a header into the name of a custom field: `Table No.` becomes `table_no`. The name is in lower case, and
/// Latin letters lose their accents. Every character that is not a letter or digit becomes an underscore. A name that
/// begins with a digit gets the prefix `field_`. An empty header gives an empty name.
pub fn field_key(header: &str) -> String {
    let mut key = String::new();
    // NFKD separates accents. Only the Latin ones are removed, because Devanagari and other scripts spell with
    // combining marks.
    for c in header.nfkd().flat_map(char::to_lowercase).filter(|c| !('\u{300}'..='\u{36f}').contains(c)) {
        if let Some(plain) = unstruck(c) {
            key.push_str(plain);
        } else if c.is_alphanumeric() || unicode_normalization::char::is_combining_mark(c) {
            key.push(c);
        } else if !key.is_empty() && !key.ends_with('_') {
            key.push('_');
        }
    }
    let key: String = key.trim_end_matches('_').nfc().collect();
    if key.starts_with(|c: char| c.is_numeric()) { format!("field_{key}") } else { key }
}

/// Replaces Latin letters that NFKD does not decompose.
pub(super) fn unstruck(c: char) -> Option<&'static str> {
    Some(match c {
        'đ' | 'ð' => "d",
        'ł' => "l",
        'ø' => "o",
        'ı' => "i",
        'ß' => "ss",
        'æ' => "ae",
        'œ' => "oe",
        _ => return None,
    })
}
