// How is a generated value shown once, in this page and nowhere else?
//
// The page makes a key pair, sends the public half, and opens what comes back. The value lives in the DOM until
// "Done" or until the page goes; neither the model nor the notebook file ever has it. Messages: open → revealed.

class RevealView {
  constructor(model) {
    this.model = model;
    this.root = isolatedRoot({ role: "group", "aria-label": model.get("title") });
    this.place = stage(this.root);
    model.on("msg:custom", (message) => this.heard(message));
    this.draw();
  }

  async draw() {
    if (this.model.get("phase") === "shown") return this.close("It was shown once. It is stored; code uses it as ever.");
    if (!globalThis.isSecureContext || !globalThis.crypto?.subtle) {
      return this.close("This page came over plain http from another host, so nothing can be opened here. "
        + "It is stored; or make another one with --out FILE.");
    }
    this.say("Asking the vault…");
    this.keys = await newRevealKey();
    return this.model.send({ type: "open", public_key: this.keys.text });
  }

  async heard({ type, ok, public_key: key, reveal_id: id, sealed, error }) {
    if (type !== "revealed" || key !== this.keys?.text) return; // meant for another page
    if (!ok) return this.close([error.message, error.next_step].filter(Boolean).join(". "));
    let values;
    try {
      values = await openReveal(this.keys, id, sealed);
    } catch {
      return this.close("What came back did not open here. It is stored; or make another one with --out FILE.");
    }
    this.keys = null;
    return this.show(Object.entries(values));
  }

  show(entries) {
    refill(this.root, this.heading(), h("div", { class: "cm-help" }, "Shown once, here only: the notebook file never has it."),
      entries.map(([name, value]) => this.line(name, value)),
      h("div", { class: "cm-buttons" }, button("Done", () => this.close("Done. It is stored; code uses it as ever."),
        { class: "cm-button cm-primary" })));
  }

  line(name, value) {
    const id = freshId("value");
    const box = h("input", { id, type: "password", readonly: true, value, autocomplete: "off", class: "cm-code",
      "data-1p-ignore": true, "data-lpignore": "true" });
    const said = h("span", { class: "cm-said", role: "status" });
    const toggle = button("Show", () => {
      const pressed = toggle.getAttribute("aria-pressed") !== "true";
      toggle.setAttribute("aria-pressed", String(pressed));
      box.type = pressed ? "text" : "password";
    }, { class: "cm-button cm-small", "aria-pressed": "false", "aria-describedby": id });
    const copy = button("Copy", async () => {
      await copyText(value);
      said.textContent = "Copied";
      setTimeout(() => { said.textContent = ""; }, 2000);
    }, { class: "cm-button cm-small" });
    return h("div", { class: "cm-field" }, h("label", { class: "cm-label", for: id }, name),
      h("div", { class: "cm-secret-row" }, box, toggle, copy), said);
  }

  heading() { return h("div", { class: "cm-heading" }, glyph("key"), this.model.get("title")); }

  say(text) { refill(this.root, this.heading(), h("div", { class: "cm-status", role: "status" }, text)); }

  close(text) {
    this.keys = null;
    for (const box of this.root.querySelectorAll("input")) box.value = "";
    this.say(text);
  }
}

export default () => {
  let view;
  return {
    initialize({ model }) { view = new RevealView(model); },
    render({ el }) { return view.place(el); },
  };
};
