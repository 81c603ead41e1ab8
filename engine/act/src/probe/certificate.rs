//! When a certificate expires: of a PEM file, or of a server that speaks TLS.

use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::sync::{Arc, Mutex, PoisonError};

use heinzel_core::time::Timestamp;
use serde_json::json;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{ClientConfig, DigitallySignedStruct, Error as TlsError, SignatureScheme};
use x509_parser::pem::Pem;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::host::look_at_path;
use super::net::resolve;
use super::{Report, now, round};
use crate::Hands;
use crate::program::{blocking, chain};

/// No certificate chain is near this size.
const FILE_LIMIT: u64 = 1024 * 1024;

impl Hands {
    /// Expiry of the certificate of `target`: an absolute path to a PEM file (its first certificate counts), or
    /// `host:port` of a server that begins with TLS (HTTPS, IMAPS, SMTPS; not STARTTLS).
    ///
    /// Whether the certificate is trusted does not matter here: an expired one must be readable too.
    pub(super) async fn certificate(&self, target: &str) -> Report {
        if target.starts_with('/') {
            let path = target.to_owned();
            return look_at_path(&self.looks, move || report(&first_of_file(&path)?)).await;
        }
        let der = timeout(self.probe_timeout, of_server(target)).await.map_err(|_| self.late())??;
        blocking(move || report(&der)).await?
    }
}

/// What the certificate says.
#[expect(clippy::cast_precision_loss, reason = "seconds since the epoch stay far below 2^52")]
fn report(der: &[u8]) -> Report {
    let (_, certificate) = X509Certificate::from_der(der).map_err(|error| format!("read its certificate: {error}"))?;
    let expires = certificate.validity().not_after.timestamp();
    Ok(json!({
        "expires": Timestamp::from_seconds(expires).to_string(),
        "days_left": round((expires as f64 - now()) / 86_400.0),
        "subject": crate::program::clean(&certificate.subject().to_string()),
        "self_signed": certificate.subject().as_raw() == certificate.issuer().as_raw(),
    }))
}

/// The first certificate of a PEM file; a key before it is skipped.
fn first_of_file(path: &str) -> Result<Vec<u8>, String> {
    // Without O_NONBLOCK a FIFO of that name would hold us for ever.
    let nonblock = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or(0);
    let file = std::fs::OpenOptions::new().read(true).custom_flags(nonblock).open(path).map_err(|e| e.to_string())?;
    if !file.metadata().map_err(|e| e.to_string())?.is_file() {
        return Err("it is no file".into());
    }
    let mut text = Vec::new();
    file.take(FILE_LIMIT).read_to_end(&mut text).map_err(|e| e.to_string())?;
    let mut blocks = Pem::iter_from_buffer(&text).filter_map(Result::ok);
    match blocks.find(|block| block.label == "CERTIFICATE") {
        Some(block) => Ok(block.contents),
        None => Err("it holds no PEM certificate (`-----BEGIN CERTIFICATE-----`)".into()),
    }
}

/// The certificate that a server shows.
async fn of_server(target: &str) -> Result<Vec<u8>, String> {
    let wrong = || format!("`{target}` is neither `host:port` nor an absolute path");
    let (host, port) = target.rsplit_once(':').ok_or_else(wrong)?;
    let host = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
    let port: u16 = port.parse().map_err(|_| wrong())?;
    let name = ServerName::try_from(host.to_owned()).map_err(|_| wrong())?;
    let addresses = resolve(host, port).await?;
    let stream = TcpStream::connect(addresses.as_slice()).await.map_err(|error| format!("connect: {error}"))?;

    let provider = Arc::new(ring::default_provider());
    let shown = Arc::new(Shown { certificate: Mutex::new(None), provider: Arc::clone(&provider) });
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| chain(&error))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::clone(&shown) as Arc<dyn ServerCertVerifier>)
        .with_no_client_auth();
    let handshake = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
    // A server that wants a certificate of ours ends the handshake, but only after it has shown its own.
    let seen = shown.certificate.lock().unwrap_or_else(PoisonError::into_inner).take();
    match (seen, handshake) {
        (Some(der), _) => Ok(der),
        (None, Err(error)) => Err(format!("TLS handshake: {error}")),
        (None, Ok(_)) => Err("TLS handshake: the server showed no certificate".into()),
    }
}

