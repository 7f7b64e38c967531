"use strict";
// The view of a question: passages with their evidence, pictures, the replay of the sweeps, and the table.

const ROWS = 50;

/** Kinds of an edge with their weights. */
const kinds = (edge) => Object.entries(edge.kinds).map(([kind, weight]) => `${kind} ${Number(weight.toFixed(3))}`).join(", ");

const asking = {
  view: null,
  /** What the view that is shown was asked with. */
  asked: null,
  pictures: [],
  frame: 0,
  kinds: new Set(),
  selected: null,
  timer: null,
  shown: ROWS,
  shownEdges: ROWS,
  /** Where sentences come from; null: from the view itself. */
  sentences: null,

  body() {
    return {
      question: byId("question").value,
      profiles: [byId("profile").value, byId("beside").value].filter(Boolean),
      where: byId("where").value.trim() || null,
      k: Number(byId("k").value),
      nodes: Number(byId("nodes").value),
    };
  },

  async ask() {
    const body = this.body();
    remember({ q: body.question, profile: body.profiles[0], beside: body.profiles[1], where: body.where, k: body.k, nodes: body.nodes });
    say("Asking …");
    const turn = (this.turn = (this.turn ?? 0) + 1);
    const view = await telling(() => asked("explorer/view", body));
    // Of two questions the later one is shown, whichever is answered first.
    if (view && turn === this.turn) (this.asked = body), this.show(view);
  },

  show(view) {
    this.stop();
    this.pictures.forEach((picture) => picture.end());
    Object.assign(this, { view, pictures: [], selected: null, shown: ROWS, shownEdges: ROWS });
    this.kinds = new Set([...new Set(view.edges.flatMap((edge) => Object.keys(edge.kinds)))].sort());
    byId("answer").hidden = false;
    byId("detail").hidden = true;
    byId("columns").replaceChildren(...view.spreads.map((spread) => this.column(spread)));
    byId("columns").dataset.count = view.spreads.length;
    this.showKinds();
    this.frames = Math.max(1, ...view.spreads.map((spread) => spread.activation.length));
    this.order = view.nodes.map((_, at) => at).sort((a, b) => this.end(b) - this.end(a) || a - b);
    this.draw();
    this.showTable();
    byId("sweep").max = this.frames - 1;
    byId("sweep").disabled = byId("play").disabled = this.frames < 2;
    this.goTo(this.frames - 1);
    const { nodes, edges } = view.left_out;
    const left = nodes || edges ? `; not drawn: ${counted(nodes, "node")} that activation reached, ${counted(edges, "edge")}` : "";
    const hits = view.spreads[0].retrieval.hits.length;
    say(`${counted(hits, "passage")}, ${counted(view.nodes.length, "node")} and ${counted(view.edges.length, "edge")}${left}.`);
  },

  /** Activation of a node in the end, by all profiles. */
  end(at) {
    return this.view.spreads.reduce((sum, { activation }) => sum + (activation.at(-1)?.[at] ?? 0), 0);
  },

  draw() {
    this.view.spreads.forEach((spread, column) => {
      const box = byId(`picture-${column}`);
      try {
        this.pictures.push(new Picture(box, this.view, spread, this.kinds, (selected) => this.select(selected)));
      } catch (error) {
        box.replaceChildren(element("p", {}, `This browser draws no picture (${error.message}). The table below says the same.`));
      }
    });
    const cameras = this.pictures.map((picture) => picture.sigma.getCamera());
    cameras.forEach((camera, at) =>
      camera.on("updated", (place) => cameras.forEach((other, to) => {
        const now = other.getState();
        if (to !== at && ["x", "y", "ratio", "angle"].some((key) => now[key] !== place[key])) other.setState(place);
      })),
    );
  },

  column(spread) {
    const { retrieval } = spread;
    const at = this.view.spreads.indexOf(spread);
    const milliseconds = 1000 * Object.values(retrieval.seconds).reduce((sum, one) => sum + one, 0);
    const about = `${milliseconds.toFixed(1)} ms${retrieval.parameters.engine ? `, engine ${retrieval.parameters.engine}` : ""}`;
    const still = spread.activation.length ? "" : " This profile does not walk: there is no activation to show.";
    const told = `Picture of the graph around the passages of ${retrieval.profile}. The table below says the same.${still}`;
    return element(
      "section",
      { className: "column", aria: { labelledby: `column-${at}` } },
      element("h2", { id: `column-${at}` }, words(retrieval.profile), " ", element("span", { className: "quiet" }, about)),
      element("div", { id: `picture-${at}`, className: "picture", tabIndex: 0, aria: { role: "application", label: told } }),
      still && element("p", { className: "quiet" }, still.trim()),
      element("ol", { className: "passages" }, retrieval.hits.map((hit, row) => this.passage(hit, spread.marks[row]))),
      retrieval.seeds.length > 0 && element("details", {}, element("summary", {}, `Seed facts (${retrieval.seeds.length})`),
        element("ul", {}, retrieval.seeds.map((seed) => element("li", {}, words(seed.text), ` ${percent(seed.weight)}`)))),
    );
  },

  passage(hit, marks) {
    const node = this.view.nodes.findIndex((one) => one.kind === "passage" && one.key === hit.chunk_id);
    const path = hit.explanation?.path ?? [];
    return element(
      "li",
      {},
      element("h3", {}, node < 0 ? words(hit.title ?? hit.document_id)
        : button(words(hit.title ?? hit.document_id), () => this.select({ node }, true), { title: "Select it in the picture" }),
        " ", element("span", { className: "quiet" }, hit.score.toPrecision(4))),
      element("p", { className: "text", tabIndex: 0 }, marked(hit.text, marks)),
      element("p", { className: "quiet" }, words(hit.document_id), ...Object.entries(hit.metadata).map(([key, value]) => [" · ", words(`${key}: ${typeof value === "string" ? value : JSON.stringify(value)}`)])),
      path.length > 0 && element("details", {}, element("summary", {}, "Why this passage"), element("ol", { className: "path" }, path.map((step) => this.step(step)))),
    );
  },

  step(step) {
    const said = step.sentence ?? (step.kind !== "seed" ? null : step.chunk_id ? "the passage as a whole resembles the question" : "the question names it");
    return element("li", {}, "→ ", element("b", {}, words(step.target)), element("span", { className: "quiet" }, ` ${step.kind} ${percent(step.probability)}`),
      said && element("div", { className: "said" }, words(said)));
  },

  showKinds() {
    const boxes = [...this.kinds].map((kind) => {
      const box = element("input", { type: "checkbox", checked: true, value: kind, on: { change: () => this.toggle(kind, box.checked) } });
      return element("label", { data: { kind } }, box, ` ${kind}`);
    });
    byId("kinds").replaceChildren(element("legend", {}, "Edges"), ...boxes);
  },

  toggle(kind, on) {
    on ? this.kinds.add(kind) : this.kinds.delete(kind);
    this.pictures.forEach((picture) => picture.sigma.refresh({ schedule: true }));
    this.showEdges();
    if (this.selected) this.showDetail();
  },

  goTo(frame) {
    this.frame = Math.max(0, Math.min(frame, this.frames - 1));
    byId("sweep").value = this.frame;
    const last = this.frame === this.frames - 1;
    const name = this.frames < 2 ? "no walk" : this.frame === 0 ? "seeds" : last ? "at the end" : `sweep ${this.frame}`;
    const moved = this.view.spreads.map((spread) => spread.moved[this.frame]).filter((one) => one !== undefined);
    byId("sweep-name").textContent = this.frame && moved.length ? `${name}, ${moved.map((one) => percent(one / 2)).join(" and ")} moved` : name;
    byId("sweep").setAttribute("aria-valuetext", byId("sweep-name").textContent);
    this.pictures.forEach((picture) => picture.show(this.frame));
    for (const { at, cells } of this.rows ?? []) cells.forEach((cell, column) => (cell.textContent = this.activation(column, at)));
  },

  activation(column, at) {
    const { activation } = this.view.spreads[column];
    return activation.length ? percent(activation[Math.min(this.frame, activation.length - 1)][at]) : "–";
  },

  play() {
    if (this.timer) return this.stop();
    byId("play").setAttribute("aria-pressed", "true");
    byId("play").textContent = "Stop";
    if (this.frame === this.frames - 1) this.goTo(0);
    this.timer = setInterval(() => (this.frame < this.frames - 1 ? this.goTo(this.frame + 1) : this.stop()), 700);
  },

  stop() {
    clearInterval(this.timer);
    this.timer = null;
    byId("play").setAttribute("aria-pressed", "false");
    byId("play").textContent = "Play";
  },

  showTable() {
    const wanted = byId("filter").value.toLowerCase();
    const found = this.order.filter((at) => this.view.nodes[at].name.toLowerCase().includes(wanted));
    const ranks = this.view.spreads.map((spread) => new Map(spread.retrieval.hits.map((hit) => [hit.chunk_id, hit.rank])));
    const names = this.view.spreads.map((spread) => spread.retrieval.profile);
    this.rows = [];
    const rows = found.slice(0, this.shown).map((at) => {
      const node = this.view.nodes[at];
      const cells = names.map((_, column) => element("span", {}, this.activation(column, at)));
      this.rows.push({ at, cells });
      const rank = (column) => (node.kind === "passage" ? (ranks[column].get(node.key) ?? "") : "");
      return [button(words(node.name), () => this.select({ node: at }, true), { className: "link" }), node.kind, ...cells.flatMap((cell, column) => [cell, String(rank(column))]), number(node.passages)];
    });
    const heads = ["Name", "Kind", ...names.flatMap((name) => [`Activation, ${name}`, `Rank, ${name}`]), "Passages"];
    byId("node-table").replaceChildren(...table("Nodes, those of most activation first", heads, rows));
    this.showEdges(new Set(found));
    byId("more").hidden = found.length <= this.shown;
    byId("more").textContent = `Show all ${number(found.length)}`;
  },

  /** Edges of the kinds that are shown, those of most activation first; only when somebody looks. */
  showEdges(nodes = this.found) {
    this.found = nodes;
    if (!byId("edges").open) return;
    const { edges, nodes: named } = this.view;
    const active = ({ source, target }) => Math.min(this.end(source), this.end(target));
    const found = edges
      .map((edge, at) => ({ edge, at, active: active(edge) }))
      .filter(({ edge }) => (nodes.has(edge.source) || nodes.has(edge.target)) && Object.keys(edge.kinds).some((kind) => this.kinds.has(kind)))
      .sort((a, b) => b.active - a.active || a.at - b.at);
    const rows = found.slice(0, this.shownEdges).map(({ edge, at }) => [
      button(words(named[edge.source].name), () => this.select({ edge: at }, true), { className: "link" }), words(named[edge.target].name), kinds(edge)]);
    byId("edge-table").replaceChildren(...table("Edges, those of most activation first", ["Name", "Other name", "Kinds"], rows));
    byId("more-edges").hidden = found.length <= this.shownEdges;
    byId("more-edges").textContent = `Show all ${number(found.length)}`;
  },

  /** Select a node or an edge; `focus` moves the keyboard to what is told of it. */
  select(selected, focus = false) {
    this.selected = selected;
    this.pictures.forEach((picture) => picture.select(selected));
    this.showDetail(focus);
  },

  async showDetail(focus = false) {
    const { selected, view } = this;
    byId("detail").hidden = !selected;
    if (!selected) return;
    const edge = view.edges[selected.edge];
    const nodes = edge ? [view.nodes[edge.source], view.nodes[edge.target]] : [view.nodes[selected.node]];
    byId("detail-title").replaceChildren(words(nodes[0].name), nodes[1] ? " — " : "", nodes[1] ? words(nodes[1].name) : "");
    const beside = edge ? [] : view.edges.map((one, at) => [one, at]).filter(([one]) => [one.source, one.target].includes(selected.node) && Object.keys(one.kinds).some((kind) => this.kinds.has(kind)));
    const list = element("ul", { className: "said" });
    byId("detail-body").replaceChildren(
      element("p", { className: "quiet" }, edge ? kinds(edge) : nodes[0].kind === "passage" ? "passage" : `entity, in ${counted(nodes[0].passages, "passage")}`),
      element("h3", {}, "Sentences"), list,
      beside.length > 0 && element("details", { open: beside.length < 13 }, element("summary", {}, `Edges in the picture (${beside.length})`),
        element("ul", {}, beside.slice(0, 200).map(([one, at]) => element("li", {}, button(words(view.nodes[one.source === selected.node ? one.target : one.source].name), () => this.select({ edge: at }, true), { className: "link" }), ` ${kinds(one)}`)))) || "",
    );
    if (focus) byId("detail-title").focus();
    const found = await telling(() => this.behind(nodes, edge, beside));
    if (selected !== this.selected || !found) return;
    const items = found.map((one) => element("li", {}, words(one.text), " ", element("span", { className: "quiet" }, words(one.document_id))));
    list.replaceChildren(...(items.length ? items : [element("li", {}, edge?.kinds.synonym ? "None: their names are similar." : "None.")]));
  },

  /** Sentences behind a node or an edge. */
  async behind(nodes, edge, beside) {
    if (this.sentences) return this.sentences(nodes);
    const all = edge ? edge.sentences : beside.flatMap(([one]) => one.sentences);
    return [...new Map(all.map((one) => [`${one.chunk_id} ${one.text}`, one])).values()].slice(0, 20);
  },
};
