// Refreshes the panels in place; without it the page works, and is as old as its last load.
"use strict";
const controls = document.getElementById("controls");
const panels = document.getElementById("panels");
const units = { s: 1000, m: 60000, h: 3600000 };

async function refresh() {
  const query = new URLSearchParams(new FormData(controls));
  query.set("fragment", "1");
  try {
    const answer = await fetch(`${location.pathname}?${query}`, { redirect: "manual" });
    if (answer.type === "opaqueredirect") location.reload(); // the session has ended: on to the login
    if (answer.ok) panels.innerHTML = await answer.text();
    panels.classList.toggle("stale", !answer.ok);
  } catch {
    panels.classList.add("stale");
  }
  schedule();
}

let timer;
function schedule() {
  clearTimeout(timer);
  const [, count, unit] = /^(\d+)([smh])$/.exec(document.getElementById("refresh").value) ?? [];
  if (count) timer = setTimeout(refresh, count * units[unit]);
}

if (controls) {
  controls.addEventListener("change", () => controls.requestSubmit());
  schedule();
}
