"use strict";
// Elements from data. Texts become text nodes and nothing else; no other file makes elements in another way.

const byId = (id) => document.getElementById(id);

/** An element. `given` are properties; `aria`, `data` and `on` are maps; children are elements, texts or lists of them. */
function element(name, given = {}, ...children) {
  const { aria = {}, data = {}, on = {}, ...properties } = given;
  const made = document.createElement(name);
  Object.assign(made, properties);
  for (const [key, value] of Object.entries(aria)) made.setAttribute(key === "role" ? "role" : `aria-${key}`, value);
  Object.assign(made.dataset, data);
  for (const [event, handler] of Object.entries(on)) made.addEventListener(event, handler);
  made.append(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

/** Text of a document: its direction is its own, whatever stands around it. */
const words = (text, className = "") => element("bdi", { dir: "auto", className }, text ?? "");

function button(label, handler, given = {}) {
  return element("button", { type: "button", ...given, on: { click: handler } }, label);
}

/** A table with a caption for screen readers, column heads, and rows whose first cell is their head. */
function table(caption, heads, rows) {
  const cells = (row) => row.map((cell, at) => element(at ? "td" : "th", at ? {} : { scope: "row" }, cell));
  return [
    element("caption", { className: "unseen" }, caption),
    element("thead", {}, element("tr", {}, heads.map((head) => element("th", { scope: "col" }, head)))),
    element("tbody", {}, rows.map((row) => element("tr", {}, cells(row)))),
  ];
}

/** A text whose stretches of code points are marked. */
function marked(text, stretches) {
  const points = Array.from(text);
  const parts = [];
  let at = 0;
  for (const [start, end] of stretches) {
    parts.push(points.slice(at, start).join(""), element("mark", {}, points.slice(start, end).join("")));
    at = end;
  }
  return element("bdi", { dir: "auto" }, parts, points.slice(at).join(""));
}

const number = (value) => value.toLocaleString("en");
const counted = (count, what) => `${number(count)} ${what}${count === 1 ? "" : "s"}`;
const percent = (share) => (share ? `${(100 * share).toPrecision(3)} %` : "0");

function say(text, wrong = false) {
  byId("status").textContent = text;
  byId("status").classList.toggle("wrong", wrong);
}

// The address has what the page was opened with after its #; a server never sees that part.
const state = new URLSearchParams(location.hash.slice(1));

function remember(values) {
  for (const [key, value] of Object.entries(values)) value ? state.set(key, value) : state.delete(key);
  history.replaceState(null, "", `#${state}`);
}

/** What the server says, or an error with what it said was wrong. */
async function fetched(path, body) {
  const headers = { Authorization: `Bearer ${state.get("token") ?? ""}` };
  if (body) headers["Content-Type"] = "application/json";
  const reply = await fetch(path, { method: body ? "POST" : "GET", headers, body: body && JSON.stringify(body) });
  if (reply.ok) return reply;
  const told = await reply.json().catch(() => null);
  if (reply.status === 401) throw new Error("Open the address that `hippo explore` printed: it ends in a token.");
  throw new Error(told ? `${told.error.message} ${told.error.remedy}` : `The server answered ${reply.status}.`);
}

const asked = async (path, body) => (await fetched(path, body)).json();

/** Work whose errors are told, and not lost. */
async function telling(work) {
  try {
    return await work();
  } catch (error) {
    say(error.message, true);
    return null;
  }
}
