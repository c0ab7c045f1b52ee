//! The smallest HTTP client that the control API needs.

use std::io::{Read, Write};
use std::net::TcpStream;

use anyhow::{Context, ensure};

use super::Result;

/// Sends one request and gives back the body of a 200; anything else is an error.
pub fn request(address: &str, method: &str, path: &str, body: &str) -> Result<String> {
    send(address, method, path, "", body)
}

/// The same with an API key, and a form as the body.
pub fn with_key(address: &str, method: &str, path: &str, body: &str) -> Result<String> {
    let headers = "Authorization: Bearer sk_test_somebody\r\nContent-Type: application/x-www-form-urlencoded\r\n";
    send(address, method, path, headers, body)
}

/// The same on a connected account.
pub fn on_account(
    address: &str,
    account: &str,
    method: &str,
    path: &str,
    body: &str,
) -> Result<String> {
    let headers = format!(
        "Authorization: Bearer sk_test_somebody\r\nStripe-Account: {account}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    );
    send(address, method, path, &headers, body)
}

/// HTTP/1.0, so that the answer ends where the connection does.
fn send(address: &str, method: &str, path: &str, headers: &str, body: &str) -> Result<String> {
    let mut stream = TcpStream::connect(address).with_context(|| format!("{address} {path}"))?;
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.0\r\nHost: {address}\r\n{headers}Content-Length: {length}\r\n\r\n"
    );
    stream.write_all(format!("{head}{body}").as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, text) = answer
        .split_once("\r\n\r\n")
        .with_context(|| format!("{method} {path}: half an answer: {answer}"))?;
    let status = head.split(' ').nth(1).context("no status")?;
    ensure!(status == "200", "{method} {path}: {status}: {text}");
    Ok(text.to_owned())
}
