use super::*;
use crate::answer::Variable;

fn defaults() -> Defaults {
    Defaults { pack: Some("own".into()), language: Some(Language::De), category: Some("mail".into()), audience: None }
}

fn taken(kind: Kind, text: &str, defaults: &Defaults) -> (Vec<AnswerFile>, Vec<String>) {
    assert_eq!(Kind::guess(text.as_bytes()), Some(kind), "{text}");
    let (answers, complaints) = read(kind, text.as_bytes(), Path::new("x.csv"), defaults);
    (answers, complaints.iter().map(ToString::to_string).collect())
}

fn ids(answers: &[AnswerFile]) -> Vec<&str> {
    answers.iter().map(|answer| &*answer.id).collect()
}

fn full(language: &str) -> AnswerFile {
    let text = r#"+++
title = "„Zu viele; Verbindungen“, sagt \"er\""
category = "database"
audience = "support"
questions = ["a; b", "c, \"d\"", "= 1 + 1"]
valid_until = 2030-01-31
links = [{ title = "A | B", url = "{{ panel }}/x?y=1&z" }]
allow = ["jargon", "passive"]
[variables]
panel = true
"customer.name" = "Kundin, lieber Kunde"
phone = ""
[conditions]
asset = ["vm", "ct"]
incident = ["database.*"]
+++
## acknowledge
Guten Tag {{ customer.name }},

das ist `ärgerlich`.
## clarify
## agree
{% if phone is defined %}
- Ruf {{ phone }} an
{% endif %}
## act
1. Eins
   noch eins
2. Zwei; „drei“
## advise
"#;
    let language = Language::from_locale(language).unwrap();
    let (file, complaints) = front_matter::parse(Path::new("x.csv"), "database/full", language, text);
    assert_eq!(complaints, []);
    file.unwrap()
}

/// Without what belongs to the file alone.
fn bare(mut answer: AnswerFile) -> AnswerFile {
    answer.places = front_matter::Places::default();
    answer.variant.file = PathBuf::new();
    answer
}

#[test]
fn what_goes_out_comes_in_again_unchanged() {
    let files = vec![full("de"), full("en")];
    let texts = [(Kind::Csv, write_csv(&files).unwrap()), (Kind::Json, write_json(&files).unwrap())];
    for (kind, text) in texts {
        let (answers, complaints) = taken(kind, &text, &Defaults::default());
        assert_eq!(complaints, [] as [String; 0]);
        let sorted = |files: Vec<AnswerFile>| files.into_iter().map(bare).collect::<Vec<_>>();
        assert_eq!(sorted(answers), sorted(files.clone()), "{text}");
    }
}

#[test]
fn a_table_is_read_whatever_stands_between_its_cells() {
    for separator in [";", ",", "\t"] {
        let text = "title;questions;acknowledge;act\nMail kommt nicht;\"a\nb\";Das hält auf.;Wir prüfen es.\n"
            .replace(';', separator);
        let (answers, complaints) = taken(Kind::Csv, &format!("\u{feff}{text}"), &defaults());
        assert_eq!(complaints, [] as [String; 0]);
        assert_eq!(ids(&answers), ["own/mail-kommt-nicht"]);
        assert_eq!(answers[0].variant.questions, ["a", "b"]);
        assert_eq!((&*answers[0].shared.category, answers[0].shared.audience), ("mail", Audience::Customer));
    }
}

#[test]
fn rows_that_do_not_fit_are_named_and_the_others_come_in() {
    let text = "\
ID;Title;Language;Category;Questions;Text;Colour
a;Gut;de;mail;q;Wir prüfen es.;red
b;Falsch;fr;mail;q;Wir prüfen es.;
c;Falsch;de;male;q;Wir prüfen es.;
d;Falsch;de;mail;q;Hallo {{ name }};
;Auch gut;en;;q;We check it.;
A B;Falsch;de;mail;q;Wir prüfen es.;
a;Doppelt;de;mail;q;Wir prüfen es.;
e;Leer;de;mail;q;;
f;Zu viel;de;mail;q;x;y;z
g;Keine Frage;de;mail;;Wir prüfen es.;
";
    let (answers, complaints) = taken(Kind::Csv, text, &defaults());
    // An answer without questions is found by its title; lint says so.
    assert_eq!(ids(&answers), ["own/a", "own/auch-gut", "own/g"]);
    let expected = [
        "warning [format] the column `colour` is not read",
        "row 3: `fr` is no language",
        "row 4: `male` is no category",
        "row 5: there is no variable `name`",
        "row 7: `own/A B` is no id",
        "row 8: `own/a` is there twice",
        "row 9: all parts are empty",
        "row 10: 8 cells, and 7 columns",
    ];
    for word in expected {
        assert!(complaints.iter().any(|line| line.contains(word)), "{word}: {complaints:#?}");
    }
}

