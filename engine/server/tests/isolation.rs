//! Nobody sees what is another customer's: every request of a form with every wrong key, claim, draft and asset.

mod fake;
mod lab;

use fake::NOW;
use lab::{Answer, DRAFT, Lab, SECRET, SHOP, claim, draft, token};

const HS256: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

/// What a form can send.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Request {
    Suggestions,
    SuggestionsForAsset,
    News,
    Feedback,
}

impl Request {
    const ALL: [Self; 4] = [Self::Suggestions, Self::SuggestionsForAsset, Self::News, Self::Feedback];

    async fn send(self, lab: &Lab, headers: &str, draft_id: &str, more: &str) -> Answer {
        match self {
            Self::Suggestions => lab.ask(&format!("POST /v1/suggestions\n{headers}"), draft(draft_id, more)).await,
            Self::SuggestionsForAsset => {
                let more = if more.is_empty() { r#","asset":"vm:100""# } else { more };
                lab.ask(&format!("POST /v1/suggestions\n{headers}"), draft(draft_id, more)).await
            }
            Self::News => lab.ask(&format!("GET /v1/drafts/{draft_id}/news\n{headers}"), "").await,
            Self::Feedback => {
                let body = r#"{"what":"solved","answer":"virtualisation/server-does-not-start"}"#;
                lab.ask(&format!("POST /v1/drafts/{draft_id}/feedback\n{headers}"), body).await
            }
        }
    }
}

/// A lab in which K1 has a draft about vm:100, with news.
async fn with_draft() -> Lab {
    let lab = Lab::new().await;
    let mine = lab.suggest("K1", &draft(DRAFT, r#","customer":"K1","asset":"vm:100""#)).await;
    assert!(mine.status == 200 && mine.body.contains("Personal words for K1 about vm:100"), "{mine:?}");
    lab
}

#[tokio::test]
async fn whoever_is_not_the_customer_gets_nothing() {
    let lab = with_draft().await;
    let key = |key: &str, origin: &str| {
        format!("Authorization: Bearer {key}\nOrigin: {origin}\nContent-Type: application/json")
    };
    let with = |claim: &str| format!("{SHOP}\nHeinzel-Claim: {claim}");
    let good = format!(r#"{{"sub":"K1","exp":{}}}"#, NOW + 600);
    let none = |text: &str| token(r#"{"alg":"none"}"#, text, SECRET);
    let unsigned = |text: &str| none(text).rsplit_once('.').map(|(signed, _)| format!("{signed}.")).unwrap();
    let mine = claim("K1");
    // Headers, and the codes of the refusals without and with an asset in the body.
    let intruders: Vec<(&str, String, &[&str])> = vec![
        ("no key", "Origin: https://my.example.com\nContent-Type: application/json".into(), &["unauthorized"]),
        ("a wrong key", key("form-key-of-the-shoq", "https://my.example.com"), &["unauthorized"]),
        (
            "a key of tickets",
            format!("{}\nHeinzel-Claim: {mine}", key("ingest-token-of-tickets", "https://my.example.com")),
            &["forbidden"],
        ),
        (
            "the root's key",
            format!("{}\nHeinzel-Claim: {mine}", key("admin-token-of-root", "https://my.example.com")),
            &["forbidden"],
        ),
        ("no claim", SHOP.into(), &["not_found", "not_theirs"]),
        ("the claim of K2", with(&claim("K2")), &["not_found"]),
        (
            "an expired claim",
            with(&token(HS256, &format!(r#"{{"sub":"K1","exp":{}}}"#, NOW - 1), SECRET)),
            &["no_claim"],
        ),
        (
            "a claim for ever",
            with(&token(HS256, &format!(r#"{{"sub":"K1","exp":{}}}"#, NOW + 90_000), SECRET)),
            &["no_claim"],
        ),
        ("a claim without end", with(&token(HS256, r#"{"sub":"K1"}"#, SECRET)), &["no_claim"]),
        ("alg none, signed", with(&none(&good)), &["no_claim"]),
        ("alg none, unsigned", with(&unsigned(&good)), &["no_claim"]),
        (
            "HS256, unsigned",
            with(&token(HS256, &good, SECRET).rsplit_once('.').map(|(signed, _)| format!("{signed}.")).unwrap()),
            &["no_claim"],
        ),
        ("another secret", with(&token(HS256, &good, b"another secret of the same length")), &["no_claim"]),
        ("the key as the secret", with(&token(HS256, &good, b"form-key-of-the-shop")), &["no_claim"]),
        ("two claims", format!("{}\nHeinzel-Claim: {}", with(&claim("K1")), claim("K2")), &["no_claim"]),
        ("an empty claim", format!("{SHOP}\nHeinzel-Claim: "), &["no_claim"]),
        (
            "another shop's form with this shop's claim",
            format!("{}\nHeinzel-Claim: {mine}", key("form-key-of-another-shop", "https://other.example.com")),
            &["no_claim"],
        ),
        (
            "another shop's customer of the same name",
            format!(
                "{}\nHeinzel-Claim: {}",
                key("form-key-of-another-shop", "https://other.example.com"),
                token(HS256, &good, SECRET)
            ),
            &["no_claim"],
        ),
        (
            "a form that takes no claims",
            format!("{}\nHeinzel-Claim: {mine}", key("form-key-without-claims", "https://my.example.com")),
            &["no_claim", "too_many"],
        ),
        (
            "another page",
            format!("{}\nHeinzel-Claim: {mine}", key("form-key-of-the-shop", "https://evil.example.com")),
            &["other_origin"],
        ),
        (
            "the page of another form",
            format!("{}\nHeinzel-Claim: {mine}", key("form-key-of-the-shop", "https://other.example.com")),
            &["other_origin"],
        ),
        (
            "a page without an origin",
            format!("{}\nHeinzel-Claim: {mine}", key("form-key-of-the-shop", "null")),
            &["other_origin"],
        ),
        (
            "a page whose name begins alike",
            format!("{}\nHeinzel-Claim: {mine}", key("form-key-of-the-shop", "https://my.example.com.evil.example")),
            &["other_origin"],
        ),
    ];
    let feedback = lab.fake.told().feedback.len();
    for (name, headers, codes) in &intruders {
        for request in Request::ALL {
            let answer = request.send(&lab, headers, DRAFT, "").await;
            let code = answer.json()["code"].as_str().unwrap_or_default().to_owned();
            let expected = if request == Request::SuggestionsForAsset { codes.last() } else { codes.first() };
            assert!(
                codes.contains(&code.as_str())
                    && (codes.len() == 1 || codes[1] == "too_many" || expected == Some(&code.as_str())),
                "{name}, {request:?}: {answer:?}"
            );
            answer.is_problem(answer.status, &code);
            assert!(matches!(answer.status, 401 | 403 | 404 | 429), "{name}, {request:?}: {answer:?}");
            for word in ["Personal", "vm:100", "News of", "K1"] {
                assert!(!answer.body.contains(word), "{name}, {request:?} shows `{word}`: {answer:?}");
            }
        }
    }
    assert_eq!(lab.fake.told().feedback.len(), feedback, "somebody's word on another's draft was taken");
    // The customer is still served, and only by the right things together.
    let headers = with(&claim("K1"));
    for request in Request::ALL {
        assert!(matches!(request.send(&lab, &headers, DRAFT, "").await.status, 200 | 204), "{request:?}");
    }
    assert_eq!(lab.fake.told().feedback.len(), feedback + 1);
}

#[tokio::test]
async fn a_claim_opens_only_its_own_assets() {
    let lab = Lab::new().await;
    let check = async |claim: &str, more: &str, status: u16| {
        let id = format!("draft-{status}-{:0>20}", more.len());
        let answer = lab.ask(&format!("POST /v1/suggestions\n{SHOP}\nHeinzel-Claim: {claim}"), draft(&id, more)).await;
        assert_eq!(answer.status, status, "{more}: {answer:?}");
        answer
    };
    let mine = claim("K1");
    check(&mine, r#","customer":"K1","asset":"vm:100""#, 200).await;
    check(&mine, r#","customer":"K2""#, 403).await.is_problem(403, "not_theirs");
    // Somebody else's and one that nobody has are the same.
    let theirs = check(&mine, r#","asset":"vm:200""#, 403).await.json();
    let nobodys = check(&mine, r#","asset":"vm:999""#, 403).await.json();
    assert_eq!(theirs["detail"], nobodys["detail"]);
    // The shop's list is the most that a claim opens, whatever the records say.
    let listed =
        |assets: &str| token(HS256, &format!(r#"{{"sub":"K1","exp":{},"assets":{assets}}}"#, NOW + 600), SECRET);
    check(&listed(r#"["vm:100"]"#), r#","asset":"vm:100" "#, 200).await;
    assert_eq!(check(&listed(r#"["vm:101"]"#), r#","asset":"vm:100"  "#, 403).await.json()["detail"], theirs["detail"]);
    check(&listed("[]"), r#","asset":"vm:100"   "#, 403).await;
}

#[tokio::test]
async fn strangers_share_nothing_with_customers_or_with_other_forms() {
    let lab = Lab::new().await;
    let id = "draft-of-a-stranger-01";
    let stranger = |key: &str, host: &str| {
        format!("Authorization: Bearer {key}\nOrigin: https://{host}.example.com\nContent-Type: application/json")
    };
    let shop = stranger("form-key-of-the-shop", "my");
    let mine = Request::Suggestions.send(&lab, &shop, id, "").await;
    assert!(mine.status == 200 && !mine.body.contains("Personal"), "{mine:?}");
    let other = stranger("form-key-of-another-shop", "other");
    let customer = format!("{SHOP}\nHeinzel-Claim: {}", claim("K1"));
    for request in [Request::Suggestions, Request::News, Request::Feedback] {
        request.send(&lab, &other, id, "").await.is_problem(404, "not_found");
        request.send(&lab, &customer, id, "").await.is_problem(404, "not_found");
    }
    for more in [r#","customer":"K1""#, r#","asset":"vm:100""#] {
        Request::Suggestions.send(&lab, &shop, id, more).await.is_problem(403, "not_theirs");
    }
    // Unknown drafts and such as no form makes are the same as another's.
    for unknown in ["never-seen-before-0000", "short", "..%2F..%2Fetc%2Fpasswd", "%FF"] {
        Request::News.send(&lab, &shop, unknown, "").await.is_problem(404, "not_found");
        Request::Feedback.send(&lab, &shop, unknown, "").await.is_problem(404, "not_found");
    }
}

#[tokio::test]
async fn every_scope_opens_its_own_addresses_only() {
    let lab = Lab::new().await;
    let keys = [
        ("form", "form-key-of-the-shop"),
        ("ingest", "ingest-token-of-tickets"),
        ("operate", "operate-token-of-reports"),
        ("admin", "admin-token-of-root"),
        ("push", "push-token-of-app"),
        ("none", ""),
    ];
    let json = "Content-Type: application/json";
    let csv = "Content-Type: text/csv";
    let requests = [
        ("ingest", "POST /v1/tickets", json, r#"{"id":"1"}"#),
        ("ingest", "PUT /v1/assets/vm:300", json, "{}"),
        ("ingest", "PUT /v1/customers/K3", json, "{}"),
        ("ingest", "POST /v1/assets/import", csv, "id\n"),
        ("ingest", "POST /v1/customers/import", csv, "id\n"),
        ("operate", "GET /v1/reports/deflection", json, ""),
        ("operate", "GET /v1/reports/silence", json, ""),
        ("operate", "GET /v1/reports/contacts", json, ""),
        ("operate", "GET /v1/reports/topics", json, ""),
    ];
    for (scope, line, kind, body) in requests {
        for (name, key) in keys {
            let head = format!("{line}\n{kind}\nOrigin: https://my.example.com\nAuthorization: Bearer {key}");
            let answer = lab.ask(&head, body).await;
            match name {
                "push" | "none" => answer.is_problem(401, "unauthorized"),
                name if name == scope || name == "admin" => {
                    assert!(matches!(answer.status, 200 | 201 | 503), "{line} {name}: {answer:?}");
                }
                _ => answer.is_problem(403, "forbidden"),
            }
            assert!(!answer.head.contains("access-control"), "{line}: no page reads this: {answer:?}");
        }
    }
    // A push needs a source's own token, and that opens nothing else.
    for (name, key) in keys {
        let head = format!("POST /v1/events?source=app\nAuthorization: Bearer {key}");
        assert_eq!(lab.ask(&head, "\"x\"").await.status, if name == "push" { 202 } else { 401 }, "{name}");
    }
}
