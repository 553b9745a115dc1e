// The least of a document that morph.js touches, counting how often it is changed.

export const changes = { count: 0 };

class Node {
  childNodes = [];
  parent = null;

  constructor(nodeType, nodeName) {
    this.nodeType = nodeType;
    this.nodeName = nodeName;
    this.ownerDocument = document;
  }

  get firstChild() {
    return this.childNodes[0] ?? null;
  }

  get nextSibling() {
    return this.parent.childNodes[this.parent.childNodes.indexOf(this) + 1] ?? null;
  }

  removeChild(child) {
    changes.count += 1;
    this.childNodes.splice(this.childNodes.indexOf(child), 1);
    child.parent = null;
  }

  insertBefore(child, before) {
    child.parent?.removeChild(child);
    changes.count += 1;
    const at = before === null ? this.childNodes.length : this.childNodes.indexOf(before);
    this.childNodes.splice(at, 0, child);
    child.parent = this;
  }
}

class Text extends Node {
  #value;

  constructor(value) {
    super(3, "#text");
    this.#value = value;
  }

  get nodeValue() {
    return this.#value;
  }

  set nodeValue(value) {
    changes.count += 1;
    this.#value = value;
  }
}

class Element extends Node {
  #attributes;

  constructor(name, attributes) {
    super(1, name);
    this.#attributes = new Map(Object.entries(attributes));
  }

  get attributes() {
    return [...this.#attributes].map(([name, value]) => ({ name, value }));
  }

  getAttribute(name) {
    return this.#attributes.get(name) ?? null;
  }

  hasAttribute(name) {
    return this.#attributes.has(name);
  }

  setAttribute(name, value) {
    changes.count += 1;
    this.#attributes.set(name, value);
  }

  removeAttribute(name) {
    changes.count += 1;
    this.#attributes.delete(name);
  }
}

const document = {
  importNode(node) {
    const before = changes.count; // what is made is not yet a change
    const made = node.nodeType === 3 ? new Text(node.nodeValue) : copy(node);
    changes.count = before;
    return made;
  },
};

function copy(node) {
  const attributes = Object.fromEntries(node.attributes.map(({ name, value }) => [name, value]));
  return element(node.nodeName, attributes, ...node.childNodes.map((one) => document.importNode(one)));
}

/** An element with children; strings become texts. */
export function element(name, attributes = {}, ...children) {
  const made = new Element(name, attributes);
  for (const child of children) {
    made.insertBefore(typeof child === "string" ? new Text(child) : child, null);
  }
  return made;
}

/** What a tree looks like, without its identity. */
export function shape(node) {
  if (node.nodeType === 3) {
    return node.nodeValue;
  }
  const attributes = Object.fromEntries(node.attributes.map(({ name, value }) => [name, value]));
  return [node.nodeName, attributes, ...node.childNodes.map(shape)];
}
