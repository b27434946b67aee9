/* The fleet page refreshes by itself. Without this file it shows the same, and has a plain link. */
"use strict";

(() => {
  const fleet = document.getElementById("fleet");
  const content = document.getElementById("fleet-content");
  const pause = document.getElementById("fleet-pause");
  const state = document.getElementById("fleet-state");
  const alarm = document.getElementById("fleet-alert");
  const said = document.getElementById("fleet-said");
  const words = fleet.dataset;
  const every = Math.max(Number(words.refresh) || 15, 1);
  const LONGEST = 300;   // seconds between two tries, however often they fail
  const STILL = 2000;    // milliseconds without a key or a pointer until we dare to change anything
  const KEY = "django_iot_ingest.fleet.paused";

  let paused = recall();
  let wait = every;
  let failed = false;
  let busy = false;
  let timer = 0;
  let touched = 0;

  function recall() {
    try { return sessionStorage.getItem(KEY) === "1"; } catch { return false; }
  }

  function remember() {
    try { sessionStorage.setItem(KEY, paused ? "1" : "0"); } catch { /* a private window */ }
  }

  function isInUse() {
    const selection = document.getSelection();
    const marked = selection && !selection.isCollapsed && content.contains(selection.anchorNode);
    return marked || Date.now() - touched < STILL;
  }

  function plan(seconds) {
    clearTimeout(timer);
    if (!paused) timer = setTimeout(turn, 1000 * seconds);
  }

  function turn() {
    if (document.hidden) return;  // its return begins anew
    if (isInUse()) plan(1);
    else refresh();
  }

  async function refresh() {
    if (busy) return;
    busy = true;
    try {
      const answer = await fetch(location.href, {
        headers: { [words.header]: "1" }, redirect: "manual", credentials: "same-origin",
        cache: "no-store", signal: AbortSignal.timeout(1000 * Math.max(every, 15)),
      });
      if (answer.type === "opaqueredirect" || answer.status === 403) return gone();
      if (!answer.ok) throw new Error(String(answer.status));
      show(await answer.text());
      failed = false;
      wait = every;
      tell("");
    } catch {
      failed = true;
      wait = Math.min(2 * wait, LONGEST);
      tell(words.failed.replace("{seconds}", String(wait)));
    } finally {
      busy = false;
    }
    plan(wait);
  }

  function gone() {
    paused = true;
    clearTimeout(timer);
    tell(words.gone);
    pause.hidden = true;
    state.textContent = "";
  }

  function tell(text) {
    if (alarm.textContent !== text) alarm.textContent = text;
    alarm.hidden = !text;
  }

  function show(html) {
    const fresh = new DOMParser().parseFromString(html, "text/html").body;
    const before = counts();
    morphChildren(content, fresh);
    const changed = [...content.querySelectorAll("[data-say]")]
      .filter((need) => before.get(need.id) !== need.dataset.count);
    if (changed.length) said.textContent = changed.map((need) => need.dataset.say).join("; ");
  }

  function counts() {
    const needs = content.querySelectorAll("[data-say]");
    return new Map([...needs].map((need) => [need.id, need.dataset.count]));
  }

  /* Change what differs and nothing else: so focus, marked text, scrolling and what a screen reader
     reads stay where they are. An element with an id is found again wherever it moves. */
  function morph(old, fresh) {
    if (old.isEqualNode(fresh)) return;
    if (old.nodeType !== Node.ELEMENT_NODE) {
      old.nodeValue = fresh.nodeValue;
      return;
    }
    for (const { name } of [...old.attributes]) {
      if (!fresh.hasAttribute(name) && !isOurs(old, name)) old.removeAttribute(name);
    }
    for (const { name, value } of fresh.attributes) {
      if (old.getAttribute(name) !== value && !isOurs(old, name)) old.setAttribute(name, value);
    }
    morphChildren(old, fresh);
  }

  function isOurs(element, name) {
    return element.localName === "details" && name === "open";
  }

  function morphChildren(old, fresh) {
    const named = new Map([...old.children].filter((one) => one.id).map((one) => [one.id, one]));
    let here = old.firstChild;
    for (const next of [...fresh.childNodes]) {
      const same = next.id ? named.get(next.id) : isAlike(here, next) ? here : null;
      if (!same) {
        old.insertBefore(document.importNode(next, true), here);
        continue;
      }
      if (same === here) here = here.nextSibling;
      else old.insertBefore(same, here);
      morph(same, next);
    }
    while (here) {
      const next = here.nextSibling;
      here.remove();
      here = next;
    }
  }

  function isAlike(old, fresh) {
    return old && !old.id && old.nodeType === fresh.nodeType && old.nodeName === fresh.nodeName;
  }

  function showTurn() {
    pause.textContent = paused ? words.resume : words.pause;
    state.textContent = paused ? words.paused : words.every;
  }

  pause.addEventListener("click", () => {
    paused = !paused;
    touched = 0;
    remember();
    showTurn();
    if (paused) clearTimeout(timer);
    else refresh();
  });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && !paused) refresh();
  });
  for (const kind of ["keydown", "pointerdown", "wheel", "touchmove"]) {
    document.addEventListener(kind, () => { touched = Date.now(); }, { passive: true });
  }

  pause.hidden = false;
  showTurn();
  plan(every);
})();
