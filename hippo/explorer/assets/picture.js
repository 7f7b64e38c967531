"use strict";
// The picture of a graph, by sigma.js: nodes by place, size and colour by activation, edges by kind.

const KIND_COLOURS = {
  relation: ["#7a5195", "#b58bd1"],
  contains: ["#9aa5ad", "#5f6b73"],
  titles: ["#c2185b", "#f06292"],
  synonym: ["#2e7d32", "#81c784"],
  follows: ["#1565c0", "#64b5f6"],
};
const RAMPS = {
  light: { entity: ["#cfdcdf", "#00695c"], passage: ["#e8dccb", "#d84315"], text: "#1c2226", faint: "#e3e7e9" },
  dark: { entity: ["#2c3a3d", "#4dd0c0"], passage: ["#40352a", "#ff9e5e"], text: "#e8ecee", faint: "#262c30" },
};
/** Nodes from which discs become points and edges thin lines, which a processor draws as fast as a graphics card. */
const SEVERAL = 200;
/** Nodes from which edges cannot be clicked, and are not drawn while something moves. */
const MANY = 1000;

const theme = () => document.documentElement.dataset.theme;

/** A colour between two, `share` from 0 to 1 of the way. */
function between([from, to], share) {
  const part = (colour, at) => parseInt(colour.slice(at, at + 2), 16);
  const mixed = [1, 3, 5].map((at) => Math.round(part(from, at) + (part(to, at) - part(from, at)) * share));
  return `#${mixed.map((value) => value.toString(16).padStart(2, "0")).join("")}`;
}

class Picture {
  /**
   * @param {HTMLElement} box Where it is drawn.
   * @param {object} view Nodes and edges.
   * @param {object} spread Activation and passages of one profile.
   * @param {Set<string>} kinds Kinds of edge that are shown.
   * @param {(selected: {node?: number, edge?: number} | null) => void} onSelect Is told what was clicked.
   */
  constructor(box, view, spread, kinds, onSelect) {
    Object.assign(this, { box, view, spread, kinds, onSelect, frame: 0, selected: null, dragged: null, near: new Set() });
    this.ranks = new Map(spread.retrieval.hits.map((hit) => [hit.chunk_id, hit.rank]));
    this.most = Math.max(1e-9, ...spread.activation.map((shares) => Math.max(...shares)));
    this.graph = new Graph({ type: "undirected" });
    const many = view.nodes.length > MANY;
    const wide = Math.max(0.4, box.clientWidth / Math.max(1, box.clientHeight));
    view.nodes.forEach((node, at) => this.graph.addNode(at, { x: node.x * wide, y: node.y, label: this.label(node) }));
    view.edges.forEach((edge, at) => this.graph.addEdgeWithKey(`e${at}`, edge.source, edge.target, { at }));
    this.sigma = new Sigma(this.graph, box, {
      allowInvalidContainer: true,
      defaultEdgeType: "line",
      enableEdgeEvents: !many,
      hideEdgesOnMove: many,
      hideLabelsOnMove: many,
      labelFont: "system-ui, sans-serif",
      labelSize: 12,
      labelRenderedSizeThreshold: many ? 9 : 6,
      labelDensity: many ? 0.4 : 1,
      labelGridCellSize: 70,
      minCameraRatio: 0.02,
      maxCameraRatio: 4,
      stagePadding: 24,
      zIndex: !many,
      ...(view.nodes.length > SEVERAL ? { nodeProgramClasses: { circle: NodePointProgram }, edgeProgramClasses: { line: EdgeLineProgram } } : {}),
      ...this.colours(),
      nodeReducer: (key) => this.node(Number(key)),
      edgeReducer: (key, data) => this.edge(data.at),
    });
    // Places stay where they are when a node is dragged out of the picture.
    this.sigma.setCustomBBox({ x: [-wide, wide], y: [-1, 1] });
    this.listen();
    box.dataset.ready = "true";
  }

  label(node) {
    const rank = node.kind === "passage" ? this.ranks.get(node.key) : null;
    const name = node.name.length > 40 ? `${node.name.slice(0, 40)}…` : node.name;
    return rank ? `${rank}. ${name}` : name;
  }

  colours() {
    return { labelColor: { color: RAMPS[theme()].text }, defaultDrawNodeHover: hovered };
  }

  share(at) {
    const frame = this.spread.activation[this.frame];
    if (!frame) return this.ranks.has(this.view.nodes[at].key) ? 1 : 0.15;
    return Math.sqrt(frame[at] / this.most);
  }

  node(at) {
    const node = this.view.nodes[at];
    const share = this.share(at);
    const ranked = node.kind === "passage" && this.ranks.has(node.key);
    const off = this.selected && !this.near.has(at);
    const base = this.view.nodes.length > MANY ? 1.5 : 3;
    return {
      x: this.graph.getNodeAttribute(at, "x"),
      y: this.graph.getNodeAttribute(at, "y"),
      label: off ? "" : this.label(node),
      size: base + 13 * share + (ranked ? 2 : 0),
      color: off ? RAMPS[theme()].faint : between(RAMPS[theme()][node.kind], share),
      forceLabel: (ranked && !off) || this.selected?.node === at,
      highlighted: this.selected?.node === at,
      zIndex: off ? 0 : ranked ? 2 : 1,
    };
  }

