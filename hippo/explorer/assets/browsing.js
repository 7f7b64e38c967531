"use strict";
// The views of what the index holds: entities, synonyms, documents, health.

const PAGE = 100;

/** A view with a field, a button, a table and what one row leads to. */
function browser(name, label, placeholder) {
  const field = element("input", { autocomplete: "off", placeholder, dir: "auto" });
  const form = element("form", { className: "bar", aria: { label: name } }, element("label", { className: "wide" }, `${label} `, field), element("button", { className: "main" }, "Show"));
  const found = element("table", {});
  const pages = element("p", { className: "bar" });
  const one = element("div", { className: "one", tabIndex: -1 });
  byId(`view-${name}`).replaceChildren(form, one, element("div", { className: "scroll", tabIndex: 0, aria: { role: "region", label: name } }, found), pages);
  return { field, form, found, pages, one };
}

/** Buttons to the pages before and after. */
function turns(box, offset, count, total, go) {
  const before = button("Before", () => go(Math.max(0, offset - PAGE)), { disabled: !offset });
  const after = button("After", () => go(offset + PAGE), { disabled: total === null ? count < PAGE : offset + count >= total });
  box.replaceChildren(before, after, element("span", {}, count ? `${number(offset + 1)} to ${number(offset + count)}${total === null ? "" : ` of ${number(total)}`}` : "nothing"));
}

function showing(box, title, ...children) {
  box.replaceChildren(element("h2", {}, words(title)), ...children.flat().filter(Boolean));
  box.focus();
  box.scrollIntoView({ block: "nearest" });
}

const query = (values) => new URLSearchParams(Object.entries(values).filter(([, value]) => value !== null && value !== "")).toString();

