use std::path::Path;

use super::*;
use crate::front_matter;

/// A text with all variables declared: `customer.name` with a fallback, `asset.name` as asked for.
fn variant(act: &str, more: &str) -> Variant {
    let text = format!(
        "+++\ntitle = \"T\"\ncategory = \"web\"\nquestions = [\"q\"]\nlinks = [{{ title = \"L\", url = \"{{{{ panel }}}}/a/{{{{ asset.id }}}}\" }}]\n[variables]\n\"customer.name\" = \"Kundin, lieber Kunde\"\npanel = \"https://panel.example.com\"\n\"asset.id\" = \"none\"\n{more}\n+++\n## acknowledge\nLiebe {{{{ customer.name }}}}!\n## clarify\n## agree\n## act\n{act}\n## advise\n"
    );
    let (file, complaints) = front_matter::parse(Path::new("x.de.md"), "x/x", Language::De, &text);
    assert_eq!(complaints, []);
    file.unwrap().variant
}

fn context(values: &[(&str, &str)]) -> Context {
    let mut context = Context::default();
    values.iter().for_each(|(name, value)| context.set(name, value));
    context
}

#[track_caller]
fn check(act: &str, values: &[(&str, &str)], expected: &str) {
    assert_eq!(render(&variant(act, ""), &context(values)).unwrap().parts.act, expected);
}

#[test]
fn values_come_before_fallbacks() {
    let variant = variant("x", "");
    assert_eq!(render(&variant, &Context::default()).unwrap().parts.acknowledge, "Liebe Kundin, lieber Kunde!");
    let rendered = render(&variant, &context(&[("customer.name", "Frau Öz")])).unwrap();
    assert_eq!(rendered.parts.acknowledge, "Liebe Frau Öz!");
    assert_eq!(rendered.links[0].url, "https://panel.example.com/a/none");
}

#[test]
fn an_answer_without_its_required_values_is_not_shown() {
    let variant = variant("{{ asset.name }} {{ phone }}", "\"asset.name\" = true\nphone = true");
    let missing = render(&variant, &context(&[("asset.name", "web1")])).unwrap_err();
    assert_eq!(missing, Missing::Values(vec!["phone".into()]));
    assert_eq!(missing.to_string(), "no value for phone");
    let blank = render(&variant, &context(&[("asset.name", " \t\u{200b}"), ("phone", "1")])).unwrap_err();
    assert_eq!(blank, Missing::Values(vec!["asset.name".into()]));
}

#[test]
fn a_text_that_was_never_checked_still_leaves_no_placeholder() {
    let mut variant = variant("x", "");
    for (text, missing) in [("{{ phone }}", true), ("{{ nonsense }}", false), ("{{ 7 * 7 }}", false), ("{{", false)] {
        variant.parts.act = text.to_owned();
        let error = render(&variant, &Context::default()).unwrap_err();
        assert_eq!(matches!(error, Missing::Values(_)), missing, "{text}: {error}");
    }
}

#[test]
fn questions_for_a_value_see_through_fallbacks() {
    let text = "{% if customer.name is defined %}known{% else %}unknown{% endif %}";
    check(text, &[], "unknown");
    check(text, &[("customer.name", "x")], "known");
    let text = "{% if incident.title is defined %}It is {{ incident.title }}.{% endif %} Soon.";
    check(text, &[], "Soon.");
    check(text, &[("incident.title", "a lock")], "It is a lock. Soon.");
}

#[test]
fn a_question_alone_on_its_line_leaves_no_line() {
    let text = "1. a\n{% if phone is defined %}\n2. call {{ phone }}\n{% else %}\n2. write\n{% endif %}\n3. c";
    check(text, &[], "1. a\n2. write\n3. c");
    check(text, &[("phone", "5")], "1. a\n2. call 5\n3. c");
    check("a\n\n{% if phone is defined %}\nx\n\n{% endif %}\n\nb", &[], "a\n\nb");
}

