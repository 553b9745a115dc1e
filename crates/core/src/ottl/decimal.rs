//! Doubles as Go's JSON writes them.

/// The shortest decimal that reads back as the same double, of two as near the one that ends even;
/// without exponent, but under 1e-6 and from 1e21 on. `None`: an infinity or NaN has none.
pub(super) fn shortest(value: f64) -> Option<String> {
    // The standard library's own digits are not the even ones.
    let text = serde_json::to_string(&value)
        .ok()
        .filter(|_| value.is_finite())?;
    let (sign, text) = match text.strip_prefix('-') {
        Some(text) => ("-", text),
        None => ("", text.as_str()),
    };
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{whole}{fraction}");
    let digits = all.trim_start_matches('0');
    if digits.is_empty() {
        return Some(format!("{sign}0"));
    }
    let zeros = all.len() - digits.len();
    let digits = digits.trim_end_matches('0');
    // How many digits stand before the point.
    let point = exponent.parse::<i64>().ok()? + whole.len() as i64 - zeros as i64;
    if !(1e-6..1e21).contains(&value.abs()) {
        let (first, rest) = digits.split_at(1);
        let point_and_rest = if rest.is_empty() {
            String::new()
        } else {
            format!(".{rest}")
        };
        return Some(format!("{sign}{first}{point_and_rest}e{:+}", point - 1));
    }
    Some(match usize::try_from(point) {
        Ok(point) if point > 0 => match digits.split_at_checked(point) {
            Some((whole, "")) => format!("{sign}{whole}"),
            Some((whole, fraction)) => format!("{sign}{whole}.{fraction}"),
            None => format!("{sign}{digits:0<point$}"),
        },
        _ => {
            let zeros = "0".repeat(usize::try_from(-point).unwrap_or(0));
            format!("{sign}0.{zeros}{digits}")
        }
    })
}
