//! A server's TLS, put before one that speaks none: with a certificate of its own authority, as a managed server has one. Not what the
//! server does.

#![expect(clippy::expect_used, reason = "what a test cannot set up fails it")]

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;

/// What the server is called in DNS, where a test has one.
pub const SERVER: &str = "db.kairos.test";

/// Listens with TLS on a port of 127.0.0.1 and passes on what it hears in the clear.
pub struct TlsProxy {
    port: u16,
    folder: tempfile::TempDir,
    handshakes: Arc<AtomicU64>,
    serving: JoinHandle<()>,
}

impl TlsProxy {
    /// In front of `target`, `host:port`.
    pub async fn start(target: String) -> Self {
        let (authority, config) = certified();
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("ca.pem"), authority).expect("a file");
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("it has an address").port();
        let handshakes = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&handshakes);
        let serving = tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let (acceptor, target, counted) = (acceptor.clone(), target.clone(), Arc::clone(&counted));
                tokio::spawn(async move {
                    // Who does not trust the certificate goes away in the middle.
                    let Ok(mut near) = acceptor.accept(near).await else { return };
                    counted.fetch_add(1, Ordering::SeqCst);
                    if let Ok(mut far) = TcpStream::connect(target).await {
                        let _ = copy_bidirectional(&mut near, &mut far).await;
                    }
                });
            }
        });
        Self { port, folder, handshakes, serving }
    }

    /// `127.0.0.1:…`
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The port of it.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The certificate of the authority, PEM.
    #[must_use]
    pub fn ca_file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// How many connections have been made.
    #[must_use]
    pub fn handshakes(&self) -> u64 {
        self.handshakes.load(Ordering::SeqCst)
    }
}

impl Drop for TlsProxy {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// An authority's certificate, and a server that it certifies.
fn certified() -> (String, ServerConfig) {
    let mut authority = CertificateParams::new(Vec::new()).expect("no names");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("a key");
    let pem = authority.self_signed(&key).expect("a certificate").pem();
    let issuer = Issuer::new(authority, key);
    let server = CertificateParams::new(["localhost", "127.0.0.1", SERVER].map(str::to_owned)).expect("three names");
    let key = KeyPair::generate().expect("a key");
    let certificate = server.signed_by(&key, &issuer).expect("a certificate");
    let key = PrivatePkcs8KeyDer::from(key.serialize_der());
    let config = ServerConfig::builder().with_no_client_auth();
    (pem, config.with_single_cert(vec![certificate.der().clone()], key.into()).expect("they belong together"))
}
