//! The tables of `render`.

use super::{Beside, Case, Figures};
use crate::table::Table;

/// What is aimed at, against the script: with detection, and PNG and JPEG with the crop at hand.
const AIM_DETECT: f64 = 30.0;
const AIM_CACHED: [(&str, f64); 2] = [("png", 80.0), ("jpeg", 10.0)];

pub(super) fn report(Figures { versions, cases, throughput }: &Figures) -> String {
    let mut whole = Table::new(&["case", "script ms", "Herald ms", "ratio", "aim", "script KB", "Herald KB"]);
    let mut careful =
        Table::new(&["crop cached, against the script written with care", "script ms", "Herald ms", "ratio"]);
    let mut stages = Table::new(&["Herald, ms", "profile decode", "find and crop", "draw", "encode", "whole"]);
    let mut script_stages =
        Table::new(&["script, ms", "template", "profile", "detect", "picture", "text", "qr", "encode", "whole"]);
    for case in cases {
        let Beside { whole_ms, ratio, kb, stages_ms } = &case.script;
        let aim = aim(case);
        let verdict = if *ratio >= aim { format!("≥ {aim}") } else { format!("≥ {aim}: missed") };
        whole.row(vec![
            case.title(),
            ms(*whole_ms),
            ms(case.whole_ms),
            format!("{ratio:.1}×"),
            verdict,
            format!("{kb:.0}"),
            format!("{:.0}", case.kb),
        ]);
        let stage = |name: &str| stages_ms.get(name).map_or("–".to_owned(), |v| ms(*v));
        let mut row = vec![case.title()];
        row.extend(["template", "profile", "detect", "picture", "text", "qr", "encode"].map(stage));
        row.push(ms(*whole_ms));
        script_stages.row(row);
        if let Some(with_care) = &case.careful {
            careful.row(vec![
                format!("{} {}", case.size, case.format),
                ms(with_care.whole_ms),
                ms(case.whole_ms),
                format!("{:.1}×", with_care.ratio),
            ]);
        }
        let optional = |v: f64| if case.detect { ms(v) } else { "–".to_owned() };
        stages.row(vec![
            case.title(),
            optional(case.decode_ms),
            optional(case.crop_ms),
            ms(case.draw_ms),
            ms(case.encode_ms),
            ms(case.whole_ms),
        ]);
    }
    let mut rates = Table::new(&["invitations per second", "one thread", "two threads"]);
    for pair in throughput.chunks(2) {
        rates.row(vec![
            pair[0].what.clone(),
            format!("{:.0}", pair[0].per_second),
            format!("{:.0}", pair[1].per_second),
        ]);
    }
    let versions: Vec<String> = versions.iter().map(|(name, version)| format!("{name} {version}")).collect();
    format!(
        "CPU milliseconds per invitation, medians; the ratio is the median of the rounds'. s = 1080×1350, \
         p = 2480×3508. Peers: {}.\n\n{whole}\n{stages}\n{script_stages}\n{careful}\n{rates}",
        versions.join(", ")
    )
}

fn aim(case: &Case) -> f64 {
    let cached = || AIM_CACHED.iter().find(|(format, _)| *format == case.format).map_or(f64::NAN, |(_, aim)| *aim);
    if case.detect { AIM_DETECT } else { cached() }
}

fn ms(value: f64) -> String {
    if value < 10.0 { format!("{value:.2}") } else { format!("{value:.1}") }
}
