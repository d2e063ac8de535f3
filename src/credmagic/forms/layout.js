// Which parts does a form have, and in which order?
//
// What every credential has comes first and last; between them the fields of the kind, required ones first, else
// as the kind declares them. What is `more` is folded away.

const NAME = { name: "name", title: "Name", type: "str", required: true, help: "What code calls it." };
const NEW_NAME = { ...NAME, required: false };
const ENVIRONMENT = {
  name: "environment", title: "Environment", type: "str", choices: ["draft", "live"], open_choice: true,
  help: "Empty: serves all environments.",
};
const COMMON_MORE = [
  { name: "description", title: "Description", type: "str" },
  { name: "tags", title: "Tags", type: "list" },
  { name: "expires_at", title: "Expires", type: "datetime", help: "In your time zone. After it, code is refused." },
];
const ATTACH = { name: "attach", title: "Attach to this notebook", type: "bool",
  help: "Listed with the notebook; deleting it then asks first." };

/** The fields of a form: those shown at once, and those folded under "More". */
const fieldsOf = (kind, editing, view) => {
  const make = (field) => new Field(field);
  const makeOwn = (field) => new Field(field, { own: true, stored: Boolean(field.secret && view?.secrets.includes(field.name)) });
  const own = [...kind.fields].sort((a, b) => Number(b.required) - Number(a.required));
  return {
    front: [...(editing ? [NAME] : [NEW_NAME, ENVIRONMENT]).map(make), ...own.filter((field) => !field.more).map(makeOwn),
      ...(editing ? [] : [make(ATTACH)])],
    folded: [...own.filter((field) => field.more).map(makeOwn), ...COMMON_MORE.map(make)],
  };
};

/** Whether a pasted URL can fill the form: it has a place for each part of one. */
const takesUrl = (kind) => {
  const has = (name, secret) => kind.fields.some((field) => field.name === name && field.secret === secret);
  return has("host", false) && has("password", true) && has("database", false);
};

const introduction = (kind) => h("div", { class: "cm-help" }, kind.help ? `${kind.help} ` : "", link("More about it", kind.help_url),
  h("div", {}, "Fields with * are required.", takesUrl(kind) ? " A pasted URL fills the form." : ""));

/** Without WebCrypto nothing can be sealed: what to do instead. */
const insecureNotice = (prompt) => [
  h("div", { class: "cm-status cm-refused", role: "alert" }, h("div", {}, glyph("warning"),
    "This page came over plain http from another host, so the browser offers no cryptography and nothing can be "
    + "sealed here. Open it over https or localhost, or use the prompt:")),
  codeLine(prompt),
];

/** The first question when the cell named no kind. */
const kindChooser = (kinds, onchoose, oncancel) => {
  const id = freshId("kind");
  const select = h("select", { id }, h("option", { value: "" }, "Choose…"),
    kinds.map((kind) => h("option", { value: kind.kind }, kind.title)));
  select.addEventListener("change", () => {
    const kind = kinds.find((candidate) => candidate.kind === select.value);
    if (kind) onchoose(kind);
  });
  return [heading("New credential"),
    h("div", { class: "cm-field" }, h("label", { class: "cm-label", for: id }, "Kind"), select),
    h("div", { class: "cm-buttons" }, button("Cancel", oncancel))];
};

/** What takes the form's place after Save. */
const savedCard = (view, code) => {
  const checked = { ok: "verified", unverifiable: "not verifiable" }[view.verified?.outcome] ?? "not verified";
  const facts = [view.title, view.environment || "all environments", !view.sign_in && checked].filter(Boolean).join(", ");
  return h("div", { class: "cm-card", role: "status", tabindex: "-1" },
    h("div", { class: "cm-accepted" }, glyph("check"), h("strong", {}, view.name), ` saved — ${facts}`), codeLine(code),
    (view.warnings || []).map((text) => h("div", { class: "cm-note" }, glyph("warning"), text)));
};
