//! OTLP's trace messages as tables: field numbers, names and kinds, for the slow paths (deep
//! validation, JSON). The scan knows its few fields by heart.

/// A message type.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) name: &'static str,
    /// Field `n` stands at `n - 1`.
    fields: &'static [Option<Field>],
    /// All fields are one oneof.
    pub(crate) oneof: bool,
}

/// A field of a message.
#[derive(Debug)]
pub(crate) struct Field {
    /// As in the proto file; JSON's name is this in lowerCamelCase.
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) repeated: bool,
}

/// What a field holds.
#[derive(Debug)]
pub(crate) enum Kind {
    Bool,
    Int32,
    Uint32,
    Int64,
    Fixed32,
    Fixed64,
    Double,
    /// Names by number.
    Enum(&'static [&'static str]),
    Text,
    Bytes,
    /// Bytes that OTLP writes as hex in JSON.
    Id,
    Message(&'static Message),
}

impl Message {
    pub(crate) fn field(&self, number: u32) -> Option<&Field> {
        self.fields.get((number as usize).checked_sub(1)?)?.as_ref()
    }

    /// The field that JSON calls `key`: in lowerCamelCase, or as in the proto file.
    pub(crate) fn named(&self, key: &str) -> Option<(u32, &Field)> {
        let fields = (1u32..).zip(self.fields);
        let mut named = fields.filter_map(|(number, field)| Some((number, field.as_ref()?)));
        named.find(|(_, field)| field.name == key || is_camel(key, field.name))
    }
}

fn is_camel(key: &str, snake: &str) -> bool {
    let mut key = key.bytes();
    let mut snake = snake.bytes();
    while let Some(mut byte) = snake.next() {
        if byte == b'_' {
            byte = snake.next().map_or(b'_', |b| b.to_ascii_uppercase());
        }
        if key.next() != Some(byte) {
            return false;
        }
    }
    key.next().is_none()
}

const fn one(name: &'static str, kind: Kind) -> Option<Field> {
    Some(Field {
        name,
        kind,
        repeated: false,
    })
}

const fn many(name: &'static str, kind: Kind) -> Option<Field> {
    Some(Field {
        name,
        kind,
        repeated: true,
    })
}

const fn message(name: &'static str, fields: &'static [Option<Field>]) -> Message {
    Message {
        name,
        fields,
        oneof: false,
    }
}

pub(crate) static REQUEST: Message = message(
    "ExportTraceServiceRequest",
    &[many("resource_spans", Kind::Message(&RESOURCE_SPANS))],
);

static RESOURCE_SPANS: Message = message(
    "ResourceSpans",
    &[
        one("resource", Kind::Message(&RESOURCE)),
        many("scope_spans", Kind::Message(&SCOPE_SPANS)),
        one("schema_url", Kind::Text),
    ],
);

pub(crate) static RESOURCE: Message = message(
    "Resource",
    &[
        many("attributes", Kind::Message(&KEY_VALUE)),
        one("dropped_attributes_count", Kind::Uint32),
        many("entity_refs", Kind::Message(&ENTITY_REF)),
    ],
);

static ENTITY_REF: Message = message(
    "EntityRef",
    &[
        one("schema_url", Kind::Text),
        one("type", Kind::Text),
        many("id_keys", Kind::Text),
        many("description_keys", Kind::Text),
    ],
);

static SCOPE_SPANS: Message = message(
    "ScopeSpans",
    &[
        one("scope", Kind::Message(&SCOPE)),
        many("spans", Kind::Message(&SPAN)),
        one("schema_url", Kind::Text),
    ],
);

pub(crate) static SCOPE: Message = message(
    "InstrumentationScope",
    &[
        one("name", Kind::Text),
        one("version", Kind::Text),
        many("attributes", Kind::Message(&KEY_VALUE)),
        one("dropped_attributes_count", Kind::Uint32),
    ],
);

pub(crate) static SPAN: Message = message(
    "Span",
    &[
        one("trace_id", Kind::Id),
        one("span_id", Kind::Id),
        one("trace_state", Kind::Text),
        one("parent_span_id", Kind::Id),
        one("name", Kind::Text),
        one("kind", Kind::Enum(SPAN_KINDS)),
        one("start_time_unix_nano", Kind::Fixed64),
        one("end_time_unix_nano", Kind::Fixed64),
        many("attributes", Kind::Message(&KEY_VALUE)),
        one("dropped_attributes_count", Kind::Uint32),
        many("events", Kind::Message(&EVENT)),
        one("dropped_events_count", Kind::Uint32),
        many("links", Kind::Message(&LINK)),
        one("dropped_links_count", Kind::Uint32),
        one("status", Kind::Message(&STATUS)),
        one("flags", Kind::Fixed32),
    ],
);

const SPAN_KINDS: &[&str] = &[
    "SPAN_KIND_UNSPECIFIED",
    "SPAN_KIND_INTERNAL",
    "SPAN_KIND_SERVER",
    "SPAN_KIND_CLIENT",
    "SPAN_KIND_PRODUCER",
    "SPAN_KIND_CONSUMER",
];

static EVENT: Message = message(
    "Span.Event",
    &[
        one("time_unix_nano", Kind::Fixed64),
        one("name", Kind::Text),
        many("attributes", Kind::Message(&KEY_VALUE)),
        one("dropped_attributes_count", Kind::Uint32),
    ],
);

static LINK: Message = message(
    "Span.Link",
    &[
        one("trace_id", Kind::Id),
        one("span_id", Kind::Id),
        one("trace_state", Kind::Text),
        many("attributes", Kind::Message(&KEY_VALUE)),
        one("dropped_attributes_count", Kind::Uint32),
        one("flags", Kind::Fixed32),
    ],
);

static STATUS: Message = message(
    "Status",
    &[
        None,
        one("message", Kind::Text),
        one("code", Kind::Enum(STATUS_CODES)),
    ],
);

const STATUS_CODES: &[&str] = &["STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR"];

static KEY_VALUE: Message = message(
    "KeyValue",
    &[
        one("key", Kind::Text),
        one("value", Kind::Message(&ANY_VALUE)),
        one("key_strindex", Kind::Int32),
    ],
);

static ANY_VALUE: Message = Message {
    name: "AnyValue",
    fields: &[
        one("string_value", Kind::Text),
        one("bool_value", Kind::Bool),
        one("int_value", Kind::Int64),
        one("double_value", Kind::Double),
        one("array_value", Kind::Message(&ARRAY_VALUE)),
        one("kvlist_value", Kind::Message(&KEY_VALUE_LIST)),
        one("bytes_value", Kind::Bytes),
        one("string_value_strindex", Kind::Int32),
    ],
    oneof: true,
};

static ARRAY_VALUE: Message = message("ArrayValue", &[many("values", Kind::Message(&ANY_VALUE))]);

static KEY_VALUE_LIST: Message =
    message("KeyValueList", &[many("values", Kind::Message(&KEY_VALUE))]);