#[test]
fn what_is_no_table_or_file_of_answers_is_said_once() {
    let from = Path::new("x");
    for (kind, text, word) in [
        (Kind::Csv, "a;b\n1;2\n", "no column `title`"),
        (Kind::Csv, "", "no column `title`"),
        (Kind::Json, "{", "no file of answers"),
        (Kind::Json, "{\"version\": 2, \"answers\": []}", "version 2"),
        (Kind::Zammad, "{\"error\": \"Not authorized\"}", "Not authorized"),
        (Kind::Zammad, "id;name\n1;x\n", "`name` and `content`"),
    ] {
        let (answers, complaints) = read(kind, text.as_bytes(), from, &defaults());
        assert!(answers.is_empty());
        assert_eq!(complaints.len(), 1, "{complaints:#?}");
        assert!(complaints[0].message.contains(word), "{}", complaints[0]);
        assert!(complaints[0].suggestion.is_some());
    }
    let (_, complaints) = read(Kind::Csv, b"title;text\n\xe4;x", from, &defaults());
    assert_eq!((complaints[0].line, complaints[0].column), (2, 1));
}

#[test]
fn what_is_not_utf_8_is_said_with_how_to_save_it() {
    let table = "title;text\nPostfach für alle;Wir prüfen es.";
    let latin: Vec<u8> = table.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    let utf16 = |order: fn(u16) -> [u8; 2]| table.encode_utf16().flat_map(order).collect::<Vec<u8>>();
    let marked = [&[0xff, 0xfe][..], &utf16(u16::to_le_bytes)].concat();
    for (bytes, line, theirs) in [
        (latin, 2, "WINDOWS-1252"),
        (utf16(u16::to_le_bytes), 0, "UTF-16"),
        (utf16(u16::to_be_bytes), 0, "UTF-16"),
        (marked, 0, "UTF-16"),
    ] {
        let complaint = text(&bytes, Path::new("a.csv")).unwrap_err();
        assert_eq!(complaint.line, line, "{complaint}");
        let said = complaint.to_string();
        let way = format!("iconv -f {theirs} -t UTF-8 a.csv");
        assert!(said.contains("not UTF-8") && said.contains("CSV UTF-8") && said.contains(&way), "{said}");
    }
    assert_eq!(text("\u{feff}ä".as_bytes(), Path::new("x")).unwrap(), "ä");
}

#[test]
fn the_documented_example_is_one() {
    let page = include_str!("../../../../rules/ANSWERS.md");
    let example = page.split_once("```json\n").unwrap().1.split_once("```").unwrap().0;
    let (answers, complaints) = taken(Kind::Json, example, &Defaults::default());
    assert_eq!((ids(&answers), complaints), (vec!["mail/mailbox-full"], vec![]));
}

#[test]
fn rows_of_a_table_come_as_json_too() {
    let rows = r#"[
        {"id": "mail/full", "language": "en", "title": "My mailbox is full", "category": "mail", "audience": "customer",
         "questions": ["mailbox full", "no space"], "text": "Empty the trash.", "valid_until": null},
        {"title": "Postfach voll", "language": "de", "category": "mail", "questions": "voll\nkein Platz", "act": "Leeren.", "colour": "red"},
        {"title": "Falsch", "language": "de", "questions": {"a": 1}, "text": "x"},
        {"title": "Auch falsch", "language": "fr", "text": "x"}
    ]"#;
    let (answers, complaints) = taken(Kind::Json, rows, &defaults());
    assert_eq!(ids(&answers), ["mail/full", "own/postfach-voll"]);
    assert_eq!(answers[0].variant.language, Language::En);
    assert_eq!(answers[0].variant.questions, ["mailbox full", "no space"]);
    assert_eq!(answers[1].variant.questions, ["voll", "kein Platz"]);
    let expected = ["the column `colour` is not read", "row 3: `questions` is", "row 4: `fr` is no language"];
    for word in expected {
        assert!(complaints.iter().any(|line| line.contains(word)), "{word}: {complaints:#?}");
    }
    assert_eq!(complaints.len(), 3, "{complaints:#?}");
}

#[test]
fn a_bad_entry_of_a_json_file_is_named_and_the_others_come_in() {
    let mut value: serde_json::Value = serde_json::from_str(&write_json(&[full("de")]).unwrap()).unwrap();
    let mut bad = value["answers"][0].clone();
    bad["colour"] = "red".into();
    bad["id"] = "database/bad".into();
    value["answers"].as_array_mut().unwrap().insert(0, bad);
    let (answers, complaints) = taken(Kind::Json, &value.to_string(), &Defaults::default());
    assert_eq!(ids(&answers), ["database/full"]);
    assert!(complaints[0].contains("answer 1 (`database/bad`)") && complaints[0].contains("colour"), "{complaints:#?}");
}

