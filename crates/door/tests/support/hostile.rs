//! Frames by hand.

#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame(pub(crate) u8);

pub(crate) const DATA: Frame = Frame(0);
pub(crate) const HEADERS: Frame = Frame(1);
pub(crate) const PRIORITY: Frame = Frame(2);
pub(crate) const RST_STREAM: Frame = Frame(3);
pub(crate) const SETTINGS: Frame = Frame(4);
pub(crate) const PING: Frame = Frame(6);
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: Frame = Frame(8);
pub(crate) const CONTINUATION: Frame = Frame(9);

/// `ENHANCE_YOUR_CALM`.
pub(crate) const CALM: u32 = 11;

pub(crate) fn frame(kind: Frame, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut out = length[1..].to_vec();
    out.extend_from_slice(&[kind.0, flags]);
    out.extend_from_slice(&stream.to_be_bytes());
    out.extend_from_slice(payload);
    out
}

/// The preface and empty settings.
pub(crate) fn beginning() -> Vec<u8> {
    let mut out = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    out.extend(frame(SETTINGS, 0, 0, &[]));
    out
}

/// The head of an export, in HPACK without a table; `last`: it has no body.
pub(crate) fn request(stream: u32, last: bool) -> Vec<u8> {
    let mut frame = request_with(stream, &[]);
    frame[4] |= u8::from(last);
    frame
}

/// The same with more header fields, in HPACK.
pub(crate) fn request_with(stream: u32, more: &[u8]) -> Vec<u8> {
    let mut block = vec![0x83, 0x86, 0x04];
    let path = super::client::EXPORT.as_bytes();
    block.push(u8::try_from(path.len()).unwrap());
    block.extend_from_slice(path);
    // content-type: index 31 of the static table, not to be indexed.
    block.extend_from_slice(&[0x0f, 0x10, 16]);
    block.extend_from_slice(b"application/grpc");
    block.extend_from_slice(more);
    frame(HEADERS, 4, stream, &block)
}

/// The frames in what came back.
pub(crate) fn frames(mut bytes: &[u8]) -> Vec<(u8, u32, Vec<u8>)> {
    let mut found = Vec::new();
    while let Some((head, rest)) = bytes.split_first_chunk::<9>() {
        let [a, b, c, kind, _, stream @ ..] = *head;
        let length = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
        let Some((payload, rest)) = rest.split_at_checked(length) else {
            break;
        };
        found.push((kind, u32::from_be_bytes(stream), payload.to_vec()));
        bytes = rest;
    }
    found
}

/// The error code of the GOAWAY in what came back.
pub(crate) fn code_of(bytes: &[u8]) -> Option<u32> {
    let (_, _, payload) = frames(bytes).into_iter().find(|found| found.0 == GOAWAY)?;
    let code = payload.get(4..8)?;
    Some(u32::from_be_bytes(code.try_into().unwrap()))
}
