"use strict";
// The page as a whole: theme, views, keys, and where its data come from.

const TABS = ["ask", "entities", "synonyms", "documents", "health"];
const opened = new Set(["ask"]);

/** What a browser may refuse to remember is not remembered. */
const kept = {
  get(key) {
    try { return localStorage.getItem(key); } catch { return null; }
  },
  set(key, value) {
    try { localStorage.setItem(key, value); } catch { /* a page from a file may have no storage */ }
  },
};

function setTheme(name) {
  document.documentElement.dataset.theme = name;
  asking.pictures.forEach((picture) => picture.restyle());
}

function toggleTheme() {
  const name = theme() === "dark" ? "light" : "dark";
  kept.set("hippo-theme", name);
  setTheme(name);
}

function showTab(name, focus = false) {
  for (const tab of TABS) {
    const chosen = tab === name;
    byId(`view-${tab}`).hidden = !chosen;
    byId(`tab-${tab}`).setAttribute("aria-selected", String(chosen));
    byId(`tab-${tab}`).tabIndex = chosen ? 0 : -1;
  }
  remember({ tab: name === "ask" ? "" : name });
  if (focus) byId(`tab-${name}`).focus();
  if (name === "ask") asking.pictures.forEach((picture) => picture.sigma.resize().refresh());
  if (name === "health" || !opened.has(name)) browsing[name]();
  opened.add(name);
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || byId("keys").open) return;
  const typing = event.target.matches("input:not([type=checkbox]):not([type=range]), select, textarea");
  if (event.key === "Escape") return typing ? event.target.blur() : asking.view && asking.select(null);
  if (typing) return;
  const server = !byId("tabs").hidden;
  const asks = asking.view && !byId("view-ask").hidden;
  if (event.key === "/" && server) showTab("ask"), byId("question").focus();
  else if (/^[1-5]$/.test(event.key) && server) showTab(TABS[event.key - 1], true);
  else if (event.key === "t") toggleTheme();
  else if (event.key === "?") byId("keys").showModal();
  else if (event.key === "[" && asks) asking.goTo(asking.frame - 1);
  else if (event.key === "]" && asks) asking.goTo(asking.frame + 1);
  else if (event.key === "p" && asks && asking.frames > 1) asking.play();
  else return;
  event.preventDefault();
}

function onTabKey(event) {
  const at = TABS.findIndex((name) => byId(`tab-${name}`) === document.activeElement);
  const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: TABS.length - 1 }[event.key];
  if (at < 0 || to === undefined) return;
  event.preventDefault();
  showTab(TABS[(to + TABS.length) % TABS.length], true);
}

/** A page that was written as a file: its view is in it. */
function startWithView(data) {
  const view = JSON.parse(data.textContent);
  document.title = `${view.question} – hippo`;
  byId("asked").replaceChildren(words(view.question));
  byId("asked").hidden = false;
  byId("save").hidden = true;
  asking.show(view);
}

async function startWithServer() {
  const setup = await telling(() => asked("explorer/setup"));
  if (!setup) return;
  document.title = `${setup.index} – hippo`;
  byId("index").replaceChildren(words(setup.index));
  browsing.writable = setup.writable;
  asking.sentences = (nodes) => {
    const entities = nodes.filter((node) => node.kind === "entity").map((node) => node.key);
    const passage = nodes.find((node) => node.kind === "passage")?.key ?? null;
    return asked("explorer/sentences", { entities, passage, k: 20, where: asking.asked.where });
  };
  const option = (name) => element("option", { value: name }, name);
  byId("profile").replaceChildren(...setup.profiles.map(option));
  byId("beside").append(...setup.profiles.map(option));
  byId("ask").hidden = byId("tabs").hidden = false;
  byId("tabs").addEventListener("keydown", onTabKey);
  TABS.forEach((name) => byId(`tab-${name}`).addEventListener("click", () => showTab(name)));
  byId("ask").addEventListener("submit", (event) => (event.preventDefault(), asking.ask()));
  byId("save").addEventListener("click", () => telling(save));
  for (const [key, id] of [["q", "question"], ["profile", "profile"], ["beside", "beside"], ["where", "where"], ["k", "k"], ["nodes", "nodes"]]) {
    if (state.get(key)) byId(id).value = state.get(key);
  }
  // A picture is drawn in the size that it has when it is seen.
  const tab = state.get("tab");
  if (state.get("q")) await asking.ask();
  else byId("question").focus();
  if (TABS.includes(tab)) showTab(tab);
}

/** Keep the view as one file. */
async function save() {
  const page = await (await fetched("explorer/page", { ...asking.asked, sentences: 3 })).blob();
  const link = element("a", { href: URL.createObjectURL(page), download: "hippo.html" });
  link.click();
  URL.revokeObjectURL(link.href);
  say("Saved as hippo.html.");
}

function start() {
  setTheme(kept.get("hippo-theme") ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light"));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", (event) => kept.get("hippo-theme") || setTheme(event.matches ? "dark" : "light"));
  byId("theme").addEventListener("click", toggleTheme);
  byId("help").addEventListener("click", () => byId("keys").showModal());
  byId("play").addEventListener("click", () => asking.play());
  byId("sweep").addEventListener("input", (event) => (asking.stop(), asking.goTo(Number(event.target.value))));
  byId("filter").addEventListener("input", () => ((asking.shown = ROWS), asking.showTable()));
  byId("more").addEventListener("click", () => ((asking.shown = Infinity), asking.showTable()));
  byId("edges").addEventListener("toggle", () => asking.view && asking.showEdges());
  byId("more-edges").addEventListener("click", () => ((asking.shownEdges = Infinity), asking.showEdges()));
  document.addEventListener("keydown", onKey);
  const data = byId("view");
  data ? startWithView(data) : startWithServer();
}

start();
