//! Letters, large and small.

use std::borrow::Cow;

use super::Arguments;
use super::parameters::text;
use super::strings::trimmed;
use crate::ottl::value::{Answer, Value};

pub(super) fn lower<'e>([target, ..]: Arguments<'e>) -> Answer<'e> {
    Ok(each(&text(target)?, small))
}

pub(super) fn upper<'e>([target, ..]: Arguments<'e>) -> Answer<'e> {
    Ok(each(&text(target)?, large))
}

fn each<'e>(text: &[u8], mapped: fn(char) -> char) -> Value<'e> {
    let mut written = String::with_capacity(text.len());
    for chunk in text.utf8_chunks() {
        written.extend(chunk.valid().chars().map(mapped));
        written.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    Value::Text(Cow::Owned(written.into_bytes()))
}

/// In simple lower case, which is one character for one.
fn small(character: char) -> char {
    let mut full = character.to_lowercase();
    match (full.next(), full.next()) {
        (Some(one), None) => one,
        _ if character == '\u{130}' => 'i',
        _ => character,
    }
}

/// In simple upper case. Where the full one is several characters, the simple one mostly is the
/// character itself.
fn large(character: char) -> char {
    let mut full = character.to_uppercase();
    match (full.next(), full.next()) {
        (Some(one), None) => one,
        // Greek vowels with an iota written below: it stays there.
        _ => match character {
            '\u{1f80}'..='\u{1f87}' | '\u{1f90}'..='\u{1f97}' | '\u{1fa0}'..='\u{1fa7}' => {
                char::from_u32(u32::from(character) + 8).unwrap_or(character)
            }
            '\u{1fb3}' => '\u{1fbc}',
            '\u{1fc3}' => '\u{1fcc}',
            '\u{1ff3}' => '\u{1ffc}',
            other => other,
        },
    }
}

const fn separates(byte: u8) -> bool {
    matches!(byte, b' ' | b'_' | b'-' | b'.')
}

pub(super) fn snake<'e>([target, ..]: Arguments<'e>) -> Answer<'e> {
    let target = text(target)?;
    let (from, end) = trimmed(&target, char::is_whitespace);
    let target = &target[from..end];
    let mut written = Vec::with_capacity(target.len() + 2);
    for (at, &byte) in target.iter().enumerate() {
        let (capital, little) = (byte.is_ascii_uppercase(), byte.is_ascii_lowercase());
        let digit = byte.is_ascii_digit();
        // Neither capital, small nor digit, as if there were no next.
        let next = target.get(at + 1).copied().unwrap_or(0);
        let (next_capital, next_little) = (next.is_ascii_uppercase(), next.is_ascii_lowercase());
        let next_digit = next.is_ascii_digit();
        let changes = (capital && (next_little || next_digit))
            || (little && (next_capital || next_digit))
            || (digit && (next_capital || next_little));
        let before = at.checked_sub(1).and_then(|at| target.get(at));
        if changes && capital && next_little && before.is_some_and(u8::is_ascii_uppercase) {
            written.push(b'_');
        }
        written.push(if separates(byte) {
            b'_'
        } else {
            byte.to_ascii_lowercase()
        });
        if changes && (little || digit || next_digit) {
            written.push(b'_');
        }
    }
    Ok(Value::Text(Cow::Owned(written)))
}

pub(super) fn camel<'e>([target, ..]: Arguments<'e>) -> Answer<'e> {
    let target = text(target)?;
    let (from, end) = trimmed(&target, char::is_whitespace);
    let target = match &target[from..end] {
        b"ID" => b"id",
        other => other,
    };
    let mut written = Vec::with_capacity(target.len());
    let mut begins = true;
    let mut after_capital = false;
    for &byte in target {
        if byte.is_ascii_alphabetic() {
            written.push(if begins {
                byte.to_ascii_uppercase()
            } else if after_capital && byte.is_ascii_uppercase() {
                byte.to_ascii_lowercase()
            } else {
                byte
            });
            begins = false;
        } else if byte.is_ascii_digit() {
            written.push(byte);
            begins = true;
        } else {
            begins = separates(byte);
        }
        after_capital = byte.is_ascii_uppercase();
    }
    Ok(Value::Text(Cow::Owned(written)))
}