const MODULES: &str = r##"[
 {"id": 3, "name": "Postfach voll – was tun?", "keywords": "postfach, quota", "active": true, "group_ids": [],
  "content": "<div>Hallo #{ticket.customer.firstname} #{ticket.customer.lastname},</div><div><br></div><div>Ihr Postfach ist <b>voll</b>.<br>Bitte:</div><ol><li>Öffnen Sie <a href=\"https://mail.hosting.test/x\">die Webmail</a>.</li><li>L&ouml;schen Sie Altes &amp; Gro&szlig;es.</li></ol><script>alert(1)</script>"},
 {"id": 4, "name": "Mit Nummer", "keywords": "", "active": true, "content": "Ihr Ticket #{ticket.number} von #{user.firstname}"},
 {"id": 5, "name": "Alt", "keywords": "", "active": false, "content": "alt"},
 {"id": 6, "name": "Nur Text", "keywords": null, "active": true, "content": "Zeile eins\nZeile zwei\n\nAbsatz {{ company }} bei #{config.organization}"}
]"##;

#[test]
fn text_modules_become_answers_for_support() {
    let (answers, complaints) = taken(Kind::Zammad, MODULES, &defaults());
    assert_eq!(ids(&answers), ["own/postfach-voll-was-tun", "own/nur-text"]);
    let act = "Hallo {{ customer.name }},\n\nIhr Postfach ist **voll**.\nBitte:\n\n1. Öffnen Sie [die Webmail](https://mail.hosting.test/x).\n2. Löschen Sie Altes & Großes.";
    assert_eq!(answers[0].variant.parts.act, act);
    assert_eq!(answers[0].shared.audience, Audience::Support);
    assert_eq!(answers[0].variant.questions, ["postfach", "quota"]);
    assert_eq!(answers[0].variant.variables["customer.name"], Variable::Required(true));
    assert_eq!(answers[1].variant.parts.act, "Zeile eins\nZeile zwei\n\nAbsatz \\{\\{ company }} bei {{ company }}");
    assert_eq!(complaints.len(), 2, "{complaints:#?}");
    assert!(complaints[0].contains("text module 3") && complaints[0].contains("left out: <script>"), "{complaints:#?}");
    assert!(
        complaints[1].contains("text module 4") && complaints[1].contains("`#{ticket.number}`, `#{user.firstname}`"),
        "{complaints:#?}"
    );
}

#[test]
fn the_same_text_modules_come_as_csv_and_with_all_their_assets() {
    let csv = "id,name,keywords,content,note,active\n3,Postfach voll,\"postfach, quota\",<div>Wir prüfen es.</div>,,true\n4,Alt,,alt,,false\n";
    let (answers, complaints) = taken(Kind::Zammad, csv, &defaults());
    assert_eq!(complaints, [] as [String; 0]);
    assert_eq!(ids(&answers), ["own/postfach-voll"]);
    let full = r#"{"record_ids": [3], "assets": {"TextModule": {"3": {"id": 3, "name": "Postfach voll", "content": "Wir prüfen es."}}}}"#;
    let (answers, complaints) = taken(Kind::Zammad, full, &defaults());
    assert_eq!((ids(&answers), complaints.len()), (vec!["own/postfach-voll"], 0));
    let (answers, complaints) = taken(Kind::Zammad, full, &Defaults { category: None, ..defaults() });
    assert_eq!((answers.len(), complaints.len()), (0, 1));
    assert!(complaints[0].contains("--category"), "{complaints:#?}");
}

