//! The smallest HTTP client that the control API needs.

use std::io::{Read, Write};
use std::net::TcpStream;

use anyhow::{Context, ensure};

use super::Result;

/// Sends one request and gives back the body of a 200; anything else is an error. HTTP/1.0, so that the answer ends where
/// the connection does.
pub fn request(address: &str, method: &str, path: &str, body: &str) -> Result<String> {
    let (status, text) = any(address, method, path, &[], body)?;
    ensure!(status == 200, "{method} {path}: {status}: {text}");
    Ok(text)
}

/// Sends one request with headers and gives back status and body.
pub fn any(
    address: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Result<(u16, String)> {
    let mut stream = TcpStream::connect(address).with_context(|| format!("{address} {path}"))?;
    let mut head = format!(
        "{method} {path} HTTP/1.0\r\nHost: {address}\r\nContent-Length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    stream.write_all(format!("{head}\r\n{body}").as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let answer = String::from_utf8(answer)?;
    let (head, text) = answer
        .split_once("\r\n\r\n")
        .with_context(|| format!("{method} {path}: half an answer: {answer}"))?;
    let status = head.split(' ').nth(1).context("no status")?.parse()?;
    Ok((status, text.to_owned()))
}
