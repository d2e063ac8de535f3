// How is a stored credential chosen with a few keys?
//
// A filter box and a list of at most eight rows (the ARIA combobox pattern: the focus stays in the box, the
// arrow keys move the marked row). "New…" is always the last one. Messages: hello, choose, new → rows, chosen.

const MOST_ROWS = 8;
const NEW = { id: "", name: "New…" };

class PickerView {
  constructor(model) {
    this.model = model;
    this.root = isolatedRoot({ role: "group", "aria-label": "Choose a credential" });
    this.root.addEventListener("keydown", (event) => this.onKey(event));
    this.place = stage(this.root);
    this.marked = 0;
    model.on("msg:custom", (message) => this.heard(message));
    this.draw();
    this.tell({ type: "hello" });
  }

  draw() {
    const listId = freshId("options");
    const boxId = freshId("filter");
    this.box = h("input", { type: "text", id: boxId, role: "combobox", "aria-expanded": "true", "aria-autocomplete": "list",
      "aria-controls": listId, autocomplete: "off", spellcheck: "false", placeholder: "Type to filter, ↑ ↓ and Enter to choose" });
    this.box.addEventListener("input", () => { this.marked = 0; this.list(); });
    this.options = h("ul", { id: listId, class: "cm-options", role: "listbox", "aria-label": "Credentials" });
    this.status = h("div", { class: "cm-status", role: "status", "aria-live": "polite" }, "Reading what is stored…");
    refill(this.root, h("label", { class: "cm-label", for: boxId }, this.model.get("title")),
      this.box, this.options, this.status);
  }

  async tell(message) {
    if (!(await tell(this.model, message))) this.heard({ ok: false, error: GONE });
  }

  heard(message) {
    if (!message.ok) { this.status.classList.add("cm-refused"); this.status.textContent = `${message.error.message}. ${message.error.next_step || ""}`; return; }
    if (message.type === "chosen") this.finish(message.view);
    if (message.type !== "rows") return;
    this.rows = message.view.rows;
    this.more = message.view.more;
    this.mixed = new Set(this.rows.map((row) => row.title)).size > 1; // only then does the kind tell rows apart
    this.list();
  }

  matching() {
    const words = this.box.value.toLowerCase().split(/\s+/);
    return this.rows.filter((row) => {
      const text = `${row.name} ${row.environment} ${this.mixed ? row.title : ""}`.toLowerCase();
      return words.every((word) => text.includes(word));
    });
  }

  list() {
    if (!this.rows) return;
    const found = this.matching();
    this.shown = [...found.slice(0, MOST_ROWS - 1), NEW];
    this.marked = Math.max(0, Math.min(this.marked, this.shown.length - 1));
    refill(this.options, this.shown.map((row, index) => this.option(row, index)));
    this.box.setAttribute("aria-activedescendant", this.options.children[this.marked].id);
    const hidden = found.length - (this.shown.length - 1);
    const many = `${found.length}${this.more ? "+" : ""}`;
    this.status.textContent = !this.rows.length ? "Nothing stored yet." : hidden ? `${many} match, ${hidden} not shown: type to narrow.`
      : `${many} ${found.length === 1 ? "match" : "matches"}.`;
  }

  option(row, index) {
    const marked = index === this.marked;
    const item = h("li", { class: "cm-option", role: "option", id: freshId("option"), "aria-selected": String(marked) },
      row === NEW ? h("span", {}, row.name) : [
        h("code", { title: row.name }, row.name),
        h("span", { class: "cm-muted" }, [this.mixed && row.title, row.environment || "all environments",
          row.owner === "team" && "team"].filter(Boolean).join(", ")),
        h("span", { class: `cm-health cm-${row.tone}` }, row.tone === "accepted" ? glyph("check") : row.tone !== "muted" && glyph("warning"), row.health),
        row.default && h("span", { class: "cm-muted" }, glyph("star"), "this notebook"),
      ]);
    item.addEventListener("mousedown", (event) => event.preventDefault()); // the focus stays in the box
    item.addEventListener("click", () => { this.marked = index; this.choose(row); });
    return item;
  }

  choose(row) {
    if (row === NEW) return this.tell({ type: "new" });
    this.list();
    this.status.textContent = `Choosing ${row.name}…`;
    return this.tell({ type: "choose", id: row.id });
  }

  onKey(event) {
    if (!this.shown || this.finished || event.isComposing) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      this.marked = (this.marked + step + this.shown.length) % this.shown.length;
      this.list();
    }
    if (event.key === "Enter") { event.preventDefault(); this.choose(this.shown[this.marked]); }
    if (event.key === "Escape" && this.box.value) { this.box.value = ""; this.list(); }
  }

  finish({ name, code, note }) {
    this.finished = true;
    const had = this.root.contains(document.activeElement);
    const card = h("div", { class: "cm-card", role: "status", tabindex: "-1" },
      h("div", { class: "cm-accepted" }, glyph("check"), h("strong", {}, name), " chosen"), codeLine(code),
      h("div", { class: "cm-help" }, note));
    refill(this.root, card);
    if (had) card.focus();
  }
}

export default () => {
  let picker;
  return {
    initialize({ model }) { picker = new PickerView(model); },
    render({ model, el }) { return (picker ??= new PickerView(model)).place(el); },
  };
};
