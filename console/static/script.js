// Improves pages that work without it: live parts, menus that close, keys, dropped files. Nothing here is needed.
"use strict";
const all = (selector, within = document) => [...within.querySelectorAll(selector)];
const on = (events, act, target = document) => events.split(" ").forEach((event) => target.addEventListener(event, act));
const announcer = document.getElementById("announcer");
let announcedAt = 0;
// At most one sentence in five seconds, for people who listen.
function announce(sentence) {
  if (!announcer || !sentence || Date.now() - announcedAt < 5000) return;
  announcedAt = Date.now();
  announcer.textContent = sentence;
}

// Live parts: an element with `data-live` and an id is replaced by the same element of the page as it is now; one that
// holds the focus or chosen rows waits. Each look costs requests of the person's limit: the wait doubles while nothing
// new comes, and a hidden page rests.
let [wait, waiting, busy, source] = [1000, 0, false, null];
async function refresh() {
  if (busy || document.hidden || !all("[data-live]").length) return;
  busy = true;
  let changed = false;
  try {
    const answer = await fetch(location.href, { headers: { accept: "text/html" }, cache: "no-store" });
    if (answer.status === 429) wait = 1000 * Math.max(10, Number(answer.headers.get("retry-after")) || 0);
    if (answer.redirected) location.reload();
    if (answer.redirected || !answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    // What has ended sends no more changes.
    if (source && !fresh.querySelector("[data-stream]")) { source.close(); source = null; }
    for (const old of all("[data-live]")) {
      const now = fresh.getElementById(old.id);
      if (!now) { location.reload(); return; }
      const focused = document.activeElement !== document.body && old.contains(document.activeElement);
      if (focused || old.querySelector(".pick :checked") || now.innerHTML === old.innerHTML) continue;
      changed = true;
      old.replaceWith(now);
      if (now.dataset.announce !== old.dataset.announce) announce(now.dataset.announce);
    }
    wait = changed ? 1000 : Math.min(2 * wait, source ? 4000 : 30000);
  } catch { /* The next event asks again. */ } finally { busy = false; }
}
// A stream of changes says when; without one, the clock does.
function soon(least) {
  waiting ||= setTimeout(async () => { waiting = 0; await refresh(); if (!source) soon(5000); }, Math.max(wait, least));
}
const stream = document.querySelector("[data-stream]");
if (stream) {
  source = new EventSource(stream.dataset.stream);
  on("change", () => soon(1000), source);
  on("error", () => { if (source?.readyState === EventSource.CLOSED) { source = null; soon(5000); } }, source);
  on("pagehide", () => source?.close(), window);
} else if (all("[data-live]").length) soon(5000);
on("visibilitychange", () => { if (!document.hidden) { wait = 1000; refresh(); } });

// Menus close when the focus or a click leaves them. A text that is shown once is selected when it has the focus.
on("click focusin", (event) => {
  for (const menu of all("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
  if (event.type === "focusin" && event.target.matches("[data-select]")) event.target.select();
});
// A form is sent once: its button waits for the answer. A page that comes back from the cache can be sent again.
on("submit", (event) => {
  const form = event.target;
  if (form.method !== "post" || event.defaultPrevented || event.submitter?.formTarget) return;
  if (form.dataset.sent) { event.preventDefault(); return; }
  form.dataset.sent = "1";
  // The button's own value must still go along: it is switched off after the form was read.
  setTimeout(() => all("button", form).forEach((button) => { button.disabled = true; }));
});
on("pageshow", () => all("form[data-sent]").forEach((form) => {
  delete form.dataset.sent;
  all("button", form).forEach((button) => { button.disabled = false; });
}), window);
// Selects of a filter act at once; without the script there is a button.
on("change", (event) => {
  if (event.target.matches("form.filters select")) event.target.form.requestSubmit();
  if (event.target.matches("select[data-go]")) location.href = event.target.value;
});
// A part of a form that says whom it means is counted anew after a change; without the script there is a button for it.
let counts = 0;
on("change", async (event) => {
  const button = event.target.closest("[data-counts]")?.querySelector("button[formaction]");
  if (!button) return;
  const mine = ++counts, body = new URLSearchParams(new FormData(button.form));
  const answer = await fetch(button.formAction, { method: "POST", body, headers: { accept: "text/html" } }).catch(() => null);
  const fresh = answer?.ok && new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("counted");
  if (fresh && mine === counts) document.getElementById("counted").innerHTML = fresh.innerHTML;
});
// The zone that the browser knows, where a form still has none.
for (const input of all("input[data-zone]")) {
  if (input.value === input.defaultValue && input.value === "UTC") input.value = Intl.DateTimeFormat().resolvedOptions().timeZone;
}
// The mail of an editor is shown as it is typed.
for (const form of all("form[data-mail]")) {
  const show = () => form.requestSubmit(form.querySelector("[data-show]"));
  let typing = 0;
  on("input", () => { clearTimeout(typing); typing = setTimeout(show, 700); }, form);
  if (form.querySelector("[name^=subject_]").value) show();
}
for (const button of all("[data-copy]")) {
  button.hidden = !navigator.clipboard;
  on("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).value);
    announce(button.textContent = "Copied");
  }, button);
}
// Files dropped on a field.
for (const zone of all(".drop")) {
  const input = zone.querySelector("input[type=file]"), shown = zone.querySelector("[data-names]");
  on("dragover dragleave drop", (event) => {
    event.preventDefault();
    zone.classList.toggle("over", event.type === "dragover");
    if (!event.dataTransfer?.files.length || event.type !== "drop") return;
    input.files = event.dataTransfer.files;
    input.dispatchEvent(new Event("change"));
  }, zone);
  on("change", () => { if (shown) shown.textContent = [...input.files].map((file) => file.name).join(", "); }, input);
}

// Keys. None acts while somebody types, or with a modifier. Escape closes a menu and returns the focus.
let [prefix, row] = [0, -1];
on("keydown", (event) => {
  const { key } = event, rows = all("[data-row]"), menu = document.querySelector("details.menu[open]");
  if (key === "Escape" && menu) { menu.open = false; menu.querySelector("summary").focus(); }
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select, [contenteditable]")) return;
  const place = all("[data-key]").find((link) => link.dataset.key === key);
  if (Date.now() - prefix < 1200 && place) { prefix = 0; place.click(); return; }
  if (key === "g") prefix = Date.now();
  else if (key === "/") { document.querySelector("[data-search]")?.focus(); event.preventDefault(); }
  else if (key === "?") document.getElementById("keys")?.showModal();
  else if (key === "x") document.activeElement.closest("tr")?.querySelector(".pick input")?.click();
  else if (key === "n") document.querySelector("[data-new]")?.click();
  else if ((key === "j" || key === "k") && rows.length) {
    row = Math.max(0, Math.min(rows.length - 1, row + (key === "j" ? 1 : -1)));
    rows[row].focus();
  }
});
