// What does a person fill in for a field of each type, and which JSON value comes of it?
//
// Every maker takes the field's description and the labels' ids and returns a control:
//   node      what is shown
//   target    the element that has the accessible name and takes the focus
//   read()    the value, `undefined` when nothing was given; throws Problem for text that cannot be a value
//   write(v)  shows a public value
//   wipe()    forgets what was typed
// Whatever is thrown or said here names no value.

class Problem extends Error {}

const PLAIN = { autocomplete: "off", autocapitalize: "off", spellcheck: "false" };
const MAX_FILE = 128 * 1024; // bytes, as the vault takes them

const plainControl = (element, read = () => element.value || undefined) => ({
  node: element,
  target: element,
  read,
  write: (value) => { element.value = value ?? ""; },
  wipe: () => { element.value = ""; },
});

const lineInput = (field, names) =>
  plainControl(h("input", { type: "text", placeholder: field.placeholder, ...PLAIN, ...names }));

const textInput = (field, names) =>
  plainControl(h("textarea", { rows: 3, placeholder: field.placeholder, ...PLAIN, ...names }));

const intInput = (field, names) => {
  const element = h("input", { type: "text", inputmode: "numeric", placeholder: field.placeholder, ...PLAIN, ...names });
  return plainControl(element, () => {
    const text = element.value.trim();
    if (!text) return undefined;
    if (!/^[+-]?\d{1,15}$/.test(text)) throw new Problem("must be a whole number");
    return Number(text);
  });
};

const boolInput = (field, names) => {
  const element = h("input", { type: "checkbox", ...names });
  return {
    ...plainControl(element, () => element.checked),
    write: (value) => { element.checked = Boolean(value); },
    wipe: () => { element.checked = false; },
  };
};

const datetimeInput = (field, names) => {
  const element = h("input", { type: "datetime-local", ...names });
  const local = (iso) => {
    const at = new Date(iso);
    return Number.isNaN(at.valueOf()) ? "" : new Date(at - at.getTimezoneOffset() * 60000).toISOString().slice(0, 16);
  };
  return {
    ...plainControl(element, () => (element.value ? new Date(element.value).toISOString() : undefined)),
    write: (value) => { element.value = value ? local(value) : ""; },
  };
};

const choiceInput = (field, names) => {
  const element = h("select", names,
    (!field.required || !field.default) && h("option", { value: "" }, field.required ? "Choose…" : "—"),
    field.choices.map((choice) => h("option", { value: choice }, choice)));
  return plainControl(element);
};

const openChoiceInput = (field, names) => {
  const list = freshId("choices");
  const element = h("input", { type: "text", list, placeholder: field.placeholder, ...PLAIN, ...names });
  const options = h("datalist", { id: list }, field.choices.map((choice) => h("option", { value: choice })));
  return { ...plainControl(element), node: h("div", {}, element, options) };
};

const listInput = (field, names) => {
  let tags = [];
  const chips = h("span", { class: "cm-tags" });
  const element = h("input", { type: "text", placeholder: field.placeholder || "Separate with a comma", ...PLAIN, ...names });
  const draw = () => refill(chips, ...tags.map((tag, index) => h("span", { class: "cm-tag" }, tag,
    button("×", () => { tags.splice(index, 1); draw(); element.focus(); },
      { class: "cm-tag-remove", "aria-label": `Remove ${tag}` }))));
  const take = () => {
    for (const tag of element.value.split(/[\s,]+/)) if (tag && !tags.includes(tag)) tags.push(tag);
    element.value = "";
    draw();
  };
  element.addEventListener("keydown", (event) => {
    const adds = event.key === "," || (event.key === "Enter" && element.value.trim());
    if (adds) { event.preventDefault(); take(); }
    if (event.key === "Backspace" && !element.value && tags.length) { tags.pop(); draw(); }
  });
  element.addEventListener("blur", take);
  return {
    node: h("div", { class: "cm-list" }, chips, element),
    target: element,
    read: () => { take(); return tags.length ? [...tags] : undefined; },
    write: (value) => { tags = [...(value || [])]; draw(); },
    wipe: () => { tags = []; element.value = ""; draw(); },
  };
};

const JSON_ATOM = new RegExp(
  String.raw`true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*"`, "y");

/** Where `text` stops being JSON. Engines say it only sometimes, and then quote the text. */
const jsonFault = (text) => {
  let at = 0;
  const blanks = () => { while (" \t\r\n".includes(text[at] || "x")) at += 1; };
  const next = (signs) => { blanks(); if (!text[at] || !signs.includes(text[at])) throw at; return text[at++]; };
  const atom = () => { blanks(); JSON_ATOM.lastIndex = at; if (!JSON_ATOM.test(text)) throw at; at = JSON_ATOM.lastIndex; };
  const members = (close, one) => {
    blanks();
    if (text[at] === close) { at += 1; return; }
    do one(); while (next(`,${close}`) === ",");
  };
  const value = () => {
    blanks();
    if (text[at] === "{") { at += 1; members("}", () => { blanks(); if (text[at] !== '"') throw at; atom(); next(":"); value(); }); }
    else if (text[at] === "[") { at += 1; members("]", value); }
    else atom();
  };
  try { value(); blanks(); return at; } catch { return at; }
};

const parseObject = (text) => {
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    const before = text.slice(0, jsonFault(text)).split("\n");
    throw new Problem(`is not JSON: line ${before.length}, column ${before.at(-1).length + 1}`);
  }
  if (value === null || typeof value !== "object" || Array.isArray(value)) throw new Problem("must be a JSON object { … }");
  return value;
};

const jsonInput = (field, names) => {
  const element = h("textarea", { rows: 3, class: "cm-code", placeholder: field.placeholder || "{ }", ...PLAIN, ...names });
  return {
    ...plainControl(element, () => (element.value.trim() ? parseObject(element.value) : undefined)),
    write: (value) => { element.value = value === undefined || value === null ? "" : JSON.stringify(value, null, 2); },
  };
};

const INPUTS = {
  str: lineInput, url: lineInput, text: textInput, int: intInput, bool: boolInput,
  datetime: datetimeInput, list: listInput, json: jsonInput,
};

const SECRET_INPUTS = { text: secretTextInput, json: secretJsonInput, map: secretMapInput };

/** The control for one field of a kind. */
const inputFor = (field, names, labelId) => {
  if (field.type === "map") return secretMapInput(field, names, labelId);
  if (field.secret) return (SECRET_INPUTS[field.type] || secretLineInput)(field, names, labelId);
  if (field.type === "choice" || field.choices?.length) return (field.open_choice ? openChoiceInput : choiceInput)(field, names);
  return (INPUTS[field.type] || lineInput)(field, names);
};
