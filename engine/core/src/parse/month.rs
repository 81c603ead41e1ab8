//! Names of months, in English and as `journalctl` writes them in other languages.

/// The number of a month from its short name, with or without a dot. English in three letters is the quick way.
pub(super) fn from_name(name: &str) -> Option<i8> {
    const ENGLISH: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    if let Some(at) = ENGLISH.iter().position(|&english| english == name) {
        return i8::try_from(at + 1).ok();
    }
    // Longer than any month in the table: not worth lowering.
    if name.len() > 24 {
        return None;
    }
    let lower = name.trim_end_matches('.').to_lowercase();
    if let Some(number) = lower.strip_suffix('月') {
        return number.parse().ok().filter(|month| (1..=12).contains(month));
    }
    OTHERS
        .iter()
        .position(|names| names.split(' ').any(|other| other == lower))
        .and_then(|at| i8::try_from(at + 1).ok())
}

/// Short names from the C library's locales: German, French, Spanish, Italian, Portuguese, Dutch, Polish, Czech,
/// Swedish, Danish, Turkish, Russian, Ukrainian; and the full English ones. Names that mean different months in two
/// languages are left out.
const OTHERS: [&str; 12] = [
    "jan january jän januar janv janvier ene enero gen gennaio sty led oca янв января січ",
    "feb february februar févr février fevr febrero fev fevereiro lut úno şub фев февраля лют",
    "mar march mär märz mrz mars marzo mrt bře мар марта бер",
    "apr april avr avril abr abril aprile kwi dub nis апр апреля кві",
    "may mai mayo mag maggio mei maj kvě мая май тра",
    "jun june juni juin junio giu giugno cze čen haz июн июня чер",
    "jul july juli juil juillet julio lug luglio lip čec tem июл июля лип",
    "aug august août aout ago agosto sie srp ağu авг августа сер",
    "sep sept september septembre septiembre set settembre wrz zář eyl сен сент сентября вер",
    "oct october okt oktober octobre octubre ott ottobre out paź říj eki окт октября жов",
    "nov november novembre noviembre lis kas ноя нояб ноября",
    "dec december dez dezember déc décembre dic dicembre gru pro ara дек декабря гру",
];
