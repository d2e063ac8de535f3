// How is a secret typed, pasted or dropped without being shown, changed or kept longer than the form?
//
// Controls as in inputs.js, for secret fields. A browser rewrites what goes through an input (line breaks
// vanish from a line, CRLF becomes LF in an area), so a file or a paste with such characters is kept beside
// the input, byte for byte, and only its size is shown.

const SECRET = { autocomplete: "new-password", autocapitalize: "off", spellcheck: "false",
  "data-1p-ignore": true, "data-lpignore": "true" };

const blanksWarning = (text) => {
  if (/^\s|\s$/.test(text)) return "Begins or ends with a blank or line break; it is kept as it is.";
  return "";
};

/** "Show", a toggle: its name must not repeat the field's, or a screen reader announces two inputs. */
const revealButton = (labelId, show) => {
  const toggle = button("Show", () => {
    const pressed = toggle.getAttribute("aria-pressed") !== "true";
    toggle.setAttribute("aria-pressed", String(pressed));
    show(pressed);
  }, { class: "cm-button cm-small", "aria-pressed": "false", "aria-describedby": labelId });
  return toggle;
};

/** What was loaded or pasted whole, in place of the input: its size, never its text. */
const keptWhole = (element, onchange) => {
  const line = h("div", { class: "cm-kept", hidden: true });
  const kept = { text: undefined, line };
  kept.take = (text, origin) => {
    kept.text = text;
    const bytes = new TextEncoder().encode(text).length;
    const lines = text.split("\n").length - (text.endsWith("\n") ? 1 : 0);
    refill(line, glyph("check"), h("span", {}, `${origin}: ${bytes.toLocaleString("en")} bytes, `
      + `${lines} ${lines === 1 ? "line" : "lines"}`),
      button("Remove", () => { kept.drop(); element.focus(); onchange(); }, { class: "cm-button cm-small" }));
    element.value = "";
    element.hidden = true;
    line.hidden = false;
    onchange();
  };
  kept.drop = () => {
    kept.text = undefined;
    element.hidden = false;
    line.hidden = true;
    refill(line);
  };
  return kept;
};

const readFile = async (file) => {
  if (file.size > MAX_FILE) throw new Problem("the file is larger than 128 KiB");
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(await file.arrayBuffer());
  } catch {
    throw new Problem("the file is not text in UTF-8");
  }
};

function secretLineInput(field, names, labelId) {
  const element = h("input", { type: "password", placeholder: field.placeholder, ...SECRET, ...names });
  const note = h("div", { class: "cm-note", role: "status" });
  const warn = () => { note.textContent = blanksWarning(kept.text ?? element.value); };
  const kept = keptWhole(element, warn);
  element.addEventListener("input", warn);
  element.addEventListener("paste", (event) => {
    const text = event.clipboardData?.getData("text/plain") ?? "";
    if (!/[\r\n]/.test(text)) return;
    event.preventDefault();
    kept.take(text, "Pasted");
  });
  const reveal = revealButton(labelId, (shown) => { element.type = shown ? "text" : "password"; });
  return {
    node: h("div", {}, h("div", { class: "cm-secret-row" }, element, kept.line, reveal), note),
    target: element,
    read: () => kept.text ?? (element.value || undefined),
    write: (value) => { kept.drop(); element.value = value ?? ""; warn(); },
    wipe: () => { kept.drop(); element.value = ""; warn(); },
  };
}

function secretTextInput(field, names, labelId) {
  const element = h("textarea", { rows: 4, class: "cm-code cm-masked", placeholder: field.placeholder, ...SECRET, ...names });
  const note = h("div", { class: "cm-note", role: "status" });
  const kept = keptWhole(element, () => { note.textContent = ""; });
  const load = async (file) => {
    try {
      kept.take(await readFile(file), file.name);
    } catch (problem) {
      note.textContent = problem instanceof Problem ? `Not loaded: ${problem.message}.` : "Not loaded.";
    }
  };
  element.addEventListener("paste", (event) => {
    const text = event.clipboardData?.getData("text/plain") ?? "";
    if (!text.includes("\r") || element.value) return;
    event.preventDefault();
    kept.take(text, "Pasted");
  });
  const chooser = h("input", { type: "file", hidden: true, tabindex: "-1", "aria-hidden": "true" });
  chooser.addEventListener("change", () => { if (chooser.files[0]) load(chooser.files[0]); chooser.value = ""; });
  const tools = h("div", { class: "cm-tools" },
    button("Load file", () => chooser.click(), { class: "cm-button cm-small", "aria-describedby": labelId }),
    revealButton(labelId, (shown) => element.classList.toggle("cm-masked", !shown)),
    h("span", { class: "cm-muted" }, "or drop a file here"), chooser);
  const node = h("div", { class: "cm-drop" }, element, kept.line, tools, note);
  node.addEventListener("dragover", (event) => { event.preventDefault(); event.stopPropagation(); node.classList.add("cm-over"); });
  node.addEventListener("dragleave", () => node.classList.remove("cm-over"));
  node.addEventListener("drop", (event) => {
    event.preventDefault();
    event.stopPropagation(); // else the notebook takes the file as an attachment
    node.classList.remove("cm-over");
    if (event.dataTransfer.files[0]) load(event.dataTransfer.files[0]);
  });
  return {
    node,
    target: element,
    read: () => kept.text ?? (element.value || undefined),
    write: (value) => { kept.drop(); element.value = value ?? ""; },
    wipe: () => { kept.drop(); element.value = ""; note.textContent = ""; },
  };
}

function secretJsonInput(field, names, labelId) {
  const control = secretTextInput(field, names, labelId);
  return { ...control, read: () => { const text = control.read(); return text?.trim() ? parseObject(text) : undefined; } };
}

/** Rows of key and masked value. The target is the first key, the group has the field's name. */
function secretMapInput(field, names, labelId) {
  const rows = h("div", { class: "cm-rows" });
  const entries = [];
  const addRow = () => {
    const key = h("input", { type: "text", ...PLAIN, placeholder: "KEY", "aria-label": "Key", class: "cm-code" });
    const value = secretLineInput({}, { "aria-label": "Value" }, labelId);
    const entry = { key, value };
    const remove = button("×", () => {
      entries.splice(entries.indexOf(entry), 1);
      row.remove();
      if (!entries.length) addRow();
      entries.at(-1).key.focus();
    }, { class: "cm-tag-remove", "aria-label": "Remove this entry" });
    const row = h("div", { class: "cm-row" }, key, value.node, remove);
    entries.push(entry);
    rows.append(row);
    return entry;
  };
  addRow();
  const node = h("div", { role: "group", id: names.id, "aria-labelledby": labelId,
    "aria-describedby": names["aria-describedby"] },
    rows, button("Add entry", () => addRow().key.focus(), { class: "cm-button cm-small" }));
  const read = () => {
    const given = {};
    for (const { key, value } of entries) {
      const secret = value.read();
      if (!key.value && secret === undefined) continue;
      if (!key.value) throw new Problem("every value needs a key");
      if (Object.hasOwn(given, key.value)) throw new Problem("a key stands there twice");
      given[key.value] = secret ?? "";
    }
    return Object.keys(given).length ? given : undefined;
  };
  const wipe = () => {
    for (const { key, value } of entries.splice(0)) { key.value = ""; value.wipe(); }
    refill(rows);
    addRow();
  };
  return { node, get target() { return entries[0].key; }, read, write: wipe, wipe };
}