#[test]
fn html_becomes_the_markdown_that_forms_show() {
    let check = |html: &str, markdown: &str, dropped: &[&str]| {
        assert_eq!(
            html::to_markdown(html),
            (markdown.to_owned(), dropped.iter().map(|d| (*d).to_owned()).collect()),
            "{html}"
        );
    };
    check("<p>a <b> b </b>c</p><p>d</p>", "a  **b** c\n\nd".replace("  ", " ").as_str(), &[]);
    check("<h2>Titel</h2>Text", "**Titel**\n\nText", &[]);
    check("<ul><li>a<ul><li>b</li></ul></li><li><p>c</p></li></ul>x", "- a\n  - b\n- c\n\nx", &[]);
    check("<code>chmod `x` {{ y }}</code>", "`chmod 'x' { { y }}`", &[]);
    check("1. kein Punkt<br>- kein Strich<br># nichts", "1\\. kein Punkt\n\\- kein Strich\n\\# nichts", &[]);
    check("a * b [c](d) <e", "a \\* b \\[c\\](d)", &["<e>"]);
    check("2 < 3 & 4 &gt; 1 &unknown; &#8364; &#x41;", "2 \\< 3 & 4 > 1 &unknown; € A", &[]);
    check("<a href='javascript:alert(1)'>x</a>", "x", &["a link that leads nowhere"]);
    check("<a href=\"mailto:a@b.test\">x</a>", "x", &["the link to mailto:a@b.test"]);
    check("<a onclick=\"x>y\" href=https://www.denic.de/>x</a>", "[x](https://www.denic.de/)", &[]);
    check("<a href=\"https://x.test/a)b\">x</a>", "x", &["a link that leads nowhere"]);
    check("<a href=\"&#106;avascript:alert(1)\">x</a>", "x", &["a link that leads nowhere"]);
    check("<img src=x onerror=alert(1)>a<SCRIPT>b</SCRIPT >c<!-- d -->e", "ace", &["<img>", "<script>"]);
    check("<iframe src=x>a", "", &["<iframe>"]);
    check("{% include 'x' %} {# a #} {{ b }}", "\\{\\% include 'x' %} \\{\\# a #} \\{\\{ b }}", &[]);
    check("<b>a<a href=https://www.denic.de/>b</b>c</a>", "**a[b**c](https://www.denic.de/)", &[]);
}

#[test]
fn settings_of_a_source_are_checked() {
    let source =
        |text: &str| toml::from_str::<Source>(text).map_err(|e| e.to_string()).and_then(|s| s.check().map(|()| s));
    let good = "kind = \"zammad\"\nurl = \"https://desk.example.com/api/v1/text_modules\"\ntoken_file = \"token\"\npack = \"own\"\nlanguage = \"de\"\ncategory = \"mail\"\nevery = \"1h\"";
    let read = source(good).unwrap();
    assert_eq!((read.every, read.defaults().pack.as_deref()), (Span::seconds(3600), Some("own")));
    assert_eq!(source("kind = \"csv\"\npath = \"a.csv\"\npack = \"own\"").unwrap().every, Span::seconds(900));
    for (from, to, word) in [
        ("zammad", "excel", "unknown variant"),
        ("https", "http", "only `https://`"),
        ("url =", "path =", "`token_file` goes with `url`"),
        ("url =", "path = \"x\"\nurl =", "either `path` or `url`"),
        ("\"own\"", "\"My Own\"", "small letters"),
        ("\"mail\"", "\"mial\"", "did you mean `mail`"),
        ("language = \"de\"\n", "", "name both"),
        ("1h", "1s", "once a minute"),
        ("every", "often", "unknown field"),
    ] {
        let error = source(&good.replacen(from, to, 1)).unwrap_err();
        assert!(error.contains(word), "{to}: {error}");
    }
}

#[test]
fn names_are_made_of_titles() {
    assert_eq!(name_of("„Too many connections“ bei MySQL?"), "too-many-connections-bei-mysql");
    assert_eq!(name_of("Größe ändern"), "groesse-aendern");
    assert_eq!(name_of("???"), "");
    assert!(front_matter::is_name(&name_of(&"sehr lang ".repeat(30))));
}

proptest::proptest! {
    #[test]
    fn no_html_becomes_a_tag_a_placeholder_or_a_panic(html in "(<(/?(p|b|li|ul|ol|a href=\"https://x.test/\"|a|code|script|h1|br|td|x)|!--)?>?|[a-z&;#{}%<>\"'`*\\[\\]()_ \n-]{0,6}){0,14}") {
        let (markdown, _) = html::to_markdown(&html);
        let bare: String = markdown.replace("\\\\", "").split('\\').enumerate().map(|(n, piece)| if n == 0 { piece } else { piece.get(1..).unwrap_or_default() }).collect();
        let outside: String = bare.split('`').step_by(2).collect();
        proptest::prop_assert!(!outside.contains('<'), "{}", markdown);
        proptest::prop_assert_eq!(crate::placeholder::scan(&markdown), Ok(Vec::new()), "{}", markdown);
    }

    #[test]
    fn no_bytes_are_a_panic(bytes in proptest::collection::vec(0..=255_u8, 0..80), text in "(title|name|content|id|language)?[;,\n\"\\[\\]{}:a-z]{0,60}") {
        for kind in Kind::ALL {
            let _ = read(kind, &bytes, Path::new("x"), &defaults());
            let _ = read(kind, text.as_bytes(), Path::new("x"), &defaults());
        }
        let _ = Kind::guess(&bytes);
    }
}
