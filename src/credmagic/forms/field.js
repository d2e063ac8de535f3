// What stands around an input: label, help, "unchanged", its error, and what it adds to the sealed JSON?

/** One labelled input. `stored` (edit only) says that the vault holds a value that is not shown here. */
class Field {
  constructor(field, { own = false, stored = false } = {}) {
    this.field = field;
    this.own = own; // a field of the kind, not one that every credential has
    this.name = field.name;
    this.stored = stored;
    const id = freshId(field.name);
    const labelId = `${id}-label`;
    const described = { help: `${id}-help`, error: `${id}-error`, sealed: `${id}-sealed` };
    const parts = field.secret ? [described.sealed, described.help, described.error] : [described.help, described.error];
    const names = { id, "aria-describedby": parts.join(" "),
      "aria-required": field.required && !stored ? "true" : null };
    const placeholder = stored ? "unchanged" : field.placeholder || null;
    this.control = inputFor({ ...field, placeholder }, names, labelId);
    this.error = h("div", { class: "cm-error", id: described.error });
    this.clear = stored && !field.required ? this.clearBox() : null;
    const isGroup = this.control.node.getAttribute("role") === "group";
    const label = h(isGroup ? "span" : "label", { id: labelId, class: "cm-label", for: isGroup ? null : id }, field.title);
    const marks = [
      field.required && !stored && h("span", { class: "cm-required", "aria-hidden": "true" }, "*"),
      field.secret && h("span", { class: "cm-sealed", id: described.sealed }, glyph("lock"), "sealed in your browser"),
    ];
    const help = h("div", { class: "cm-help", id: described.help }, field.help || "");
    this.node = field.type === "bool"
      ? h("div", { class: "cm-field cm-check" }, this.control.node, label, help, this.error)
      : h("div", { class: "cm-field" }, h("div", { class: "cm-label-row" }, label, marks),
        this.control.node, this.clear?.node, help, this.error);
    this.node.addEventListener("input", () => this.complain(""));
    if (field.default !== undefined && field.default !== null) this.control.write(field.default);
    this.settle();
  }

  clearBox() {
    const id = freshId("clear");
    const box = h("input", { type: "checkbox", id });
    return { box, node: h("div", { class: "cm-check cm-clear" }, box, h("label", { for: id }, "Remove the stored value")) };
  }

  /** What is shown now becomes what "nothing was typed" means. */
  settle() { this.initial = this.snapshot(); }

  show(value) {
    this.control.write(value);
    this.settle();
  }

  snapshot() {
    try {
      return JSON.stringify(this.control.read()) ?? "";
    } catch {
      return null; // text that cannot be a value: surely typed
    }
  }

  get touched() { return this.snapshot() !== this.initial || Boolean(this.clear?.box.checked); }

  /** `[given, value]`; in an edit only what changed is given, and null stands for "remove it". */
  contribution(editing) {
    const value = this.control.read();
    if (this.clear?.box.checked) return [true, null];
    if (!editing) {
      if (value === undefined && this.field.required) throw new Problem("is required");
      return [value !== undefined, value];
    }
    if (!this.touched) return [false];
    if (value === undefined && this.field.required) throw new Problem("is required");
    return [true, value ?? null];
  }

  complain(text) {
    refill(this.error, ...(text ? [glyph("warning"), `${this.field.title} ${text}`] : []));
    if (text) this.control.target.setAttribute("aria-invalid", "true");
    else this.control.target.removeAttribute("aria-invalid");
    if (text) this.node.closest("details")?.setAttribute("open", "");
  }

  focus() { this.control.target.focus(); }

  wipe() { this.control.wipe(); }
}

// A pasted database URL, in the parts every driver agrees on; a password may hold any character but "@".
const URL_PARTS = /^([a-z][\w+.-]*):\/\/(?:([^:/@]*)(?::([^@]*))?@)?(?:\[([^\]]+)\]|([^/:?]*))(?::(\d+))?(?:\/([^?]*))?(?:\?(.*))?$/i;

const percentDecoded = (text) => {
  try { return text === undefined ? undefined : decodeURIComponent(text); } catch { return text; }
};

/** The parts of `text` by field name, or null when it is no such URL. */
const splitUrl = (text) => {
  const parts = URL_PARTS.exec(text.trim());
  if (!parts) return null;
  const [, scheme, user, password, ipv6, host, port, database, query] = parts;
  const [dialect, driver] = scheme.toLowerCase().split("+");
  const found = {
    dialect: dialect === "postgres" ? "postgresql" : dialect, driver,
    user: percentDecoded(user), password: percentDecoded(password),
    host: ipv6 || percentDecoded(host), port: port && Number(port), database: percentDecoded(database),
  };
  for (const [name, value] of new URLSearchParams(query || "")) if (!(name in found)) found[name] = value;
  return found;
};
