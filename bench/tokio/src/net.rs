// SPDX-License-Identifier: MIT
//! Servers for bench-load: they print their port, and send back what they get until they are killed.

use std::fs::File;
use std::io::{self, BufReader};
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::rustls::{version::TLS13, Certificate, PrivateKey, ServerConfig};
use tokio_rustls::TlsAcceptor;

async fn announced_listener() -> TcpListener {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
    println!("{}", listener.local_addr().expect("address").port());
    listener
}

pub async fn serve() -> f64 {
    let listener = announced_listener().await;
    loop {
        let (connection, _) = listener.accept().await.expect("accept");
        tokio::spawn(async move {
            connection.set_nodelay(true)?;
            echo(connection).await
        });
    }
}

/// The same over TLS 1.3, with the certificate that the environment names.
pub async fn serve_tls() -> f64 {
    let acceptor = TlsAcceptor::from(Arc::new(config()));
    let listener = announced_listener().await;
    loop {
        let (connection, _) = listener.accept().await.expect("accept");
        tokio::spawn(echo_tls(acceptor.clone(), connection));
    }
}

async fn echo_tls(acceptor: TlsAcceptor, connection: TcpStream) -> io::Result<()> {
    connection.set_nodelay(true)?;
    echo(acceptor.accept(connection).await?).await
}

fn pem(variable: &str) -> BufReader<File> {
    let path = std::env::var(variable).expect(variable);
    BufReader::new(File::open(path).expect(variable))
}

fn config() -> ServerConfig {
    let chain = rustls_pemfile::certs(&mut pem("BENCH_CERTIFICATE")).expect("certificate");
    let keys = rustls_pemfile::pkcs8_private_keys(&mut pem("BENCH_KEY")).expect("key");
    ServerConfig::builder()
        .with_safe_default_cipher_suites()
        .with_safe_default_kx_groups()
        .with_protocol_versions(&[&TLS13])
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(chain.into_iter().map(Certificate).collect(), PrivateKey(keys[0].clone()))
        .expect("key of the certificate")
}

async fn echo<S: AsyncRead + AsyncWrite + Unpin>(mut connection: S) -> io::Result<()> {
    let mut buffer = [0; 1024];
    loop {
        let n = connection.read(&mut buffer).await?;
        if n == 0 {
            return Ok(());
        }
        connection.write_all(&buffer[..n]).await?;
    }
}
