use axum::http::HeaderValue;

use super::*;
use crate::settings::Settings;

fn access(text: &str) -> Result<Access, String> {
    let settings: Settings = toml::from_str(text).map_err(|e| e.to_string())?;
    let server = settings.check(Path::new("/")).map_err(|e| e.to_string())?;
    Access::open(&server).map_err(|e| e.to_string())
}

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())).collect()
}

#[test]
fn a_secret_that_is_short_missing_or_used_twice_is_refused() {
    let file = std::env::temp_dir().join("heinzel-no-such-file");
    let token = |name: &str, secret: &str| format!("[[token]]\nname = \"{name}\"\nscopes = [\"ingest\"]\n{secret}\n");
    let check = |text: String, word: &str| {
        let error = access(&text).expect_err(&text);
        assert!(error.contains(word), "{error}");
        assert!(!error.contains("s3cret"), "{error}");
    };
    check(token("a", "token = \"s3cret\""), "it needs 16");
    check(token("a", &format!("token_file = \"{}\"", file.display())), "heinzel-no-such-file");
    let good = "token = \"s3cret-0123456789\"";
    check(token("a", good) + &token("b", good), "each needs its own");
    let form =
        "[[token]]\nname = \"f\"\nscopes = [\"form\"]\ntoken = \"form-0123456789abc\"\norigins = [\"https://a\"]\n";
    check(format!("{form}[token.claims]\nsecret = \"s3cret-shorter-than-32-bytes\"\n"), "it needs 32");
    let two = access(&(token("old", good) + &token("new", "token = \"another-0123456789\""))).unwrap();
    for (secret, name) in
        [("s3cret-0123456789", Some("old")), ("another-0123456789", Some("new")), ("", None), ("x", None)]
    {
        let found = two.token(&headers(&[("authorization", &format!("bearer {secret}"))]));
        assert_eq!(found.map(|token| &*token.name), name);
    }
    assert!(two.token(&headers(&[("authorization", "Basic s3cret-0123456789")])).is_none());
}

#[test]
fn every_secret_that_cannot_be_used_is_named_and_so_is_one_that_only_this_user_may_not_read() {
    let complaints = |text: &str| {
        let settings: Settings = toml::from_str(text).unwrap();
        Access::complaints(&settings.check(Path::new("/no/such")).unwrap())
    };
    let token = "[[token]]\nname = \"a\"\nscopes = [\"ingest\"]\n";
    let form = "[[token]]\nname = \"f\"\nscopes = [\"form\"]\ntoken = \"short\"\norigins = [\"https://a\"]\n";
    let claims = "[token.claims]\nsecret_file = \"now\"\nprevious_file = \"before\"\n";
    let zammad = "[zammad]\nsecret_file = \"z\"\n";
    let said = complaints(&format!("{token}token_file = \"a\"\n{form}{claims}{zammad}"));
    let places: Vec<String> =
        said.iter().map(|e| e.to_string().split(": ").take(2).collect::<Vec<_>>().join(" ")).collect();
    let expected = [
        "`server.token a` read /no/such/a",
        "`server.token f` the secret has 5 bytes; it needs 16, like `openssl rand -hex 32` makes them",
        "`server.token f.claims` read /no/such/now",
        "`server.token f.claims` read /no/such/before",
        "`server.zammad` read /no/such/z",
    ];
    assert_eq!(places, expected);
    assert!(!said.iter().any(SettingsError::is_denied));
    // Who guesses it writes tickets in everybody's name.
    let said = complaints("[zammad]\nsecret = \"x\"\n").remove(0).to_string();
    assert!(said.starts_with("`server.zammad`: the secret has 1 bytes; it needs 16, like `openssl"), "{said}");
    assert!(said.ends_with("; the webhook in Zammad needs the same"), "{said}");
    let good = format!("{token}token = \"s3cret-0123456789\"\n");
    assert!(complaints(&good).is_empty());
    let twice = complaints(&format!("{good}{}", good.replace("\"a\"", "\"b\"")));
    assert!(twice[0].to_string().contains("each needs its own"), "{twice:?}");
    let denied = std::io::Error::from(std::io::ErrorKind::PermissionDenied);
    assert!(SettingsError::unreadable("server.token a", Path::new("/a"), &denied).is_denied());
}

