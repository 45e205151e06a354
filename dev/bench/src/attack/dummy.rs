//! A server of nothing: it takes every connection and answers each request with an empty 200. What an attack costs the
//! machine beside any server.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio::task::JoinSet;

use super::blow::Blow;

/// Handshakes that wait, as with the server.
const BACKLOG: u32 = 4096;
/// Bytes that are read at once and thrown away.
const READ_BYTES: usize = 4096;

/// Serves all ports that attacks are aimed at, until it is killed.
pub(crate) fn main() -> ExitCode {
    let Ok(runtime) = Builder::new_current_thread().enable_all().build() else {
        return ExitCode::FAILURE;
    };
    runtime.block_on(async {
        let ports: std::collections::BTreeSet<u16> =
            Blow::ALL.iter().map(|blow| blow.manner().port).collect();
        let mut serving = JoinSet::new();
        for port in ports {
            serving.spawn(serve(port));
        }
        // None of them ends but by failing.
        let _ended = serving.join_next().await;
        ExitCode::FAILURE
    })
}

async fn serve(port: u16) -> std::io::Result<()> {
    let socket = tokio::net::TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), port))?;
    let listener: TcpListener = socket.listen(BACKLOG)?;
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (stream, _) = accepted?;
                connections.spawn(answer(stream));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Reads a head, answers, and reads on until the client closes.
async fn answer(mut stream: TcpStream) {
    let mut bytes = [0; READ_BYTES];
    let mut ending = Vec::new();
    let mut answered = false;
    while let Ok(read) = stream.read(&mut bytes).await {
        if read == 0 {
            return;
        }
        if answered {
            continue;
        }
        ending.extend_from_slice(bytes.get(..read).unwrap_or_default());
        if ending.windows(4).any(|end| end == b"\r\n\r\n") {
            answered = true;
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            if stream.write_all(answer).await.is_err() {
                return;
            }
        }
    }
}
