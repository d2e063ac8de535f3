// How does one form live: shown, busy, refused, saved or cancelled, wherever its view is drawn?
//
// The model's traits hold the kind's description and nothing that was typed. What is typed lives in the DOM
// of this page until Save, and leaves it only sealed (sealing.js), in a custom message, which Jupyter neither
// stores nor repeats. Messages: hello, begin, submit, cancel → state, entry, result (form.py).

const NOT_CHECKED = ["not_accepted", "unreachable", "timeout"];
const EMPTIED = { description: "", tags: [] };
const QUIET_AFTER = 3000; // ms without an answer before the form says that the kernel is busy

class FormView {
  constructor(model) {
    this.model = model;
    this.editing = model.get("mode") === "edit";
    this.root = isolatedRoot({ role: "group", "aria-label": "Credential" });
    this.root.addEventListener("keydown", (event) => this.onKey(event));
    this.root.addEventListener("paste", (event) => this.onPaste(event));
    this.place = stage(this.root);
    this.turn = 0; // replies to an earlier press are ignored
    this.waiting = new Map();
    model.on("msg:custom", (message) => this.heard(message));
    this.draw();
    this.hello();
  }

  // --- talking to the kernel -------------------------------------------------------------------------
  hello() {
    tell(this.model, { type: "hello" });
    this.silence = setTimeout(() => this.say("The kernel is busy or gone; Save waits for it. "
      + "Restarted it? Run the cell again."), QUIET_AFTER);
  }

  heard(message) {
    if (message.type === "state") this.onState(message);
    else if (message.type !== "login") this.waiting.get(message.seq)?.(message);
  }

  ask(message) {
    const seq = this.turn;
    return new Promise((resolve) => {
      this.waiting.set(seq, resolve);
      tell(this.model, { ...message, seq }).then((sent) => sent || resolve({ type: "result", ok: false, error: GONE }));
    });
  }

  onState({ phase, view, code, signing }) {
    clearTimeout(this.silence);
    if (this.ended) return;
    if (!this.busy) this.say("");
    if (phase === "saved") this.finish(view, code, signing);
    else if (phase === "cancelled") this.close();
    else if (view && !this.filled) this.fill(view);
  }

  // --- drawing ---------------------------------------------------------------------------------------
  draw() {
    this.phase = this.model.get("phase");
    this.kinds = this.model.get("kinds");
    if (this.phase === "cancelled") return this.close();
    if (this.phase === "saved") return refill(this.root, h("div", { class: "cm-card" }, glyph("check"), "Saved."));
    if (!globalThis.isSecureContext || !globalThis.crypto?.subtle) return refill(this.root, insecureNotice(this.model.get("prompt")));
    if (this.kinds.length !== 1) return refill(this.root, kindChooser(this.kinds, (kind) => this.choose(kind), () => this.cancel()));
    if (this.editing) return refill(this.root, this.live = h("div", { role: "status" }, "Reading what is stored…"));
    return this.drawForm(this.kinds[0]);
  }

  choose(kind) {
    this.drawForm(kind);
    this.fields[0].focus();
  }

  drawForm(kind, view) {
    this.kind = kind;
    const { front, folded } = fieldsOf(kind, this.editing, view);
    this.fields = [...front, ...folded];
    this.live = h("div", { role: "status", "aria-live": "polite" });
    this.clock = h("span", { class: "cm-clock", "aria-hidden": "true" });
    this.extra = h("div", {});
    this.buttons = h("div", { class: "cm-buttons" },
      this.saveButton = button("Save", () => this.press("save"), { class: "cm-button cm-primary" }),
      this.verifyButton = button("Verify", () => this.press("verify")),
      this.loginButton = kind.sign_in && button("Save and sign in", () => this.press("save", false, true)),
      button("Cancel", () => this.cancel()));
    const where = view?.environment ? ` (${view.environment})` : "";
    const title = this.editing ? `Edit ${view.name}${where}` : `New ${kind.title}`;
    this.root.setAttribute("aria-label", title);
    refill(this.root, heading(title + (this.model.get("team") ? " for the team" : "")), introduction(kind),
      front.map((field) => field.node),
      h("details", {}, h("summary", {}, "More"), folded.map((field) => field.node)),
      h("div", { class: "cm-status" }, this.live, this.clock), this.extra, this.buttons);
    if (!this.editing) {
      this.field("name").show(this.model.get("name"));
      this.field("name").control.target.placeholder = this.model.get("proposed")[kind.kind] ?? "";
      this.field("environment").show(this.model.get("environment"));
    }
  }

