// How does a person sign in, from a page that never sees a code or a token?
//
// The kernel begins the login and says what to show; this page opens the provider in a tab of its own and asks now and
// then how it stands: never before the last answer came, and only while it is drawn somewhere and there is time left.
// Messages: login {do: open, again, check, paste, stop} → login {do, ok, view | error} (signing_in.py).

const ASK_EVERY = 2; // seconds; a device's provider says its own
const UNANSWERED = 3000; // ms after which the page says that the kernel is busy
const BUSY = "The kernel is busy with a cell, or gone; this goes on when it answers.";
const ENDED = { done: "Signed in.", failed: "The sign-in failed. Run the cell again.", cancelled: "Cancelled. Nothing was changed." };

/** Where a provider sends this browser back to: this server as the browser itself knows it. Null in other front ends. */
const callbackAddress = () => {
  try {
    const { baseUrl } = JSON.parse(document.getElementById("jupyter-config-data").textContent);
    const base = new URL(baseUrl, location.href);
    return base.protocol.startsWith("http") ? new URL("credmagic/api/oauth/callback", base).href : null;
  } catch {
    return null;
  }
};

const timeLeft = (seconds) => (seconds >= 90 ? `${Math.round(seconds / 60)} min left` : `${Math.max(0, Math.round(seconds))} s left`);

/** "good until 14:05 (58 min left)", in the reader's zone. */
const goodUntil = (text) => {
  const end = new Date(text);
  const seconds = (end - Date.now()) / 1000;
  const soon = seconds < 20 * 3600;
  const said = soon ? end.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }) : end.toLocaleDateString();
  return `good until ${said}${soon ? ` (${timeLeft(seconds)})` : ""}`;
};

/** A value that is carried somewhere else by hand: selectable, with Copy. */
const copyLine = (text, label, more = "") => {
  const line = codeLine(text);
  line.classList.add(...more.split(" ").filter(Boolean));
  line.querySelector("button").setAttribute("aria-label", `Copy ${label}`);
  return line;
};

/** One login, drawn in `root`. `line` says whether the code to use the credential is shown at the end. */
class Signing {
  constructor(model, root, { line = true } = {}) {
    this.model = model;
    this.root = root;
    this.line = line;
    this.place = stage(root);
    model.on("msg:custom", (message) => message.type === "login" && this.heard(message));
    const back = () => this.state === "waiting" && root.isConnected && !document.hidden && this.ask({ do: "check" });
    for (const [target, event] of [[window, "focus"], [document, "visibilitychange"]]) target.addEventListener(event, back);
    this.note(ENDED[model.get("phase")] ?? "Asking the vault…");
    this.ask({ do: "open", callback: callbackAddress() });
  }

  // --- talking to the kernel -------------------------------------------------------------------------
  async ask(message) {
    if (this.asked && message.do === "check") return; // one answer is still to come
    this.asked = true;
    clearTimeout(this.timer);
    if (!(this.model.get("phase") in ENDED)) this.silence = setTimeout(() => this.say(BUSY), UNANSWERED);
    if (!(await tell(this.model, { type: "login", ...message }))) this.heard({ ok: false, error: { ...GONE, next_step: "Run the cell again." } });
  }

  heard({ do: asked, ok, view, error }) {
    this.asked = false;
    clearTimeout(this.silence);
    if (!ok && asked === "check" && error.code !== "not_found") this.say([error.message, error.next_step].join(". "), "refused");
    else if (!ok) this.end("failed", this.failed(error));
    else if (view.state === "done") this.end("done", this.done(view));
    else if (view.state === "failed") this.end("failed", this.failed(view));
    else if (view.state === "cancelled") this.end("cancelled", this.cancelled());
    else if (this.state === "waiting" && asked !== "again") this.goesOn(view);
    else this.draw(view);
    this.next();
  }

  /** Ask again in a while, if it is on a page then. */
  next() {
    clearTimeout(this.timer);
    if (this.state !== "waiting" || this.asked) return;
    this.timer = setTimeout(() => {
      if (this.root.isConnected) this.ask({ do: "check" });
      else if (Date.now() < this.until) this.next();
    }, 1000 * (this.view.interval || ASK_EVERY));
  }

  // --- waiting ---------------------------------------------------------------------------------------
  draw(view) {
    this.state = "waiting";
    this.view = view;
    this.until = Date.now() + 1000 * view.left;
    this.live = h("span", { role: "status", "aria-live": "polite" });
    this.clock = h("span", { class: "cm-clock cm-muted", "aria-hidden": "true" });
    this.bar = view.user_code && h("progress", { class: "cm-left", max: String(view.left), "aria-label": "Time left" });
    refill(this.root, heading(`Sign in: ${view.name}`), view.user_code ? this.device(view) : this.browser(view),
      h("div", { class: "cm-status" }, this.live, this.clock), this.bar,
      h("div", { class: "cm-buttons" }, button("Cancel", () => this.stop())), view.user_code ? null : this.pasting());
    this.say(this.waitingWords);
    clearInterval(this.ticking);
    this.ticking = setInterval(() => this.tick(), 1000);
    this.tick();
  }

