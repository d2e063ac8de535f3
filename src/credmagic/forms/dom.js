// How are forms and pickers drawn without a framework, and with every text as text (never as HTML)?

const shown = (children) => children.flat().filter((child) => child !== null && child !== undefined && child !== false);

/** An element; `on…` properties are listeners, `class` and attributes are set, null children are left out. */
const h = (tag, properties = {}, ...children) => {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "value") node.value = value;
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...shown(children));
  return node;
};

/** What stands in `node` makes room for `children`. */
const refill = (node, ...children) => node.replaceChildren(...shown(children));

const GLYPHS = {
  lock: "M4.5 7V5a3.5 3.5 0 0 1 7 0v2M3.5 7h9v6.5h-9z",
  key: "M9.2 6.8 14 2m-2 2 1.5 1.5M6.5 13a3 3 0 1 1 0-6 3 3 0 0 1 0 6z",
  check: "M2.5 8.5 6.5 12.5 13.5 4",
  warning: "M8 2 14.5 13.5h-13zM8 6.5v3.5M8 11.6v.4",
  star: "M8 1.8 9.9 6l4.5.4-3.4 3 1 4.5L8 11.5l-4 2.4 1-4.5-3.4-3L6.100 6z",
};

/** A decorative glyph; the word beside it carries the meaning. */
const glyph = (name) => {
  const make = (tag) => document.createElementNS("http://www.w3.org/2000/svg", tag);
  const svg = make("svg");
  const path = make("path");
  path.setAttribute("d", GLYPHS[name]);
  for (const [key, value] of Object.entries({
    viewBox: "0 0 16 16", class: `cm-glyph cm-glyph-${name}`, "aria-hidden": "true", focusable: "false",
  })) svg.setAttribute(key, value);
  svg.append(path);
  return svg;
};

const heading = (text) => h("div", { class: "cm-heading" }, glyph("key"), text);

const button = (text, onclick, more = {}) => h("button", { type: "button", class: "cm-button", onclick, ...more }, text);

const link = (text, href) =>
  /^https?:\/\//.test(href || "") && h("a", { href, target: "_blank", rel: "noopener noreferrer" }, text);

let lastId = 0;
/** An id no other element of this page has. */
const freshId = (word) => `cm-${word}-${(lastId += 1)}-${Math.random().toString(36).slice(2, 8)}`;

const copyText = async (text) => {
  try {
    await navigator.clipboard.writeText(text);
  } catch { // no permission, or not a secure context: the old way still works
    const area = h("textarea", { "aria-hidden": "true", style: "position:fixed;opacity:0" });
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
};

/** A line of code, selectable, with Copy. */
const codeLine = (code) => {
  const said = h("span", { class: "cm-said", role: "status" });
  const copy = button("Copy", async () => {
    await copyText(code);
    said.textContent = "Copied";
    setTimeout(() => { said.textContent = ""; }, 2000);
  }, { class: "cm-button cm-small" });
  return h("span", { class: "cm-code-line" }, h("code", {}, code), copy, said);
};

/** Send a message to the kernel; false when the kernel that drew this is gone (it was restarted). */
const tell = async (model, message) => {
  try {
    await model.send(message);
    return true;
  } catch {
    return false;
  }
};

const GONE = { message: "the kernel that drew this is gone", next_step: "Run the cell again. Nothing was saved." };

/** A root that keeps its keys to itself: notebook shortcuts must not see what is typed here. */
const isolatedRoot = (properties) => {
  const root = h("div", { class: "credmagic-form", "data-lm-suppress-shortcuts": "true", ...properties });
  for (const type of ["keydown", "keypress", "keyup"]) root.addEventListener(type, (event) => event.stopPropagation());
  return root;
};

/** Shows one DOM tree in the newest of a model's views; when that view goes, an older one gets it back. */
const stage = (root) => {
  const places = [];
  return (el) => {
    places.push(el);
    el.append(root);
    return () => {
      const newest = places.at(-1) === el;
      places.splice(places.indexOf(el), 1);
      if (newest && places.length) places.at(-1).append(root);
    };
  };
};
