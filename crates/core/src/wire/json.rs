//! OTLP/JSON to protobuf: protobuf's JSON mapping with OTLP's exceptions (hex ids, integer enums).

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::json_value::{self, Wrong};
use super::schema::{Field, Kind, Message, REQUEST};
use super::write::nest;

/// Turns an `ExportTraceServiceRequest` in OTLP's JSON form into protobuf.
///
/// Names may be in lowerCamelCase or as in the proto files; unknown ones are passed over; null is
/// the default. Nesting is bounded (at 128 levels of JSON).
///
/// # Errors
/// What is wrong, in which field, and at which line and column.
pub fn json_to_protobuf(json: &[u8]) -> Result<Vec<u8>, String> {
    let mut out = Vec::with_capacity(json.len() / 2);
    let mut input = serde_json::Deserializer::from_slice(json);
    let request = Object {
        schema: &REQUEST,
        out: &mut out,
    };
    input
        .deserialize_any(request)
        .and_then(|()| input.end())
        .map_err(|error| format!("not an OTLP/JSON trace request: {error}"))?;
    Ok(out)
}

/// Reads a JSON object, writes the fields of a message.
struct Object<'o> {
    schema: &'static Message,
    out: &'o mut Vec<u8>,
}

impl<'de> Visitor<'de> for Object<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "an object ({})", self.schema.name)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = 0u32;
        while let Some(found) = map.next_key_seed(Name(self.schema))? {
            let Some((number, field)) = found else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let value = Slot {
                schema: self.schema,
                field,
                number,
                element: false,
                out: self.out,
            };
            if !map.next_value_seed(value)? {
                continue;
            }
            let bit = 1 << number;
            if seen & bit != 0 {
                return Err(wrong(self.schema, field, "stands twice in one object"));
            }
            if self.schema.oneof && seen != 0 {
                return Err(wrong(
                    self.schema,
                    field,
                    "is a second value; there may be one",
                ));
            }
            seen |= bit;
        }
        Ok(())
    }
}

fn wrong<E: Error>(schema: &Message, field: &Field, what: &str) -> E {
    E::custom(format_args!("{}.{} {what}", schema.name, field.name))
}

/// Reads a key, finds the field it names.
struct Name(&'static Message);

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Option<(u32, &'static Field)>;

    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<Self::Value, D::Error> {
        input.deserialize_str(self)
    }
}

impl Visitor<'_> for Name {
    type Value = Option<(u32, &'static Field)>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<Self::Value, E> {
        Ok(self.0.named(key))
    }
}

/// Reads the value of a field and writes it; the result is whether there was one (null is none).
struct Slot<'o> {
    schema: &'static Message,
    field: &'static Field,
    number: u32,
    /// One of a repeated field.
    element: bool,
    out: &'o mut Vec<u8>,
}

impl Slot<'_> {
    fn put<E: Error>(self, put: Result<json_value::Scalar<'_>, Wrong>) -> Result<bool, E> {
        let (schema, field) = (self.schema, self.field);
        if field.repeated && !self.element {
            return Err(wrong(schema, field, "must be an array"));
        }
        match put {
            Ok(scalar) => {
                // A field that has its default is not written, but in lists and oneofs it counts.
                let always = self.element || schema.oneof;
                scalar.write(self.number, always, self.out);
                Ok(true)
            }
            Err(Wrong(what)) => Err(wrong(schema, field, what)),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Slot<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<bool, D::Error> {
        input.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Slot<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a value for {}.{}", self.schema.name, self.field.name)
    }

    fn visit_unit<E: Error>(self) -> Result<bool, E> {
        if self.element {
            return Err(wrong(self.schema, self.field, "may not hold null"));
        }
        Ok(false)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<bool, E> {
        let put = json_value::boolean(&self.field.kind, value);
        self.put(put)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<bool, E> {
        let put = json_value::integer(&self.field.kind, value.into());
        self.put(put)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<bool, E> {
        let put = json_value::integer(&self.field.kind, value.into());
        self.put(put)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<bool, E> {
        let put = json_value::real(&self.field.kind, value);
        self.put(put)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<bool, E> {
        let put = json_value::text(&self.field.kind, value);
        self.put(put)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<bool, A::Error> {
        let Kind::Message(schema) = &self.field.kind else {
            return Err(wrong(self.schema, self.field, "may not be an object"));
        };
        if self.field.repeated && !self.element {
            return Err(wrong(self.schema, self.field, "must be an array"));
        }
        let key = u64::from(self.number) << 3 | 2;
        nest(key, 100, self.out, |out| {
            Object { schema, out }.visit_map(map)
        })?;
        Ok(true)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<bool, A::Error> {
        if !self.field.repeated || self.element {
            return Err(wrong(self.schema, self.field, "may not be an array"));
        }
        loop {
            let element = Slot {
                schema: self.schema,
                field: self.field,
                number: self.number,
                element: true,
                out: self.out,
            };
            if list.next_element_seed(element)?.is_none() {
                return Ok(true);
            }
        }
    }
}