  browser({ authorization_url: address, redirect_uri: redirect }) {
    const id = freshId("redirect");
    return [
      h("div", { class: "cm-buttons" }, this.opener("Sign in", address)),
      h("div", { class: "cm-field" }, h("div", { class: "cm-help", id }, "Redirect URI, to be registered at the provider:"),
        copyLine(redirect, "the redirect URI", "cm-redirect")),
    ];
  }

  device({ user_code: code, verification_uri: page, verification_uri_complete: whole }) {
    return [
      h("div", { class: "cm-help" }, "Open ", link(page, page) || page, " on any device and enter this code:"),
      copyLine(code, "the code", "cm-user-code"),
      h("div", { class: "cm-buttons" }, this.opener("Open the page", whole || page)),
    ];
  }

  /** A link that looks like the main button: the browser shows where it leads. */
  opener(words, address) {
    const made = link(`${words} at ${hostOf(address)}`, address);
    if (!made) return h("span", { class: "cm-refused" }, "The provider's address is no web address.");
    made.className = "cm-button cm-primary cm-open";
    made.append(h("span", { class: "cm-sr" }, " (opens a new tab)"));
    return made;
  }

  pasting() {
    const id = freshId("paste");
    const box = h("input", { id, type: "text", class: "cm-masked", autocomplete: "off", spellcheck: "false",
      "data-1p-ignore": true, "data-lpignore": "true" });
    const send = () => {
      const answer = box.value.trim();
      box.value = "";
      if (!answer) return box.focus();
      this.say("Checking with the provider…");
      return this.ask({ do: "paste", answer });
    };
    box.addEventListener("keydown", (event) => event.key === "Enter" && !event.isComposing && send());
    return h("details", {}, h("summary", {}, "The tab shows an error, or does not come back?"),
      h("label", { class: "cm-help", for: id }, "Paste the whole address of that tab, or the code it shows:"),
      h("div", { class: "cm-secret-row" }, box, button("Finish", send)));
  }

  goesOn(view) {
    this.view = { ...this.view, ...view };
    if (this.live.textContent !== this.waitingWords) this.say(this.waitingWords);
  }

  get waitingWords() { return this.view.user_code ? "Waiting for the code to be entered." : "Waiting for you to sign in."; }

  tick() {
    const left = (this.until - Date.now()) / 1000;
    this.clock.textContent = timeLeft(left);
    if (this.bar) this.bar.value = Math.max(0, left);
    if (left < 0) clearInterval(this.ticking);
  }

  say(text, tone = "") {
    if (!this.live?.isConnected) return this.state === "waiting" || this.note(text);
    this.live.className = tone && `cm-${tone}`;
    this.live.textContent = text;
    return true;
  }

  note(text) { refill(this.root, h("div", { class: "cm-status cm-muted", role: "status" }, text)); }

  stop() {
    this.ask({ do: "stop" });
    this.end("cancelled", this.cancelled());
  }

  // --- the end ---------------------------------------------------------------------------------------
  end(state, card) {
    this.state = state;
    clearTimeout(this.timer);
    clearInterval(this.ticking);
    const had = this.root.contains(document.activeElement);
    refill(this.root, card);
    if (had) card.focus();
  }

  done({ name, expires_at: ends, renews, code }) {
    const until = renews ? "renews itself" : ends && goodUntil(ends);
    return h("div", { class: "cm-card", role: "status", tabindex: "-1" },
      h("div", { class: "cm-accepted" }, glyph("check"), h("strong", {}, name), ` signed in${until ? `, ${until}` : ""}`),
      this.line && codeLine(code));
  }

  failed({ message, next_step: step }) {
    const again = button("Try again", () => this.again(), { class: "cm-button cm-primary" });
    return h("div", { class: "cm-card", role: "alert", tabindex: "-1" },
      h("div", { class: "cm-refused" }, glyph("warning"), sentence(message)), step && h("div", {}, step),
      h("div", { class: "cm-buttons" }, again));
  }

  cancelled() {
    return h("div", { class: "cm-card", role: "status", tabindex: "-1" }, h("div", { class: "cm-muted" }, ENDED.cancelled),
      h("div", { class: "cm-buttons" }, button("Sign in", () => this.again())));
  }

  again() {
    this.state = "";
    this.note("Asking the vault…");
    this.ask({ do: "again", callback: callbackAddress() });
  }
}

const hostOf = (address) => { try { return new URL(address).host; } catch { return "the provider"; } };
const sentence = (text) => text[0].toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".");

/** What a form shows below its saved card: the login, at once if `now`, else its button if nobody signed in yet. */
const signInPart = (model, view, now) => {
  if (!now && !view.sign_in) return null;
  const part = h("div", { class: "cm-part", role: "group", "aria-label": "Sign in" });
  const begin = () => new Signing(model, h("div", {}), { line: false }).place(part);
  if (now) begin();
  else part.append("Nobody has signed in yet.", h("div", { class: "cm-buttons" },
    button("Sign in", () => { refill(part); begin(); }, { class: "cm-button cm-primary" })));
  return part;
};
