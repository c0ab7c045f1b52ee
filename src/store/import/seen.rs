//! Which ids an import has met: a Bloom filter, so that memory stays the same however many there are.
//!
//! "No" is certain and spares a look into the tables; "perhaps" is checked there.

use std::hash::{BuildHasher as _, RandomState};

/// Words of one block: a cache line, so that an id costs one miss.
const BLOCK_WORDS: usize = 8;

/// 32 MB: at ten million customers some ids in a hundred are taken for known ones.
const BLOCKS_MAX: u64 = 1 << 19;

/// A line has some 190 bytes and two ids or more: so one id in two thousand is taken for a known one, and a file of a million
/// customers has a filter of 8 MB, of which more stays in the processor's caches.
const FILE_BYTES_PER_BLOCK: u64 = 2048;

/// What an id is of: the same text may be both.
#[derive(Clone, Copy, Hash)]
pub enum Kind {
    Customer,
    Adopted,
    Source,
    Email,
}

/// Ids that were met.
pub struct Seen {
    hasher: RandomState,
    words: Vec<u64>,
    /// How far a hash is shifted to become the number of a block; there are a power of two of them.
    shift: u32,
}

impl Seen {
    /// None yet, of a file of so many bytes. Memory is only used once ids come.
    pub fn for_file_of(file_bytes: u64) -> Self {
        let blocks = (file_bytes / FILE_BYTES_PER_BLOCK).clamp(2, BLOCKS_MAX);
        let blocks = blocks.next_power_of_two();
        Self {
            hasher: RandomState::new(),
            words: vec![0; usize::try_from(blocks).unwrap_or(0) * BLOCK_WORDS],
            shift: u64::BITS - blocks.ilog2(),
        }
    }

    /// Takes an id; false where it was certainly not met before.
    pub fn insert(&mut self, kind: Kind, id: &str) -> bool {
        let hash = self.hasher.hash_one((kind, id));
        let block = usize::try_from(hash >> self.shift).unwrap_or(0) * BLOCK_WORDS;
        // Four bits of the block, nine bits of the hash for each.
        let mut known = true;
        for part in 0..4 {
            let bit = (hash >> (9 * part)) & 511;
            let word = &mut self.words[block + usize::try_from(bit / 64).unwrap_or(0)];
            let mask = 1 << (bit % 64);
            known &= *word & mask != 0;
            *word |= mask;
        }
        known
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_met_is_known_and_nearly_nothing_else() {
        let mut seen = Seen::for_file_of(10_000_000);
        let ids: Vec<String> = (0..100_000).map(|n| format!("pm_{n}")).collect();
        let mut known = |kind| ids.iter().filter(|id| seen.insert(kind, id)).count();
        let mistaken = known(Kind::Source);
        assert!(mistaken < 100, "{mistaken}");
        assert_eq!(known(Kind::Source), ids.len());
        let mistaken = known(Kind::Customer);
        assert!(mistaken < 100, "{mistaken}");
    }
}
