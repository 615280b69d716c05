// The editor of a template: draws again after each change, and moves slots by mouse and by keyboard. The page works
// without it: it sends the page's own forms, and takes over the parts of the answer that have changed.
"use strict";
(() => {
  const form = document.querySelector("[data-editor]");
  const text = form.querySelector("textarea");
  const part = (id) => document.getElementById(id);
  part("slot-hint").hidden = false;
  // One drawing at a time. A change during a drawing waits for its end, and the last one is drawn.
  let [busy, next, timer] = [false, null, 0];
  function later(extra = {}, wait = 250) {
    next = { ...next, ...extra };
    clearTimeout(timer);
    timer = setTimeout(draw, wait);
  }
  async function draw() {
    if (busy || !next) return;
    const extra = next;
    next = null;
    busy = true;
    const fields = new URLSearchParams([...new FormData(form)].filter(([, value]) => typeof value === "string"));
    for (const [name, value] of Object.entries({ ...extra, part: "1" })) fields.set(name, value);
    const sent = text.value;
    try {
      const answer = await fetch(form.action, { method: "POST", body: fields, headers: { accept: "text/html" } });
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (!answer.ok || answer.redirected || !fresh.getElementById("drawing")) throw new Error(answer.status);
      await take(fresh, sent);
    } catch {
      part("problems").textContent = "The sample was not drawn. Use the button Draw to see why.";
    } finally {
      busy = false;
      if (next) draw();
    }
  }

  async function take(fresh, sent) {
    const get = (id) => fresh.getElementById(id);
    const image = get("drawn");
    // The old picture stays until the new one is there.
    const loaded = new Image();
    if (image) loaded.src = image.getAttribute("src");
    if (image) await loaded.decode().catch(() => {});
    const typed = get("f-manifest").value;
    if (typed !== sent && text.value === sent) text.value = typed;
    if (get("f-guest").querySelector("[data-found]")) {
      const chosen = part("f-guest").value;
      part("f-guest").innerHTML = get("f-guest").innerHTML;
      part("f-guest").value = chosen;
    }
    for (const id of ["problems", "gutter"]) part(id).innerHTML = get(id).innerHTML;
    text.setAttribute("aria-invalid", String(part("problems").childElementCount > 0));
    part("drawing").classList.toggle("stale", !image);
    // What moves on meanwhile is drawn at the end, and is not put back.
    if (!image || dragged || next?.move) return;
    const held = document.activeElement;
    const on = held?.closest("[data-slot]") && `[data-slot="${held.parentElement.dataset.slot}"] .${held.getAttribute("class")}`;
    part("drawing").innerHTML = get("drawing").innerHTML;
    const chosen = part("f-slot").value;
    part("f-slot").innerHTML = get("f-slot").innerHTML;
    if (chosen) part("f-slot").value = chosen;
    if (!part("fields").contains(document.activeElement)) part("fields").innerHTML = get("fields").innerHTML;
    places();
    arm();
    if (on) part("drawing").querySelector(on)?.focus();
  }

  // What is typed or chosen is drawn.
  form.addEventListener("input", (event) => {
    if (event.target.type !== "file" && !event.target.closest("#place")) later(event.target.id === "f-find" ? { seek: "1" } : {});
  });
  form.addEventListener("submit", (event) => {
    if (event.submitter?.hasAttribute("data-save")) return;
    event.preventDefault();
    later(event.submitter?.name ? { [event.submitter.name]: event.submitter.value } : {}, 0);
  });
  part("problems").addEventListener("click", (event) => {
    if (!event.target.dataset?.line) return;
    event.preventDefault();
    const before = text.value.split("\n").slice(0, Number(event.target.dataset.line));
    text.focus();
    text.setSelectionRange(before.join("\n").length - before.at(-1).length, before.join("\n").length);
  });

  // The fields of the chosen slot show its place.
  const NAMES = ["x", "y", "width", "height"];
  function places() {
    const one = part("f-slot").selectedOptions[0];
    for (const name of NAMES) part(`f-${name}`).value = one ? one.dataset[name] : "";
  }
  part("f-slot").addEventListener("change", places);

  // Slots: each box moves, each corner resizes.
  let dragged = null;
  const box = (slot) => Object.fromEntries(NAMES.map((name) => [name, Number(slot.querySelector(".box").getAttribute(name))]));
  function put(slot, place, isResize, dx, dy) {
    const view = slot.ownerSVGElement.viewBox.baseVal;
    const to = { ...place };
    const within = (value, least, most) => Math.round(Math.max(least, Math.min(value, Math.max(least, most))));
    if (isResize) {
      to.width = within(place.width + dx, 1, view.width - place.x);
      to.height = within(place.height + dy, 1, view.height - place.y);
    } else {
      to.x = within(place.x + dx, Math.min(0, place.x), view.width - place.width);
      to.y = within(place.y + dy, Math.min(0, place.y), view.height - place.height);
    }
    part("f-slot").value = slot.dataset.slot;
    for (const name of NAMES) {
      slot.querySelector(".box").setAttribute(name, to[name]);
      part(`f-${name}`).value = to[name];
    }
    slot.querySelector(".grip").setAttribute("x", to.x + to.width - 20);
    slot.querySelector(".grip").setAttribute("y", to.y + to.height - 20);
    return to;
  }
  const said = (to) => announce(`From the left ${to.x}, from the top ${to.y}, ${to.width} by ${to.height} pixels`);
  function arm() {
    for (const one of all("[data-slot] rect")) {
      one.setAttribute("tabindex", "0");
      one.setAttribute("role", "button");
      one.setAttribute("aria-label", `${one.matches(".grip") ? "Resize" : "Move"} ${one.parentElement.dataset.label}`);
    }
  }
  const drawing = part("drawing");
  drawing.addEventListener("pointerdown", (event) => {
    const slot = event.target.closest("[data-slot]");
    if (!slot || event.button) return;
    dragged = { slot, place: box(slot), x: event.clientX, y: event.clientY, isResize: event.target.matches(".grip") };
    event.target.setPointerCapture(event.pointerId);
    event.target.focus();
    event.preventDefault();
  });
  drawing.addEventListener("pointermove", (event) => {
    if (!dragged) return;
    const svg = dragged.slot.ownerSVGElement;
    const scale = svg.viewBox.baseVal.width / svg.getBoundingClientRect().width;
    dragged.to = put(dragged.slot, dragged.place, dragged.isResize, (event.clientX - dragged.x) * scale, (event.clientY - dragged.y) * scale);
  });
  for (const end of ["pointerup", "pointercancel"]) drawing.addEventListener(end, () => {
    if (dragged?.to) { said(dragged.to); later({ move: "1" }, 0); }
    dragged = null;
  });
  const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  drawing.addEventListener("keydown", (event) => {
    const slot = event.target.closest("[data-slot]");
    const step = STEPS[event.key];
    if (!slot || !step || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const far = event.shiftKey ? 10 : 1;
    said(put(slot, box(slot), event.target.matches(".grip"), step[0] * far, step[1] * far));
    later({ move: "1" }, 300);
  });
  arm();
  places();
})();
