//! Requests as field soup: fields in any order and number, unknown ones among them, numbers in
//! longer forms than they need.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// A field on the wire.
#[derive(Clone, Debug)]
pub struct Wire {
    number: u32,
    value: Value,
    /// Bytes that its key and its length are longer than they need be.
    padding: usize,
}

/// Its value.
#[derive(Clone, Debug)]
pub enum Value {
    Varint(u64),
    Fixed64(u64),
    Fixed32(u32),
    Bytes(Vec<u8>),
    Message(Vec<Wire>),
}

fn varint(mut value: u64, padding: usize, out: &mut Vec<u8>) {
    let start = out.len();
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
    for _ in 0..padding.min(10 - (out.len() - start)) {
        *out.last_mut().unwrap() |= 0x80;
        out.push(0);
    }
}

/// The soup as bytes.
pub fn encode(fields: &[Wire]) -> Vec<u8> {
    let mut out = Vec::new();
    for field in fields {
        let key = u64::from(field.number) << 3;
        let put = |wire: u64, out: &mut Vec<u8>| varint(key | wire, field.padding, out);
        match &field.value {
            Value::Varint(value) => {
                put(0, &mut out);
                varint(*value, field.padding, &mut out);
            }
            Value::Fixed64(value) => {
                put(1, &mut out);
                out.extend(value.to_le_bytes());
            }
            Value::Fixed32(value) => {
                put(5, &mut out);
                out.extend(value.to_le_bytes());
            }
            Value::Bytes(bytes) => {
                put(2, &mut out);
                varint(bytes.len() as u64, field.padding, &mut out);
                out.extend(bytes);
            }
            Value::Message(fields) => {
                put(2, &mut out);
                let bytes = encode(fields);
                varint(bytes.len() as u64, field.padding, &mut out);
                out.extend(bytes);
            }
        }
    }
    out
}

fn wire(number: u32, value: impl Strategy<Value = Value> + 'static) -> BoxedStrategy<Wire> {
    let padding = prop_oneof![8 => Just(0), 1 => 1usize..9];
    (value, padding)
        .prop_map(move |(value, padding)| Wire {
            number,
            value,
            padding,
        })
        .boxed()
}

fn number() -> impl Strategy<Value = Value> {
    let small = select(vec![0u64, 1, 2, 3, 200, 503, 127, 128, 300, u64::MAX]);
    prop_oneof![4 => small, 1 => any::<u64>()].prop_map(Value::Varint)
}

fn time() -> impl Strategy<Value = Value> {
    prop_oneof![1 => Just(0), 6 => 1000u64..2000].prop_map(Value::Fixed64)
}

fn bytes_of(choices: &'static [&'static [u8]]) -> impl Strategy<Value = Value> {
    select(choices).prop_map(|b| Value::Bytes(b.to_vec()))
}

fn text() -> impl Strategy<Value = Value> {
    let bad = Just(vec![b'a', 0xff]);
    let good = select(vec![
        "",
        "GET",
        "503",
        "0503",
        "99999999999999999999",
        "api",
        "x",
    ]);
    let long = "[a-z]{120,140}".prop_map(String::into_bytes);
    prop_oneof![200 => good.prop_map(|s| s.as_bytes().to_vec()), 20 => long, 1 => bad]
        .prop_map(Value::Bytes)
}

fn unknown() -> BoxedStrategy<Wire> {
    let numbers = select(vec![17u32, 40, 999, 1001, (1 << 29) - 1]);
    let value = prop_oneof![
        number(),
        time(),
        any::<u32>().prop_map(Value::Fixed32),
        text()
    ];
    (numbers, wire(1, value))
        .prop_map(|(number, wire)| Wire { number, ..wire })
        .boxed()
}

fn soup(fields: Vec<(u32, BoxedStrategy<Wire>)>, most: usize) -> BoxedStrategy<Value> {
    let mut fields = fields;
    fields.push((1, unknown()));
    vec(proptest::strategy::Union::new_weighted(fields), 0..=most)
        .prop_map(Value::Message)
        .boxed()
}

fn any_value() -> BoxedStrategy<Value> {
    let leaf = soup(
        vec![
            (4, wire(1, text())),
            (1, wire(2, number())),
            (4, wire(3, number())),
            (1, wire(4, time())),
            (1, wire(7, text())),
        ],
        2,
    );
    leaf.prop_recursive(3, 8, 2, |inner| {
        let pair = soup(vec![(1, wire(1, text())), (2, wire(2, inner.clone()))], 2);
        let list = soup(vec![(1, wire(1, inner.clone()))], 2);
        let pairs = soup(vec![(1, wire(1, pair))], 2);
        prop_oneof![
            3 => inner,
            1 => soup(vec![(1, wire(5, list)), (1, wire(6, pairs))], 2),
        ]
        .boxed()
    })
    .boxed()
}

