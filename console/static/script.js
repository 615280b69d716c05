// Improves pages that work without it: live parts, menus that close, keys, dropped files. Nothing here is needed.
"use strict";

const all = (selector, within = document) => [...within.querySelectorAll(selector)];
const announcer = document.getElementById("announcer");
let announcedAt = 0;

// At most one sentence in five seconds, for people who listen.
function announce(sentence) {
  if (!announcer || !sentence || Date.now() - announcedAt < 5000) return;
  announcedAt = Date.now();
  announcer.textContent = sentence;
}

// Live parts: an element with `data-live` and an id is replaced by the same element of the page as it is now. Focus,
// open menus and selections outside of it stay; one that holds the focus waits.
const live = () => all("[data-live]");
// Each look costs requests of the person's limit: the wait doubles while nothing new comes, and a hidden page rests.
let wait = 1000;
let waiting = 0;
let busy = false;
let source = null;
async function refresh() {
  if (busy || document.hidden || !live().length) return;
  busy = true;
  let changed = false;
  try {
    const answer = await fetch(location.href, { headers: { accept: "text/html" }, cache: "no-store" });
    if (answer.status === 429) wait = 1000 * Math.max(10, Number(answer.headers.get("retry-after")) || 0);
    if (answer.redirected || !answer.ok) { if (answer.redirected) location.reload(); return; }
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    // What has ended sends no more changes.
    if (source && !fresh.querySelector("[data-stream]")) { source.close(); source = null; }
    for (const old of live()) {
      const now = fresh.getElementById(old.id);
      if (!now) { location.reload(); return; }
      if (old.contains(document.activeElement) && document.activeElement !== document.body) continue;
      if (now.innerHTML === old.innerHTML) continue;
      changed = true;
      old.replaceWith(now);
      if (now.dataset.announce !== old.dataset.announce) announce(now.dataset.announce);
    }
    wait = changed ? 1000 : Math.min(2 * wait, source ? 4000 : 30000);
  } catch { /* The next event asks again. */ } finally { busy = false; }
}

// A stream of changes says when; without one, the clock does.
function soon(least) {
  if (waiting) return;
  waiting = setTimeout(async () => { waiting = 0; await refresh(); if (!source) soon(5000); }, Math.max(wait, least));
}
const stream = document.querySelector("[data-stream]");
if (stream && "EventSource" in window) {
  source = new EventSource(stream.dataset.stream);
  source.addEventListener("change", () => soon(1000));
  source.addEventListener("error", () => { if (source?.readyState === EventSource.CLOSED) { source = null; soon(5000); } });
  addEventListener("pagehide", () => source?.close());
} else if (live().length) soon(5000);
document.addEventListener("visibilitychange", () => { if (!document.hidden) { wait = 1000; refresh(); } });

// Menus close when the focus or a click leaves them, and with Escape, which returns the focus.
document.addEventListener("click", (event) => {
  for (const menu of all("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
});
document.addEventListener("focusin", (event) => {
  for (const menu of all("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
});

// A form is sent once: its button waits for the answer. A page that comes back from the cache can be sent again.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method === "dialog" || event.defaultPrevented) return;
  if (form.dataset.sent) { event.preventDefault(); return; }
  if (form.method === "post") {
    form.dataset.sent = "1";
    // The button's own value must still go along: it is switched off after the form was read.
    setTimeout(() => all("button", form).forEach((button) => { button.disabled = true; }));
  }
});
addEventListener("pageshow", () => all("form[data-sent]").forEach((form) => {
  delete form.dataset.sent;
  all("button", form).forEach((button) => { button.disabled = false; });
}));

// Selects of a filter act at once; without the script there is a button.
document.addEventListener("change", (event) => {
  if (event.target.matches("form.filters select")) event.target.form.requestSubmit();
  if (event.target.matches("select[data-go]")) location.href = event.target.value;
});

// The zone that the browser knows, where a form still has none.
for (const input of all("input[data-zone]")) {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (zone && input.value === input.defaultValue && input.value === "UTC") input.value = zone;
}

// A text that is shown once: a click selects all of it, and a button copies it.
document.addEventListener("focusin", (event) => { if (event.target.matches("[data-select]")) event.target.select(); });
for (const button of all("[data-copy]")) {
  if (!navigator.clipboard) continue;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).value);
    button.textContent = "Copied";
    announce("Copied");
  });
}

