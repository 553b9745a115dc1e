//! Comparisons, arithmetic, errors, and values as text.

use super::support::{E, F, T, check};

/// Kinds compare with their own; numbers with numbers.
#[test]
fn kinds_compare_with_their_own() {
    check(&[
        (r#"attributes["i"] == 503"#, T),
        (r#"attributes["i"] == 503.0"#, T),
        (r#"attributes["d"] == 503"#, T),
        (r#"attributes["i"] == attributes["d"]"#, T),
        (r#"attributes["i"] == "503""#, F),
        (r#"attributes["i"] != "503""#, T),
        (r#"attributes["i"] < "9""#, F),
        (r#"attributes["digits"] > 1"#, F),
        (r#"attributes["n"] < -6.5"#, T),
        (r#"attributes["max"] == 9223372036854775807.0"#, T),
        (r#"attributes["max"] > 9223372036854775807.0"#, F),
        (r#"attributes["min"] <= -9223372036854775808"#, T),
        (r#"attributes["no"] < attributes["t"]"#, T),
        (r#"attributes["t"] == true"#, T),
        (r#"attributes["t"] == 1"#, F),
        (r#"attributes["s"] == "GET""#, T),
        (r#"attributes["s"] < "GETS""#, T),
        (r#"attributes["s"] > "G""#, T),
        (r#"attributes["unicode"] > "z""#, T),
        (r#"attributes["empty"] == """#, T),
        (r#"attributes["empty"] == nil"#, F),
        (r#"attributes["b"] == 0x00ff10"#, T),
        (r#"attributes["b"] < 0x01"#, T),
        (r#"attributes["b"] == "00ff10""#, F),
        (r#"attributes["negative zero"] == 0"#, T),
        (r#"attributes["nan"] == attributes["nan"]"#, F),
        (r#"attributes["nan"] != attributes["nan"]"#, T),
        (r#"attributes["nan"] <= 1.0"#, F),
        (r#"attributes["inf"] > attributes["max"]"#, T),
    ]);
}

/// A missing attribute, an empty one, and nil are the same.
#[test]
fn nil_equals_nil() {
    check(&[
        (r#"attributes["i"] == nil"#, F),
        (r#"attributes["none"] == nil"#, T),
        (r#"attributes["nil"] == nil"#, T),
        (r#"attributes["none"] == attributes["nil"]"#, T),
        (r#"attributes["none"] <= nil"#, T),
        (r#"attributes["none"] >= nil"#, T),
        (r#"attributes["none"] < nil"#, F),
        (r#"attributes["none"] != nil"#, F),
        (r#"attributes["none"] == 0"#, F),
        (r#"attributes["none"] != 0"#, T),
        (r#"attributes["none"] < 1"#, F),
        (r#"attributes["s"] != nil"#, T),
        (r#"attributes["s"] > nil"#, F),
    ]);
}

/// Lists and maps are equal member by member, strictly by kind, and have no order.
#[test]
fn lists_and_maps_are_strict() {
    check(&[
        (r#"attributes["list"] == ["a", 2, 2.0, nil, ["x"]]"#, T),
        (r#"attributes["list"] == ["a", 2.0, 2.0, nil, ["x"]]"#, F),
        (r#"attributes["list"] != ["a", 2, 2.0, nil]"#, T),
        (r#"attributes["list"] <= ["a", 2, 2.0, nil, ["x"]]"#, F),
        (r#"attributes["list"] == "a""#, F),
        (r#"[attributes["nan"]] == [attributes["nan"]]"#, F),
        (
            r#"[attributes["i"], span_id] == [503, SpanID("0102030405060708")]"#,
            T,
        ),
        (r#"attributes["swapped"] == {"x": 1, "y": 2}"#, T),
        (r#"attributes["swapped"] == {"x": 1, "y": 2.0}"#, F),
        (r#"attributes["swapped"] == {"x": 1}"#, F),
        (r#"attributes["swapped"] == {"x": 1, "z": 2}"#, F),
        (
            r#"attributes["swapped"] != {"x": attributes["place"], "y": 1 + 1}"#,
            F,
        ),
        (r#"attributes["swapped"] < {"x": 1, "y": 2}"#, F),
        (r#"attributes["swapped"] == {"x": 5, "x": 1, "y": 2}"#, T),
        (r#"attributes == attributes"#, F), // it has a NaN
        (r#"scope.attributes == {"k": "v"}"#, T),
        (r#"[Split("a,b", ",")] == [Split("a,b", ",")]"#, F),
        (r#"Split("a,b", ",") == ["a", "b"]"#, F),
        (r#"Split("a,b", ",") != Split("a,b", ",")"#, T),
    ]);
}

/// Ints wrap and truncate, doubles follow IEEE, and nothing else can be calculated with.
#[test]
fn arithmetic_is_as_in_go() {
    check(&[
        (r#"attributes["max"] + 1 == attributes["min"]"#, T),
        (r#"attributes["min"] - 1 == attributes["max"]"#, T),
        (r#"attributes["max"] * 2 == -2"#, T),
        (r#"attributes["min"] / -1 == attributes["min"]"#, T),
        (r#"-attributes["min"] == attributes["min"]"#, T),
        (r#"attributes["n"] / 2 == -3"#, T),
        (r#"attributes["n"] / 2.0 == -3.5"#, T),
        (r#"attributes["i"] / 0 == 1"#, E),
        (r#"attributes["i"] / 0.0 == 1"#, E),
        (r#"attributes["i"] / attributes["negative zero"] == 1"#, E),
        (r#"attributes["f"] + 0.2 == 0.30000000000000004"#, T),
        (
            r#"attributes["huge"] * attributes["huge"] == attributes["inf"]"#,
            T,
        ),
        (r#"1 / -attributes["zero"] == 0"#, E),
        (r#"-attributes["f"] == -0.1"#, T),
        (r#"-attributes["s"] == 1"#, E),
        (r#"-attributes["none"] == 1"#, E),
        (r#"attributes["s"] + 1 == 1"#, E),
        (r#"attributes["none"] + 1 == 1"#, E),
        (r#"attributes["t"] + 1 == 2"#, E),
        (r#"1 + 2 * 3 - 4 / 3 == 6"#, T),
        (r#"(1 + 2) * 3 == 9"#, T),
        (r#"end_time - start_time == Duration("1.500000001s")"#, T),
        (r#"end_time - start_time > 1"#, F),
        (r#"start_time + Duration("1500000001ns") == end_time"#, T),
        (r#"Duration("1500000001ns") + start_time == end_time"#, T),
        (r#"end_time - Duration("1500000001ns") == start_time"#, T),
        (r#"Duration("1s") - start_time == end_time"#, E),
        (r#"start_time + end_time == end_time"#, E),
        (r#"start_time + 1 == end_time"#, E),
        (r#"Duration("1s") + Duration("1s") == Duration("2s")"#, T),
        (r#"Duration("1s") - Duration("2s") == Duration("-1s")"#, T),
        (r#"Duration("1s") * 2 == Duration("2s")"#, E),
        (r#"-(end_time - start_time) < Duration("0")"#, E),
        (
            r#"Unix(9223372036854775807) - Unix(0) == Duration("9223372036854775807ns")"#,
            T,
        ),
    ]);
}

/// An error ends a condition, unless something before it has settled it.
#[test]
fn errors_end_what_reaches_them() {
    check(&[
        (r#"name == "x" and Len(nil) == 1"#, F),
        (r#"name != "x" or Len(nil) == 1"#, T),
        (r#"Len(nil) == 1 or name != "x""#, E),
        (r#"Len(nil) == 1 and name == "x""#, E),
        (r#"name != "x" and Len(nil) == 1"#, E),
        (r#"name == "x" or Len(nil) == 1"#, E),
        (r#"not (Len(nil) == 1)"#, E),
        (r#"not (name == "x" and Len(nil) == 1)"#, T),
        (r#"name == "x" or (kind == 2 and flags != 0)"#, T),
        (r#"(name == "x" or Len(nil) == 1) and true"#, E),
        (r#"Len(nil) == 1 or true"#, T),
        (r#"Len(nil) == 1 and false"#, F),
        ("true", T),
        ("false", F),
        ("Len(name)", E),
        ("Len(name) or true", T),
        (r#"Bool(attributes["yes"])"#, T),
        (r#"Bool(attributes["none"])"#, E),
        (r#"not IsString(attributes["i"])"#, T),
        (r#"IsRootSpan() == true"#, T),
    ]);
}

/// Doubles as Go's JSON writes them, bytes in hex, lists and maps as compact JSON.
#[test]
fn values_have_texts() {
    check(&[
        (r#"String(attributes["s"]) == "GET""#, T),
        (r#"String(attributes["none"]) == nil"#, T),
        (r#"String(attributes["t"]) == "true""#, T),
        (r#"String(attributes["no"]) == "false""#, T),
        (r#"String(attributes["min"]) == "-9223372036854775808""#, T),
        (r#"String(attributes["d"]) == "503""#, T),
        (r#"String(attributes["f"]) == "0.1""#, T),
        (r#"String(attributes["negative zero"]) == "-0""#, T),
        (r#"String(attributes["huge"]) == "1e+300""#, T),
        (r#"String(14365712515844.8125) == "14365712515844.812""#, T),
        (r#"String(-0.000012) == "-0.000012""#, T),
        (r#"String(0.000001) == "0.000001""#, T),
        (r#"String(0.0000001) == "1e-7""#, T),
        (r#"String(-0.00000000012345) == "-1.2345e-10""#, T),
        (
            r#"String(100000000000000000000.0) == "100000000000000000000""#,
            T,
        ),
        (r#"String(1000000000000000000000.0) == "1e+21""#, T),
        (r#"String(attributes["nan"]) == """#, E),
        (r#"String(attributes["inf"]) == """#, E),
        (r#"String([attributes["inf"]]) == """#, E),
        (r#"String(attributes["b"]) == "00ff10""#, T),
        (
            r#"String(attributes["list"]) == "[\"a\",2,2,null,[\"x\"]]""#,
            T,
        ),
        (r#"String(attributes["map"]["a"]) == "<\"x\">\n\u2028""#, T),
        (
            r#"IsMatch(attributes["map"], "^.\"a\":\"\\\\u003c\\\\\"x\\\\\"\\\\u003e\\\\n\\\\u2028\",\"b\":1,\"c\":\\[null,\"AQI=\",0.5\\],\"nested\":.\"list\":\\[7,8\\]..$")"#,
            T,
        ),
        (r#"String(attributes["swapped"]) == "{\"x\":1,\"y\":2}""#, T),
        (r#"String(attributes["maps"]) == "{\"k\":2}""#, T),
        (r#"String({}) == "{}""#, T),
        (r#"String(Split("a,b", ",")) == "[\"a\",\"b\"]""#, T),
        (
            r#"String(start_time) == "\"2023-11-14T22:13:20.123456789Z\"""#,
            T,
        ),
        (r#"String(Unix(0)) == "\"1970-01-01T00:00:00Z\"""#, T),
        (
            r#"String(Unix(0, 120000000)) == "\"1970-01-01T00:00:00.12Z\"""#,
            T,
        ),
        (r#"String(Unix(9223372036854775807)) == """#, E),
        (r#"String(Duration("1us")) == "1000""#, T),
        (r#"String(span_id) == "[1,2,3,4,5,6,7,8]""#, T),
        (r#"String(status) == "{}""#, T),
        (
            r#"Concat([name, attributes["i"], attributes["none"], attributes["d"]], "-") == "GET /api/users-503-<nil>-503""#,
            T,
        ),
        (r#"Concat([], "-") == """#, T),
        (r#"Concat([name, attributes["nan"]], "-") == """#, E),
        (r#"Concat([name], attributes["i"]) == """#, E),
    ]);
}
