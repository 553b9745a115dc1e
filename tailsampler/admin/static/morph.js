// Make one tree of elements like another with as few changes as possible, so that focus,
// selection and scroll positions stay. Texts are copied as texts: nothing is parsed here.

const ELEMENT = 1;

const keyOf = (node) => (node.nodeType === ELEMENT ? node.getAttribute("data-key") : null);

const alike = (one, other) =>
  one.nodeType === other.nodeType && one.nodeName === other.nodeName && keyOf(one) === keyOf(other);

/** Change `from` until it is like `to`, which is a node of the same name in another document. */
export function morph(from, to) {
  if (from.nodeType !== ELEMENT) {
    if (from.nodeValue !== to.nodeValue) {
      from.nodeValue = to.nodeValue;
    }
    return;
  }
  attributes(from, to);
  children(from, to);
}

function attributes(from, to) {
  for (const { name, value } of [...to.attributes]) {
    if (from.getAttribute(name) !== value) {
      from.setAttribute(name, value);
    }
  }
  for (const { name } of [...from.attributes]) {
    if (!to.hasAttribute(name)) {
      from.removeAttribute(name);
    }
  }
}

function children(from, to) {
  const wanted = [...to.childNodes];
  const keys = new Set(wanted.map(keyOf).filter((key) => key !== null));
  const kept = new Map();
  for (const child of [...from.childNodes]) {
    const key = keyOf(child);
    if (key !== null && !keys.has(key)) {
      from.removeChild(child); // first, so that what stays need not move around it
    } else if (key !== null) {
      kept.set(key, child);
    }
  }
  let next = from.firstChild;
  for (const child of wanted) {
    const key = keyOf(child);
    const old = key === null ? next : kept.get(key) ?? null;
    if (old !== null && alike(old, child)) {
      if (old === next) {
        next = next.nextSibling;
      } else {
        from.insertBefore(old, next);
      }
      morph(old, child);
    } else {
      from.insertBefore(from.ownerDocument.importNode(child, true), next);
    }
  }
  while (next !== null) {
    const gone = next;
    next = next.nextSibling;
    from.removeChild(gone);
  }
}
