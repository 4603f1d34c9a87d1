//! Makes a `mongod` that was just started a replica set of one: transactions need one. Speaks as much of MongoDB's wire protocol
//! (OP_MSG, BSON) as two commands take, so that `xtask` needs no driver.

use std::io::{Error, Read as _, Result, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

/// What `mongod --replSet` is told.
pub(super) const NAME: &str = "rs0";

const OP_MSG: i32 = 2013;

/// Tells the server that it is the only member. A second time changes nothing.
///
/// # Errors
/// It cannot be reached.
pub(super) fn initiate(port: u16) -> Result<()> {
    let member = document(&[number("_id", 0), text("host", &format!("127.0.0.1:{port}"))]);
    let members = document(&[nested(0x03, "0", &member)]);
    let set = document(&[text("_id", NAME), nested(0x04, "members", &members)]);
    ask(port, &document(&[nested(0x03, "replSetInitiate", &set), text("$db", "admin")])).map(drop)
}

/// Whether the election is over.
pub(super) fn takes_writes(port: u16) -> bool {
    let answer = ask(port, &document(&[number("hello", 1), text("$db", "admin")])).unwrap_or_default();
    let wanted = b"\x08isWritablePrimary\0\x01";
    answer.windows(wanted.len()).any(|bytes| bytes == wanted)
}

/// The server's answer to a command, as it came.
fn ask(port: u16, command: &[u8]) -> Result<Vec<u8>> {
    let timeout = Duration::from_secs(5);
    let mut stream = TcpStream::connect_timeout(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)), timeout)?;
    stream.set_read_timeout(Some(timeout))?;
    // Header, flags, and one section of kind 0.
    let length = 16 + 4 + 1 + command.len();
    let header = [i32::try_from(length).map_err(Error::other)?, 1, 0, OP_MSG, 0];
    let mut message: Vec<u8> = header.iter().flat_map(|word| word.to_le_bytes()).collect();
    message.push(0);
    message.extend(command);
    stream.write_all(&message)?;
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let rest = usize::try_from(i32::from_le_bytes(length)).map_err(Error::other)?.saturating_sub(4);
    let mut answer = vec![0; rest.min(1 << 20)];
    stream.read_exact(&mut answer)?;
    Ok(answer)
}

fn document(elements: &[Vec<u8>]) -> Vec<u8> {
    let inner = elements.concat();
    let length = u32::try_from(inner.len() + 5).unwrap_or(u32::MAX);
    [length.to_le_bytes().as_slice(), &inner, &[0]].concat()
}

fn element(kind: u8, name: &str, value: &[u8]) -> Vec<u8> {
    [&[kind], name.as_bytes(), &[0], value].concat()
}

fn number(name: &str, value: i32) -> Vec<u8> {
    element(0x10, name, &value.to_le_bytes())
}

fn text(name: &str, value: &str) -> Vec<u8> {
    let length = u32::try_from(value.len() + 1).unwrap_or(u32::MAX);
    element(0x02, name, &[length.to_le_bytes().as_slice(), value.as_bytes(), &[0]].concat())
}

/// A document (0x03) or an array (0x04).
fn nested(kind: u8, name: &str, value: &[u8]) -> Vec<u8> {
    element(kind, name, value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bson() {
        // The example of bsonspec.org.
        assert_eq!(document(&[text("hello", "world")]), b"\x16\x00\x00\x00\x02hello\x00\x06\x00\x00\x00world\x00\x00");
        assert_eq!(document(&[number("a", 1)]), b"\x0c\x00\x00\x00\x10a\x00\x01\x00\x00\x00\x00");
    }
}
