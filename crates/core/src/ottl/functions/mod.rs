//! The converters, by name. What each means is the table of
//! `tailsampler/decide/ottl/converters.py`; `program` knows those that are no plain functions:
//! `IsMatch`, `Concat`, `Coalesce` and `IsRootSpan`.

mod cases;
mod digests;
mod duration;
mod encodings;
mod escapes;
mod kinds;
mod lists;
mod number;
mod parameters;
mod strings;
mod times;
mod url;

pub(super) use encodings::from_hex;

use super::value::{Answer, Value};

/// The arguments of a call; what it does not have is nil.
type Arguments<'e> = [Value<'e>; 3];

/// A converter.
pub(super) type Run = for<'e> fn(Arguments<'e>) -> Answer<'e>;

/// Name, number of arguments, what it does.
const FUNCTIONS: &[(&str, usize, Run)] = &[
    ("IsString", 1, kinds::is_string),
    ("IsInt", 1, kinds::is_int),
    ("IsDouble", 1, kinds::is_double),
    ("IsBool", 1, kinds::is_bool),
    ("IsMap", 1, kinds::is_map),
    ("IsList", 1, kinds::is_list),
    ("Int", 1, kinds::int),
    // `Int` as contrib has it from 0.160 on; conditions are written with the other name.
    ("StrictInt", 1, kinds::strict_int),
    ("Double", 1, kinds::double),
    ("Bool", 1, kinds::bool),
    ("String", 1, kinds::string),
    ("Len", 1, lists::len),
    ("ContainsValue", 2, lists::contains_value),
    ("Index", 2, lists::index),
    ("Substring", 3, strings::substring),
    ("Split", 2, strings::split),
    ("HasPrefix", 2, strings::has_prefix),
    ("HasSuffix", 2, strings::has_suffix),
    ("TrimPrefix", 2, strings::trim_prefix),
    ("TrimSuffix", 2, strings::trim_suffix),
    ("Trim", 2, strings::trim),
    ("ToLowerCase", 1, cases::lower),
    ("ToUpperCase", 1, cases::upper),
    ("ToSnakeCase", 1, cases::snake),
    ("ToCamelCase", 1, cases::camel),
    ("Hex", 1, encodings::hex),
    ("MD5", 1, digests::md5),
    ("SHA1", 1, digests::sha1),
    ("SHA256", 1, digests::sha256),
    ("SHA512", 1, digests::sha512),
    ("FNV", 1, digests::fnv),
    ("Base64Decode", 1, encodings::base64_decode),
    ("ParseJSON", 1, encodings::parse_json),
    ("URL", 1, url::url),
    ("SpanID", 1, encodings::span_id),
    ("TraceID", 1, encodings::trace_id),
    ("Duration", 1, duration::duration),
    ("Nanoseconds", 1, times::nanoseconds),
    ("Microseconds", 1, times::microseconds),
    ("Milliseconds", 1, times::milliseconds),
    ("Seconds", 1, times::seconds),
    ("Minutes", 1, times::minutes),
    ("Hours", 1, times::hours),
    ("Unix", 2, times::unix),
    ("UnixNano", 1, times::unix_nano),
    ("UnixMicro", 1, times::unix_micro),
    ("UnixMilli", 1, times::unix_milli),
    ("UnixSeconds", 1, times::unix_seconds),
    ("Year", 1, times::year),
    ("Month", 1, times::month),
    ("Day", 1, times::day),
    ("Weekday", 1, times::weekday),
    ("Hour", 1, times::hour),
    ("Minute", 1, times::minute),
    ("Second", 1, times::second),
    ("Nanosecond", 1, times::nanosecond),
];

/// The converter with this name, if it takes so many arguments.
pub(super) fn named(name: &str, arguments: usize) -> Option<Run> {
    let found = FUNCTIONS
        .iter()
        .find(|(known, takes, _)| *known == name && *takes == arguments);
    found.map(|(_, _, run)| *run)
}
