//! Protobuf, written.

/// Appends a varint.
pub(crate) fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

const fn width(value: usize) -> usize {
    let mut bytes = 1;
    let mut rest = value >> 7;
    while rest > 0 {
        bytes += 1;
        rest >>= 7;
    }
    bytes
}

/// Appends a length-delimited field whose value `write` appends. `expect` is a guess at its length:
/// if it takes as many bytes to write as the true one, nothing has to be moved.
pub(crate) fn nest<T>(
    key: u64,
    expect: usize,
    out: &mut Vec<u8>,
    write: impl FnOnce(&mut Vec<u8>) -> T,
) -> T {
    varint(key, out);
    let at = out.len();
    let guessed = width(expect);
    out.resize(at + guessed, 0);
    let result = write(out);
    let end = out.len();
    let len = end - at - guessed;
    let needed = width(len);
    if needed > guessed {
        out.resize(end + needed - guessed, 0);
    }
    if needed != guessed {
        out.copy_within(at + guessed..end, at + needed);
        out.truncate(at + needed + len);
    }
    let mut rest = len;
    for (position, byte) in out.iter_mut().skip(at).take(needed).enumerate() {
        let more = if position + 1 < needed { 0x80 } else { 0 };
        *byte = (rest & 0x7f) as u8 | more;
        rest >>= 7;
    }
    result
}

/// Appends a length-delimited field.
pub(crate) fn field(key: u64, value: &[u8], out: &mut Vec<u8>) {
    varint(key, out);
    varint(value.len() as u64, out);
    out.extend_from_slice(value);
}
