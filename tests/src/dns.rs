//! A DNS of a test's own, which knows one service, and programs that ask nobody else. Only where the system lets a test listen on the port
//! of DNS and mount a file for itself (on Linux, as root); elsewhere such a test is skipped.

#![expect(clippy::expect_used, reason = "what a test cannot set up fails it")]

use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command as BlockingCommand;

use tokio::net::UdpSocket;
use tokio::process::Command;
use tokio::task::JoinHandle;

use crate::skip::skip;

/// Where it listens: resolvers take no other port. Not `127.0.0.1`, where the machine may have one.
const ADDRESS: (Ipv4Addr, u16) = (Ipv4Addr::new(127, 53, 53, 53), 53);

const TYPE_A: u16 = 1;
const TYPE_SRV: u16 = 33;
/// A name that stands at the beginning of the question: the answer's is the same (RFC 1035 §4.1.4).
const SAME_NAME: [u8; 2] = [0xc0, 12];
const QUESTION: usize = 12;

/// A name server, until it is dropped.
pub struct NameServer {
    serving: JoinHandle<()>,
    folder: tempfile::TempDir,
}

impl NameServer {
    /// One that says `service` (`_mongodb._tcp.…`) is at `host` and `port`, and every other name is this machine. `None`, and a note,
    /// where that is not allowed.
    pub async fn start(service: &'static str, host: &'static str, port: u16) -> Option<Self> {
        let may_mount = BlockingCommand::new("unshare").args(["--mount", "true"]).status();
        let socket = UdpSocket::bind(ADDRESS).await;
        let (Ok(socket), true) = (socket, may_mount.is_ok_and(|status| status.success())) else {
            skip("a name server of one's own needs root");
            return None;
        };
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("resolv.conf"), format!("nameserver {}\n", ADDRESS.0)).expect("a file");
        let serving = tokio::spawn(async move {
            let mut query = [0; 512];
            while let Ok((length, from)) = socket.recv_from(&mut query).await {
                if let Some(reply) = query.get(..length).and_then(|query| reply(query, service, host, port)) {
                    // Who asked may have gone.
                    let _ = socket.send_to(&reply, from).await;
                }
            }
        });
        Some(Self { serving, folder })
    }

    /// `program`, which asks this one.
    #[must_use]
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", "mount --bind \"$0\" /etc/resolv.conf && exec \"$@\""]);
        command.arg(self.folder.path().join("resolv.conf")).arg(program);
        command
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// RFC 1035 §4, RFC 2782. What there is no record of has none: an empty answer, no error.
fn reply(query: &[u8], service: &str, host: &str, port: u16) -> Option<Vec<u8>> {
    let (name, after) = read_name(query)?;
    let question = query.get(QUESTION..after + 4)?;
    let kind = u16::from_be_bytes([*query.get(after)?, *query.get(after + 1)?]);
    let data = match kind {
        TYPE_SRV if name == service => {
            let mut data = vec![0, 0, 0, 0];
            data.extend(port.to_be_bytes());
            for label in host.split('.') {
                data.push(u8::try_from(label.len()).ok()?);
                data.extend(label.as_bytes());
            }
            data.push(0);
            Some(data)
        }
        TYPE_A if name != service => Some(Ipv4Addr::LOCALHOST.octets().to_vec()),
        _ => None,
    };
    let mut reply = query.get(..2)?.to_vec();
    // A response, with recursion; one question, at most one answer.
    reply.extend([0x81, 0x80, 0, 1, 0, u8::from(data.is_some()), 0, 0, 0, 0]);
    reply.extend(question);
    if let Some(data) = data {
        reply.extend(SAME_NAME);
        reply.extend(kind.to_be_bytes());
        reply.extend([0, 1, 0, 0, 0, 60]);
        reply.extend(u16::try_from(data.len()).ok()?.to_be_bytes());
        reply.extend(data);
    }
    Some(reply)
}

/// The name that is asked for, and where it ends.
fn read_name(query: &[u8]) -> Option<(String, usize)> {
    let (mut labels, mut at) = (Vec::new(), QUESTION);
    loop {
        let length = usize::from(*query.get(at)?);
        let label = query.get(at + 1..at + 1 + length)?;
        at += 1 + length;
        if length == 0 {
            return Some((labels.join("."), at));
        }
        labels.push(String::from_utf8_lossy(label).to_lowercase());
    }
}