// Files dropped on a field.
for (const zone of all(".drop")) {
  const input = zone.querySelector("input[type=file]");
  const shown = zone.querySelector("[data-names]");
  const over = (is) => zone.classList.toggle("over", is);
  zone.addEventListener("dragover", (event) => { event.preventDefault(); over(true); });
  zone.addEventListener("dragleave", () => over(false));
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    over(false);
    if (event.dataTransfer.files.length) { input.files = event.dataTransfer.files; input.dispatchEvent(new Event("change")); }
  });
  input.addEventListener("change", () => { if (shown) shown.textContent = [...input.files].map((file) => file.name).join(", "); });
}

// The square over a photograph writes its place into the number fields, and they move it.
for (const form of all("[data-crop]")) {
  const picture = form.querySelector("img"), part = form.querySelector(".part"), canvas = form.querySelector("canvas");
  const number = (name, by = 0) => {
    const field = form.elements[name], value = Number(field.value) || 0;
    if (by) field.value = Math.round(10 * Math.min(Number(field.max), Math.max(Number(field.min), value + by))) / 10;
    return Number(field.value) || 0;
  };
  const show = () => {
    const width = picture.naturalWidth, height = picture.naturalHeight, side = Math.min(width, height) * number("side") / 100;
    if (!width) return;
    const left = Math.min(width * number("left") / 100, width - side), top = Math.min(height * number("top") / 100, height - side);
    Object.assign(part.style, { left: `${100 * left / width}%`, top: `${100 * top / height}%`, width: `${100 * side / width}%`, height: `${100 * side / height}%` });
    part.hidden = canvas.parentElement.hidden = false;
    canvas.getContext("2d").drawImage(picture, left, top, side, side, 0, 0, canvas.width, canvas.height);
  };
  const move = (x, y, size) => { number("left", x); number("top", y); number("side", size); show(); };
  part.addEventListener("pointerdown", (event) => {
    part.setPointerCapture(event.pointerId);
    const edge = part.getBoundingClientRect(), grows = edge.right - event.clientX < 20 && edge.bottom - event.clientY < 20;
    const { clientWidth: width, clientHeight: height } = picture;
    part.onpointermove = ({ movementX: x, movementY: y }) => (grows ? move(0, 0, 100 * x / Math.min(width, height)) : move(100 * x / width, 100 * y / height, 0));
    part.onpointerup = part.onpointercancel = () => { part.onpointermove = null; };
  });
  part.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: [-1, 0, 0], ArrowRight: [1, 0, 0], ArrowUp: [0, -1, 0], ArrowDown: [0, 1, 0], "+": [0, 0, 2], "-": [0, 0, -2] }[event.key];
    if (by) { event.preventDefault(); move(...by); }
  });
  form.addEventListener("input", show);
  picture.addEventListener("load", show);
  show();
}

// Keys. None acts while somebody types, or with a modifier.
const places = Object.fromEntries(all("[data-key]").map((link) => [link.dataset.key, link]));
let prefix = 0;
let row = -1;
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    const menu = document.querySelector("details.menu[open]");
    if (menu) { menu.open = false; menu.querySelector("summary").focus(); }
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select, [contenteditable]")) return;
  const rows = all("[data-row]");
  const key = event.key;
  if (Date.now() - prefix < 1200 && places[key]) { prefix = 0; places[key].click(); return; }
  if (key === "g") prefix = Date.now();
  else if (key === "/") { document.querySelector("[data-search]")?.focus(); event.preventDefault(); }
  else if (key === "?") document.getElementById("keys")?.showModal();
  else if (key === "n") document.querySelector("[data-new]")?.click();
  else if ((key === "j" || key === "k") && rows.length) {
    row = Math.max(0, Math.min(rows.length - 1, row + (key === "j" ? 1 : -1)));
    rows[row].focus();
  }
});
