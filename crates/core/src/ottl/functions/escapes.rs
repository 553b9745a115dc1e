//! Percent-encoding of the parts of a URL, as Go's `net/url` has it.

/// A part of a URL, of which each has its own rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Host,
    /// Of an IPv6 address.
    Zone,
    /// User name or password.
    User,
    Path,
    Fragment,
}

/// Whether a byte must be escaped in this part.
const fn escapes(byte: u8, part: Part) -> bool {
    if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
        return false;
    }
    !match part {
        Part::Host | Part::Zone => matches!(
            byte,
            b'!' | b'$'
                | b'&'
                | b'\''
                | b'('
                | b')'
                | b'*'
                | b'+'
                | b','
                | b';'
                | b'='
                | b':'
                | b'['
                | b']'
                | b'<'
                | b'>'
                | b'"'
        ),
        Part::User => matches!(byte, b'$' | b'&' | b'+' | b',' | b';' | b'='),
        Part::Path => matches!(
            byte,
            b'$' | b'&' | b'+' | b',' | b'/' | b':' | b';' | b'=' | b'@'
        ),
        Part::Fragment => matches!(
            byte,
            b'$' | b'&'
                | b'+'
                | b','
                | b'/'
                | b':'
                | b';'
                | b'='
                | b'?'
                | b'@'
                | b'!'
                | b'('
                | b')'
                | b'*'
        ),
    }
}

/// The text with every escape decoded; `None`: one of them, or a character, cannot stand there.
pub(super) fn decode(text: &[u8], part: Part) -> Option<Vec<u8>> {
    let in_host = matches!(part, Part::Host | Part::Zone);
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [byte, behind @ ..] = rest {
        rest = behind;
        if *byte != b'%' {
            if in_host && byte.is_ascii() && escapes(*byte, part) {
                return None;
            }
            decoded.push(*byte);
            continue;
        }
        let [high, low, behind @ ..] = behind else {
            return None;
        };
        rest = behind;
        let digit = |byte: u8| char::from(byte).to_digit(16);
        let value = (digit(*high)? << 4 | digit(*low)?) as u8;
        let percent = [*high, *low] == *b"25";
        let allowed = match part {
            // Escapes of ASCII may not hide what a host is.
            Part::Host => percent || !value.is_ascii(),
            Part::Zone => percent || value == b' ' || !escapes(value, Part::Host),
            _ => true,
        };
        if !allowed {
            return None;
        }
        decoded.push(value);
    }
    Some(decoded)
}

/// The text with escapes where there must be some.
pub(super) fn encode(text: &[u8], part: Part) -> Vec<u8> {
    let mut encoded = Vec::with_capacity(text.len());
    for byte in text {
        if escapes(*byte, part) {
            encoded.extend(format!("%{byte:02X}").bytes());
        } else {
            encoded.push(*byte);
        }
    }
    encoded
}

/// A path or fragment as it is written again: as it was, if that is one way to write it.
pub(super) fn written(was: &[u8], decoded: &[u8], part: Part) -> Vec<u8> {
    let stands = |byte: &u8| {
        matches!(
            byte,
            b'!' | b'$'
                | b'&'
                | b'\''
                | b'('
                | b')'
                | b'*'
                | b'+'
                | b','
                | b';'
                | b'='
                | b':'
                | b'@'
                | b'['
                | b']'
                | b'%'
        ) || !escapes(*byte, part)
    };
    if was.iter().all(stands) {
        was.to_vec()
    } else if part == Part::Path && decoded == b"*" {
        decoded.to_vec()
    } else {
        encode(decoded, part)
    }
}
