// How is a login drawn that a cell asked for? By the parts of signing_in.js, alone in its widget.

export default () => {
  let signing;
  return {
    initialize({ model }) { signing = new Signing(model, isolatedRoot({ role: "group", "aria-label": "Sign in" })); },
    render({ el }) { return signing.place(el); },
  };
};