#[test]
fn values_are_text_wherever_they_stand() {
    let evil = "<img src=x> **b** [a](javascript:1) `c` {{ panel }} _u_ # & \\";
    check(
        "{% if asset.name is defined %}{{ asset.name }}{% endif %}",
        &[("asset.name", evil)],
        "\\<img src=x\\> \\*\\*b\\*\\* \\[a\\](javascript:1) \\`c\\` \\{\\{ panel \\}\\} \\_u\\_ \\# \\& \\\\",
    );
    check("{% if phone is defined %}{{ phone }}{% endif %}", &[("phone", "1. x\n## y")], "1\\. x \\#\\# y");
    check("{% if phone is defined %}{{ phone }}{% endif %}", &[("phone", "- x")], "\\- x");
    check("{% if phone is defined %}`{{ phone }}`{% endif %}", &[("phone", "a_b`c`{{ x }}")], "`a_b'c'{ { x } }`");
    check(
        "[a]({{ panel }}/{{ asset.id }})",
        &[("asset.id", "vm:1)../x?y z"), ("panel", "https://a.example/k_u")],
        "[a](https://a.example/k_u/vm%3A1%29..%2Fx%3Fy%20z)",
    );
}

#[test]
fn an_address_of_the_operator_must_be_one() {
    check("[a]({{ panel }})", &[("panel", "javascript:alert(1)")], "[a](https://panel.example.com)");
    let words = |panel: &str| Words { panel: Some(Word::One(panel.to_owned())), ..Words::default() };
    assert_eq!(words("https://panel.example.com").check(), Ok(()));
    for bad in ["https://panel.example.com/", "http://panel.example.com", "panel.example.com", "{{ panel }}"] {
        let error = words(bad).check().unwrap_err();
        assert!(error.contains("answers.words.panel") && error.contains("https://panel.example.com"), "{error}");
    }
}

#[test]
fn the_operators_words_may_differ_by_language() {
    let words: Words = toml::from_str("company = \"Example\"\nreply_time = { de = \"in einer Stunde\" }").unwrap();
    let said = |language| words.iter(language).collect::<Vec<_>>();
    assert_eq!(said(Language::De), [("company", "Example"), ("reply_time", "in einer Stunde")]);
    assert_eq!(said(Language::En), [("company", "Example")]);
}

#[test]
fn the_drafts_language_comes_first_then_the_forms() {
    let variant = variant("x", "");
    let answer = |languages: &[Language]| Answer {
        id: "x/x".into(),
        category: "web".into(),
        audience: crate::answer::Audience::Customer,
        conditions: crate::answer::Conditions::default(),
        valid_until: None,
        variants: languages.iter().map(|l| (*l, Variant { language: *l, ..variant.clone() })).collect(),
    };
    use Language::{De, En};
    let check = |has: &[Language], draft, form, other, expected| {
        assert_eq!(choose(&answer(has), draft, form, other).map(|v| v.language), expected);
    };
    check(&[De, En], Some(En), Some(De), false, Some(En));
    check(&[De, En], None, Some(En), false, Some(En));
    check(&[De], Some(En), Some(De), false, Some(De));
    check(&[De], Some(En), Some(En), false, None);
    check(&[De], Some(En), Some(En), true, Some(De));
    check(&[De, En], None, None, false, None);
}

proptest::proptest! {
    #[test]
    fn no_value_makes_structure_or_leaves_a_placeholder(value in "[-+=a-z0-9.()\\[\\]{}%#`*_<>&!|~\\\\: \n\"'ü]{0,20}") {
        let variant = variant("{% if asset.name is defined %}{{ asset.name }} `{{ asset.name }}` [x]({{ panel }}/{{ asset.name }}){% endif %}.", "");
        let made = render(&variant, &context(&[("asset.name", &value)])).unwrap().parts.act;
        proptest::prop_assert!(!made.contains("{{") && !made.contains("{%"), "{}", made);
        if made != "." {
            let (text, rest) = made.split_once(" `").unwrap();
            let bare: String = text.replace("\\\\", "").split('\\').skip(1).map(|piece| &piece[1..]).collect();
            proptest::prop_assert!(!bare.contains(['<', '*', '`', '[', '{', '_']), "{}", made);
            let (code, link) = rest.rsplit_once("` [x](https://panel.example.com/").unwrap();
            proptest::prop_assert!(!code.contains('`'), "{}", made);
            proptest::prop_assert!(!link[..link.len() - 2].contains([')', ' ', '<', '\\']), "{}", made);
        }
    }
}
