//! Converters on strings.

use super::support::{E, F, T, check};

/// Patterns are unanchored and match in the text of anything that has one.
#[test]
fn is_match_looks_into_texts() {
    check(&[
        (r#"IsMatch(name, "^(GET|POST) /api/.*")"#, T),
        (r#"IsMatch(name, "api")"#, T),
        (r#"IsMatch(name, "^api")"#, F),
        (r#"IsMatch(attributes["i"], "^5\\d{2}$")"#, T),
        (r#"IsMatch(attributes["d"], "^503$")"#, T),
        (r#"IsMatch(attributes["t"], "true")"#, T),
        (r#"IsMatch(attributes["b"], "^00ff")"#, T),
        (r#"IsMatch(attributes["list"], "\\[\"a\",2")"#, T),
        (r#"IsMatch(attributes["none"], ".*")"#, F),
        (r#"IsMatch(attributes["empty"], "^$")"#, T),
        (r#"IsMatch(attributes["nan"], ".*")"#, E),
        (r#"not IsMatch(attributes["nan"], ".*")"#, E),
    ]);
}

/// Lengths and places are in bytes; what is outside is an error.
#[test]
fn parts_of_strings() {
    check(&[
        (r#"Substring(name, 0, 3) == "GET""#, T),
        (r#"Substring(name, 5, 9) == "api/users""#, T),
        (r#"Substring(name, 5, 10) == """#, E),
        (r#"Substring(name, 5, 0) == """#, E),
        (r#"Substring(name, -1, 2) == """#, E),
        (r#"Substring(name, 1, 9223372036854775807) == """#, E),
        (r#"Substring(name, attributes["f"], 1) == """#, E),
        (r#"Substring(attributes["i"], 0, 1) == "5""#, E),
        (r#"Hex(Substring(attributes["unicode"], 0, 1)) == "c3""#, T),
        (
            r#"Len(ToLowerCase(Substring(attributes["unicode"], 1, 1))) == 3"#,
            T,
        ),
        (
            r#"String([Substring(attributes["unicode"], 0, 1)]) == "[\"\\ufffd\"]""#,
            T,
        ),
        (
            r#"Len(Trim(Substring(attributes["unicode"], 0, 1))) == 1"#,
            T,
        ),
        (
            r#"Len(Split(Substring(attributes["unicode"], 1, 4), "")) == 3"#,
            T,
        ),
        (r#"Split(name, "/")[2] == "users""#, T),
        (r#"Split(name, "/")[3] == "users""#, E),
        (r#"Split(name, "/")["a"] == "users""#, E),
        (
            r#"String(Split(attributes["csv"], ",")) == "[\"a\",\"\",\"b\"]""#,
            T,
        ),
        (r#"Len(Split(attributes["empty"], ",")) == 1"#, T),
        (r#"Len(Split(attributes["empty"], "")) == 0"#, T),
        (
            r#"String(Split(attributes["s"], "")) == "[\"G\",\"E\",\"T\"]""#,
            T,
        ),
        (
            r#"String(Split(ToLowerCase(attributes["s"]), "")) == "[\"g\",\"e\",\"t\"]""#,
            T,
        ),
        (r#"Len(Split(attributes["unicode"], "")) == 5"#, T),
        (r#"Split(attributes["none"], ",")[0] == "a""#, E),
        (r#"HasPrefix(name, "GET ") and HasSuffix(name, "users")"#, T),
        (r#"HasPrefix(name, "get") or HasSuffix(name, "user")"#, F),
        (r#"HasPrefix(attributes["i"], "5")"#, E),
        (r#"HasSuffix(name, attributes["none"])"#, E),
        (r#"TrimPrefix(attributes["s"], "G") == "ET""#, T),
        (r#"TrimPrefix(attributes["s"], "E") == "GET""#, T),
        (r#"TrimSuffix(attributes["s"], "T") == "GE""#, T),
        (r#"TrimSuffix(attributes["s"], "GETGET") == "GET""#, T),
        (
            r#"TrimPrefix(ToLowerCase(attributes["s"]), "g") == "et""#,
            T,
        ),
        (r#"TrimSuffix(attributes["none"], "T") == "GE""#, E),
        (r#"Trim(attributes["spaces"]) == "a b\t""#, T),
        (r#"Trim(attributes["spaces"], "\t ") == "a b""#, T),
        (r#"Trim(attributes["s"], "TG") == "E""#, T),
        (r#"Trim(attributes["s"], "TEG") == """#, T),
        (r#"Trim(attributes["s"], "") == "GET""#, T),
        (r#"Trim(attributes["i"]) == """#, E),
        (r#"Len(name) == 14 and Len(attributes["b"]) == 3"#, T),
        (r#"Len(attributes["unicode"]) == 10"#, T),
        (
            r#"Len(attributes["list"]) == 5 and Len(attributes["map"]) == 4"#,
            T,
        ),
        (r#"Len(attributes["none"]) == 0"#, E),
        (r#"Len(attributes["i"]) == 3"#, E),
        (r#"Len(span_id) == 8"#, E),
        (r#"Len(start_time) == 8"#, E),
    ]);
}

/// Simple case, one character for one, and names in snake and camel case.
#[test]
fn letters_change() {
    check(&[
        (r#"ToLowerCase(attributes["s"]) == "get""#, T),
        (
            r#"ToLowerCase(attributes["unicode"]) == "\u00e4\u00dfik\u1f80""#,
            T,
        ),
        (
            r#"ToUpperCase(attributes["unicode"]) == "\u00c4\u00df\u0130K\u1f88""#,
            T,
        ),
        (r#"ToLowerCase(attributes["i"]) == """#, E),
        (r#"ToUpperCase(attributes["none"]) == """#, E),
        (r#"ToSnakeCase("JSONData") == "json_data""#, T),
        (r#"ToSnakeCase("userID") == "user_id""#, T),
        (
            r#"ToSnakeCase(" Any-kind of.string ") == "any_kind_of_string""#,
            T,
        ),
        (
            r#"ToSnakeCase("numbers2And55with000") == "numbers_2_and_55_with_000""#,
            T,
        ),
        (r#"ToSnakeCase("A1b") == "a_1_b""#, T),
        (r#"ToSnakeCase("\u00c4B") == "\u00c4b""#, T),
        (r#"ToSnakeCase(attributes["i"]) == """#, E),
        (r#"ToCamelCase("test_case") == "TestCase""#, T),
        (
            r#"ToCamelCase(" some string.with-all ") == "SomeStringWithAll""#,
            T,
        ),
        (r#"ToCamelCase("a2b") == "A2B""#, T),
        (r#"ToCamelCase("JSONData") == "Jsondata""#, T),
        (r#"ToCamelCase("ID") == "Id""#, T),
        (r#"ToCamelCase("userID") == "UserId""#, T),
        (r#"ToCamelCase("a/b") == "Ab""#, T),
        (r#"ToCamelCase("") == """#, T),
        (r#"ConvertCase(attributes["s"], "lower") == "get""#, T),
    ]);
}

/// Digests, hex and base64, of the bytes of a text.
#[test]
fn texts_are_digested_and_encoded() {
    check(&[
        (r#"MD5("") == "d41d8cd98f00b204e9800998ecf8427e""#, T),
        (r#"MD5(name) == "facf1af4af5480fa461e1027b323567b""#, T),
        (
            r#"SHA1(name) == "cd7628b03299a6ca32ec1ad9ef353675a98447cf""#,
            T,
        ),
        (
            r#"SHA256(name) == "65504d96f6ea97284441572caa39ff1b2febf13c0a1721b249e5596fb1655fd0""#,
            T,
        ),
        (
            r#"SHA512(name) == "23c9102cc092878341b563ec4e94f9dd970483242c3285433a6f8785a6fac20b515622f0c5059826a0d7da06bdd5629d64a05a332c5fed72cf153f57fbf41fe7""#,
            T,
        ),
        (r#"MD5(attributes["i"]) == """#, E),
        (r#"SHA1(attributes["none"]) == """#, E),
        (r#"FNV("a") == -5808556873153909620"#, T),
        (r#"FNV(attributes["none"]) == 0"#, E),
        (r#"Hex(attributes["s"]) == "474554""#, T),
        (r#"Hex(attributes["b"]) == "00ff10""#, T),
        (r#"Hex(attributes["i"]) == "00000000000001f7""#, T),
        (r#"Hex(attributes["d"]) == "407f700000000000""#, T),
        (r#"Hex(attributes["t"]) == "01""#, T),
        (r#"Hex(attributes["none"]) == """#, T),
        (r#"Hex(attributes["list"]) == """#, E),
        (r#"Base64Decode(attributes["base64"]) == "hello""#, T),
        (r#"Base64Decode("aGVsbG9=") == "hello""#, T),
        (r#"Base64Decode("") == """#, T),
        (r#"Base64Decode("aGVsbG8") == "hello""#, E),
        (r#"Base64Decode("aGVs*G8=") == "hello""#, E),
        (r#"Base64Decode("a===") == """#, E),
        (r#"Base64Decode("aGVsbG8=aGVs") == """#, E),
        (r#"Base64Decode("_-8=") == """#, E),
    ]);
}
