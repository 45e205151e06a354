//! A connection that counts every byte it receives. One request at a time.

use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;

use lab::SERVER_PORT;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use super::traffic::Traffic;
use crate::problem::Problem;
use crate::start::TOKEN;

/// Bytes of an answer: the whole plan of the largest fleet without compression, and reserve.
const ANSWER_MAX: usize = 8 << 20;

/// A connection to the server.
#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    traffic: Rc<Traffic>,
    buffer: Vec<u8>,
}

/// An answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) gzip: bool,
    pub(super) body: Vec<u8>,
}

impl Connection {
    /// Connects from an address of the caller's own: the server counts connections by source.
    pub(super) async fn open(source: Ipv4Addr, traffic: Rc<Traffic>) -> Result<Self, Problem> {
        let failed = || Problem::system("connecting to the server");
        let socket = TcpSocket::new_v4().map_err(failed())?;
        socket.bind(SocketAddr::from((source, 0))).map_err(failed())?;
        let stream = socket.connect((Ipv4Addr::LOCALHOST, SERVER_PORT).into()).await.map_err(failed())?;
        Ok(Self { stream, traffic, buffer: Vec::new() })
    }

    /// Asks, and waits for the answer.
    pub(super) async fn ask(&mut self, method: &str, target: &str, body: &[u8]) -> Result<Answer, Problem> {
        let head = format!(
            "{method} {target} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n\
             Accept-Encoding: gzip\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let failed = |what: &str| Problem::system(format!("{what} {target}"));
        self.stream.write_all(&[head.as_bytes(), body].concat()).await.map_err(failed("asking"))?;
        let end = loop {
            if let Some(end) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            self.read(target).await?;
        };
        let head = String::from_utf8_lossy(&self.buffer[..end]).to_lowercase();
        let header = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        let status = head.split_whitespace().nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
        let length: usize = header("content-length:").and_then(|length| length.parse().ok()).unwrap_or(0);
        let gzip = header("content-encoding:") == Some("gzip");
        self.buffer.drain(..end);
        while self.buffer.len() < length {
            self.read(target).await?;
        }
        Ok(Answer { status, gzip, body: self.buffer.drain(..length).collect() })
    }

    async fn read(&mut self, target: &str) -> Result<(), Problem> {
        let failed = || Problem::system(format!("reading the answer to {target}"));
        let read = self.stream.read_buf(&mut self.buffer).await.map_err(failed())?;
        self.traffic.add(read);
        if read == 0 || self.buffer.len() > ANSWER_MAX {
            return Err(Problem::NotThere(format!("{target}: the answer ended early, or does not end")));
        }
        Ok(())
    }
}
