//! Reads, digests, unpacks and converts a file on a thread of its own, a few chunks ahead of who takes the text.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

/// Bytes in a chunk.
const CHUNK_BYTES: usize = 128 * 1024;

/// Chunks that may wait: enough that neither side waits for the other, and half a megabyte.
const CHUNKS: usize = 4;

/// What another thread reads. When it is dropped, that thread ends with the chunk that it reads.
pub(super) struct Ahead {
    chunks: Receiver<io::Result<Vec<u8>>>,
    chunk: io::Cursor<Vec<u8>>,
    ended: bool,
}

impl Ahead {
    /// Begins to read.
    pub(super) fn of(source: Box<dyn Read + Send>) -> io::Result<Self> {
        let (send, chunks) = sync_channel(CHUNKS);
        thread::Builder::new()
            .name("file".to_owned())
            .spawn(move || read(source, &send))?;
        Ok(Self {
            chunks,
            chunk: io::Cursor::default(),
            ended: false,
        })
    }
}

/// Sends chunk after chunk, the last one empty; or the error that ended it.
fn read(mut source: Box<dyn Read + Send>, chunks: &SyncSender<io::Result<Vec<u8>>>) {
    let whole = u64::try_from(CHUNK_BYTES).unwrap_or(u64::MAX);
    loop {
        let mut chunk = Vec::with_capacity(CHUNK_BYTES);
        let read = source.by_ref().take(whole).read_to_end(&mut chunk);
        let ended = chunk.is_empty() || read.is_err();
        // What came before an error is text still.
        let sent = if chunk.is_empty() && read.is_err() {
            Ok(())
        } else {
            chunks.send(Ok(chunk))
        };
        let told = read.map_or_else(|error| chunks.send(Err(error)), |_| Ok(()));
        if ended || sent.is_err() || told.is_err() {
            return;
        }
    }
}

impl Read for Ahead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = self.chunk.read(buffer)?;
            if count > 0 || buffer.is_empty() || self.ended {
                return Ok(count);
            }
            match self.chunks.recv() {
                Ok(chunk) => self.chunk = io::Cursor::new(chunk?),
                // An error was told before, or the thread broke off: there is no end that could be trusted.
                Err(_) => return Err(io::Error::other("the thread that reads the file broke off")),
            }
            self.ended = self.chunk.get_ref().is_empty();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives so many bytes, a few at a time, then an error or the end.
    struct Source(usize, Option<io::ErrorKind>);

    impl Read for Source {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = buffer.len().min(self.0).min(1000);
            self.0 -= count;
            buffer[..count].fill(b'x');
            match (count, self.1) {
                (0, Some(kind)) => Err(kind.into()),
                _ => Ok(count),
            }
        }
    }

    #[test]
    fn all_that_is_read_arrives_in_order_and_then_the_end() {
        for bytes in [0, 1, CHUNK_BYTES, 5 * CHUNK_BYTES + 1] {
            let mut text = Vec::new();
            let mut ahead = Ahead::of(Box::new(Source(bytes, None))).unwrap();
            ahead.read_to_end(&mut text).unwrap();
            assert_eq!(text.len(), bytes);
            assert_eq!(ahead.read(&mut [0; 8]).unwrap(), 0, "it has ended for good");
        }
    }

    #[test]
    fn an_error_arrives_after_what_came_before_it() {
        for bytes in [0, 1, 3 * CHUNK_BYTES] {
            let mut text = Vec::new();
            let source = Source(bytes, Some(io::ErrorKind::PermissionDenied));
            let error = Ahead::of(Box::new(source))
                .unwrap()
                .read_to_end(&mut text)
                .unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
            assert_eq!(text.len(), bytes);
        }
    }

    #[test]
    fn after_an_error_no_end_is_made_up() {
        let mut ahead = Ahead::of(Box::new(Source(0, Some(io::ErrorKind::Other)))).unwrap();
        let mut buffer = [0; 8];
        ahead.read(&mut buffer).unwrap_err();
        ahead.read(&mut buffer).unwrap_err();
    }
}