  field(name) { return this.fields.find((field) => field.name === name); }

  fill(view) {
    this.filled = true;
    this.view = view;
    this.drawForm(this.kinds[0], view);
    const stored = { ...view.fields, name: view.name,
      description: view.description, tags: view.tags, expires_at: view.expires_at };
    for (const field of this.fields) if (!field.field.secret) field.show(stored[field.name] ?? undefined);
  }

  say(text, tone = "") {
    if (!this.live) return;
    this.live.className = tone && `cm-${tone}`;
    refill(this.live, ...(tone && text ? [glyph(tone === "refused" ? "warning" : "check")] : []), text);
  }

  // --- Verify and Save -------------------------------------------------------------------------------
  payload(verify) {
    const problems = {};
    const fields = {};
    const sealed = { fields, verify };
    if (!this.editing) Object.assign(sealed, { team: this.model.get("team") });
    for (const field of this.fields) {
      try {
        const [given, value] = field.contribution(this.editing);
        if (!given) continue;
        if (field.own) fields[field.name] = value;
        else sealed[field.name] = value ?? EMPTIED[field.name] ?? null;
      } catch (problem) {
        problems[field.name] = problem instanceof Problem ? problem.message : "cannot be read";
      }
    }
    if (sealed.name) sealed.name = sealed.name.trim();
    return { sealed, problems };
  }

  async press(purpose, verify = true, signing = false) {
    if (this.busy) return;
    this.signing = signing;
    for (const field of this.fields) field.complain("");
    refill(this.extra);
    const { sealed, problems } = this.payload(verify);
    if (Object.keys(problems).length) {
      this.refused({ message: "Not sent yet", errors: problems });
      return;
    }
    this.turn += 1;
    const mine = this.turn;
    this.setBusy("Waiting for the kernel…");
    try {
      const reply = await this.exchange(purpose, sealed);
      if (mine === this.turn || (reply.ok && purpose === "save")) this.answered(purpose, reply);
    } catch {
      if (mine === this.turn) this.answered(purpose, { ok: false, error: {
        message: "the browser could not seal the form", next_step: "Reload the page, or use the prompt: " + this.model.get("prompt") } });
    }
  }

  async exchange(purpose, sealed) {
    const mine = this.turn;
    const entry = await this.ask({ type: "begin", kind: this.kind.kind });
    if (entry.type === "result" || mine !== this.turn) return entry;
    this.setBusy("Checking with the server…");
    return this.ask({ type: "submit", purpose, entry_id: entry.entry_id, sealed: await seal(entry, this.kind.kind, sealed) });
  }

  setBusy(text) {
    clearTimeout(this.silence);
    this.busy = true;
    this.root.setAttribute("aria-busy", "true");
    this.enable(false);
    this.say(text);
    this.since ??= Date.now();
    clearInterval(this.ticking);
    const tick = () => { this.clock.textContent = ` ${Math.round((Date.now() - this.since) / 1000)} s`; };
    tick();
    this.ticking = setInterval(tick, 1000);
  }

  setIdle() {
    clearInterval(this.ticking);
    this.busy = false;
    this.since = null;
    this.root.removeAttribute("aria-busy");
    this.clock.textContent = "";
    this.enable(true);
  }

  enable(on) {
    for (const pressed of [this.saveButton, this.verifyButton, this.loginButton]) if (pressed) pressed.disabled = !on;
  }

  answered(purpose, reply) {
    if (this.phase !== "open") return;
    this.setIdle();
    if (!reply.ok) return this.refused(reply.error, purpose);
    if (purpose === "save") return this.finish(reply.view, reply.code, this.signing);
    const { outcome, reason, took_ms: took } = reply.view;
    if (outcome === "ok") return this.say(`Verified in ${(took / 1000).toFixed(1)} s. Not saved yet.`, "accepted");
    return this.say(`Not verifiable${reason ? `: ${reason}` : ""}. Save stores it without a check.`);
  }

