//! Doubles in words, as Go's `strconv.ParseFloat` reads them.

/// The double that a text spells; `None` for what is no number, or too large.
pub(super) fn double(text: &[u8]) -> Option<f64> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    let value = match digits.to_ascii_lowercase().as_slice() {
        b"inf" | b"infinity" => f64::INFINITY,
        b"nan" if digits.len() == text.len() => f64::NAN,
        [b'0', b'x', rest @ ..] => hexadecimal(&without_underscores(rest, true)?)?,
        lower => decimal(&without_underscores(lower, false)?)?,
    };
    Some(if negative { -value } else { value })
}

/// Underscores may stand between digits, and between `0x` and a digit.
fn without_underscores(text: &[u8], hex: bool) -> Option<Vec<u8>> {
    let is_digit = |byte: &u8| byte.is_ascii_digit() || (hex && byte.is_ascii_hexdigit());
    let mut digit_before = hex;
    let mut plain = Vec::with_capacity(text.len());
    for (at, byte) in text.iter().enumerate() {
        if *byte == b'_' {
            if !digit_before || !text.get(at + 1).is_some_and(is_digit) {
                return None;
            }
        } else {
            plain.push(*byte);
        }
        digit_before = is_digit(byte);
    }
    Some(plain)
}

fn decimal(text: &[u8]) -> Option<f64> {
    // The standard library takes the same decimals, but names of numbers and signs, too.
    if !text
        .first()
        .is_some_and(|byte| byte.is_ascii_digit() || *byte == b'.')
    {
        return None;
    }
    let value: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    value.is_finite().then_some(value)
}

/// Digits with or without a point, `p`, and an exponent of 2 in decimal.
fn hexadecimal(text: &[u8]) -> Option<f64> {
    let at = text.iter().position(|byte| *byte == b'p')?;
    let exponent = exponent(text.get(at + 1..)?)?;
    let digits = text.get(..at)?;
    // The first bits that are not 0, and whether any was left out behind them.
    let (mut mantissa, mut left_out) = (0u64, false);
    let (mut scale, mut behind_point, mut any) = (exponent, false, false);
    for byte in digits {
        if *byte == b'.' && !behind_point {
            behind_point = true;
            continue;
        }
        let digit = char::from(*byte).to_digit(16)?;
        any = true;
        if mantissa >> 60 == 0 {
            mantissa = mantissa << 4 | u64::from(digit);
            scale -= if behind_point { 4 } else { 0 };
        } else {
            left_out |= digit != 0;
            scale += if behind_point { 0 } else { 4 };
        }
    }
    any.then(|| rounded(mantissa, left_out, scale))?
}

/// What is over this is too large or too small whatever the digits are.
const FAR: i64 = 1 << 40;

fn exponent(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let value = digits.iter().fold(0i64, |value, digit| {
        (value * 10 + i64::from(digit - b'0')).min(FAR)
    });
    Some(if negative { -value } else { value })
}

/// The double nearest to `mantissa * 2^scale`, or to a little more; to the even one of two.
fn rounded(mantissa: u64, more: bool, scale: i64) -> Option<f64> {
    if mantissa == 0 {
        return Some(0.0);
    }
    let zeros = mantissa.leading_zeros();
    let mantissa = mantissa << zeros;
    // Of the first bit.
    let exponent = scale - i64::from(zeros) + 63;
    if exponent > 1_023 {
        return None;
    }
    let below_normal = (-1_022 - exponent).max(0);
    let dropped = 11 + below_normal;
    if dropped > 64 {
        return Some(0.0);
    }
    let wide = u128::from(mantissa) << 1 | u128::from(more);
    let kept = wide >> (dropped + 1);
    let rest = wide & ((1 << (dropped + 1)) - 1);
    let half = 1 << dropped;
    let up = rest > half || (rest == half && kept & 1 == 1);
    let kept = kept as u64 + u64::from(up);
    // A carry goes on into the exponent, as it should.
    let biased = if below_normal > 0 {
        0
    } else {
        exponent + 1_022
    };
    let bits = (biased.cast_unsigned() << 52) + kept;
    Some(f64::from_bits(bits)).filter(|value| value.is_finite())
}
