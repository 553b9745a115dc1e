//! Parts of strings. Lengths and places are in bytes.

use std::borrow::Cow;

use memchr::memmem;

use super::Arguments;
use super::parameters::{int, text};
use crate::ottl::value::{Answer, Erred, Text, Value};

pub(super) fn substring<'e>([target, start, length]: Arguments<'e>) -> Answer<'e> {
    let target = text(target)?;
    let (start, length) = (int(&start)?, int(&length)?);
    let from = usize::try_from(start).map_err(|_| Erred)?;
    let length = usize::try_from(length).map_err(|_| Erred)?;
    let end = from.checked_add(length).filter(|end| *end <= target.len());
    match end {
        Some(end) if length > 0 => Ok(Value::Text(cut(target, from, end))),
        _ => Err(Erred),
    }
}

pub(super) fn split<'e>([target, delimiter, _]: Arguments<'e>) -> Answer<'e> {
    let (target, delimiter) = (text(target)?, text(delimiter)?);
    let texts = match target {
        Cow::Borrowed(target) => pieces(target, &delimiter).map(Cow::Borrowed).collect(),
        Cow::Owned(target) => pieces(&target, &delimiter)
            .map(|piece| Cow::Owned(piece.to_vec()))
            .collect(),
    };
    Ok(Value::Texts(texts))
}

fn pieces<'t>(target: &'t [u8], delimiter: &[u8]) -> impl Iterator<Item = &'t [u8]> {
    let mut ends: Vec<(usize, usize)> = Vec::new(); // of a piece, and of the delimiter behind it
    if delimiter.is_empty() {
        let mut at = 0;
        for chunk in target.utf8_chunks() {
            let characters = chunk.valid().chars().map(char::len_utf8);
            // What is no character goes byte by byte.
            for size in characters.chain(chunk.invalid().iter().map(|_| 1)) {
                at += size;
                ends.push((at, at));
            }
        }
    } else {
        let found = memmem::find_iter(target, delimiter);
        ends.extend(found.map(|at| (at, at + delimiter.len())));
        ends.push((target.len(), target.len()));
    }
    ends.into_iter().scan(0, |from, (end, next)| {
        let piece = target.get(*from..end)?;
        *from = next;
        Some(piece)
    })
}

pub(super) fn has_prefix<'e>([target, prefix, _]: Arguments<'e>) -> Answer<'e> {
    Ok(Value::Bool(text(target)?.starts_with(&text(prefix)?)))
}

pub(super) fn has_suffix<'e>([target, suffix, _]: Arguments<'e>) -> Answer<'e> {
    Ok(Value::Bool(text(target)?.ends_with(&text(suffix)?)))
}

pub(super) fn trim_prefix<'e>([target, prefix, _]: Arguments<'e>) -> Answer<'e> {
    let (target, prefix) = (text(target)?, text(prefix)?);
    let from = if target.starts_with(&prefix) {
        prefix.len()
    } else {
        0
    };
    let end = target.len();
    Ok(Value::Text(cut(target, from, end)))
}

pub(super) fn trim_suffix<'e>([target, suffix, _]: Arguments<'e>) -> Answer<'e> {
    let (target, suffix) = (text(target)?, text(suffix)?);
    let less = if target.ends_with(&suffix) {
        suffix.len()
    } else {
        0
    };
    let end = target.len() - less;
    Ok(Value::Text(cut(target, 0, end)))
}

pub(super) fn trim<'e>([target, replacement, _]: Arguments<'e>) -> Answer<'e> {
    let (target, set) = (text(target)?, text(replacement)?);
    let set = String::from_utf8_lossy(&set);
    let (from, end) = trimmed(&target, |character| set.contains(character));
    Ok(Value::Text(cut(target, from, end)))
}

/// From where to where the text goes without these characters at both ends. What is no character
/// stays.
pub(super) fn trimmed(text: &[u8], goes: impl Fn(char) -> bool) -> (usize, usize) {
    let front = text.utf8_chunks().next().map_or("", |chunk| chunk.valid());
    let from = front.len() - front.trim_start_matches(&goes).len();
    let last = text.utf8_chunks().last();
    let back = last.filter(|chunk| chunk.invalid().is_empty());
    let back = back.map_or("", |chunk| chunk.valid());
    let end = text.len() - (back.len() - back.trim_end_matches(&goes).len());
    (from, end.max(from))
}

fn cut(text: Text<'_>, from: usize, end: usize) -> Text<'_> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.get(from..end).unwrap_or_default()),
        Cow::Owned(mut text) => {
            text.truncate(end);
            text.drain(..from.min(text.len()));
            Cow::Owned(text)
        }
    }
}