  refused(error, purpose) {
    const known = Object.entries(error.errors || {}).filter(([name]) => this.fields?.some((field) => field.name === name));
    for (const [name, text] of known) this.field(name).complain(text);
    const inFields = known.map(([name, text]) => `${this.field(name).field.title} ${text}.`);
    const elsewhere = Object.entries(error.errors || {}).filter(([name]) => !known.some(([seen]) => seen === name))
      .map(([name, text]) => `${name}: ${text}.`);
    const whole = known.length ? [] : [`${error.message}.`, error.next_step];
    const said = [...inFields, ...whole, ...elsewhere].filter(Boolean).join(" ").replaceAll("..", ".");
    this.say(said[0].toUpperCase() + said.slice(1), "refused");
    if (error.code === "name_taken" && !known.length) { this.field("name").complain("is taken"); this.field("name").focus(); }
    const first = this.fields?.find((field) => known.some(([name]) => name === field.name));
    if (first) first.focus();
    else if (purpose) this.saveButton.focus();
    if (purpose === "save" && NOT_CHECKED.includes(error.code)) {
      refill(this.extra, button("Save without checking", () => this.press("save", false)));
    }
  }

  // --- the end ---------------------------------------------------------------------------------------
  finish(view, code, signing) {
    this.end("saved");
    const said = savedCard(view, code);
    const hadFocus = this.root.contains(document.activeElement);
    refill(this.root, said, signInPart(this.model, view, signing));
    if (hadFocus) said.focus();
  }

  cancel() {
    if (this.busy) {
      this.turn += 1;
      this.setIdle();
      return this.say("Stopped waiting. If the server saved it meanwhile, %cred list shows it.");
    }
    tell(this.model, { type: "cancel" });
    return this.close();
  }

  close() {
    this.end("cancelled");
    refill(this.root, h("div", { class: "cm-muted" }, "Cancelled. Nothing was saved."));
  }

  end(phase) {
    this.phase = phase;
    this.ended = true;
    clearInterval(this.ticking);
    clearTimeout(this.silence);
    for (const field of this.fields || []) field.wipe();
    this.fields = [];
    this.waiting.clear();
  }

  askToDiscard() {
    if (!this.fields?.some((field) => field.touched)) return this.cancel();
    const back = () => { refill(this.extra); this.buttons.hidden = false; this.saveButton.focus(); };
    const keep = button("Keep editing", back);
    const question = h("div", { role: "alertdialog", "aria-label": "Discard what you typed?", class: "cm-question" },
      h("span", {}, "Discard what you typed?"), button("Discard", () => this.cancel()), keep);
    question.addEventListener("keydown", (event) => {
      if (event.key === "Escape") { event.stopPropagation(); back(); }
    });
    refill(this.extra, question);
    this.buttons.hidden = true;
    keep.focus();
  }

  // --- keys and pastes -------------------------------------------------------------------------------
  onKey(event) {
    if (this.phase !== "open" || event.defaultPrevented || event.isComposing) return;
    if (event.key === "Escape") this.busy ? this.cancel() : this.askToDiscard();
    if (event.key === "Enter" && event.target.matches("input:not([type=file])") && this.fields) {
      event.preventDefault();
      this.press("save");
    }
  }

  onPaste(event) {
    if (!this.fields?.length || !takesUrl(this.kind)) return;
    const field = this.fields.find((candidate) => candidate.control.target === event.target);
    const parts = field?.field.type !== "url" && event.target.matches("input")
      && splitUrl(event.clipboardData?.getData("text/plain") ?? "");
    if (!parts) return;
    event.preventDefault();
    const filled = this.fields.filter(({ own, name }) => own && parts[name] !== undefined && parts[name] !== "");
    for (const one of filled) { one.control.write(parts[one.name]); one.complain(""); }
    this.say(`Filled from the URL: ${filled.map((one) => one.field.title).join(", ")}.`);
  }
}

export default () => {
  let form;
  return {
    initialize({ model }) { form = new FormView(model); },
    render({ model, el }) { return (form ??= new FormView(model)).place(el); },
  };
};
