//! URLs that mean what they look like.

use reqwest::Url;

/// Parses a URL that was allowed by its text, and makes sure that it is also allowed by its meaning.
///
/// `http://127.0.0.1:x@example.com/` and `https://example.com/api/../admin` fit patterns whose author meant other targets.
/// `allowed` is asked again with the URL as it will be requested.
///
/// # Errors
/// Why not, naming the URL.
pub(crate) fn parse(text: &str, allowed: impl Fn(&str) -> Result<(), String>) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("`{text}` is no URL: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!("`{text}`: `{}:` is not supported; write `http://` or `https://`", url.scheme()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(format!("`{text}` hides its host behind an `@`; leave user and password out of it"));
    }
    // `http://host` is requested as `http://host/`; no other difference is fine without asking.
    if url.as_str() != text && url.as_str().strip_suffix('/') != Some(text) {
        allowed(url.as_str())?;
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_that_hides_its_target_is_refused() {
        let parsed = |text: &str| {
            let no = |url: &str| {
                if url.starts_with("http://ok/api/") { Ok(()) } else { Err(format!("{url} is not allowed")) }
            };
            parse(text, no).map(String::from)
        };
        let plain = |text: &str, expected: &str| assert_eq!(parsed(text).as_deref(), Ok(expected));
        plain("http://ok", "http://ok/");
        plain("http://ok/api/x?y=1", "http://ok/api/x?y=1");
        plain("http://ok/api/a b", "http://ok/api/a%20b");
        let check = |text: &str, expected: &str| {
            let why = parsed(text).unwrap_err();
            assert!(why.contains(expected), "{why} should contain {expected}");
        };
        check("http://ok/api/../admin", "http://ok/admin is not allowed");
        check("http://ok/api/%2e%2e/admin", "http://ok/admin is not allowed");
        check("http://ok\\@evil.example/", "is not allowed");
        check("http://127.0.0.1:80@evil.example/", "hides its host");
        check("http://127.0.0.1:80.evil.example/", "is no URL");
        check("file:///etc/passwd", "`file:` is not supported");
    }
}
