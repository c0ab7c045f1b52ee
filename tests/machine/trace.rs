//! What `strace` recorded, as operations on files and requests on the wire, in the order in which they happened.

use std::collections::BTreeMap;

use anyhow::Context;

use crate::support::Result;

/// The calls that are recorded.
pub const CALLS: &str =
    "trace=pwrite64,fsync,fdatasync,ftruncate,unlink,openat,writev,write,sendto,sendmsg";

/// One thing that the process told the machine to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    Write {
        file: String,
        offset: usize,
        data: Vec<u8>,
    },
    Truncate {
        file: String,
        length: usize,
    },
    /// Of a file, or of the directory, which keeps the names of files.
    Sync(String),
    Unlink(String),
    /// A request was handed over under this idempotency key.
    Sent(String),
}

/// Reads a trace that was made with `-f -y -xx`.
pub fn operations(trace: &str) -> Result<Vec<Operation>> {
    let mut unfinished: BTreeMap<&str, String> = BTreeMap::new();
    let mut operations = Vec::new();
    for line in trace.lines() {
        let (process, call) = line.split_once(' ').context("a line without a process")?;
        let call = call.trim_start();
        let whole = if let Some(begun) = call.strip_suffix("<unfinished ...>") {
            unfinished.insert(process, begun.trim_end().to_owned());
            // A write may be there from its beginning; a sync holds from its end.
            if begun.starts_with("fsync") || begun.starts_with("fdatasync") {
                continue;
            }
            begun.to_owned()
        } else if call.starts_with("<... ") {
            match unfinished.remove(process) {
                Some(begun) if begun.starts_with("fsync") || begun.starts_with("fdatasync") => {
                    begun
                }
                Some(_) | None => continue,
            }
        } else {
            call.to_owned()
        };
        operations.extend(operation(&whole)?);
    }
    Ok(operations)
}

fn operation(call: &str) -> Result<Option<Operation>> {
    let Some((name, arguments)) = call.split_once('(') else {
        return Ok(None);
    };
    let strings = strings(arguments)?;
    let path = || path_of(arguments);
    let number = |from_end: usize| -> Result<usize> {
        let inner = arguments
            .rsplit_once(')')
            .map_or(arguments, |(inner, _)| inner);
        let text = inner
            .rsplit(',')
            .nth(from_end)
            .context("an argument is missing")?;
        Ok(text.trim().parse()?)
    };
    Ok(match name {
        "pwrite64" => Some(Operation::Write {
            file: path()?,
            offset: number(0)?,
            data: strings.into_iter().next().context("no data")?,
        }),
        "ftruncate" => Some(Operation::Truncate {
            file: path()?,
            length: number(0)?,
        }),
        "fsync" | "fdatasync" => Some(Operation::Sync(path()?)),
        "unlink" => {
            let path = strings.into_iter().next().context("no path")?;
            Some(Operation::Unlink(String::from_utf8(path)?))
        }
        "writev" | "write" | "sendto" | "sendmsg" => {
            let text = strings.concat();
            let text = String::from_utf8_lossy(&text);
            let key = text.split("idempotency-key: ").nth(1);
            key.and_then(|rest| rest.get(..36))
                .map(|key| Operation::Sent(key.to_owned()))
        }
        _ => None,
    })
}

/// The path that `-y` writes behind a descriptor, as in `12<\x2f\x74>`.
fn path_of(arguments: &str) -> Result<String> {
    let path = arguments
        .split_once('<')
        .and_then(|(_, rest)| rest.split_once('>'));
    let (path, _) = path.context("no path")?;
    Ok(String::from_utf8(unescaped(path)?)?)
}

/// Every quoted string among the arguments.
fn strings(arguments: &str) -> Result<Vec<Vec<u8>>> {
    // With `-xx` no string holds a quote.
    let quoted = arguments.split('"').skip(1).step_by(2);
    quoted.map(unescaped).collect()
}

fn unescaped(text: &str) -> Result<Vec<u8>> {
    let bytes = text.split("\\x").skip(1);
    bytes
        .map(|hex| {
            let hex = hex.get(..2).context("half a byte")?;
            Ok(u8::from_str_radix(hex, 16)?)
        })
        .collect()
}

#[test]
fn calls_are_read_as_strace_writes_them() -> Result<()> {
    let trace = "7 pwrite64(3<\\x2f\\x61>, \"\\x68\\x69\", 2, 4096) = 2\n\
        8 fsync(3<\\x2f\\x61> <unfinished ...>\n\
        7 unlink(\"\\x2f\\x62\") = 0\n\
        8 <... fsync resumed>) = 0\n\
        7 ftruncate(3<\\x2f\\x61>, 0) = 0\n\
        7 +++ exited with 0 +++\n";
    let file = || "/a".to_owned();
    let expected = [
        Operation::Write {
            file: file(),
            offset: 4096,
            data: b"hi".to_vec(),
        },
        Operation::Unlink("/b".to_owned()),
        Operation::Sync(file()),
        Operation::Truncate {
            file: file(),
            length: 0,
        },
    ];
    assert_eq!(operations(trace)?, expected);
    Ok(())
}
