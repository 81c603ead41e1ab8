//! Bodies that are not what is asked for: each is told what is wrong, where, and the way out.

mod fake;
mod lab;

use lab::{Lab, SHOP};

const INGEST: &str = "Authorization: Bearer ingest-token-of-tickets\nContent-Type: application/json";

#[tokio::test]
async fn a_wrong_body_is_told_by_its_field() {
    let lab = Lab::new().await;
    let check = async |head: &str, body: &str, field: &str| {
        let answer = lab.ask(head, body).await;
        answer.is_problem(422, "invalid");
        assert_eq!(answer.json()["field"], field, "{body}: {answer:?}");
    };
    let form = format!("POST /v1/suggestions\n{SHOP}");
    check(&form, r#"{"draft_id":"draft-0123456789-0","body":"x","subject":null}"#, "subject").await;
    check(&form, r#"{"draft_id":7,"body":"x"}"#, "draft_id").await;
    check(&form, r#"{"draft_id":"draft-0123456789-0"}"#, "body").await;
    check(&form, r#"{"draft_id":"draft-0123456789-0","body":"x","boddy":"x"}"#, "boddy").await;
    check(&form, r#"{"draft_id":"draft-0123456789-0","body":"x","body":"y"}"#, "body").await;
    check(&format!("PUT /v1/customers/K1\n{INGEST}"), r#"{"since":"2026-01-01"}"#, "since").await;
    check(&format!("PUT /v1/assets/vm:1\n{INGEST}"), r#"{"name":"x","aliases":["a",1]}"#, "aliases").await;
    check(&format!("PUT /v1/assets/vm:1\n{INGEST}"), r#"{"protected":"yes"}"#, "protected").await;
}

#[tokio::test]
async fn what_is_wrong_with_json_is_said_with_the_way_out() {
    let lab = Lab::new().await;
    let put = async |body: &[u8]| lab.ask(&format!("PUT /v1/assets/vm:1\n{INGEST}"), body).await;
    // RFC 8259 lets a reader overlook a byte order mark.
    assert_eq!(put("\u{feff} {\"name\":\"Öl\"}".as_bytes()).await.status, 201);
    let utf16: Vec<u8> = "{}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let cases: [(&[u8], u16, &str); 11] = [
        (b"", 400, "the body is empty; send a JSON object, at least `{}`"),
        (b" \r\n", 400, "the body is empty; send a JSON object, at least `{}`"),
        (&utf16, 400, "the body has zero bytes, as UTF-16 has; send the JSON in UTF-8"),
        (b"{\"name\":\"\xd6l\"}", 400, "byte 10 of the body is not UTF-8; send the JSON in UTF-8"),
        (
            b"{'name':'x'}",
            400,
            "no JSON: key must be a string at line 1 column 2; have a library write it, like PHP's json_encode()",
        ),
        (b"\xef\xbb\xbf[]", 422, "the body must be a JSON object"),
        (b"{\"owner\":7}", 422, "invalid type: integer `7`, expected a string at line 1 column 10; write it in quotes"),
        (b"{\"aliases\":\"a\"}", 422, "; write a list, like [\"one\", \"two\"]"),
        (b"{\"aliases\":null}", 422, "; leave the field out"),
        (b"{\"protected\":\"yes\"}", 422, "; write true or false, without quotes"),
        (b"{\"name\":{}}", 422, "expected a string at line 1 column 8"),
    ];
    for (body, status, said) in cases {
        let answer = put(body).await;
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(answer.status == status && detail.ends_with(said), "{body:?}: {answer:?}");
    }
}
