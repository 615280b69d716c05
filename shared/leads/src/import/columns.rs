//! The columns of a list that are about the lead, and the words that mean them.

use herald_contacts::MoreColumns;

use super::{cells::LeadCells, repeats::Repeats};

/// The column of an export that says which lead a row is.
pub const LEAD_ID: &str = "lead_id";

/// Fields of leads, and the words that mean them, in the form of field keys. The words of contacts come first: a column
/// `id` is the person's.
const WORDS: &[(&str, &[&str])] = &[
    (LEAD_ID, &[LEAD_ID]),
    ("key", &["key", "lead_key", "external_lead_id", "lead_external_id", "lead_number", "lead_no", "deal_id"]),
    (
        "need",
        &[
            "need",
            "needs",
            "interest",
            "interested_in",
            "request",
            "inquiry",
            "enquiry",
            "requirement",
            "bedarf",
            "anfrage",
            "besoin",
            "demande",
            "necesidad",
            "solicitud",
            "necessidade",
            "esigenza",
            "richiesta",
            "потребность",
            "需求",
            "要望",
            "आवश्यकता",
            "الحاجة",
        ],
    ),
    (
        "status",
        &[
            "status",
            "lead_status",
            "stage",
            "lead_stage",
            "deal_stage",
            "step",
            "estado",
            "etapa",
            "statut",
            "etape",
            "stato",
            "статус",
            "状态",
            "状態",
            "स्थिति",
            "الحالة",
        ],
    ),
    (
        "value",
        &[
            "value",
            "lead_value",
            "deal_value",
            "amount",
            "budget",
            "wert",
            "betrag",
            "valeur",
            "montant",
            "valor",
            "importe",
            "valore",
            "importo",
            "сумма",
            "金额",
            "金額",
            "मूल्य",
            "القيمة",
        ],
    ),
    (
        "currency",
        &["currency", "currency_code", "wahrung", "devise", "moneda", "moeda", "valuta", "валюта", "货币", "通貨"],
    ),
    (
        "source",
        &["source", "lead_source", "quelle", "herkunft", "origine", "origen", "origem", "fonte", "источник", "来源"],
    ),
    (
        "owner",
        &[
            "owner",
            "owner_email",
            "lead_owner",
            "assigned_to",
            "assignee",
            "responsible",
            "verantwortlich",
            "zustandig",
            "responsable",
            "responsabile",
            "responsavel",
            "ответственный",
            "负责人",
            "担当者",
        ],
    ),
    (
        "follow_up",
        &[
            "follow_up",
            "followup",
            "follow_up_at",
            "follow_up_date",
            "next_follow_up",
            "next_contact",
            "wiedervorlage",
            "relance",
            "seguimiento",
            "proximo_contacto",
            "proximo_contato",
            "跟进",
        ],
    ),
    ("follow_up_zone", &["follow_up_zone"]),
    (
        "note",
        &[
            "note",
            "notes",
            "comment",
            "comments",
            "remark",
            "remarks",
            "notiz",
            "notizen",
            "bemerkung",
            "bemerkungen",
            "remarque",
            "commentaire",
            "nota",
            "notas",
            "comentario",
            "comentarios",
            "заметка",
            "备注",
            "メモ",
        ],
    ),
];

/// Columns of an exported list that follow from others.
const LEFT_OUT: &[&str] = &["counts_as", "created", "changed"];

/// The columns that a list of leads has besides those of its people. What can be told of a row alone is checked here;
/// the rest needs the workspace.
pub fn lead_columns() -> MoreColumns {
    let mut repeats = Repeats::default();
    let check = move |row: &herald_contacts::ImportRow| repeats.take_in(row, &LeadCells::of(row)?);
    MoreColumns { words: WORDS, left_out: LEFT_OUT, check: Box::new(check) }
}