fn key() -> impl Strategy<Value = Value> {
    bytes_of(&[
        b"http.response.status_code",
        b"http.status_code",
        b"http.request.method",
        b"service.name",
        b"tailsampler.policy",
        b"other",
        b"",
    ])
}

fn attribute() -> BoxedStrategy<Value> {
    let usual =
        (wire(1, key()), wire(2, any_value())).prop_map(|(k, v)| Value::Message(vec![k, v]));
    let any = soup(
        vec![
            (3, wire(1, key())),
            (3, wire(2, any_value())),
            (1, wire(3, number())),
        ],
        4,
    );
    prop_oneof![4 => usual, 1 => any].boxed()
}

/// Tracestates; `stated` knows what becomes of each.
pub const STATES: &[&[u8]] = &[
    b"",
    b"a=b",
    b"ot=th:c",
    b"ot=th:8",
    b"ot=th:4;x:y",
    b"z=1, ot=rv:ab00000000000c;th:4 ,a=b",
    b"ot=rv:00000000000001",
    b"ot=rv:AB00000000000c",
    b"ot=rv:12",
    b"no list",
];

fn span() -> BoxedStrategy<Value> {
    let trace_id = || {
        wire(
            1,
            bytes_of(&[&[1; 16], &[2; 16], &[3; 16], &[1; 16], &[0; 16], &[7; 3]]),
        )
    };
    let span_id = || {
        wire(
            2,
            bytes_of(&[&[1; 8], &[2; 8], &[3; 8], &[4; 8], &[0; 8], b""]),
        )
    };
    let event = soup(
        vec![
            (1, wire(1, time())),
            (1, wire(2, text())),
            (1, wire(3, attribute())),
        ],
        3,
    );
    let link = soup(
        vec![
            (1, span_id()),
            (1, wire(3, text())),
            (1, wire(4, attribute())),
        ],
        3,
    );
    let status = soup(vec![(1, wire(2, text())), (2, wire(3, number()))], 2);
    let ids = (trace_id(), span_id()).prop_map(|(t, s)| vec![t, s]);
    let rest = soup(
        vec![
            (1, trace_id()),
            (1, span_id()),
            (3, wire(3, bytes_of(STATES))),
            (2, wire(4, bytes_of(&[&[1; 8], &[0; 8], b"", &[1; 5]]))),
            (1, wire(5, text())),
            (1, wire(6, number())),
            (3, wire(7, time())),
            (3, wire(8, time())),
            (8, wire(9, attribute())),
            (1, wire(10, number())),
            (1, wire(11, event)),
            (1, wire(13, link)),
            (3, wire(15, status)),
            (1, wire(16, any::<u32>().prop_map(Value::Fixed32))),
        ],
        10,
    );
    (ids, rest)
        .prop_map(|(mut fields, rest)| {
            if let Value::Message(rest) = rest {
                fields.splice(1..1, rest);
            }
            Value::Message(fields)
        })
        .boxed()
}

/// Whole requests.
pub fn request() -> impl Strategy<Value = Vec<u8>> {
    let scope = soup(vec![(1, wire(1, text())), (1, wire(3, attribute()))], 2);
    let scope_spans = soup(
        vec![
            (1, wire(1, scope)),
            (6, wire(2, span())),
            (1, wire(3, text())),
        ],
        5,
    );
    let resource = soup(vec![(3, wire(1, attribute())), (1, wire(2, number()))], 3);
    let resource_spans = soup(
        vec![
            (2, wire(1, resource)),
            (4, wire(2, scope_spans.clone())),
            (1, wire(3, text())),
            (1, wire(1000, scope_spans)),
        ],
        4,
    );
    let request = soup(vec![(6, wire(1, resource_spans))], 3);
    request.prop_map(|request| match request {
        Value::Message(fields) => encode(&fields),
        _ => unreachable!(),
    })
}

/// Bytes that began as a request, and were damaged in a few places.
pub fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let edit = (any::<prop::sample::Index>(), any::<u8>(), 0..5u8);
    (request(), vec(edit, 1..4)).prop_map(|(mut body, edits)| {
        for (at, byte, kind) in edits {
            if body.is_empty() {
                body.push(byte);
            }
            let at = at.index(body.len());
            match kind {
                0 => body.truncate(at),
                1 => body.insert(at, byte),
                2 => drop(body.remove(at)),
                3 => body[at] ^= 1 << (byte & 7),
                _ => body[at] = byte,
            }
        }
        body
    })
}
