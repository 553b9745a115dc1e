//! Messages as nobody should send them.

use prost::Message;

use super::support::{E, F, T, ask_all_ways, conditions, int, scene};
use crate::ottl::{Condition, Context, Outcome, View};

fn ask(text: &str, resources: &[&[u8]], span: &[u8]) -> Outcome {
    let condition: &Condition = &conditions(Context::Span)[text];
    ask_all_ways(
        condition,
        &View {
            resources,
            scopes: &[],
            span,
            event: None,
            index: None,
        },
    )
}

/// A length-delimited field with a number under 16.
fn field(number: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![number << 3 | 2];
    prost::encoding::encode_varint(payload.len() as u64, &mut out);
    out.extend_from_slice(payload);
    out
}

/// An attribute of a span, from the bytes of its AnyValue.
fn attribute(key: &str, value: &[u8]) -> Vec<u8> {
    field(9, &[field(1, key.as_bytes()), field(2, value)].concat())
}

/// What cannot be read is not there, and does not hide what can.
#[test]
fn what_cannot_be_read_is_not_there() {
    let nil = r#"attributes["i"] == nil"#;
    let table = [(nil, T)];
    let good = attribute("i", &[0x18, 5]);
    for bad in [
        attribute("i", &[0x1a, 0]),       // a number by length
        attribute("i", &[0x18]),          // cut off
        attribute("i", &[0x0a, 9, b'x']), // a length over its end
        attribute("i", &[0x21, 0, 0]),    // half a double
        attribute("i", &[0x03]),          // a group
        field(9, &[0x0a, 9, b'i']),       // half a key
        field(9, &[0x08, 1]),             // a key that is a number
        field(9, &[0xff; 12]),
        vec![0x48, 1], // attributes that are a number
    ] {
        assert_eq!(ask(table[0].0, &[], &bad), table[0].1, "{bad:x?}");
        let both = [bad.clone(), good.clone()].concat();
        assert_eq!(ask(nil, &[], &both), F, "{bad:x?}");
    }
    // A span that breaks off keeps what stands before.
    let broken = [good, vec![0x4a, 0x7f]].concat();
    assert_eq!(ask(nil, &[], &broken), F);
}

/// The last kind of a value counts, the last key, and the last of a field.
#[test]
fn the_last_counts() {
    let nil = r#"attributes["i"] == nil"#;
    for (span, outcome) in [
        (attribute("i", &[0x18, 5, 0x0a, 0]), F),
        (attribute("i", &[0x18, 5, 0x40, 0]), T),
        (
            field(
                9,
                &[field(1, b"x"), field(1, b"i"), field(2, &[0x18, 5])].concat(),
            ),
            F,
        ),
        (
            field(9, &[field(2, &[0x18, 5]), field(1, b"i")].concat()),
            F,
        ),
        (field(9, &field(1, b"i")), T),
    ] {
        assert_eq!(ask(nil, &[], &span), outcome, "{span:x?}");
    }
    let twice = [field(5, b"x"), field(5, b"GET /api/users")].concat();
    assert_eq!(ask(r#"name == "GET /api/users""#, &[], &twice), T);
    let status = [field(15, &[0x18, 2]), field(15, &field(2, b"boom"))].concat();
    assert_eq!(ask("status.code == STATUS_CODE_ERROR", &[], &status), T);
    assert_eq!(ask(r#"status.message == "boom""#, &[], &status), T);
}

/// Several Resource messages are one, whose attributes stand one behind another.
#[test]
fn resources_are_merged() {
    let text = r#"resource.attributes["service.name"] == "checkout""#;
    let of = |name: &str| {
        field(
            1,
            &[
                field(1, b"service.name"),
                field(2, &field(1, name.as_bytes())),
            ]
            .concat(),
        )
    };
    let (first, second) = (of("checkout"), of("cart"));
    assert_eq!(ask(text, &[&first, &second], &[]), T);
    assert_eq!(ask(text, &[&second, &first], &[]), F);
    assert_eq!(ask(text, &[&[], &first], &[]), T);
    assert_eq!(ask(text, &[], &[]), F);
}

/// Lists in lists without end cost no stack: far down they are nil.
#[test]
fn depth_is_bounded() {
    let mut value = Vec::new();
    for _ in 0..20_000 {
        value = field(5, &field(1, &value));
    }
    let span = [attribute("list", &value), attribute("i", &value)].concat();
    for (text, outcome) in [
        (r#"attributes["list"][0] == "a""#, F),
        (r#"attributes["list"][4][0] == "x""#, E),
        (r#"attributes["list"] == "a""#, F),
        (
            r#"String(attributes["list"]) == "[\"a\",2,2,null,[\"x\"]]""#,
            F,
        ),
        ("attributes == attributes", T),
    ] {
        assert_eq!(ask(text, &[], &span), outcome, "{text}");
    }
}

/// Two large maps are compared without asking each for every key of the other.
#[test]
fn large_maps_are_compared() {
    let mut large = scene().span;
    large.attributes.clear();
    for number in 0..50_000 {
        let key = format!("key{number}");
        large
            .attributes
            .extend(super::support::attributes(&[(&key, int(number))]));
    }
    assert_eq!(
        ask("attributes == attributes", &[], &large.encode_to_vec()),
        T
    );
}