const browsing = {
  writable: false,

  entities() {
    const { field, form, found, pages, one } = browser("entities", "Name", "all, the commonest first");
    const load = (offset = 0) => telling(async () => {
      const entities = await asked(`explorer/entities?${query({ name: field.value.trim(), offset, k: PAGE })}`);
      found.replaceChildren(...table("Entities", ["Name", "Passages", "Found by"], entities.map((entity) => [
        button(words(entity.name), () => open(entity), { className: "link" }), number(entity.passages), entity.match])));
      turns(pages, offset, entities.length, null, load);
    });
    const open = (entity) => telling(async () => {
      const neighbors = await asked(`explorer/neighbors?${query({ entity: entity.key })}`);
      showing(one, entity.name, element("p", {}, button("Synonyms", () => this.open("synonyms", entity.name)), " ", button("Ask about it", () => this.open("ask", entity.name))),
        element("div", { className: "scroll", tabIndex: 0 }, element("table", {}, ...table("What is joined to it", ["Name", "Kind", "Weight", "Sentence"],
          neighbors.map((next) => [words(next.name), next.kind, String(Number(next.weight.toFixed(3))), words(next.sentence ?? "")])))));
    });
    form.addEventListener("submit", (event) => (event.preventDefault(), load()));
    return load();
  },

  synonyms(name = "") {
    const { field, form, found, pages } = browser("synonyms", "Name", "all pairs");
    field.value = name;
    const load = (offset = 0) => telling(async () => {
      const { total, synonyms } = await asked(`explorer/synonyms?${query({ entity: field.value.trim(), offset, limit: PAGE })}`);
      const heads = ["Name", "Other name", "State", "Cosine", "Edge", ...(this.writable ? ["Decide"] : [])];
      const side = ({ name: spelling, example, chunks }) => element("span", {}, words(spelling), element("div", { className: "quiet" }, example ? words(example) : "not in the index now", ` (${number(chunks)})`));
      found.replaceChildren(...table("Pairs of names", heads, synonyms.map((pair) => [
        side(pair.first), side(pair.second), pair.state, pair.cosine === null ? "–" : pair.cosine.toFixed(3), pair.weight ? pair.weight.toFixed(3) : "none",
        ...(this.writable ? [this.decisions(pair, () => load(offset))] : [])])));
      turns(pages, offset, synonyms.length, total, load);
      if (!this.writable) pages.append(element("span", { className: "quiet" }, "Start with --write to accept and reject."));
    });
    form.addEventListener("submit", (event) => (event.preventDefault(), load()));
    return load();
  },

  decisions(pair, done) {
    const decide = (label, decision) => button(label, () => telling(async () => {
      say(`${label}: ${pair.first.name}, ${pair.second.name} …`);
      const { snapshot } = await asked("explorer/synonyms", { first: pair.first.key, second: pair.second.key, decision });
      await done();
      say(`Done: ${pair.first.name}, ${pair.second.name}; snapshot ${snapshot}.`);
    }), { disabled: pair.state === (decision ?? "found") });
    return element("span", { className: "bar" }, decide("Accept", "accepted"), decide("Reject", "rejected"), decide("Reset", null));
  },

  documents() {
    const { field, form, found, pages, one } = browser("documents", "Where", "year >= 2020 and lang = 'en'");
    const load = (offset = 0) => telling(async () => {
      const documents = await asked(`documents?${query({ where: field.value.trim(), offset, limit: PAGE })}`);
      found.replaceChildren(...table("Documents", ["Id", "Title", "Passages", "Characters", "Time", "Metadata"], documents.map((entry) => [
        button(words(entry.id), () => open(entry), { className: "link" }), words(entry.title ?? ""), number(entry.passages), number(entry.characters),
        entry.timestamp ?? "", words(Object.keys(entry.metadata).length ? JSON.stringify(entry.metadata) : "")])));
      turns(pages, offset, documents.length, null, load);
    });
    const open = (entry) => telling(async () => {
      const stored = await asked(`explorer/document?${query({ id: entry.id })}`);
      showing(one, stored.title ?? stored.id, stored.chunks.map((chunk) => element("article", {},
        element("p", { className: "text", tabIndex: 0 }, words(chunk.text)),
        element("ul", { className: "said" }, (stored.facts[chunk.id] ?? []).map((fact) => element("li", {}, words(fact.text), " ", element("span", { className: "quiet" }, words(fact.entities.join(" · ")))))))));
    });
    form.addEventListener("submit", (event) => (event.preventDefault(), load()));
    return load();
  },

  health() {
    return telling(async () => {
      byId("view-health").replaceChildren(element("p", { aria: { busy: "true" } }, "Examining …"));
      const [status, health] = await Promise.all([asked("status"), asked("explorer/health")]);
      const megabytes = (bytes) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
      const rows = [
        ["snapshot", status.snapshot ?? "none"], ["documents", number(status.documents)], ["passages", number(status.chunks)], ["facts", number(status.facts)],
        ["entities", number(status.entities)], ...Object.entries(status.edges).map(([kind, count]) => [`${kind} edges`, number(count)]),
        ["older versions", number(status.versions)], ["encoder", words(status.encoder ?? "none")], ["extractor", words(status.extractor ?? "none")],
        ...Object.entries(status.bytes).map(([part, size]) => [`${part} on disk`, megabytes(size)]), ["pending passages", number(status.pending)],
        ...Object.entries(status.failed).map(([reason, count]) => [element("span", {}, "failed: ", words(reason)), number(count)]),
      ];
      byId("view-health").replaceChildren(
        element("h2", { className: health.sound ? "sound" : "wrong" }, health.sound ? "Sound" : `${health.problems.length} problems`),
        element("p", {}, "Examined: ", words(health.checked.join(", ")), ". Sizes of files were compared; ", element("code", {}, "hippo doctor"), " compares their sums."),
        element("ul", {}, health.problems.map((problem) => element("li", { className: "wrong" }, words(`${problem.part}: ${problem.problem}`), " ", words(problem.repair ?? "restore it from a backup")))),
        element("ul", {}, health.notes.map((note) => element("li", {}, words(note)))),
        element("div", { className: "scroll", tabIndex: 0, aria: { role: "region", label: "What the index holds" } }, element("table", {}, ...table("What the index holds", ["Part", "Value"], rows))),
      );
    });
  },

  /** Go to a view with a name from another one. */
  open(view, name) {
    showTab(view);
    if (view === "synonyms") this.synonyms(name);
    else (byId("question").value = name), byId("question").focus();
  },
};