  edge(at) {
    const edge = this.view.edges[at];
    const kind = Object.keys(edge.kinds).find((one) => this.kinds.has(one));
    const chosen = this.selected?.edge === at;
    const touched = this.selected && (edge.source === this.selected.node || edge.target === this.selected.node);
    const off = this.selected && !chosen && !touched;
    const still = this.dragged !== null && edge.source !== this.dragged && edge.target !== this.dragged;
    const active = Math.min(this.share(edge.source), this.share(edge.target));
    const colour = (KIND_COLOURS[kind] ?? ["#888888", "#888888"])[theme() === "dark" ? 1 : 0];
    return {
      hidden: kind === undefined || still,
      color: off ? RAMPS[theme()].faint : between([RAMPS[theme()].faint, colour], chosen || touched ? 1 : 0.25 + 0.75 * active),
      size: chosen ? 4 : touched ? 2 : 1,
      zIndex: chosen ? 2 : off ? 0 : 1,
    };
  }

  /** Show activation after a sweep. */
  show(frame) {
    this.frame = Math.min(frame, Math.max(0, this.spread.activation.length - 1));
    this.sigma.refresh({ skipIndexation: false, schedule: true });
  }

  select(selected) {
    this.selected = selected;
    this.near = new Set();
    if (selected?.node !== undefined) {
      this.near.add(selected.node);
      this.graph.forEachNeighbor(selected.node, (key) => this.near.add(Number(key)));
    } else if (selected?.edge !== undefined) {
      const edge = this.view.edges[selected.edge];
      this.near.add(edge.source).add(edge.target);
    }
    this.sigma.refresh({ schedule: true });
  }

  restyle() {
    this.sigma.setSetting("labelColor", this.colours().labelColor);
    this.sigma.refresh({ schedule: true });
  }

  listen() {
    const captor = this.sigma.getMouseCaptor();
    const many = this.view.nodes.length > MANY;
    let dragged = null;
    let moved = false;
    this.sigma.on("downNode", ({ node }) => ((dragged = node), (moved = false)));
    this.sigma.on("moveBody", ({ event }) => {
      if (dragged === null) return;
      if (!moved && many) this.hideOthers(Number(dragged));
      moved = true;
      const place = this.sigma.viewportToGraph(event);
      // Quietly, so that one node and its edges are drawn anew and not the whole graph.
      Object.assign(this.graph.getNodeAttributes(dragged), place);
      const edges = this.graph.edges(dragged);
      this.sigma.refresh({ partialGraph: { nodes: [dragged], edges }, skipIndexation: true, schedule: true });
      event.preventSigmaDefault();
      event.original.preventDefault();
    });
    const drop = () => {
      dragged = null;
      if (this.dragged !== null) this.hideOthers(null);
    };
    this.sigma.on("upNode", drop);
    this.sigma.on("upStage", drop);
    captor.on("mouseleave", drop);
    this.sigma.on("clickNode", ({ node }) => moved || this.onSelect({ node: Number(node) }));
    this.sigma.on("clickEdge", ({ edge }) => this.onSelect({ edge: Number(edge.slice(1)) }));
    this.sigma.on("clickStage", () => this.onSelect(null));
    this.box.addEventListener("keydown", (event) => this.key(event));
  }

  /** In a large picture only the edges of a node are drawn while it is dragged. */
  hideOthers(node) {
    this.dragged = node;
    this.sigma.refresh({ schedule: true });
  }

  key(event) {
    const camera = this.sigma.getCamera();
    const { x, y, ratio } = camera.getState();
    const step = 0.1 * ratio;
    const moves = {
      ArrowLeft: { x: x - step }, ArrowRight: { x: x + step }, ArrowUp: { y: y + step }, ArrowDown: { y: y - step },
      "+": { ratio: ratio / 1.3 }, "-": { ratio: ratio * 1.3 }, 0: { x: 0.5, y: 0.5, ratio: 1, angle: 0 },
    };
    if (moves[event.key]) camera.setState(moves[event.key]);
    else if (event.key === "n") this.step(event.shiftKey ? -1 : 1);
    else if (event.key === "N") this.step(-1);
    else if (event.key === "Enter" && this.cursor !== undefined) this.onSelect({ node: this.cursor });
    else return;
    event.preventDefault();
  }

  /** The next node, in the order of the table. */
  step(by) {
    const count = this.view.nodes.length;
    this.cursor = this.cursor === undefined ? 0 : (this.cursor + by + count) % count;
    const node = this.view.nodes[this.cursor];
    this.sigma.refresh({ schedule: true });
    say(`${node.kind} ${this.label(node)}`);
    this.select({ node: this.cursor });
  }

  end() {
    this.sigma.kill();
  }
}

/** The label of a node that is pointed at, on a ground that suits the theme. */
function hovered(context, data, settings) {
  const { text, faint } = RAMPS[theme()];
  context.font = `${settings.labelWeight} ${settings.labelSize}px ${settings.labelFont}`;
  const label = data.label ?? "";
  context.fillStyle = faint;
  context.strokeStyle = text;
  context.beginPath();
  context.arc(data.x, data.y, data.size + 3, 0, 2 * Math.PI);
  context.stroke();
  if (!label) return;
  const width = context.measureText(label).width + 8;
  context.fillRect(data.x + data.size + 4, data.y - settings.labelSize, width, 1.7 * settings.labelSize);
  context.fillStyle = text;
  context.fillText(label, data.x + data.size + 8, data.y + settings.labelSize / 3);
}