/// Accepts any certificate and keeps it. Nothing is ever sent over such a connection, so there is nothing to protect.
#[derive(Debug)]
struct Shown {
    certificate: Mutex<Option<Vec<u8>>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Shown {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        *self.certificate.lock().unwrap_or_else(PoisonError::into_inner) = Some(end_entity.to_vec());
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use heinzel_core::probe::Probe;
    use rcgen::{CertificateParams, CertifiedKey, DnType, KeyPair, date_time_ymd};
    use tokio_rustls::TlsAcceptor;
    use tokio_rustls::rustls::ServerConfig;
    use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

    use super::*;
    use crate::fixture::{hands, sees};

    fn certificate(last_year: i32) -> CertifiedKey<KeyPair> {
        let mut params = CertificateParams::new(vec!["example.com".into()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, "example.com");
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(last_year, 6, 30);
        let signing_key = KeyPair::generate().unwrap();
        CertifiedKey { cert: params.self_signed(&signing_key).unwrap(), signing_key }
    }

    async fn of(target: impl Into<String>) -> serde_json::Value {
        sees(&hands(&json!({})), Probe::Certificate { target: target.into() }).await
    }

    #[tokio::test]
    async fn a_pem_file_is_read_even_with_its_key_first() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("site.pem").display().to_string();
        let made = certificate(2999);
        std::fs::write(&path, format!("{}{}", made.signing_key.serialize_pem(), made.cert.pem())).unwrap();
        let report = of(&path).await;
        assert_eq!(report["expires"], "2999-06-30T00:00:00Z");
        assert!(report["days_left"].as_f64().unwrap() > 300_000.0, "{report}");
        assert!(report["subject"].as_str().unwrap().contains("CN=example.com"), "{report}");
        assert_eq!(report["self_signed"], true);
        std::fs::write(&path, certificate(2021).cert.pem()).unwrap();
        assert!(of(&path).await["days_left"].as_f64().unwrap() < -1000.0);
    }

    #[tokio::test]
    async fn a_file_without_a_certificate_is_blind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.pem").display().to_string();
        let blind = async |expected: &str| {
            let report = of(&path).await;
            assert!(report["blind"].as_str().unwrap().contains(expected), "{report}");
        };
        blind("No such file").await;
        std::fs::write(&path, certificate(2999).signing_key.serialize_pem()).unwrap();
        blind("it holds no PEM certificate").await;
        std::fs::write(&path, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
        blind("read its certificate").await;
        assert!(of(folder.path().display().to_string()).await["blind"].as_str().unwrap().contains("it is no file"));
    }

    #[tokio::test]
    async fn an_expired_certificate_is_read_from_a_server() {
        let made = certificate(2021);
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = tokio::spawn(async move {
            let acceptor = TlsAcceptor::from(Arc::new(config));
            while let Ok((stream, _)) = listener.accept().await {
                let _ = acceptor.accept(stream).await;
            }
        });
        let report = of(format!("127.0.0.1:{port}")).await;
        assert_eq!(report["expires"], "2021-06-30T00:00:00Z", "{report}");
        let https = Probe::Http { url: format!("https://127.0.0.1:{port}/") };
        let report = sees(&hands(&json!({})), https).await;
        assert_eq!(report["reached"], false);
        assert!(report["error"].as_str().unwrap().contains("certificate"), "{report}");
        server.abort();
    }

    #[tokio::test]
    async fn a_server_without_tls_and_a_wrong_target_are_blind() {
        let server = crate::fixture::Server::start("HTTP/1.1 400 Bad Request\r\n\r\n").await;
        let hands = crate::fixture::hands_with(r#"{"probe_timeout": "2s"}"#, "{}");
        let report = sees(&hands, Probe::Certificate { target: format!("127.0.0.1:{}", server.port()) }).await;
        assert!(report["blind"].is_string(), "{report}");
        for target in ["example.com", "example.com:https", "-x y:443", ":443"] {
            let report = of(target).await;
            assert!(report["blind"].as_str().unwrap().contains("is neither `host:port` nor"), "{target}: {report}");
        }
    }
}
