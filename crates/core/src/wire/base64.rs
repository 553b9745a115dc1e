//! Base64 as protobuf's JSON mapping reads it: either alphabet, with or without padding.

/// The bytes that `text` spells; `None` if it is not base64.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=');
    let padding = text.len() - digits.len();
    let whole = text.len().is_multiple_of(4) && padding <= 2;
    if digits.len() % 4 == 1 || (padding > 0 && !whole) {
        return None;
    }
    let mut bytes = Vec::with_capacity(digits.len() / 4 * 3 + 2);
    for group in digits.as_bytes().chunks(4) {
        let mut value = 0u32;
        for digit in group {
            value = value << 6 | six_bits(*digit)?;
        }
        value <<= 6 * (4 - group.len());
        let [_, spelled @ ..] = value.to_be_bytes();
        bytes.extend_from_slice(spelled.get(..group.len() - 1)?);
    }
    Some(bytes)
}

fn six_bits(digit: u8) -> Option<u32> {
    let value = match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    };
    Some(value.into())
}
