customElements.define("heinzel-suggest", Suggest);
})();
