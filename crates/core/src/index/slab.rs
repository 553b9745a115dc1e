//! Values in numbered slots, in chunks: it grows without moving anything.

use std::ops::{Index, IndexMut};

/// Slots a chunk.
const CHUNK: usize = 1 << 14;

const _: () = assert!(
    CHUNK.is_power_of_two(),
    "a slot is found without a division"
);

enum Slot<T> {
    Full(T),
    /// The next free slot, if any.
    Free(Option<u32>),
}

/// Values in numbered slots.
pub struct Slab<T> {
    chunks: Vec<Vec<Slot<T>>>,
    free: Option<u32>,
    len: usize,
    used: u32,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Slab<T> {
    /// An empty slab.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            chunks: Vec::new(),
            free: None,
            len: 0,
            used: 0,
        }
    }

    /// Put a value into a free slot.
    pub fn insert(&mut self, value: T) -> u32 {
        self.len += 1;
        if let Some(slot) = self.free {
            let place = &mut self.chunks[slot as usize / CHUNK][slot as usize % CHUNK];
            assert!(matches!(place, Slot::Free(_)), "no value is written over");
            if let Slot::Free(next) = std::mem::replace(place, Slot::Full(value)) {
                self.free = next;
            }
            return slot;
        }
        let slot = self.used;
        assert!(slot < u32::MAX, "the last number names no slot");
        self.used += 1;
        if slot as usize / CHUNK == self.chunks.len() {
            self.chunks.push(Vec::with_capacity(CHUNK));
        }
        assert_eq!(self.len, self.used as usize, "free slots are used first");
        let chunk = &mut self.chunks[slot as usize / CHUNK];
        assert_eq!(
            chunk.len(),
            slot as usize % CHUNK,
            "a slot's number is its place"
        );
        chunk.push(Slot::Full(value));
        slot
    }

    /// Take the value out of a slot.
    ///
    /// # Panics
    /// If the slot is free: the books are wrong, and going on would make them worse.
    #[expect(
        clippy::panic,
        reason = "see the panic above: a free slot here is a broken index"
    )]
    pub fn remove(&mut self, slot: u32) -> T {
        assert!(slot < self.used, "only a slot that was given out is freed");
        let place = &mut self.chunks[slot as usize / CHUNK][slot as usize % CHUNK];
        match std::mem::replace(place, Slot::Free(self.free)) {
            Slot::Full(value) => {
                self.free = Some(slot);
                self.len -= 1;
                assert!(self.len < self.used as usize, "a free slot is left");
                value
            }
            Slot::Free(_) => panic!("slot {slot} was freed twice"),
        }
    }

    /// The value in a slot, if there is one.
    #[must_use]
    pub fn get(&self, slot: u32) -> Option<&T> {
        match self
            .chunks
            .get(slot as usize / CHUNK)?
            .get(slot as usize % CHUNK)?
        {
            Slot::Full(value) => Some(value),
            Slot::Free(_) => None,
        }
    }

    /// Values in use.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether no slot is in use.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Every value with its slot.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        self.chunks
            .iter()
            .flatten()
            .enumerate()
            .filter_map(|(at, slot)| match slot {
                Slot::Full(value) => Some((at as u32, value)),
                Slot::Free(_) => None,
            })
    }

    /// Bytes of memory asked for.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.chunks.len() * CHUNK * size_of::<Slot<T>>()
    }
}

impl<T> Index<u32> for Slab<T> {
    type Output = T;

    #[expect(
        clippy::panic,
        reason = "as for a slice: a wrong index is a broken caller"
    )]
    fn index(&self, slot: u32) -> &T {
        match &self.chunks[slot as usize / CHUNK][slot as usize % CHUNK] {
            Slot::Full(value) => value,
            Slot::Free(_) => panic!("slot {slot} is free"),
        }
    }
}

impl<T> IndexMut<u32> for Slab<T> {
    #[expect(
        clippy::panic,
        reason = "as for a slice: a wrong index is a broken caller"
    )]
    fn index_mut(&mut self, slot: u32) -> &mut T {
        match &mut self.chunks[slot as usize / CHUNK][slot as usize % CHUNK] {
            Slot::Full(value) => value,
            Slot::Free(_) => panic!("slot {slot} is free"),
        }
    }
}