#[test]
fn a_secret_is_the_first_line_of_its_file() {
    let file = std::env::temp_dir().join(format!("heinzel-token-{}", std::process::id()));
    std::fs::write(&file, "0123456789abcdef0123456789abcdef\n# of the shop\n").unwrap();
    let text = format!("[[token]]\nname = \"a\"\nscopes = [\"operate\"]\ntoken_file = \"{}\"\n", file.display());
    let access = access(&text).unwrap();
    std::fs::remove_file(&file).unwrap();
    let request = headers(&[("authorization", "Bearer 0123456789abcdef0123456789abcdef")]);
    assert!(access.entitled(&request, Scope::Operate).is_ok() && access.entitled(&request, Scope::Ingest).is_err());
}

#[test]
fn the_address_is_the_last_that_is_no_proxy_and_a_proxy_is_nobody() {
    let access = access("proxies = [\"127.0.0.1\", \"10.0.0.2\"]").unwrap();
    let check = |peer: &str, forwarded: &[&str], expected: &str| {
        let mut asked = HeaderMap::new();
        forwarded.iter().for_each(|value| {
            asked.append("x-forwarded-for", HeaderValue::from_str(value).unwrap());
        });
        let address = access.address(peer.parse().unwrap(), &asked).map(|address| address.to_string());
        assert_eq!(address.as_deref().unwrap_or("nobody"), expected, "{peer} {forwarded:?}");
    };
    check("192.0.2.7", &["203.0.113.1"], "192.0.2.7");
    check("127.0.0.1", &[], "nobody");
    check("127.0.0.1", &["10.0.0.2"], "nobody");
    check("127.0.0.1", &["203.0.113.1"], "203.0.113.1");
    check("127.0.0.1", &["198.51.100.1, 203.0.113.1, 10.0.0.2"], "203.0.113.1");
    check("127.0.0.1", &["198.51.100.1", "203.0.113.1"], "203.0.113.1");
    for garbage in ["unknown", "_hidden", "203.0.113.1.2", "", "\"", "203.0.113.1:99999", "[203.0.113.1"] {
        check("127.0.0.1", &[&format!("203.0.113.1, {garbage}")], "nobody");
    }
    check("127.0.0.1", &["198.51.100.1, 203.0.113.1:4711"], "203.0.113.1");
    check("127.0.0.1", &["[2001:db8:1:2:3:4:5:6]:4711"], "2001:db8:1:2::");
    check("127.0.0.1", &["[2001:db8:1:2:3:4:5:6]"], "2001:db8:1:2::");
    check("::ffff:127.0.0.1", &["::ffff:203.0.113.1"], "203.0.113.1");
    check("2001:db8:1:2:3:4:5:6", &[], "2001:db8:1:2::");
}

#[test]
fn nothing_of_a_secret_is_printed() {
    let text = "demo = true\n[[token]]\nname = \"f\"\nscopes = [\"form\"]\ntoken = \"form-0123456789abc\"\norigins = [\"https://a\"]\n\
                [token.claims]\nsecret = \"0123456789abcdef0123456789abcdef\"\n[zammad]\nsecret = \"zammads-0123456789\"\n";
    let printed = format!("{:?}", access(text).unwrap());
    for secret in ["0123456789abc", "zammads"] {
        assert!(!printed.contains(secret), "{printed}");
    }
}

#[test]
fn a_secret_is_only_read_from_a_regular_file() {
    for path in ["/dev/null", "/"] {
        let said = first_line(Path::new(path)).unwrap_err().to_string();
        assert!(said.contains("not a regular file"), "{path}: {said}");
    }
}
