// Single keys for who reviews much. All they do can be done without them.
"use strict";

const typing = (element) => element.matches("input:not([type=radio], [type=checkbox]), textarea, select");
const rows = () => [...document.querySelectorAll(".row .to")];

function step(by) {
  const found = rows();
  if (!found.length) return;
  const here = found.indexOf(document.activeElement);
  const next = here < 0 ? (by > 0 ? 0 : found.length - 1) : Math.min(Math.max(here + by, 0), found.length - 1);
  found[next].focus();
  found[next].scrollIntoView({ block: "center" });
}

function go(selector) {
  const link = document.querySelector(selector);
  if (link) link.click();
}

function choose(state) {
  const choice = document.querySelector(`.judge input[name=state][value=${state}]`);
  if (!choice) return;
  choice.checked = true;
  choice.focus();
  choice.scrollIntoView({ block: "center" });
}

function write(selector) {
  const field = document.querySelector(selector);
  if (field) field.focus();
}

const onList = () => rows().length > 0;
const keys = {
  j: () => (onList() ? step(1) : go("a[rel=next]")),
  k: () => (onList() ? step(-1) : go("a[rel=prev]")),
  c: () => choose("confirmed"),
  t: () => choose("trivial"),
  f: () => choose("false_alarm"),
  w: () => choose("follow_up"),
  n: () => write("#note"),
  u: () => go(".up a"),
  "/": () => write("#q"),
  "?": () => go("nav a[href='/help']"),
};

// Which classes are marked, and in how many columns both texts stand, holds for the next finding as well.
for (const input of document.querySelectorAll(".views input")) {
  const key = `etolwatch-${input.id}`;
  const kept = sessionStorage.getItem(key);
  if (kept !== null) input.checked = kept === "true";
  input.addEventListener("change", () => {
    for (const one of document.querySelectorAll(".views input")) {
      if (one === input || one.type === "radio") sessionStorage.setItem(`etolwatch-${one.id}`, String(one.checked));
    }
  });
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (event.target instanceof Element && typing(event.target)) return;
  const act = keys[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});
