//! Converters on other values than strings.

use super::support::{E, F, T, check};

/// What kind a value is; nothing is an error.
#[test]
fn kinds_are_told() {
    check(&[
        (r#"IsString(attributes["s"])"#, T),
        (r#"IsString(attributes["none"])"#, F),
        (r#"IsString(attributes["b"])"#, F),
        (r#"IsInt(attributes["i"])"#, T),
        (r#"IsInt(attributes["d"])"#, F),
        (r#"IsDouble(attributes["d"])"#, T),
        (r#"IsDouble(attributes["i"])"#, F),
        (r#"IsBool(attributes["no"])"#, T),
        (r#"IsBool(status)"#, F),
        (r#"IsMap(attributes["map"]) and IsMap(attributes)"#, T),
        (r#"IsMap(attributes["list"])"#, F),
        (
            r#"IsList(attributes["list"]) and IsList(Split(name, "/"))"#,
            T,
        ),
        (r#"IsList(attributes["map"])"#, F),
    ]);
}

/// Numbers, bools and words, one as another.
#[test]
fn kinds_are_converted() {
    check(&[
        (r#"Int(attributes["negative"]) == -2"#, T),
        (r#"Int(attributes["digits"]) == 503"#, T),
        (r#"Int(attributes["signed"]) == 12"#, T),
        (r#"Int(attributes["word"]) == nil"#, T),
        (r#"Int("1_0") == nil"#, T),
        (r#"Int("9223372036854775808") == nil"#, T),
        (r#"Int(attributes["empty"]) == nil"#, T),
        (r#"Int(attributes["t"]) == 1"#, T),
        (r#"Int(attributes["none"]) == nil"#, T),
        (r#"Int(attributes["huge"]) == attributes["min"]"#, T),
        (r#"Int(attributes["nan"]) == attributes["min"]"#, T),
        (r#"Int(attributes["list"]) == 1"#, E),
        (r#"Int(attributes["b"]) == 1"#, E),
        (r#"Int(start_time) == 1"#, E),
        (r#"Double(attributes["i"]) == 503.0"#, T),
        (r#"IsDouble(Double(attributes["i"]))"#, T),
        (r#"Double(attributes["digits"]) == 503"#, T),
        (r#"Double(attributes["t"]) == 1.0"#, T),
        (r#"Double(attributes["none"]) == nil"#, T),
        (r#"Double(attributes["word"]) == nil"#, E),
        (r#"Double(attributes["map"]) == nil"#, E),
        (r#"Double("1e3") == 1000"#, T),
        (r#"Double("-0x1.8p1") == -3"#, T),
        (r#"Double("1_000.5") == 1000.5"#, T),
        (r#"Double("+Inf") == attributes["inf"]"#, T),
        (r#"Double("nan") != Double("nan")"#, T),
        (
            r#"Bool(attributes["yes"]) and Bool(attributes["i"]) and Bool(attributes["nan"])"#,
            T,
        ),
        (
            r#"Bool(attributes["zero"]) or Bool(attributes["negative zero"])"#,
            F,
        ),
        (r#"Bool(attributes["word"])"#, E),
        (r#"Bool(attributes["list"])"#, E),
        (
            r#"Coalesce([attributes["none"], attributes["nil"], attributes["s"], Len(nil)]) == "GET""#,
            T,
        ),
        (
            r#"Coalesce([attributes["none"], Len(nil), attributes["s"]]) == "GET""#,
            E,
        ),
        (r#"Coalesce([attributes["none"]]) == nil"#, T),
    ]);
}

/// Members are found by the rules of comparisons, in lists only.
#[test]
fn lists_are_searched() {
    check(&[
        (r#"ContainsValue(attributes["list"], "a")"#, T),
        (r#"ContainsValue(attributes["list"], 2.0)"#, T),
        (r#"ContainsValue(attributes["list"], nil)"#, T),
        (r#"ContainsValue(attributes["list"], ["x"])"#, T),
        (r#"ContainsValue(attributes["list"], "x")"#, F),
        (r#"ContainsValue(["GET", "PUT"], attributes["s"])"#, T),
        (r#"ContainsValue(Split(name, "/"), "api")"#, T),
        (r#"ContainsValue(attributes["s"], "GET")"#, E),
        (r#"ContainsValue(attributes["none"], "GET")"#, E),
        (r#"Index(attributes["list"], 2.0) == 1"#, T),
        (r#"Index(attributes["list"], "x") == -1"#, T),
        (r#"Index(Split(name, "/"), "users") == 2"#, T),
        (r#"Index(name, "/") == 4"#, T),
        (r#"Index(name, "") == 0"#, T),
        (r#"Index(name, "none") == -1"#, T),
        (r#"Index(name, 4) == -1"#, E),
        (r#"Index(attributes["map"], "a") == 0"#, E),
        (r#"Index(attributes["none"], "a") == 0"#, E),
    ]);
}

/// JSON becomes a list or a map whose numbers are doubles; a key that is missing is an error.
#[test]
fn json_is_parsed() {
    check(&[
        (r#"ParseJSON(attributes["json"])["a"][1] == 3.5"#, T),
        (r#"ParseJSON(attributes["json"])["c"] == "x""#, T),
        (r#"ParseJSON(attributes["json"])["none"] == nil"#, E),
        (r#"ParseJSON(attributes["json"])["c"]["d"] == nil"#, E),
        (r#"ParseJSON(attributes["json"])["a"][3] == nil"#, E),
        (
            r#"ParseJSON(attributes["json"]) == {"c": "x", "a": [2.0, 3.5, "y"]}"#,
            T,
        ),
        (r#"ParseJSON("[1, null, true]") == [1.0, nil, true]"#, T),
        (r#"ParseJSON("[1]") == [1]"#, F),
        (r#"ParseJSON(" {} ") == {}"#, T),
        (r#"ParseJSON("1") == 1"#, E),
        (r#"ParseJSON("null") == nil"#, E),
        (r#"ParseJSON("[1] x") == nil"#, E),
        (r#"ParseJSON("[1e999]") == nil"#, E),
        (r#"ParseJSON(attributes["bad json"]) == nil"#, E),
        (r#"ParseJSON(attributes["none"]) == nil"#, E),
        (r#"ParseJSON(attributes["i"]) == nil"#, E),
        (r#"SpanID(attributes["id"]) == span_id"#, T),
        (r#"SpanID(attributes["s"]) == span_id"#, E),
        (r#"TraceID(attributes["id"]) == trace_id"#, F), // 16 characters are 16 bytes
    ]);
}

/// Durations and times as numbers.
#[test]
fn times_are_counted() {
    check(&[
        (r#"Duration(attributes["took"]) == Duration("60500ms")"#, T),
        (
            r#"Duration(attributes["digits of a second"]) == Duration("2s")"#,
            T,
        ),
        (r#"Duration(attributes["word"]) == Duration("0")"#, E),
        (r#"Duration(attributes["i"]) == Duration("0")"#, E),
        ("Nanoseconds(end_time - start_time) == 1500000001", T),
        ("Microseconds(end_time - start_time) == 1500000", T),
        ("Milliseconds(start_time - end_time) == -1500", T),
        ("Seconds(end_time - start_time) == 1.500000001", T),
        (r#"Minutes(Duration("90s")) == 1.5"#, T),
        (r#"Hours(Duration("-90m")) == -1.5"#, T),
        (r#"Seconds(attributes["i"]) == 1.5"#, E),
        ("Milliseconds(start_time) == 1", E),
        ("Unix(attributes[\"i\"], -1) < Unix(503)", T),
        ("Unix(attributes[\"i\"], 3000000000) == Unix(506)", T),
        ("Unix(attributes[\"d\"]) == Unix(503)", E),
        ("UnixNano(start_time) == start_time_unix_nano", T),
        ("UnixMicro(start_time) == 1700000000123456", T),
        ("UnixMilli(start_time) == 1700000000123", T),
        ("UnixSeconds(start_time) == 1700000000", T),
        ("UnixMilli(Unix(-1, 999999999)) == -1", T),
        ("UnixNano(Unix(9223372036854775807)) == -1000000000", T),
        ("UnixNano(start_time_unix_nano) == 1", E),
        (
            "Year(start_time) == 2023 and Month(start_time) == 11 and Day(start_time) == 14",
            T,
        ),
        ("Weekday(start_time) == 2", T),
        (
            "Hour(start_time) == 22 and Minute(start_time) == 13 and Second(start_time) == 20",
            T,
        ),
        ("Nanosecond(start_time) == 123456789", T),
        (
            "Year(Unix(-1)) == 1969 and Month(Unix(-1)) == 12 and Day(Unix(-1)) == 31",
            T,
        ),
        (
            "Day(Unix(951782400)) == 29 and Month(Unix(951782400)) == 2",
            T,
        ), // 2000
        (
            "Day(Unix(4107542400)) == 1 and Month(Unix(4107542400)) == 3",
            T,
        ), // 2100
        ("Weekday(Unix(-1)) == 3 and Hour(Unix(-1)) == 23", T),
        (r#"Year(attributes["i"]) == 2023"#, E),
    ]);
}

/// URLs are taken apart as Go does.
#[test]
fn urls_are_taken_apart() {
    check(&[
        (r#"URL(attributes["url"])["url.scheme"] == "https""#, T),
        (
            r#"URL(attributes["url"])["url.domain"] == "example.com""#,
            T,
        ),
        (r#"URL(attributes["url"])["url.port"] == 8080"#, T),
        (
            r#"URL(attributes["url"])["url.path"] == "/a b/c.tar.gz""#,
            T,
        ),
        (r#"URL(attributes["url"])["url.extension"] == "gz""#, T),
        (r#"URL(attributes["url"])["url.query"] == "q=1&r""#, T),
        (r#"URL(attributes["url"])["url.fragment"] == "frag""#, T),
        (r#"URL(attributes["url"])["url.user_info"] == "u:p%40""#, T),
        (r#"URL(attributes["url"])["url.username"] == "u""#, T),
        (r#"URL(attributes["url"])["url.password"] == "p@""#, T),
        (
            r#"URL(attributes["url"])["url.original"] == attributes["url"]"#,
            T,
        ),
        (
            r#"URL("/a/b") == {"url.original": "/a/b", "url.domain": "", "url.scheme": "", "url.path": "/a/b"}"#,
            T,
        ),
        (r#"URL("/a/b")["url.query"] == nil"#, E),
        (r#"URL("HTTP://[::1]:80/")["url.domain"] == "::1""#, T),
        (
            r#"URL("HTTP://[::1]:80/")["url.original"] == "http://[::1]:80/""#,
            T,
        ),
        (
            r#"URL("http://[fe80::1%25en0]/")["url.domain"] == "fe80::1%en0""#,
            T,
        ),
        (
            r#"URL("http://[fe80::1%25en0]/")["url.original"] == "http://[fe80::1%25en0]/""#,
            T,
        ),
        (r#"URL("http://[1.2.3.4]/")["url.domain"] == "x""#, E),
        (
            r#"URL("mailto:a@b.c")["url.original"] == "mailto:a@b.c""#,
            T,
        ),
        (r#"URL("mailto:a@b.c")["url.path"] == """#, T),
        (r#"URL("http://h?")["url.original"] == "http://h?""#, T),
        (
            r#"URL("http://h/a<b")["url.original"] == "http://h/a%3Cb""#,
            T,
        ),
        (
            r#"URL("http://h/%2f?x#a b")["url.original"] == "http://h/%2f?x#a%20b""#,
            T,
        ),
        (r#"URL("*")["url.path"] == "*""#, T),
        (r#"URL("http://h%41/")["url.path"] == """#, E),
        (r#"URL("http://h:a/")["url.path"] == """#, E),
        (
            r#"URL("http://h:99999999999999999999/")["url.path"] == """#,
            E,
        ),
        (r#"URL("http://a b/")["url.path"] == """#, E),
        (r#"URL("http://h/%zz")["url.path"] == """#, E),
        (r#"URL(":a")["url.path"] == """#, E),
        (r#"URL("a b:c")["url.path"] == """#, E),
        (r#"URL("")["url.path"] == """#, E),
        (r#"URL("a\nb")["url.path"] == """#, E),
        (r#"URL(attributes["none"])["url.path"] == """#, E),
    ]);
}
