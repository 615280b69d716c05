// Boxes over a picture: the part of a photograph that is shown, and the slots of a template. The pages work without it.
"use strict";
const NAMES = ["x", "y", "width", "height"];
const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
function place(slot, to) {
  const [box, grip] = slot.querySelectorAll("rect"), long = slot.ownerSVGElement.viewBox.baseVal.width / 24;
  for (const name of NAMES) box.setAttribute(name, to[name]);
  NAMES.forEach((name, at) => grip.setAttribute(name, at < 2 ? to[name] + to[NAMES[at + 2]] - long : long));
}
// A box is dragged, or moved by the arrow keys, with Shift ten times as far; its `.grip` resizes it. `put` gets each new
// place and where the box was, `done` the last place. Returns whether one is being dragged.
function boxes(area, put, done = () => {}, step = () => 1) {
  let held = null;
  const take = (rect) => {
    const slot = rect.closest(".slot"), box = slot?.querySelector(".box");
    return slot && { slot, resizes: rect.matches(".grip"), view: slot.ownerSVGElement.viewBox.baseVal,
      from: Object.fromEntries(NAMES.map((name) => [name, Number(box.getAttribute(name))])) };
  };
  const move = (one, by) => {
    const { from, view } = one, within = (value, least, most) => Math.round(Math.max(least, Math.min(value, Math.max(least, most))));
    one.to = { ...from };
    [["x", "width"], ["y", "height"]].forEach(([start, size], at) => {
      if (one.resizes) one.to[size] = within(from[size] + by[at], 1, view[size] - from[start]);
      else one.to[start] = within(from[start] + by[at], Math.min(0, from[start]), view[size] - from[size]);
    });
    put(one.slot, one.to, from);
  };
  on("pointerdown", (event) => {
    if (event.button || !(held = take(event.target))) return;
    Object.assign(held, { left: event.clientX, top: event.clientY });
    event.target.setPointerCapture(event.pointerId);
    event.target.focus();
    event.preventDefault();
  }, area);
  on("pointermove", (event) => {
    const scale = held && held.view.width / held.slot.ownerSVGElement.getBoundingClientRect().width;
    if (held) move(held, [(event.clientX - held.left) * scale, (event.clientY - held.top) * scale]);
  }, area);
  on("pointerup pointercancel", () => { if (held?.to) done(held.to, 0); held = null; }, area);
  on("keydown", (event) => {
    const way = STEPS[event.key], one = way && take(event.target);
    if (!one || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    move(one, way.map((by) => by * step() * (event.shiftKey ? 10 : 1)));
    done(one.to, 300);
  }, area);
  return () => held !== null;
}

// The square over a photograph writes its place into the fields, in percent, and they move it.
for (const form of all("[data-crop]")) {
  const [picture, svg, canvas] = ["img", "svg", "canvas"].map((name) => form.querySelector(name));
  const { left, top, side } = form.elements;
  const show = () => {
    const { naturalWidth: width, naturalHeight: height } = picture, long = Math.min(width, height) * side.value / 100;
    if (!width) return;
    const [x, y] = [Math.min(width * left.value / 100, width - long), Math.min(height * top.value / 100, height - long)];
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    place(svg.querySelector(".slot"), { x, y, width: long, height: long });
    svg.parentElement.inert = svg.parentElement.hidden = canvas.parentElement.hidden = false;
    canvas.getContext("2d").drawImage(picture, x, y, long, long, 0, 0, canvas.width, canvas.height);
  };
  const write = (field, part) => { field.value = Math.round(1000 * Math.min(field.max / 100, Math.max(field.min / 100, part))) / 10; };
  boxes(svg, (slot, to, from) => {
    const { naturalWidth: width, naturalHeight: height } = picture;
    write(left, to.x / width);
    write(top, to.y / height);
    write(side, (to.width + to.height - from.width) / Math.min(width, height));
    show();
  }, undefined, () => picture.naturalWidth / 100);
  on("input", show, form);
  on("load", show, picture);
  show();
}

// The editor of a template sends its own forms while somebody types or moves a slot, and takes over the parts of the
// answer that are new. One at a time: what changes meanwhile is drawn afterwards.
for (const form of all("[data-editor]")) {
  const part = (id) => document.getElementById(id), text = part("f-manifest"), drawing = part("drawing");
  let [busy, next, timer] = [false, null, 0];
  const later = (extra, wait = 250) => { next = { ...next, ...extra }; clearTimeout(timer); timer = setTimeout(draw, wait); };
  async function draw() {
    if (busy || !next) return;
    const fields = new URLSearchParams([...new FormData(form)].filter(([, value]) => typeof value === "string"));
    for (const [name, value] of Object.entries({ ...next, part: "1" })) fields.set(name, value);
    const sent = text.value;
    [busy, next] = [true, null];
    try {
      const answer = await fetch(form.action, { method: "POST", body: fields, headers: { accept: "text/html" } });
      await show(new DOMParser().parseFromString(await answer.text(), "text/html"), sent);
    } catch { part("problems").textContent = "The sample was not drawn. Use the button Draw to see why."; }
    busy = false;
    draw();
  }
  async function show(fresh, sent) {
    const typed = fresh.getElementById("f-manifest").value, drawn = fresh.getElementById("drawn"), focus = document.activeElement;
    // The old picture stays until the new one is there.
    if (drawn) await Object.assign(new Image(), { src: drawn.getAttribute("src") }).decode().catch(() => {});
    if (typed !== sent && text.value === sent) text.value = typed;
    for (const now of all("[data-fresh]", fresh)) {
      // What moves on meanwhile is drawn at the end, and is not put back.
      if (now.id === "drawing" ? !dragged() && !next?.move : !part(now.id).contains(document.activeElement)) part(now.id).innerHTML = now.innerHTML;
    }
    text.setAttribute("aria-invalid", part("problems").childElementCount > 0);
    ready();
    if (!focus.isConnected) part(focus.id)?.focus();
  }
  // Slots can be moved, and the fields of the chosen one show its place.
  function ready() {
    all(".slots").forEach((one) => { one.inert = false; });
    for (const name of NAMES) part(`f-${name}`).value = part("f-slot").selectedOptions[0]?.dataset[name] ?? "";
  }
  on("input", (event) => {
    if (event.target.type !== "file" && !event.target.closest("#place")) later(event.target.id === "f-find" ? { seek: "1" } : {});
  }, form);
  on("submit", (event) => {
    if (event.submitter?.hasAttribute("data-save")) return;
    event.preventDefault();
    later(event.submitter?.name ? { [event.submitter.name]: event.submitter.value } : {}, 0);
  }, form);
  on("click", (event) => {
    const line = event.target.dataset.line, before = text.value.split("\n").slice(0, line);
    if (!line) return;
    event.preventDefault();
    text.focus();
    text.setSelectionRange(before.join("\n").length - before.at(-1).length, before.join("\n").length);
  }, part("problems"));
  on("change", ready, part("f-slot"));
  const dragged = boxes(drawing, (slot, to) => {
    place(slot, to);
    part("f-slot").value = slot.dataset.slot;
    for (const name of NAMES) part(`f-${name}`).value = to[name];
  }, (to, wait) => {
    announce(`From the left ${to.x}, from the top ${to.y}, ${to.width} by ${to.height} pixels`);
    later({ move: "1" }, wait);
  });
  part("slot-hint").hidden = false;
  ready();
}
